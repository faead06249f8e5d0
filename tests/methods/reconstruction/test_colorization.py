from math import log

import pytest
import torch

from sslcore.methods.base import Batch
from sslcore.views import rgb_to_lab
from tests.methods.test_conformance import batch_of, make, views_of

STILL = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}


def test_the_network_sees_lightness_and_nothing_else():
    method, batch = make("colorization", **STILL), batch_of(4)
    gray = views_of(method, batch)["gray"]
    assert torch.allclose(gray, rgb_to_lab(batch.images)[:, :1].expand(-1, 3, -1, -1) / 100, atol=1e-4)
    assert torch.allclose(method.eval().encode(batch.images), method.encoder(gray), atol=1e-4)


def test_colours_are_averaged_before_they_are_binned():
    method = make("colorization", **STILL)
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 == 0
    red, green = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    image = torch.where(checks, red.view(3, 1, 1), green.view(3, 1, 1))
    views = views_of(method, Batch(image[None].repeat(2, 1, 1, 1), None, torch.arange(2)))
    between = (torch.tensor([80.09, 67.20]) + torch.tensor([-86.18, 83.18])) / 2
    assert torch.allclose(views["ab"], between.view(1, 2, 1, 1), atol=0.1)
    assert views["codes"].shape == (2, 76, 8, 8)


def test_the_prior_is_how_often_colours_occur():
    method = make("colorization")
    first, second = (views_of(method, batch_of(8), seed) for seed in (0, 1))
    method.loss(first)
    assert torch.allclose(method.prior, first["codes"].mean((0, 2, 3)), atol=1e-6)
    method.loss(second)
    both = torch.cat([first["codes"], second["codes"]]).mean((0, 2, 3))
    assert torch.allclose(method.prior, both, atol=1e-6)
    method.eval().loss(first)
    assert torch.allclose(method.prior, both, atol=1e-6), "looking does not change it"


@pytest.mark.parametrize("uniform_share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("bin_size", [10, 25])
def test_a_silent_painter_is_at_chance_whatever_the_weights(uniform_share, bin_size):
    method = make("colorization", uniform_share=uniform_share, bin_size=bin_size)
    with torch.no_grad():
        for p in method.head.parameters():
            p.zero_()
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(log({10: 261, 25: 50}[bin_size]), abs=1e-3)


def test_rare_colours_count_more_unless_told_otherwise():
    method = make("colorization", **STILL)
    images = torch.full((4, 3, 32, 32), 0.5)
    images[0, :, :8, :8] = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)  # a little red on much gray
    views = views_of(method, Batch(images, None, torch.arange(4)))
    gray_bin = int(views["codes"][1, :, 0, 0].argmax())
    sure = torch.zeros(4, 76, 8, 8)
    sure[:, gray_bin] = 5.0
    method.answer = lambda gray: sure
    balanced = method.loss(views).total
    method.settings = method.settings.change(uniform_share=1.0)
    assert balanced > 1.2 * method.loss(views).total


@pytest.mark.parametrize("bin_size", [10, 50])
def test_answering_the_mean_colour_costs_one_in_the_l2_variant(bin_size):
    method = make("colorization", colour_loss="l2", bin_size=bin_size)
    views = views_of(method, batch_of(32))
    assert method.answer(views["gray"]).shape == (32, 2, 8, 8)
    mean = views["ab"].mean((0, 2, 3), keepdim=True) / 110
    method.answer = lambda gray: mean.expand(32, 2, 8, 8)
    assert method.loss(views).total.item() == pytest.approx(method.card.chance(method.settings), abs=1e-4)


def test_where_all_is_gray_the_l2_variant_stays_finite():
    method = make("colorization", colour_loss="l2", **STILL)
    gray = Batch(torch.full((4, 3, 32, 32), 0.5), None, torch.arange(4))
    views = views_of(method, gray)
    method.answer = lambda views: torch.zeros(4, 2, 8, 8)
    assert method.loss(views).total.item() < 1e-3


def test_sharing_out_targets_alone_costs_what_the_card_says():
    method = make("colorization", bin_size=20, uniform_share=1.0)
    views = views_of(method, batch_of(32))
    method.answer = lambda gray: views["codes"].clamp_min(1e-9).log()  # all there is to know
    assert 1.1 < method.loss(views).total.item() < 1.4
