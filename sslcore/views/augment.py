"""Random views: the batched augmentation pipeline, every sample with its own parameters.

    views = random_views(images, ViewSettings(), generator=torch.Generator().manual_seed(0))

:func:`draw` rolls all the dice, :func:`apply` does the work, and `random_views` is one after the other.
The order is rotate, crop, flip, colour jitter, grayscale, blur, solarize, noise, cutout.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sslcore.errors import UserError
from sslcore.pixels import as_floats
from sslcore.views.colour import adjust_hue, blend, grayscale
from sslcore.views.draws import CONTRAST, HUE, SATURATION, Draws, draw
from sslcore.views.filters import add_noise, blur_kernel_size, erase, gaussian_blur, solarize
from sslcore.views.geometry import crop_matrices, rotate, separable
from sslcore.views.settings import ViewSettings

_CHUNK = 400_000  # numbers worked on at a time on a CPU: what two cores keep in their caches
_UNTOUCHED = 4  # the place of hue in the order of samples without colour jitter


def random_views(
    images: Tensor,
    settings: ViewSettings,
    *,
    generator: torch.Generator,
    size: int | tuple[int, int] | None = None,
) -> Tensor:
    """One random view of every image.

    Args:
        images: (N, C, H, W) with C = 1 or 3 on any device; floats in [0, 1], or uint8.
        settings: what may happen, how often and how strongly.
        generator: a CPU generator, the only source of randomness.
        size: size of the views; that of the images unless told.

    Returns:
        (N, C, H, W) float32 in [0, 1] on the images' device.
    """
    _check(images)
    source = tuple(images.shape[-2:])
    return apply(images, draw(len(images), source, settings, generator=generator, out_size=size))


def check_local_crops(local_min: float, local_max: float) -> None:
    """Make sure that there are crops of such areas.

    Raises:
        UserError: if there are none.
    """
    if local_min > local_max:
        raise UserError("local_min must not be larger than local_max: swap them or make them equal.")


def multi_crop(
    images: Tensor,
    settings: ViewSettings,
    *,
    generator: torch.Generator,
    size: int | None = None,
    local_crops: int = 4,
    local_size: int | None = None,
    local_min: float = 0.1,
    local_max: float = 0.4,
) -> list[Tensor]:
    """Two global views and several small local ones of every image (SwAV, arXiv 2006.09882, section 3.3).

    Args:
        images, settings, generator, size: as for :func:`random_views`; crop settings and size are those of
            the global views.
        local_crops: number of local views.
        local_size: their side in pixels; half the image's unless told.
        local_min, local_max: area of a local crop as a fraction of the image's.

    Returns:
        Global views (N, C, size, size) twice, then `local_crops` times (N, C, local_size, local_size).

    Raises:
        UserError: as :func:`check_local_crops`, or if these are no images.
    """
    _check(images)
    check_local_crops(local_min, local_max)
    local = settings.change(crop_min=local_min, crop_max=local_max)
    local_size = local_size or max(1, min(images.shape[-2:]) // 2)
    views = [random_views(images, settings, generator=generator, size=size) for _ in range(2)]
    for _ in range(local_crops):
        views.append(random_views(images, local, generator=generator, size=local_size))
    return views


@torch.no_grad()
def apply(images: Tensor, draws: Draws) -> Tensor:
    """The views that `draws` prescribe, (N, C, *draws.size), for images (N, C, *draws.source)."""
    _check(images)
    if len(images) != len(draws) or tuple(images.shape[-2:]) != draws.source:
        raise UserError(
            f"These draws are for {len(draws)} images of {draws.source}, got {len(images)} of "
            f"{tuple(images.shape[-2:])}: draw again for this batch."
        )
    device = images.device
    index, spans = _groups(images, draws)
    where, boxes, slots = (
        index.to(device),
        _boxes(draws)[:, index].to(device),
        _slots(draws)[..., index].to(device),
    )
    flipped, angle, hue = (of[index].to(device) for of in (draws.flipped, draws.angle, draws.hue))
    rotates, hues = bool(draws.angle.any()), bool(draws.hue.any())
    moves = draws.moved or draws.size != draws.source
    if moves:
        rows, columns = crop_matrices(*boxes, source=draws.source, size=draws.size, flipped=flipped)
    done = [torch.empty(0, images.shape[1], *draws.size, device=device)]
    for place, span in spans:
        batch = as_floats(images.index_select(0, where[span]))
        if rotates:
            batch = rotate(batch, angle[span])
        if moves:
            batch = separable(batch, rows[span], columns[span])
        for slot in range(4 if place < _UNTOUCHED else 0):
            if slot != place:
                batch = blend(batch, *slots[slot, :, span])
            elif hues:
                batch = adjust_hue(batch, hue[span])
        done.append(batch)
    views = torch.cat(done).index_select(0, where.argsort())
    return _finish(views, draws)


def _groups(images: Tensor, draws: Draws) -> tuple[Tensor, list[tuple[int, slice]]]:
    """An order of the samples, and the spans of it that are worked on together.

    A span comes with the place of hue in its samples' order of colour operations: with that in common, the
    dearest operation runs just once per sample. Samples whose colours stay come last.
    """
    place = (draws.order == HUE).int().argmax(dim=1)
    place = torch.where(draws.jittered, place, _UNTOUCHED)
    most = max(1, len(images))
    if images.device.type == "cpu":
        most = max(1, _CHUNK // max(1, images.shape[1:].numel()))
    spans, start = [], 0
    for group, count in enumerate(torch.bincount(place, minlength=5).tolist()):
        stop = start + count
        spans += [(group, slice(first, min(first + most, stop))) for first in range(start, stop, most)]
        start = stop
    return place.argsort(stable=True), spans


def _boxes(draws: Draws) -> Tensor:
    return torch.stack([draws.top, draws.left, draws.height, draws.width])


def _slots(draws: Draws) -> Tensor:
    """(4, 3, N): what :func:`blend` needs for the operation at each place of each sample's order."""
    factors = torch.stack([draws.brightness, draws.contrast, draws.saturation, torch.ones(len(draws))], dim=1)
    factor = factors.gather(1, draws.order)
    slots = torch.stack([factor, draws.order == CONTRAST, draws.order == SATURATION], dim=1)
    return slots.permute(2, 1, 0).contiguous()


