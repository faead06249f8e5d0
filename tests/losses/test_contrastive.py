import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import info_nce, nt_xent


def test_nt_xent_of_identical_embeddings_is_log_of_the_number_of_candidates_at_any_temperature():
    same = torch.ones(64, 16)
    for temperature in (0.05, 0.5, 5.0):
        assert nt_xent(same, same, temperature=temperature).item() == pytest.approx(math.log(127), abs=1e-5)


@pytest.mark.parametrize(("temperature", "value"), [(0.1, 0.02289), (0.2, 1.4898), (0.5, 4.2488)])
def test_nt_xent_of_orthogonal_images_has_its_closed_form(temperature, value):
    z = torch.eye(256)
    assert nt_xent(z, z, temperature=temperature).item() == pytest.approx(value, abs=1e-4)


def test_nt_xent_reaches_its_optimum_on_a_simplex_of_images():
    count, temperature = 16, 0.5
    z = torch.eye(count, dtype=torch.float64) - 1 / count
    optimum = math.log(1 + (2 * count - 2) * math.exp(-(1 + 1 / (count - 1)) / temperature))
    assert nt_xent(z, z, temperature=temperature).item() == pytest.approx(optimum, abs=1e-9)


def test_nt_xent_of_random_embeddings_is_near_its_expectation():
    generator = torch.Generator().manual_seed(0)
    z1, z2 = torch.randn(2, 256, 128, generator=generator)
    expected = math.log(511) + 1 / (2 * 128 * 0.5**2)
    assert nt_xent(z1, z2, temperature=0.5).item() == pytest.approx(expected, abs=0.1)


def test_nt_xent_agrees_with_the_formula_written_as_loops(views):
    z = torch.nn.functional.normalize(torch.cat(views), dim=1)
    count, total = len(views[0]), 0.0
    for i in range(2 * count):
        others = [math.exp(z[i] @ z[k] / 0.3) for k in range(2 * count) if k != i]
        total -= math.log(math.exp(z[i] @ z[(i + count) % (2 * count)] / 0.3) / sum(others))
    assert nt_xent(*views, temperature=0.3).item() == pytest.approx(total / (2 * count), abs=1e-10)


def test_info_nce_of_identical_embeddings_is_log_n():
    same = torch.ones(32, 8)
    assert info_nce(same, same, temperature=0.07).item() == pytest.approx(math.log(32), abs=1e-5)


def test_info_nce_vanishes_for_perfect_matches_at_low_temperature():
    z = torch.eye(32)
    assert info_nce(z, z, temperature=0.02).item() == pytest.approx(0, abs=1e-6)


def test_info_nce_of_two_pairs_is_the_logistic_loss(views):
    query, key = views[0][:2], views[1][:2]
    cosine = torch.nn.functional.cosine_similarity(query[:, None], key[None], dim=-1) / 0.5
    wrong_minus_right = torch.stack([cosine[0, 1] - cosine[0, 0], cosine[1, 0] - cosine[1, 1]])
    expected = torch.nn.functional.softplus(wrong_minus_right).mean()
    assert torch.allclose(info_nce(query, key, temperature=0.5), expected)


def test_info_nce_is_one_way(views):
    there, back = (info_nce(*pair, temperature=0.2) for pair in (views, views[::-1]))
    assert not torch.allclose(there, back)


@pytest.mark.parametrize("loss", [nt_xent, info_nce])
def test_a_temperature_of_zero_is_refused(loss, views):
    with pytest.raises(UserError, match="temperature must be above 0"):
        loss(*views, temperature=0)
