import pytest
import torch

from sslcore.methods.attention import DARK, where_it_looks
from sslcore.methods.groups import BAR, BAR_HEIGHT, MOST_BARS, groups_in_use, show_usage
from tests.methods.test_conformance import make


def test_groups_in_use_are_a_perplexity():
    assert groups_in_use(torch.eye(5)).item() == pytest.approx(5)
    assert groups_in_use(torch.eye(5)[:1].repeat(9, 1)).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("sizes", "said", "heights"),
    [
        ([3, 3, 3, 3], "effectively 4.0 of 4", [1, 1, 1, 1]),
        ([0, 8, 0, 0], "effectively 1.0 of 4", [1, 0, 0, 0]),
        ([2, 4, 1, 1], "effectively 3.4 of 4", [1, 0.5, 0.25, 0.25]),
    ],
)
def test_usage_is_drawn_as_bars_the_largest_first(sizes, said, heights):
    panel = show_usage(torch.tensor(sizes), "Some.")
    assert panel.captions == (said,)
    bars = (panel.images[0, 0, :, ::2] == BAR).float()
    assert bars.mean(0).tolist() == pytest.approx(heights)
    assert torch.equal(bars[-1] > 0, bars.mean(0) > 0), "bars stand on the ground"


def test_of_many_groups_the_largest_are_drawn():
    assert show_usage(torch.arange(500), "Some.").images.shape == (1, 1, BAR_HEIGHT, 2 * MOST_BARS)


def test_only_a_transformer_says_where_it_looks():
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert where_it_looks(make("dino", encoder="small").encoder, images) == []
    (panel,) = where_it_looks(make("ibot").encoder, images)
    assert panel.images.shape == images.shape
    light = (panel.images / images).amax(1).flatten(1)
    assert torch.allclose(light.amax(1), torch.ones(4)) and torch.allclose(
        light.amin(1), torch.full((4,), DARK)
    )