def _finish(views: Tensor, draws: Draws) -> Tensor:
    """What happens to few of the views, or to none: grayscale, blur, solarize, noise, cutout. In place."""

    def blur(images: Tensor, sigma: Tensor) -> Tensor:
        return gaussian_blur(images, sigma, kernel_size=blur_kernel_size(min(draws.size)))

    views = _on(draws.gray, views, grayscale)
    views = _on(draws.blur_sigma > 0, views, blur, draws.blur_sigma)
    views = _on(draws.solarize.isfinite(), views, solarize, draws.solarize)
    if draws.noise.any():
        views = add_noise(views, draws.noise.to(views.device), seed=int(draws.noise_seed[0]))
    return _on(draws.cutout_side > 0, views, erase, draws.cutout_top, draws.cutout_left, draws.cutout_side)


def _on(chosen: Tensor, images: Tensor, operation: Callable[..., Tensor], *parameters: Tensor) -> Tensor:
    """Do something to the chosen samples only, in place; `chosen` and the parameters are on the CPU."""
    index = chosen.nonzero()[:, 0]
    if len(index) == 0:
        return images
    where = index.to(images.device)
    done = operation(images.index_select(0, where), *(p[index].to(images.device) for p in parameters))
    return images.index_copy_(0, where, done)


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise UserError(
            f"Views are made of images (N, C, H, W) with 1 or 3 channels, got shape {tuple(images.shape)}."
        )
