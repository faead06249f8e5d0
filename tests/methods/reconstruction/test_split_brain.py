from math import log

import pytest
import torch

from sslcore.methods.base import Batch
from tests.methods.test_conformance import batch_of, make, views_of


def pulled(term, network) -> bool:
    gradients = torch.autograd.grad(term, list(network.parameters()), retain_graph=True, allow_unused=True)
    return any(g is not None and g.abs().sum() > 0 for g in gradients)


def test_each_half_learns_from_its_own_task_alone():
    method = make("split_brain")
    terms = method.loss(views_of(method, batch_of(8))).terms
    light, colour = method.encoder.light, method.encoder.colour
    assert pulled(terms["light_to_colour"], light) and not pulled(terms["light_to_colour"], colour)
    assert pulled(terms["colour_to_light"], colour) and not pulled(terms["colour_to_light"], light)


def test_halves_see_different_channels_unless_shared():
    gray = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    black = torch.zeros(4, 3, 32, 32)
    for shared in (False, True):
        method = make("split_brain", share_inputs=shared).eval()
        maps = [method.encoder.halves(method.encoder.standardise(images)) for images in (gray, black)]
        assert not torch.allclose(maps[0][0], maps[1][0], atol=1e-3)
        assert torch.allclose(maps[0][1], maps[1][1], atol=1e-2) != shared, "gray has no colour"


def test_the_representation_is_both_halves_side_by_side():
    method = make("split_brain", width=16)
    assert method.encoder.feature_dim == 128
    assert method.encoder.light.feature_dim == method.encoder.colour.feature_dim == 64


def test_lightness_is_cut_into_even_steps():
    method = make("split_brain", lightness_bins=10, crop_min=1, flip=0)
    images = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32), torch.full((3, 32, 32), 0.5)])
    views = views_of(method, Batch(images, None, torch.arange(3)))
    assert views["light"][:, 0, 0].tolist() == [0, 9, 5]  # screen gray 0.5 has L = 53.4


def test_silent_halves_are_at_chance():
    method = make("split_brain")
    with torch.no_grad():
        for p in (*method.to_colour.parameters(), *method.to_light.parameters()):
            p.zero_()
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(log(76) + log(50), abs=1e-4)
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-4)


@pytest.mark.parametrize("encoder", ["small", "resnet18", "vit"])
def test_every_encoder_can_be_halved(encoder):
    method = make("split_brain", encoder=encoder)
    assert method.loss(views_of(method, batch_of(4))).total.isfinite()
