import pytest
import torch

from sslcore.methods.sortings import Sortings
from tests.methods.test_kmeans import islands
from tests.views.helpers import seeded


@pytest.mark.parametrize("uniform", [True, False])
def test_clusters_count_alike_when_they_should(uniform):
    rows = torch.cat([torch.rand(90, 2, generator=seeded()), torch.rand(10, 2, generator=seeded(1)) + 9])
    sortings = Sortings(100, 1, 4, 2)
    sortings.sort(rows, uniform=uniform, generator=seeded(), iterations=10)
    share = torch.zeros(4).index_add_(0, sortings.target[:, 0], sortings.weight[:, 0])
    size = sortings.target[:, 0].bincount(minlength=4).float()
    assert torch.allclose(share, torch.full((4,), 25.0) if uniform else size)


@pytest.mark.parametrize(("sizes", "effective"), [((50, 50), 2.0), ((75, 25), 4 / 3**0.75), ((100, 0), 1.0)])
def test_effective_clusters_are_the_perplexity_of_their_sizes(sizes, effective):
    rows = torch.cat([torch.zeros(sizes[0], 2), torch.ones(sizes[1], 2)])
    sortings = Sortings(100, 1, 2, 2)
    for seed in range(20):  # some starts take both centroids from one place
        sortings.sort(rows, uniform=True, generator=seeded(seed), iterations=5, reassign_empty=False)
        if len(sortings.target.unique()) == len(rows.unique(dim=0)):
            break
    assert sortings.figures()["clusters_in_use"].item() == pytest.approx(effective, abs=1e-4)
    assert sorted(sortings.sizes()[0].tolist(), reverse=True) == list(sizes)
    assert sortings.panels()[0].captions[0] == f"effectively {effective:.1f} of 2"


def test_images_that_a_run_does_not_learn_from_are_not_counted():
    sortings = Sortings(100, 2, 2, 2)
    assert not sortings.panels(), "nothing is sorted yet"
    sortings.sort(torch.rand(10, 2, generator=seeded()), uniform=True, generator=seeded(), iterations=5)
    assert sortings.sizes().sum(1).tolist() == [10, 10]


def test_agreement_of_a_sorting_with_itself_is_one():
    rows, _ = islands()
    sortings = Sortings(len(rows), 2, 4, 2)
    sortings.sort(rows, uniform=True, generator=seeded(), iterations=20)
    assert sortings.agreement == 0
    sortings.sort(rows, uniform=True, generator=seeded(), iterations=20)
    assert sortings.agreement.item() == pytest.approx(1)
