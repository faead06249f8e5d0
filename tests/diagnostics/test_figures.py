import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sslcore import diagnostics
from sslcore.errors import UserError

FIGURES = [
    diagnostics.normalized_std,
    diagnostics.mean_cosine,
    diagnostics.rank_me,
    diagnostics.participation_ratio,
    diagnostics.alpha_req,
]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def with_spectrum(values: Tensor, count: int = 400) -> Tensor:
    """Embeddings whose sample covariance has exactly these eigenvalues."""
    z = normal(count, len(values)).double()
    q, _ = torch.linalg.qr(z - z.mean(0))
    return q * ((count - 1) * values.double()).sqrt()


def test_the_whole_sphere_has_unit_spread_and_no_common_direction():
    z = normal(4000, 32)
    assert diagnostics.normalized_std(z) == pytest.approx(1, abs=0.01)
    assert diagnostics.mean_cosine(z) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("constant", [torch.ones(50, 8), torch.zeros(50, 8), torch.full((50, 8), 0.1)])
def test_collapse_values(constant):
    assert diagnostics.normalized_std(constant) == pytest.approx(0, abs=1e-9)
    assert diagnostics.mean_cosine(constant) == pytest.approx(1)
    assert diagnostics.rank_me(constant) == pytest.approx(1, abs=1e-6)
    assert diagnostics.participation_ratio(constant) == 0
    assert max(diagnostics.spectrum(constant)) == pytest.approx(0, abs=1e-12)


def test_raw_spread_has_the_scale_of_the_embedding():
    assert diagnostics.raw_std(5 * normal(4000, 8) + 3) == pytest.approx(5, rel=0.02)
    assert diagnostics.raw_std(torch.full((50, 8), 3.0)) == 0


def test_mean_cosine_agrees_with_all_pairs():
    z = normal(30, 5) + 1
    cosines = torch.nn.functional.cosine_similarity(z[:, None], z[None], dim=-1)
    expected = (cosines.sum() - 30) / (30 * 29)
    assert diagnostics.mean_cosine(z) == pytest.approx(expected.item(), abs=1e-5)


def test_spread_and_cosine_are_tied_when_dimensions_are_equal():
    z = normal(4000, 64) + 1.5
    assert diagnostics.normalized_std(z) == pytest.approx(math.sqrt(1 - diagnostics.mean_cosine(z)), abs=0.01)


def test_spread_of_r_of_d_dimensions():
    z = torch.cat([normal(4000, 16), torch.zeros(4000, 48)], 1)
    assert diagnostics.normalized_std(z) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("rank", [1, 2, 5, 16])
def test_rank_me_counts_equal_singular_values(rank):
    z = torch.zeros(40, 16)
    z[:rank, :rank] = 3 * torch.eye(rank)
    assert diagnostics.rank_me(z) == pytest.approx(rank, abs=1e-6)


def test_rank_me_agrees_with_the_formula_in_numpy():
    z = normal(60, 10) @ normal(10, 10, seed=1)
    sigma = np.linalg.svd(z.numpy(), compute_uv=False).astype(float)
    p = sigma / sigma.sum()
    assert diagnostics.rank_me(z) == pytest.approx(math.exp(-(p * np.log(p)).sum()), rel=1e-5)


@pytest.mark.parametrize(
    ("count", "dimensions", "rank"), [(512, 128, 123.7), (256, 128, 118.6), (1024, 64, 63.5)]
)
def test_rank_me_of_isotropic_samples_shows_its_known_finite_sample_bias(count, dimensions, rank):
    assert diagnostics.rank_me(normal(count, dimensions)) == pytest.approx(rank, abs=0.5)


def test_participation_ratio_from_its_spectrum():
    assert diagnostics.participation_ratio(with_spectrum(torch.ones(6))) == pytest.approx(6)
    assert diagnostics.participation_ratio(with_spectrum(torch.tensor([3.0, 1.0]))) == pytest.approx(1.6)


def test_participation_ratio_of_isotropic_samples():
    assert diagnostics.participation_ratio(normal(512, 128)) == pytest.approx(128 / (1 + 128 / 512), abs=1)


def test_spectrum_is_the_sorted_covariance_spectrum():
    values = torch.tensor([4.0, 2.0, 1.0, 1e-6])
    assert diagnostics.spectrum(with_spectrum(values) + 7) == pytest.approx(values.tolist(), rel=1e-4)


def test_spectrum_has_d_values_even_with_fewer_samples():
    spectrum = diagnostics.spectrum(normal(5, 12))
    assert len(spectrum) == 12
    assert spectrum[4:] == pytest.approx([0] * 8, abs=1e-9)


@pytest.mark.parametrize("decay", [0.0, 1.0, 2.0])
def test_alpha_req_recovers_a_power_law(decay):
    z = with_spectrum(torch.arange(1, 65).double() ** -decay)
    assert diagnostics.alpha_req(z) == pytest.approx(decay, abs=1e-6)


def test_lidar_counts_the_directions_in_which_images_differ():
    images = torch.zeros(300, 16)
    images[:, :5] = normal(300, 5)
    few = diagnostics.lidar(images[:, None] + 0.1 * normal(300, 16, 16, seed=1))
    assert few == pytest.approx(5, abs=0.3)


def test_lidar_is_invariant_under_linear_maps():
    e = normal(100, 1, 6) + 0.5 * normal(100, 10, 6, seed=1)
    assert diagnostics.lidar(e @ normal(6, 6, seed=2), delta=1e-9) == pytest.approx(
        diagnostics.lidar(e, delta=1e-9), rel=1e-4
    )


def test_lidar_ignores_directions_that_only_augmentation_moves():
    e = normal(200, 1, 8).repeat(1, 12, 1)
    e[..., 4:] = 0
    e += torch.cat([0.1 * normal(200, 12, 4, seed=1), normal(200, 12, 4, seed=2)], -1)
    assert diagnostics.lidar(e) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("embeddings", [torch.ones(5, 4, 3), torch.zeros(5, 4, 3), torch.ones(1, 4, 3)])
def test_lidar_of_embeddings_that_do_not_differ_is_undefined(embeddings):
    assert math.isnan(diagnostics.lidar(embeddings))


@pytest.mark.parametrize("figure", FIGURES)
def test_length_does_not_matter(figure):
    z = normal(100, 20) @ normal(20, 20, seed=1)
    assert figure(7 * z) == pytest.approx(figure(z), rel=1e-5)


@pytest.mark.parametrize("figure", FIGURES)
def test_too_little_to_measure_is_nan_and_not_an_error(figure):
    broken = normal(10, 4)
    broken[3, 1] = math.inf
    for z in (torch.ones(1, 4), torch.ones(0, 4), broken):
        assert math.isnan(figure(z))


@pytest.mark.parametrize("figure", FIGURES)
def test_bfloat16_is_welcome(figure):
    z = normal(200, 20) @ normal(20, 20, seed=1)
    assert figure(z.bfloat16().requires_grad_()) == pytest.approx(figure(z), rel=0.05, abs=0.01)


def test_a_batch_of_images_is_refused():
    with pytest.raises(UserError, match="matrix"):
        diagnostics.rank_me(torch.ones(2, 3, 4, 4))
