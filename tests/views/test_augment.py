import contextlib
import math

import pytest
import torch
from torchvision.transforms.v2 import functional as F

from sslcore.errors import UserError
from sslcore.views import ViewSettings, apply, draw, multi_crop, random_views
from sslcore.views.draws import BRIGHTNESS, CONTRAST, HUE, SATURATION, Draws
from sslcore.views.filters import blur_kernel_size
from tests.views.helpers import EVERYTHING, OFF, pictures, seeded


def by_torchvision(image: torch.Tensor, d: Draws, i: int) -> torch.Tensor:
    """The same view made by torchvision's functional operations, one after the other."""
    if d.angle[i] != 0:
        image = F.rotate(image, float(d.angle[i]), interpolation=F.InterpolationMode.BILINEAR)
    box = [int(v[i]) for v in (d.top, d.left, d.height, d.width)]
    image = F.resized_crop(image, *box, size=list(d.size), antialias=True)
    image = F.horizontal_flip(image) if d.flipped[i] else image
    for operation in d.order[i].tolist():
        if operation == BRIGHTNESS:
            image = F.adjust_brightness(image, float(d.brightness[i]))
        elif operation == CONTRAST:
            image = F.adjust_contrast(image, float(d.contrast[i]))
        elif operation == SATURATION:
            image = F.adjust_saturation(image, float(d.saturation[i]))
        elif operation == HUE:
            image = F.adjust_hue(image, float(d.hue[i]))
    if d.gray[i]:
        image = F.rgb_to_grayscale(image, num_output_channels=len(image))
    if d.blur_sigma[i] > 0:
        kernel_size = blur_kernel_size(min(d.size))
        image = F.gaussian_blur(image, [kernel_size] * 2, [float(d.blur_sigma[i])] * 2)
    if d.solarize[i] < math.inf:
        image = F.solarize(image, float(d.solarize[i]))
    side = int(d.cutout_side[i])
    if side:
        top, left = int(d.cutout_top[i]), int(d.cutout_left[i])
        image = F.erase(image, top, left, side, side, torch.zeros(len(image), side, side))
    return image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [32, 48, (40, 64)])
@pytest.mark.parametrize(
    "settings", [ViewSettings(), EVERYTHING.change(solarize=0)], ids=["default", "everything"]
)
def test_the_pipeline_equals_torchvision_applied_image_by_image(settings, size, channels):
    count = 90
    images = pictures(count, *((size,) if isinstance(size, int) else size), channels=channels)
    d = draw(count, size, settings, generator=seeded())
    views = apply(images, d)
    for i in range(count):
        torch.testing.assert_close(
            views[i], by_torchvision(images[i], d, i), atol=5e-4, rtol=0, msg=d.describe(i)
        )


def test_solarized_pipelines_differ_only_where_rounding_crosses_the_threshold():
    images = pictures(60)
    d = draw(60, 32, EVERYTHING.change(solarize=1.0, cutout=0, rotation=0), generator=seeded())
    theirs = torch.stack([by_torchvision(image, d, i) for i, image in enumerate(images)])
    assert ((apply(images, d) - theirs).abs() > 1e-4).float().mean() < 1e-3


def test_each_view_depends_on_its_own_image_and_draws_only():
    images = pictures(50)
    d = draw(50, 32, EVERYTHING, generator=seeded())
    together = apply(images, d)
    some = torch.tensor([3, 40, 11])
    torch.testing.assert_close(apply(images[some], d[some]), together[some], atol=1e-5, rtol=0)


def test_large_batches_are_worked_on_in_pieces_with_the_same_result(monkeypatch):
    images = pictures(70)
    d = draw(70, 32, EVERYTHING, generator=seeded())
    whole = apply(images, d)
    monkeypatch.setattr("sslcore.views.augment._CHUNK", 10_000)
    torch.testing.assert_close(apply(images, d), whole, atol=1e-5, rtol=0)


