import pytest
import torch

from sslcore.errors import UserError
from tests.conftest import tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of


@pytest.mark.parametrize("local_crops", [0, 3])
def test_large_and_small_crops_are_projected_alike(local_crops):
    method = make("swav", local_crops=local_crops).eval()
    views = views_of(method, batch_of(5))
    assert views["view1"].shape[-1] == 24
    assert ("locals" in views) == (local_crops > 0)
    crops = method.project_crops(views)
    assert [tuple(z.shape) for z in crops] == [(5, method.knobs.projector_output)] * (2 + local_crops)
    if local_crops:
        assert views["locals"].shape == (15, 3, 16, 16)
        assert torch.allclose(crops[3][1], method.project(views["locals"][6:7])[0], atol=1e-5)


def test_views_of_a_transformer_are_whole_patches():
    method = make("dino", encoder="vit", patch_size=8, local_crops=2)
    views = views_of(method, batch_of(2, size=64))
    assert views["view1"].shape[-1] == 48 and views["locals"].shape[-1] == 32


def test_small_views_need_a_range():
    with pytest.raises(UserError, match="local_min"):
        tiny_settings("swav", local_min=0.5, local_max=0.3)
