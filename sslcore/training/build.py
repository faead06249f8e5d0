"""From settings to what is trained: images, and a method whose network the seed alone decides."""

import threading

import torch

from sslcore import distributed
from sslcore.data import ImageData, load
from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.methods.base import Method, first_images
from sslcore.methods.several import Several, blame
from sslcore.registry import get_method
from sslcore.settings import RunSettings


def images_of(settings: RunSettings, *, download: bool = False) -> ImageData:
    """The images that these settings name.

    Raises:
        UserError: if they cannot be had.
    """
    chosen = settings.data
    return load(chosen.data, size=chosen.image_size or None, style=chosen.style, download=download)


def smaller_batch(count: int) -> int:
    """A batch for ``count`` training images, of which there are too few for the usual one: a quarter to half of them.

    It is a power of two for every process: of such batches a queue of the usual length holds a whole number, unless
    the number of processes has other factors.
    """
    share = max(2, count // 2 // distributed.processes())
    return distributed.processes() * 2 ** (share.bit_length() - 1)


_seeding = threading.Lock()  # torch's generator is shared by all threads, of which pages build networks too


def build_method(settings: RunSettings, data: ImageData) -> Method:
    """The method of these settings for these images, initialised from the seed alone.

    Raises:
        UserError: if the method or its encoder cannot work on them.
    """
    info = InputInfo(
        data.channels, data.size, len(data.classes), len(data.train.images), tuple(data.mean), tuple(data.std)
    )
    return initialised(settings, info)


def initialised(settings: RunSettings, info: InputInfo) -> Method:
    """The same for images of which no more than this is known.

    Raises:
        UserError: as :func:`build_method`.
    """
    with _seeding, torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.machine.seed)
        return get_method(settings.method)(settings, info)


def load_weights(method: Method, weights: dict[str, torch.Tensor]) -> None:
    """A method as a checkpoint left it.

    Raises:
        UserError: if they are not the weights of such a network.
    """
    try:
        method.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            "This run was made by another version, whose network was built differently: start it anew."
        ) from error


def check_views(method: Method, data: ImageData) -> None:
    """Complain now, not in the first step, of views that the encoder cannot look at.

    Every part of a sum is asked, also one that weighs nothing yet.
    """
    if isinstance(method, Several):
        for name, part in method.parts.items():
            try:
                check_views(part, data)
            except UserError as error:
                raise blame(name, error, method.listed) from None
        return
    with torch.no_grad():
        views = method.views(first_images(data.train, 2), torch.Generator())
    for seen in views.values():
        if seen.ndim > 3 and seen.shape[-3] == data.channels:  # pictures, not answers
            method.encoder.check_side("views", seen.shape[-1])
