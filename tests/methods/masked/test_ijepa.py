import pytest
import torch

from sslcore.errors import UserError
from tests.conftest import tiny_settings
from tests.methods.test_closed_forms import silence
from tests.methods.test_conformance import batch_of, make, views_of


def only(images, index, patch=4):
    """Images black outside the patches of the index (N, K)."""
    side = images.shape[-1] // patch
    kept = torch.zeros(len(images), side**2, dtype=torch.bool).scatter(1, index, True).view(-1, 1, side, side)
    return torch.where(kept.repeat_interleave(patch, 2).repeat_interleave(patch, 3), images, 0.0)


def test_predictions_come_from_the_context_alone():
    method = make("ijepa").eval()
    views = views_of(method, batch_of(4))
    changed = {**views, "images": only(views["images"], views["context"])}
    assert torch.allclose(method.predict(views), method.predict(changed))
    assert not torch.allclose(method.target(views), method.target(changed))


def test_predictions_depend_on_the_place_that_is_asked_for():
    method = make("ijepa").eval()
    views = views_of(method, batch_of(4))
    prediction = method.predict(views)
    assert prediction.shape == (*views["targets"].shape, 16)
    turned = {**views, "targets": views["targets"].flip(1)}
    assert torch.allclose(method.predict(turned), prediction.flip(1), atol=1e-6)
    assert not torch.allclose(prediction[:, 0], prediction[:, 1])


def test_targets_are_standardised_tokens_of_the_whole_image():
    for norm, axis in (("instance", 1), ("layer", 2)):
        method = make("ijepa", target_norm=norm).eval()
        views = views_of(method, batch_of(4))
        tokens = method.teacher.tokens(method.teacher.standardise(views["images"]))
        spread = tokens.var(axis, correction=0, keepdim=True).sqrt()
        expected = (tokens - tokens.mean(axis, keepdim=True)) / spread
        assert torch.allclose(method.target(views), expected, atol=1e-3)


def test_an_answer_of_zero_is_at_chance_for_normal_targets():
    method = make("ijepa")
    silence(method.widen)
    views = views_of(method, batch_of(64))
    noise = torch.randn(64, 64, 16, generator=torch.Generator().manual_seed(0))
    method.target = lambda views: noise
    assert method.loss(views).total.item() == pytest.approx(method.card.chance(method.settings), abs=0.01)


def test_one_answer_for_all_is_at_collapse():
    method = make("ijepa", target_norm="off")
    one = torch.arange(float(method.encoder.feature_dim))
    for last in (method.teacher.norm, method.widen):
        last.weight.data.zero_()
        last.bias.data.copy_(one)
    losses = method.loss(views_of(method, batch_of(4)))
    assert losses.total.item() == method.card.collapse(method.settings) == 0
    assert losses.metrics["target_spread"] == 0


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_the_switch_lets_gradient_through_the_target(stop_gradient):
    method = make("ijepa", stop_gradient=stop_gradient)
    target = method.target(views_of(method, batch_of(4)))
    assert target.requires_grad != stop_gradient


def test_settings_that_cannot_work_are_a_sentence():
    with pytest.raises(UserError, match="target_min"):
        tiny_settings("ijepa", target_min=0.4, target_max=0.2)
