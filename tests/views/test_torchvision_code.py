import pytest
import torch

from sslcore.views import ViewSettings, random_views, torchvision_code
from tests.views.helpers import EVERYTHING, OFF, pictures, seeded


def pipeline(settings: ViewSettings, size: int = 32):
    names: dict = {}
    exec(torchvision_code(settings, size), names)
    return names["views"]


@pytest.mark.parametrize("settings", [ViewSettings(), EVERYTHING.change(noise=0.1), OFF])
def test_the_code_runs_and_gives_views_of_the_same_shape(settings):
    view = pipeline(settings)(pictures(1)[0])
    assert view.shape == (3, 32, 32) and view.dtype == torch.float32


def test_the_code_has_the_same_distribution_of_brightness_and_contrast():
    torch.manual_seed(0)
    image, settings = pictures(1)[0], ViewSettings(jitter=1, cutout=0.5, blur=0.5)
    theirs = torch.stack([pipeline(settings)(image) for _ in range(400)])
    ours = random_views(image.expand(4000, 3, 32, 32), settings, generator=seeded())
    for figure in (
        lambda v: v.mean((1, 2, 3)),
        lambda v: v.std((1, 2, 3)),
        lambda v: (v[:, 0] - v[:, 2]).abs().mean((1, 2)),
    ):
        assert figure(ours).mean().item() == pytest.approx(figure(theirs).mean().item(), abs=0.02)
        assert figure(ours).std().item() == pytest.approx(figure(theirs).std().item(), abs=0.02)


def test_what_never_happens_is_left_out():
    assert "Blur" not in torchvision_code(ViewSettings())
    assert torchvision_code(OFF).count("v2.") == 3  # Compose, ToImage, ToDtype
