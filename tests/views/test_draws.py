import math

import pytest
import torch

from sslcore.views import ViewSettings, draw
from sslcore.views.draws import HUE
from tests.views.helpers import EVERYTHING, OFF, seeded


def test_the_same_seed_draws_the_same():
    first, second = (draw(50, 32, EVERYTHING, generator=seeded(3)) for _ in range(2))
    for name, value in vars(first).items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(getattr(second, name))), name


def test_samples_and_successive_batches_draw_independently():
    generator = seeded()
    a, b = (draw(4000, 32, ViewSettings(jitter=1), generator=generator) for _ in range(2))
    columns = [
        a.brightness,
        a.contrast,
        a.saturation,
        a.hue,
        a.left.float(),
        a.flipped.float(),
        a.gray.float(),
    ]
    columns += [
        a.brightness.roll(1),
        a.hue.roll(1),
        a.flipped.roll(1).float(),
        b.brightness,
        b.hue,
        b.flipped.float(),
    ]
    correlation = torch.corrcoef(torch.stack(columns)) - torch.eye(len(columns))
    assert correlation.abs().max() < 0.08  # chance: 1 / sqrt(4000) = 0.016


def test_changing_one_strength_leaves_every_other_draw_alone():
    weak = draw(40, 32, ViewSettings(blur=0), generator=seeded())
    strong = draw(40, 32, ViewSettings(blur=1, grayscale=1, hue=0.5, solarize=1), generator=seeded())
    for name in (
        "top",
        "left",
        "height",
        "width",
        "flipped",
        "brightness",
        "contrast",
        "saturation",
        "order",
    ):
        assert torch.equal(getattr(weak, name), getattr(strong, name)), name


def test_operations_happen_as_often_as_asked():
    settings = ViewSettings(flip=0.3, jitter=0.8, grayscale=0.2, blur=0.6, solarize=0.1, cutout=0.7)
    d = draw(20_000, 32, settings, generator=seeded())
    happened = {
        "flip": d.flipped, "jitter": d.jittered, "grayscale": d.gray, "blur": d.blur_sigma > 0,
        "solarize": d.solarize < math.inf, "cutout": d.cutout_side > 0,
    }  # fmt: skip
    for name, mask in happened.items():
        assert mask.float().mean().item() == pytest.approx(getattr(settings, name), abs=0.015), name


def test_probability_one_always_and_zero_never():
    always = draw(
        300, 32, ViewSettings(flip=1, jitter=1, grayscale=1, blur=1, solarize=1, cutout=1), generator=seeded()
    )
    assert always.flipped.all() and always.jittered.all() and always.gray.all()
    assert (
        (always.blur_sigma > 0).all() and always.solarize.isfinite().all() and (always.cutout_side > 0).all()
    )
    never = draw(300, 32, OFF, generator=seeded())
    assert {never.describe(i) for i in range(300)} == {"unchanged"}


def test_factors_fill_their_ranges_evenly():
    settings = ViewSettings(jitter=1, brightness=0.4, contrast=1.5, hue=0.2, rotation=30)
    d = draw(20_000, 32, settings, generator=seeded())
    for values, low, high in (
        (d.brightness, 0.6, 1.4), (d.contrast, 0.0, 2.5), (d.hue, -0.2, 0.2), (d.angle, -30, 30),
    ):  # fmt: skip
        span = high - low
        assert low <= values.min() < low + 0.01 * span and high - 0.01 * span < values.max() <= high
        assert values.std().item() == pytest.approx(span / math.sqrt(12), rel=0.02)


def test_all_24_orders_of_the_colour_operations_are_equally_likely():
    order = draw(24_000, 32, ViewSettings(), generator=seeded()).order
    counts = torch.unique(order, dim=0, return_counts=True)[1]
    assert len(counts) == 24 and counts.min() > 850 and counts.max() < 1150
    assert ((order == HUE).sum(1) == 1).all()


@pytest.mark.parametrize("size", [32, 48, 64, (32, 80), (96, 40)])
@pytest.mark.parametrize(("low", "high"), [(0.08, 1.0), (0.4, 1.0), (0.2, 0.3), (1.0, 1.0)])
def test_boxes_lie_inside_the_image_and_have_the_area_asked_for(size, low, high):
    d = draw(2000, size, ViewSettings(crop_min=low, crop_max=high), generator=seeded())
    rows, columns = d.source
    assert (d.top >= 0).all() and (d.left >= 0).all() and (d.height > 0).all() and (d.width > 0).all()
    assert (d.top + d.height <= rows).all() and (d.left + d.width <= columns).all()
    area = d.height * d.width / (rows * columns)
    rounding = (d.height + d.width) / 2 / (rows * columns) + 1e-3  # half a pixel on each side
    fallback = (d.height == rows) | (d.width == columns)
    assert ((area >= low - rounding) | fallback).all() and (area <= high + rounding).all()


def test_crops_have_torchvisions_distribution():
    from torchvision.transforms import v2

    torch.manual_seed(0)
    reference = v2.RandomResizedCrop(32, scale=(0.2, 1.0))
    boxes = [reference.make_params([torch.zeros(3, 32, 32)]) for _ in range(3000)]
    d = draw(30_000, 32, ViewSettings(crop_min=0.2), generator=seeded())
    for name in ("top", "left", "height", "width"):
        theirs = torch.tensor([float(box[name]) for box in boxes])
        ours = getattr(d, name).float()
        assert ours.mean().item() == pytest.approx(theirs.mean().item(), abs=0.4), name
        assert ours.std().item() == pytest.approx(theirs.std().item(), abs=0.3), name


def test_full_area_means_no_crop():
    d = draw(100, (32, 80), ViewSettings(crop_min=1, crop_max=1), generator=seeded())
    assert not d.cropped.any()


def test_a_view_is_described_in_the_order_in_which_it_happens():
    always = ViewSettings(
        crop_min=0.5, crop_max=0.5, flip=1, rotation=20, jitter=1, brightness=0, contrast=0, saturation=0,
        hue=0.3, grayscale=1, blur=1, solarize=1, noise=0.1, cutout=1,
    )  # fmt: skip
    d = draw(1, 32, always, generator=seeded(1))
    words = [part.split()[0] for part in d.describe(0).split(", ")]
    assert words == ["rotated", "crop", "flipped", "hue", "grayscale", "blur", "solarized", "noise", "cutout"]
