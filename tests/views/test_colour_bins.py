import pytest
import torch

from sslcore.views import (
    annealed_mean,
    gamut_bins,
    nearest_bin,
    rebalancing_weights,
    rgb_to_lab,
    soft_bins,
)
from tests.views.helpers import pictures, seeded


@pytest.mark.parametrize(("size", "count"), [(10, 261), (20, 76), (25, 50)])
def test_bins_cover_the_gamut_and_no_more(size, count):
    bins = gamut_bins(size)
    assert bins.shape == (count, 2) and len(bins.unique(dim=0)) == count
    assert torch.equal(bins, (bins / size).round() * size)
    ab = rgb_to_lab(pictures(4))[:, 1:]
    off = ab - bins[nearest_bin(ab, bins)].movedim(-1, 1)
    assert off.abs().max() <= size / 2 + 1e-3


def test_a_colour_in_the_middle_of_a_bin_belongs_to_it_most():
    bins = gamut_bins(20)
    ab = bins.T.reshape(1, 2, -1, 1)
    shares = soft_bins(ab, bins, sigma=10.0)
    assert shares.shape == (1, len(bins), len(bins), 1)
    assert torch.allclose(shares.sum(1), torch.ones(1, len(bins), 1), atol=1e-6)
    assert torch.equal(shares.argmax(1).flatten(), torch.arange(len(bins)))
    assert ((shares > 0).sum(1) == 5).all()


def test_shares_follow_the_gaussian_of_the_distance():
    bins = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 30.0]])
    ab = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1)
    shares = soft_bins(ab, bins, sigma=5.0, neighbours=2).flatten()
    first, second = (torch.tensor([-4.0, -64.0]) / 50).exp().tolist()
    assert shares.tolist() == pytest.approx([first / (first + second), second / (first + second), 0.0])


def test_annealed_mean_lies_between_the_mean_and_the_mode():
    bins = gamut_bins(20)
    logits = torch.randn(2, len(bins), 3, 3, generator=seeded())
    share = logits.softmax(1)
    mean = torch.einsum("nqhw,qc->nchw", share, bins)
    assert torch.allclose(annealed_mean(logits, bins, temperature=1.0), mean, atol=1e-3)
    mode = bins[logits.argmax(1)].movedim(-1, 1)
    assert torch.allclose(annealed_mean(logits, bins, temperature=1e-3), mode, atol=1e-2)


@pytest.mark.parametrize("uniform_share", [0.0, 0.5, 1.0])
def test_weights_have_mean_one_under_the_prior(uniform_share):
    prior = torch.rand(50, generator=seeded())
    prior /= prior.sum()
    weights = rebalancing_weights(prior, uniform_share=uniform_share)
    assert (prior * weights).sum().item() == pytest.approx(1.0, abs=1e-5)
    assert (weights[prior.argmin()] >= weights[prior.argmax()]).item()


def test_the_ends_of_rebalancing():
    prior = torch.tensor([0.7, 0.2, 0.1])
    assert torch.allclose(rebalancing_weights(prior, uniform_share=1.0), torch.ones(3))
    assert torch.allclose(rebalancing_weights(prior, uniform_share=0.0), 1 / (3 * prior))
    unseen = torch.tensor([1.0, 0.0])
    assert rebalancing_weights(unseen, uniform_share=0.0).isfinite().all()
