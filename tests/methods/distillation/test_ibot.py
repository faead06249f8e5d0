import math

import pytest
import torch

from sslcore.methods.base import Progress
from tests.methods.test_conformance import batch_of, make, views_of


def covered(views, side=6, patch=4):
    """(N, 1, H, W): which pixels of the first view are hidden."""
    mask = views["mask"].view(-1, 1, side, side)
    return mask.repeat_interleave(patch, 2).repeat_interleave(patch, 3)


def test_the_student_cannot_see_hidden_patches_and_the_teacher_can():
    method = make("ibot").eval()
    views = views_of(method, batch_of(4))
    changed = {**views, "view1": torch.where(covered(views), 0.0, views["view1"])}
    for one, other in zip(
        method.answers(views, teacher=False), method.answers(changed, teacher=False), strict=True
    ):
        assert torch.allclose(one, other)
    assert not torch.allclose(
        method.answers(views, teacher=True)[1], method.answers(changed, teacher=True)[1]
    )


def test_images_and_patches_share_the_statistics_of_one_batch():
    method = make("ibot")
    norm = next(part for part in method.projector.modules() if isinstance(part, torch.nn.BatchNorm1d))
    seen = []
    norm.register_forward_hook(lambda part, inputs, output: seen.append(len(inputs[0])))
    views = views_of(method, batch_of(4))
    image, patches = method.answers(views, teacher=False)
    assert seen == [8 + views["mask"].sum()] and (len(image), len(patches)) == (8, views["mask"].sum())


def test_every_first_view_hides_the_same_number_of_patches():
    views = views_of(make("ibot", mask_ratio=0.3), batch_of(9))
    assert views["mask"].sum(1).tolist() == [10] * 9
    few = views_of(make("ibot", mask_ratio=0.05, patch_size=8), batch_of(3))
    assert few["mask"].sum(1).tolist() == [1] * 3


def test_the_second_view_is_seen_whole():
    method = make("ibot").eval()
    views = views_of(method, batch_of(4))
    student, teacher = (method.tokens(views, teacher=who)[4:] for who in (False, True))
    assert torch.allclose(student, teacher, atol=1e-6)  # a fresh teacher is a copy


def silent(method, image, patches):
    """Student and teacher give these answers, whatever they see."""
    method.answers = lambda views, teacher: (image, patches)
    return method.loss({})


def test_undecided_answers_are_at_chance():
    method = make("ibot", prototypes=8, patch_weight=0.5)
    loss = silent(method, torch.zeros(6, 8), torch.zeros(30, 8)).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings)) == pytest.approx(1.5 * math.log(8))


def test_one_group_for_all_is_free_without_centring():
    method = make("ibot", prototypes=8, centering=False, student_temperature=0.01)
    answer = torch.eye(8)[[1]]
    loss = silent(method, answer.repeat(6, 1), answer.repeat(30, 1)).total.item()
    assert loss == pytest.approx(method.card.collapse(method.settings), abs=1e-5)


def test_each_view_answers_the_teachers_other_view():
    method = make("ibot", prototypes=8, patch_weight=0.0, student_temperature=0.01, teacher_temperature=0.01)
    answers = torch.eye(8)[[0, 1, 2, 2, 1, 0]]  # the second view's answers are the first one's, turned round
    wrong = silent(method, answers, torch.zeros(30, 8)).total
    answers = torch.eye(8)[[0, 1, 2, 0, 1, 2]]
    right = silent(method, answers, torch.zeros(30, 8)).total
    assert right.item() == pytest.approx(0, abs=1e-5) and wrong > 1


def test_images_and_patches_have_centres_of_their_own():
    method = make("ibot", prototypes=8)
    image, patches = torch.eye(8)[[0] * 4], torch.eye(8)[[5] * 20]
    silent(method, image, patches)
    method.after_step(Progress(1, 0.0))
    assert torch.allclose(method.image_center.mean, 0.1 * image[0])
    assert torch.allclose(method.patch_center.mean, 0.1 * patches[0])
