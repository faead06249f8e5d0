import math

import pytest
import torch

from sslcore.methods.base import Progress
from tests.methods.test_conformance import batch_of, make, views_of


def with_logits(method, students, teachers):
    method.project_crops = lambda views: students
    method.teach = lambda views: teachers
    return method.loss({})


def random_logits(count, seed=0):
    return list(torch.rand(count, 6, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1)


@pytest.mark.parametrize("crops", [2, 5])
def test_every_crop_answers_the_large_crops_except_itself(crops):
    method = make("dino", prototypes=8)
    method.center.mean.copy_(torch.linspace(-0.1, 0.1, 8))
    students, teachers = random_logits(crops), random_logits(2, seed=1)
    terms = []
    for q in range(2):
        target = ((teachers[q] - method.center.mean) / 0.04).softmax(1)
        terms += [
            -(target * (students[v] / 0.1).log_softmax(1)).sum(1).mean() for v in range(crops) if v != q
        ]
    assert len(terms) == 2 * (crops - 1)
    assert torch.allclose(with_logits(method, students, teachers).total, sum(terms) / len(terms))


def test_the_loss_is_the_teachers_entropy_and_what_the_student_misses():
    losses = with_logits(make("dino", prototypes=8), random_logits(4), random_logits(2, seed=1))
    metrics = losses.metrics
    assert torch.allclose(losses.total, metrics["teacher_entropy"] + metrics["divergence"])
    assert metrics["divergence"] > 0 and 0 <= metrics["teacher_entropy"] <= math.log(8)


@pytest.mark.parametrize("centering", [True, False])
def test_collapse_is_what_the_card_says(centering):
    """With centring all groups are alike in the end, without it one has taken all."""
    method = make("dino", prototypes=8, centering=centering, student_temperature=0.01)
    answer = torch.eye(8)[[3] * 6]
    if centering:
        method.center.mean.copy_(answer[0])
        students = [torch.zeros(6, 8)] * 4
    else:
        students = [answer] * 4
    loss = with_logits(method, students, [answer] * 2).total.item()
    assert loss == pytest.approx(method.card.collapse(method.settings), abs=1e-5)


def test_the_centre_follows_the_mean_answer():
    method = make("dino", prototypes=8)
    answers = torch.cat(random_logits(1))
    for n in range(1, 6):
        method.center.waiting = answers
        method.after_step(Progress(n, 0.0))
        expected = (1 - 0.9**n) * answers.mean(0)
        assert torch.allclose(method.center.mean, expected, atol=1e-6)
    method.after_step(Progress(6, 0.0))  # nothing is waiting
    assert torch.allclose(method.center.mean, expected, atol=1e-6)


def test_the_teacher_sees_large_crops_only():
    method = make("dino", local_crops=2)
    views = views_of(method, batch_of(4))
    changed = {**views, "locals": torch.zeros_like(views["locals"])}
    assert all(torch.equal(a, b) for a, b in zip(method.teach(views), method.teach(changed), strict=True))
