import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import alignment, uniformity


def test_alignment_spans_zero_to_four():
    z = torch.eye(6)
    assert alignment(z, z).item() == pytest.approx(0)
    assert alignment(z, z.roll(1, 0)).item() == pytest.approx(2)
    assert alignment(z, -z).item() == pytest.approx(4)


@pytest.mark.parametrize("constant", [torch.ones(50, 8), torch.zeros(50, 8)])
def test_uniformity_of_a_collapsed_batch_is_its_maximum_zero(constant):
    assert uniformity(constant).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("dimensions", "optimum"), [(2, -1.575), (3, -2.080), (8, -3.083), (32, -3.752), (128, -3.938)]
)
def test_uniformity_of_the_uniform_sphere_is_known(dimensions, optimum):
    z = torch.randn(3000, dimensions, generator=torch.Generator().manual_seed(0))
    assert uniformity(z).item() == pytest.approx(optimum, abs=0.02)


def test_uniformity_of_two_opposite_clusters():
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).repeat(2000, 1)
    assert uniformity(z).item() == pytest.approx(math.log((1 + math.exp(-8)) / 2), abs=1e-3)


def test_uniformity_agrees_with_pairwise_distances(views):
    z = torch.nn.functional.normalize(views[0], dim=1)
    expected = torch.pdist(z).pow(2).mul(-3).exp().mean().log()
    assert torch.allclose(uniformity(views[0], t=3), expected)


def test_a_single_row_has_no_uniformity():
    with pytest.raises(UserError, match="pairs"):
        uniformity(torch.ones(1, 3))
