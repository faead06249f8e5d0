from itertools import pairwise

import pytest
import torch

from sslcore.methods.kmeans import kmeans, nearest, whiten
from tests.views.helpers import seeded


def islands(count=300, spread=0.05):
    centres = torch.tensor([[0.0, 0], [4, 0], [0, 4], [4, 4]])
    which = torch.arange(count) % 4
    return centres[which] + spread * torch.randn(count, 2, generator=seeded()), which


def partition(assignment):
    return {frozenset((assignment == c).nonzero()[:, 0].tolist()) for c in assignment.unique()}


def test_islands_are_found():
    rows, which = islands()
    found = [kmeans(rows, 4, iterations=20, generator=seeded(s))[1] for s in range(10)]
    assert sum(partition(a) == partition(which) for a in found) >= 3  # some starts end in a worse optimum


def test_every_round_brings_rows_nearer_to_their_centroids():
    rows = torch.rand(200, 3, generator=seeded())

    def distance(rounds):
        centroids, which = kmeans(rows, 8, iterations=rounds, generator=seeded(1), reassign_empty=False)
        return (rows - centroids[which]).square().sum().item()

    distances = [distance(rounds) for rounds in range(8)]
    assert all(after <= before + 1e-4 for before, after in pairwise(distances))


def test_assignments_are_those_of_an_exhaustive_search():
    rows, centroids = torch.rand(50, 4, generator=seeded()), torch.rand(7, 4, generator=seeded(1))
    assert torch.equal(nearest(rows, centroids), torch.cdist(rows, centroids).argmin(1))


def test_empty_clusters_are_filled_again():
    rows = torch.cat([torch.zeros(1, 2).repeat(40, 1), torch.rand(40, 2, generator=seeded()) + 1])
    used = [
        len(kmeans(rows, 16, iterations=20, generator=seeded(), reassign_empty=again)[1].unique())
        for again in (True, False)
    ]
    assert used[0] > used[1]


def test_spherical_centroids_have_unit_length():
    rows = torch.nn.functional.normalize(torch.randn(100, 5, generator=seeded()), dim=1)
    centroids, which = kmeans(rows, 6, iterations=5, generator=seeded(), spherical=True)
    assert torch.allclose(centroids.norm(dim=1), torch.ones(6))
    assert torch.equal(which, (rows @ centroids.T).argmax(1))


@pytest.mark.parametrize("clusters", [5, 12])
def test_fewer_rows_than_clusters_are_no_problem(clusters):
    rows = torch.rand(5, 3, generator=seeded())
    centroids, which = kmeans(rows, clusters, iterations=3, generator=seeded())
    assert centroids.shape == (clusters, 3) and centroids.isfinite().all()
    assert len(which.unique()) == 5


def test_whitened_rows_have_unit_covariance():
    rows = torch.randn(500, 6, generator=seeded(), dtype=torch.float64) @ torch.rand(
        6, 6, dtype=torch.float64
    )
    white = whiten(rows, 3)
    assert torch.allclose(torch.cov(white.T), torch.eye(3, dtype=torch.float64), atol=1e-6)


def test_directions_without_variance_are_left_out():
    rows = torch.randn(50, 2, generator=seeded()).repeat(1, 3)
    white = whiten(rows, 6)
    assert (white.std(0)[:2] - 1).abs().max() < 1e-3 and white[:, 2:].abs().max() == 0
