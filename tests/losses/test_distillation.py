import math

import pytest
import torch

from sslcore.losses import dino, negative_cosine, normalized_mse


def test_negative_cosine_spans_minus_one_to_one():
    z = torch.eye(5)
    assert negative_cosine(z, z).item() == pytest.approx(-1)
    assert negative_cosine(z, z.roll(1, 0)).item() == pytest.approx(0)
    assert negative_cosine(z, -z).item() == pytest.approx(1)


def test_collapse_reaches_the_minimum_of_both_losses():
    same = torch.full((8, 4), 0.3)
    assert negative_cosine(same, same).item() == pytest.approx(-1)
    assert normalized_mse(same, same).item() == pytest.approx(0, abs=1e-6)


def test_normalized_mse_is_the_squared_distance_on_the_sphere(views):
    p, z = (torch.nn.functional.normalize(v, dim=1) for v in views)
    assert torch.allclose(normalized_mse(*views), (p - z).pow(2).sum(1).mean())


def test_random_rows_in_many_dimensions_are_nearly_orthogonal():
    p, z = torch.randn(2, 200, 512, generator=torch.Generator().manual_seed(0))
    assert abs(negative_cosine(p, z).item()) < 4 / (200 * 512) ** 0.5


def test_the_stop_gradient_is_the_callers(views):
    prediction, target = (v.requires_grad_() for v in views)
    negative_cosine(prediction, target).backward()
    assert target.grad is not None
    target.grad = None
    negative_cosine(prediction, target.detach()).backward()
    assert target.grad is None


def entropy(p):
    return -(p * p.log()).sum(1).mean()


def test_dino_is_entropy_plus_divergence(views):
    student, teacher = views
    center = torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)
    p_teacher, p_student = ((teacher - center) / 0.3).softmax(1), (student / 0.5).softmax(1)
    divergence = torch.nn.functional.kl_div(p_student.log(), p_teacher, reduction="batchmean")
    loss = dino(student, teacher, student_temperature=0.5, teacher_temperature=0.3, center=center)
    assert torch.allclose(loss, entropy(p_teacher) + divergence)


def test_dino_names_its_two_collapses():
    options = {"student_temperature": 0.1, "teacher_temperature": 0.04, "center": 0}
    assert dino(torch.zeros(8, 256), torch.zeros(8, 256), **options).item() == pytest.approx(math.log(256))
    one_hot = 100 * torch.eye(256)[[5] * 8]
    assert dino(one_hot, one_hot, **options).item() == pytest.approx(0, abs=1e-6)


def test_dino_teaches_the_student_only(views):
    student, teacher = (v.requires_grad_() for v in views)
    center = torch.zeros(3, requires_grad=True)
    dino(student, teacher, student_temperature=0.1, teacher_temperature=0.04, center=center).backward()
    assert student.grad is not None
    assert teacher.grad is None
    assert center.grad is None


def test_dino_gradient_agrees_with_finite_differences(views):
    def loss(student):
        return dino(student, views[1], student_temperature=0.5, teacher_temperature=0.3, center=0.1)

    assert torch.autograd.gradcheck(loss, views[0].requires_grad_())
