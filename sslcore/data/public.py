"""Well-known public datasets, fetched through torchvision when the user asks for it."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from sslcore.data.cache import Progress, cached
from sslcore.data.decode import square
from sslcore.data.images import CHANNELS, MAX_MEMORY, ImageData, Split, assemble, balanced, shuffled
from sslcore.data.resize import resize
from sslcore.errors import UserError

TRAIN_LIMIT = 50_000
VERSION = 2

Reader = Callable[[Path, int, bool, Progress | None], tuple[dict[str, Split], tuple[str, ...]]]


@dataclass(frozen=True)
class Source:
    """A public dataset: what people should know, and how to read it with torchvision.

    Attributes:
        images: how many are read at most, of all splits together.
        size: side in pixels it is shown at unless asked otherwise.
        megabytes: size of the download.
        files: what must lie in the folder for it to be complete.
        read: (folder, size, download, progress) -> splits by name and the classes' names.
        slow: whether reading takes long enough for its tensors to be kept in the cache.
    """

    title: str
    description: str
    origin: str
    classes: int
    images: int
    size: int
    megabytes: int
    files: tuple[str, ...]
    read: Reader
    slow: bool = False


def _kind(name: str) -> Any:
    from torchvision import datasets  # takes seconds, so only when one of them is wanted

    return getattr(datasets, name)


def _colour(images: Tensor, size: int) -> Tensor:
    return resize(images[:, None].expand(-1, 3, -1, -1) if images.ndim == 3 else images, size)


def _arrays(kind: str) -> Reader:
    """Reader of the datasets that torchvision holds in memory as one array."""

    def read(folder: Path, size: int, download: bool, progress: Progress | None) -> tuple:
        splits = {}
        for name, train in (("train", True), ("test", False)):
            part = _kind(kind)(str(folder), train=train, download=download)
            images = torch.as_tensor(part.data)
            images = images.permute(0, 3, 1, 2) if images.ndim == 4 else images
            labels = torch.as_tensor(part.targets).long()
            chosen = balanced(labels, len(labels), TRAIN_LIMIT)
            splits[name] = Split(_colour(images[chosen], size), labels[chosen])
        return splits, _words(part.classes)

    return read


def _stl10(unlabelled: bool) -> Reader:
    def read(folder: Path, size: int, download: bool, progress: Progress | None) -> tuple:
        splits = {}
        for name in ("train", "test"):
            part = _kind("STL10")(str(folder), split=name, download=download)
            splits[name] = Split(
                _colour(torch.from_numpy(part.data), size), torch.from_numpy(part.labels).long()
            )
        if unlabelled:
            # The file holds 2.7 GB of images, columns before rows; only what is used is read.
            file = folder / "stl10_binary" / "unlabeled_X.bin"
            stored = np.memmap(file, np.uint8, "r").reshape(-1, 3, 96, 96)[:TRAIN_LIMIT]
            parts = []
            for start in range(0, len(stored), 1024):
                parts.append(_colour(torch.from_numpy(stored[start : start + 1024].copy()).mT, size))
                if progress:
                    progress(start / len(stored), f"Reading STL-10: {start:,} images")
            splits |= {"probe": splits["train"], "train": Split(torch.cat(parts))}
        return splits, _words(part.classes)

    return read


def _files(kind: str, train: tuple[str, ...], test: tuple[str, ...]) -> Reader:
    """Reader of the datasets that torchvision opens image by image."""

    def read(folder: Path, size: int, download: bool, progress: Progress | None) -> tuple:
        def to_square(image: Image) -> Tensor:
            return square(image, size)

        splits, classes = {}, []
        for half, names in (("train", train), ("test", test)):
            images, labels = [], []
            for name in names:
                part = _kind(kind)(str(folder), split=name, download=download, transform=to_square)
                classes = part.classes
                for index in range(len(part)):
                    image, label = part[index]
                    images.append(image)
                    labels.append(label)
                    if progress and index % 100 == 0:
                        progress(index / len(part), f"Reading the {name} images: {index:,} of {len(part):,}")
            splits[half] = shuffled(Split(torch.stack(images), torch.tensor(labels)))
        return splits, _words(classes)

    return read


def _words(classes: list[str]) -> tuple[str, ...]:
    """Class names as people write them: "0 - zero" is 0, "aquarium_fish" is aquarium fish."""
    return tuple(name.split(" - ")[0].replace("_", " ") for name in classes)


_CIFAR = "Krizhevsky 2009, University of Toronto; for research."
_STL = "Coates, Ng and Lee 2011, Stanford University, from ImageNet; for research."
_STL_FILES = tuple(f"stl10_binary/{name}.bin" for name in ("train_X", "train_y", "test_X", "test_y"))
_MNIST_FILES = tuple(
    f"raw/{part}-ubyte"
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)

SOURCES = {
    "cifar10": Source(
        "CIFAR-10",
        "60,000 photographs of ten kinds of animals and vehicles, 32 × 32 pixels.",
        _CIFAR, 10, 60_000, 32, 170, ("cifar-10-batches-py/batches.meta",), _arrays("CIFAR10"),
    ),
    "cifar100": Source(
        "CIFAR-100",
        "60,000 photographs of a hundred kinds of things, 32 × 32 pixels.",
        _CIFAR, 100, 60_000, 32, 170, ("cifar-100-python/meta",), _arrays("CIFAR100"),
    ),
    "stl10": Source(
        "STL-10",
        "The 13,000 labelled photographs of STL-10: ten kinds of animals and vehicles, 96 × 96 pixels.",
        _STL, 10, 13_000, 64, 2640, _STL_FILES, _stl10(False), slow=True,
    ),
    "stl10_unlabelled": Source(
        "STL-10, unlabelled",
        "Learn from 50,000 unlabelled photographs of STL-10, probe with its labelled ones.",
        _STL, 10, 63_000, 64, 2640, (*_STL_FILES, "stl10_binary/unlabeled_X.bin"), _stl10(True), slow=True,
    ),
    "mnist": Source(
        "MNIST",
        "70,000 handwritten digits, 28 × 28 pixels.",
        "LeCun, Cortes and Burges 1998 (CC BY-SA 3.0).",
        10, 60_000, 32, 12, tuple(f"MNIST/{file}" for file in _MNIST_FILES), _arrays("MNIST"),
    ),
    "fashion_mnist": Source(
        "Fashion-MNIST",
        "70,000 pictures of clothes, 28 × 28 pixels.",
        "Zalando Research 2017 (MIT).",
        10, 60_000, 32, 31, tuple(f"FashionMNIST/{file}" for file in _MNIST_FILES), _arrays("FashionMNIST"),
    ),
    "flowers": Source(
        "Flowers",
        "8,189 photographs of 102 kinds of flowers.",
        "Nilsback and Zisserman 2008, University of Oxford; for research.",
        102, 8_189, 64, 345, ("flowers-102/imagelabels.mat", "flowers-102/setid.mat", "flowers-102/jpg"),
        _files("Flowers102", ("train", "val"), ("test",)), slow=True,
    ),
    "pets": Source(
        "Pets",
        "7,349 photographs of 37 breeds of cats and dogs.",
        "Parkhi et al. 2012, University of Oxford (CC BY-SA 4.0).",
        37, 7_349, 64, 811, ("oxford-iiit-pet/images", "oxford-iiit-pet/annotations/trainval.txt"),
        _files("OxfordIIITPet", ("trainval",), ("test",)), slow=True,
    ),
}  # fmt: skip


def on_disk(source: Source, root: Path) -> bool:
    """Whether a dataset's files are there."""
    return all((root / "public" / file).exists() for file in source.files)