def test_the_same_seed_makes_the_same_views_and_another_seed_others():
    images, settings = pictures(20), EVERYTHING.change(noise=0.1)
    first = random_views(images, settings, generator=seeded(5))
    assert torch.equal(first, random_views(images, settings, generator=seeded(5)))
    assert not torch.allclose(first, random_views(images, settings, generator=seeded(6)))


def test_global_random_state_is_neither_used_nor_touched():
    before = torch.get_rng_state()
    random_views(pictures(8), EVERYTHING.change(noise=0.1), generator=seeded())
    assert torch.equal(before, torch.get_rng_state())


def test_views_stay_in_range_and_the_source_is_left_alone():
    images = pictures(64)
    copy = images.clone()
    for settings in (
        EVERYTHING.change(noise=0.2),
        OFF.change(grayscale=1),
        OFF.change(cutout=1),
        OFF.change(rotation=30),
    ):
        views = random_views(images, settings, generator=seeded())
        assert views.min() >= 0 and views.max() <= 1 and views.dtype == torch.float32
        assert torch.equal(images, copy)


def test_with_everything_off_a_view_is_a_copy():
    images = pictures(6)
    views = random_views(images, OFF, generator=seeded())
    assert torch.equal(views, images) and views.data_ptr() != images.data_ptr()


def test_bytes_are_read_as_fractions_of_255():
    pixels = (pictures(10) * 255).byte()
    from_bytes = random_views(pixels, ViewSettings(), generator=seeded())
    torch.testing.assert_close(
        from_bytes, random_views(pixels.float() / 255, ViewSettings(), generator=seeded())
    )


def test_autocast_does_not_blur_the_arithmetic():
    images = pictures(10)
    expected = random_views(images, ViewSettings(blur=1), generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(random_views(images, ViewSettings(blur=1), generator=seeded()), expected)


def test_multi_crop_makes_two_large_and_several_small_views():
    views = multi_crop(pictures(5, 48), ViewSettings(), generator=seeded(), local_crops=3, local_size=20)
    assert [tuple(view.shape) for view in views] == [(5, 3, 48, 48)] * 2 + [(5, 3, 20, 20)] * 3
    assert not torch.equal(views[0], views[1]) and not torch.equal(views[2], views[3])
    smaller = multi_crop(pictures(5, 48), ViewSettings(), generator=seeded(), local_crops=1, size=36)
    assert [view.shape[-1] for view in smaller] == [36, 36, 24]


def test_local_crops_need_a_range():
    with pytest.raises(UserError, match="local_min must not be larger"):
        multi_crop(pictures(2, 32), ViewSettings(), generator=seeded(), local_min=0.5, local_max=0.2)


def test_local_crops_show_a_small_part():
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, 64).expand(200, 3, 64, 64)
    settings = OFF.change(crop_min=0.9)
    views = multi_crop(
        ramp, settings, generator=seeded(), local_crops=1, local_size=32, local_min=0.1, local_max=0.2
    )
    seen = [view.amax((1, 2, 3)) - view.amin((1, 2, 3)) for view in views]
    assert seen[0].min() > 0.7 and seen[2].max() < 0.55


def test_an_empty_batch_gives_no_views():
    assert random_views(torch.empty(0, 3, 32, 32), ViewSettings(), generator=seeded()).shape == (0, 3, 32, 32)


def test_wrong_shapes_are_refused():
    with pytest.raises(UserError, match="1 or 3 channels"):
        random_views(torch.rand(4, 2, 32, 32), ViewSettings(), generator=seeded())
    with pytest.raises(UserError, match="draw again"):
        apply(pictures(4), draw(5, 32, ViewSettings(), generator=seeded()))


def test_nothing_waits_for_the_device(monkeypatch):
    """On the meta device, which has no values, anything that would have to read some raises."""
    monkeypatch.setattr("torch.autocast", lambda *_, **__: contextlib.nullcontext())
    images = torch.empty(20, 3, 32, 32, device="meta")
    assert random_views(images, EVERYTHING, generator=seeded()).shape == images.shape
