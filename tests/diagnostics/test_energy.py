import json
import math

import pytest
import torch
from torch.nn import functional as F

from sslcore.diagnostics import energy_report, pair_energies
from sslcore.diagnostics.energy import BINS
from sslcore.errors import UserError
from sslcore.losses import alignment, info_nce


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_energy_is_zero_with_oneself_one_at_a_right_angle_two_opposite():
    z = torch.tensor([[3.0, 0.0], [0.0, 0.5], [-2.0, 0.0]])
    expected = torch.tensor([[0.0, 1, 2], [1, 0, 1], [2, 1, 0]], dtype=torch.float64)
    assert torch.allclose(pair_energies(z, z), expected)


def test_energy_is_symmetric_and_blind_to_length():
    z1, z2 = normal(2, 10, 4)
    energies = pair_energies(z1, z2)
    assert torch.allclose(energies, pair_energies(z2, z1).T)
    assert torch.allclose(energies, pair_energies(7 * z1, z2 / 3), atol=1e-6)


def test_any_numbers_of_rows_are_compared_but_only_one_width():
    assert pair_energies(normal(3, 4), normal(5, 4)).shape == (3, 5)
    with pytest.raises(UserError, match="4 and 5 dimensions"):
        pair_energies(normal(3, 4), normal(3, 5))


def test_energies_of_compatible_pairs_are_half_the_alignment():
    z1, z2 = normal(2, 50, 8)
    assert energy_report(z1, z2).compatible == pytest.approx(alignment(z1, z2).item() / 2, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_info_nce_is_a_likelihood_under_the_energy(temperature):
    """L = E+ / t + log sum_k exp(-E_k / t)."""
    z1, z2 = normal(2, 20, 6).double()
    energies = pair_energies(z1, z2)
    likelihood = energies.diagonal() / temperature + (-energies / temperature).logsumexp(1)
    loss = info_nce(z1, z2, temperature=temperature)
    assert likelihood.mean().item() == pytest.approx(loss.item(), abs=1e-9)


@pytest.mark.parametrize("constant", [torch.full((64, 16), 0.3), torch.zeros(64, 16)])
def test_a_constant_network_tells_nothing_apart(constant):
    report = energy_report(constant, constant)
    assert (report.gap, report.margin, report.auc) == (0, 0, 0.5)
    assert report.overlap == pytest.approx(1)
    assert report.compatible == pytest.approx(report.incompatible)


def test_orthogonal_images_are_told_apart_entirely():
    report = energy_report(torch.eye(8), torch.eye(8))
    assert (report.compatible, report.incompatible, report.auc, report.overlap) == (0, 1, 1, 0)
    assert report.margin == math.inf


def test_random_directions_have_energy_one_and_spread_one_over_root_d():
    energies = pair_energies(normal(400, 64), normal(400, 64, seed=1))
    assert energies.mean().item() == pytest.approx(1, abs=0.01)
    assert energies.std().item() == pytest.approx(1 / 8, rel=0.05)
    report = energy_report(normal(400, 64), normal(400, 64, seed=1))
    assert report.auc == pytest.approx(0.5, abs=0.06) and abs(report.gap) < 0.03


def test_auc_counts_pairs_of_pairs_and_ties_half():
    angles1, angles2 = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.5, 1.0, 2.9])
    z1, z2 = (torch.stack([a.cos(), a.sin()], 1) for a in (angles1, angles2))
    energies = 1 - (angles1[:, None] - angles2).double().cos()
    low, high = energies.diagonal(), energies[~torch.eye(3, dtype=torch.bool)]
    wins = [1.0 if a < b - 1e-6 else 0.5 if abs(a - b) < 1e-6 else 0.0 for a in low for b in high]
    assert 0.5 in wins  # 0 and 0.5 are as far apart as 0.5 and 1
    assert energy_report(z1, z2).auc == pytest.approx(sum(wins) / len(wins))


def test_margin_is_the_gap_in_units_of_the_spread():
    z1 = normal(100, 16)
    z2 = F.normalize(z1, dim=1) + 0.2 * normal(100, 16, seed=1)
    energies = pair_energies(z1, z2)
    low, high = energies.diagonal(), energies[~torch.eye(100, dtype=torch.bool)]
    spread = math.sqrt((low.var(correction=0).item() + high.var(correction=0).item()) / 2)
    report = energy_report(z1, z2)
    assert report.margin == pytest.approx((high.mean() - low.mean()).item() / spread, rel=1e-3)
    assert report.margin > 1 and report.auc > 0.9 and 0 < report.overlap < 0.5


def test_histograms_are_shares():
    report = energy_report(*normal(2, 50, 4))
    for shares in (report.compatible_histogram, report.incompatible_histogram):
        assert len(shares) == BINS and sum(shares) == pytest.approx(1)
    same = energy_report(torch.eye(4), torch.eye(4))
    assert same.compatible_histogram[0] == 1 and same.incompatible_histogram[BINS // 2] == 1


@pytest.mark.parametrize("z", [torch.full((8, 4), math.nan), torch.full((8, 4), math.inf), torch.ones(1, 4)])
def test_nothing_to_measure(z):
    assert energy_report(z, z) is None


def test_shapes_that_do_not_fit_are_explained():
    with pytest.raises(UserError, match="one shape"):
        energy_report(normal(4, 3), normal(5, 3))


def test_the_report_is_plain_data():
    plain = energy_report(*normal(2, 50, 4)).as_dict()
    again = json.loads(json.dumps(plain, allow_nan=False))
    assert again["auc"] == plain["auc"] and again["compatible_histogram"] == list(
        plain["compatible_histogram"]
    )
