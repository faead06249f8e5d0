import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import w_mse
from sslcore.training import Trainer
from tests.conftest import make_data, tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of


def test_too_few_images_to_whiten_is_a_sentence():
    with pytest.raises(UserError, match="needs more than 16 images"):
        tiny_settings("w_mse", shrinkage=0, projector_output=16)
    assert tiny_settings("w_mse", shrinkage=0, projector_output=8)


def test_images_are_whitened_in_sub_batches():
    method = make("w_mse", sub_batch=16, projector_output=4, shrinkage=0)
    z1, z2 = torch.randn(2, 32, 4, generator=torch.Generator().manual_seed(0))
    method.project_both = lambda views: (z1, z2)
    halves = [w_mse(z1[part], z2[part]) for part in (slice(0, 16), slice(16, 32))]
    assert torch.allclose(method.loss({}).total, sum(halves) / 2)


def test_unrelated_views_are_at_chance():
    method = make("w_mse", sub_batch=4096, projector_output=4)
    z1, z2 = torch.randn(2, 4096, 4, generator=torch.Generator().manual_seed(0))
    method.project_both = lambda views: (z1, z2)
    assert method.loss({}).total.item() == pytest.approx(method.card.chance(method.settings), abs=0.05)


def test_no_image_of_the_batch_is_left_out():
    z1, z2 = torch.randn(2, 40, 4, generator=torch.Generator().manual_seed(0))
    z1.requires_grad_()
    w_mse(z1, z2, sub_batch=16).backward()
    assert (z1.grad.abs().sum(1) > 0).all()


def test_a_setting_that_needs_large_batches_is_measured_with_large_batches():
    large = {"batch_size": 128, "sub_batch": 128, "projector_output": 64, "shrinkage": 0, "steps": 1}
    assert list(Trainer(tiny_settings("w_mse", **large), make_data(128)))


def test_a_batch_smaller_than_the_sub_batch_is_whitened_whole():
    method = make("w_mse", sub_batch=64)
    assert method.loss(views_of(method, batch_of(6))).total.isfinite()


def test_an_embedding_near_a_line_does_not_please_the_default():
    generator = torch.Generator().manual_seed(0)
    along = torch.randn(256, 1, generator=generator).expand(-1, 32)  # one number per image, in all dimensions
    z1, z2 = (along + 0.01 * torch.randn(256, 32, generator=generator) for _ in range(2))
    assert w_mse(z1, z2, epsilon=tiny_settings("w_mse")["shrinkage"]) > 1.5
    assert w_mse(z1, z2, epsilon=0.01) < 1.0