def partial_folder(name: str, root: Path) -> Path:
    """Where a download lies until it is complete: what was broken off is never taken for a dataset."""
    return root / f"{name}.partial"


def load_public(
    name: str, *, size: int | None, root: Path, download: bool, progress: Progress | None = None
) -> ImageData:
    """Load one of :data:`SOURCES` from ``root``, fetching it first if that is asked for.

    Raises:
        UserError: if it is not there and not to be fetched, cannot be fetched, is damaged, or does not fit into
            memory at this size.
    """
    source, folder = SOURCES[name], root / "public"
    side, there = size or source.size, on_disk(source, root)
    if not there and not download:
        raise UserError(
            f"{source.title} is not on this machine yet: press Download beside its name, or run "
            f"'python -m sslcore download {name}'; about {source.megabytes} MB."
        )

    if source.images * CHANNELS * side**2 > MAX_MEMORY:
        raise UserError(
            f"{source.title} at {side} px takes more than {MAX_MEMORY / 2**30:g} GB of memory: "
            "choose a smaller image_size."
        )

    def make() -> tuple:
        if there:
            return source.read(folder, side, False, progress)
        if progress:
            progress(0.0, f"Downloading {source.title}, about {source.megabytes} MB")
        return _fetch(source, side, folder, partial_folder(name, root), progress)

    try:
        file = root / f"{name}-{VERSION}-{side}.npz"
        if not there:
            file.unlink(missing_ok=True)  # of files deleted since: it would pass for the download
        splits, classes = cached(file, make) if source.slow else make()
    except Exception as error:
        # torchvision reports the same trouble as many types: URLError, RuntimeError, EOFError, ValueError ...
        raise UserError(_trouble(source, folder, there, error)) from error
    data = assemble(name, source.title, tuple(classes), splits["train"], splits["test"])
    if "probe" not in splits:
        return data
    probe = assemble(name, source.title, tuple(classes), splits["probe"], splits["test"]).probe
    return ImageData(name, source.title, tuple(classes), data.train, probe, data.test)


def _fetch(source: Source, size: int, folder: Path, partial: Path, progress: Progress | None) -> tuple:
    """Download, read, and only then put it where it is looked for."""
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        read = source.read(partial, size, True, progress)
        for part in filter(Path.is_dir, partial.iterdir()):  # the archives beside them have been unpacked
            shutil.rmtree(folder / part.name, ignore_errors=True)
            os.replace(part, folder / part.name)
        return read
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _trouble(source: Source, folder: Path, there: bool, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk is full: {source.title} needs twice its {source.megabytes} MB while unpacking."
    if there:
        place = folder / Path(source.files[0]).parts[0]
        return f"The files of {source.title} are damaged: delete the folder {place} and download it again."
    return (
        f"{source.title} could not be downloaded ({type(error).__name__}): check the network and try again, "
        "or choose toybox or digits, which need none."
    )
