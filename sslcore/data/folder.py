"""The user's own images: a folder, a zip or an upload, labelled by subfolder or not at all.

train/<class>/*, test/<class>/*     labelled, with a test set of its own
<class>/*                           labelled; a fixed fifth of every class becomes the test set
*                                   unlabelled
"""

import hashlib
import io
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from sslcore.data.archive import MAX_TOTAL, Entry, folder_entries, open_zip, zip_entries
from sslcore.data.cache import Progress, cache_root, cached, prune
from sslcore.data.decode import SUFFIXES, decode_image, pixels_of, square
from sslcore.data.images import CHANNELS, MAX_MEMORY, ImageData, Split, assemble, shuffled, stratified
from sslcore.errors import UserError

VERSION = 3
FEWEST, TEST_PART = 8, 0.2
MAX_DECODED = 4 * 2**30  # bytes of all decoded copies in the cache
MAX_UPLOADED = 2 * 10**9  # pixels of all images of an upload: a small file may hold a great many
HELD_OUT = ("test", "val", "valid", "validation")


@dataclass(frozen=True)
class _Sorted:
    """Entries with the split ("train", "test" or "" for undecided) and class ("" for none) of each."""

    entries: list[Entry]
    splits: list[str]
    classes: list[str]
    notes: list[str]


def load_folder(
    path: str, *, size: int = 32, root: Path | None = None, progress: Progress | None = None
) -> ImageData:
    """Load a folder or a zip of images as squares of ``size`` pixels.

    Args:
        root: cache folder for the decoded images, None for no cache. They are decoded again when anything
            in the folder changes; copies that were not used for longest go where there are too many.

    Raises:
        UserError: if it is missing, not a zip, unsafe, too large, or has fewer than ``FEWEST`` usable images.
    """
    place, title = _find(path), f"'{path}'"
    if place.is_dir():
        entries = folder_entries(place)
        file = _cache_file(root, place, _state(place, entries), size)
        return _load(path, entries, title, size, file, progress)
    with open_zip(place, title) as archive:
        file = _cache_file(root, place, _state(place, []), size)
        return _load(path, zip_entries(archive, title), title, size, file, progress)


def folder_state(path: str) -> str:
    """A word that changes with the names, times and sizes of the images in a folder, or with a zip.

    Raises:
        UserError: if it is missing or has too many files.
    """
    place = _find(path)
    return _state(place, folder_entries(place) if place.is_dir() else [])


def forget_folder(place: Path, root: Path | None = None) -> None:
    """Delete all decoded copies of a folder or zip, which need not be there any more, from the cache."""
    for file in cache_root(root).glob(f"*folder-{_short(place.resolve())}-*"):  # also what a crash left half
        with suppress(OSError):
            file.unlink()


def from_uploads(
    files: Sequence[tuple[str, bytes]], *, size: int = 32, progress: Progress | None = None
) -> ImageData:
    """Load what a user uploaded: one zip, or several images (which are unlabelled).

    Raises:
        UserError: as :func:`load_folder`, or if it holds more than ``MAX_UPLOADED`` pixels.
    """
    zips = [(name, content) for name, content in files if name.lower().endswith(".zip")]
    if zips and len(files) > 1:
        raise UserError("Upload either one zip or several images, not both.")
    if zips:
        name, content = zips[0]
        with open_zip(io.BytesIO(content), f"'{name}'") as archive:
            found = zip_entries(archive, f"'{name}'")
            return _prepare("upload", name, found, f"'{name}'", size, progress, most=MAX_UPLOADED)
    if sum(len(content) for _, content in files) > MAX_TOTAL:
        raise UserError(f"The upload has more than {MAX_TOTAL >> 30} GB: use fewer or smaller images.")
    entries = []
    for name, content in files:
        path = PurePosixPath(PurePosixPath(name.replace("\\", "/")).name)
        if path.suffix.lower() in SUFFIXES:
            entries.append(Entry(path, lambda content=content: content))
    return _prepare("upload", "Your images", entries, "The upload", size, progress, most=MAX_UPLOADED)


def _load(
    path: str, entries: list[Entry], title: str, size: int, file: Path | None, progress: Progress | None
) -> ImageData:
    called = Path(path).expanduser().resolve().name
    if file is None:
        return _prepare(f"folder:{path}", called, entries, title, size, progress)

    def make() -> tuple:
        data = _prepare(f"folder:{path}", called, entries, title, size, progress)
        return {"train": data.train, "test": data.test}, [data.classes, data.notes]

    splits, (classes, notes) = cached(file, make)
    with suppress(OSError):
        os.utime(file)  # it has just been of use
    prune(file.parent.glob("folder-*.npz"), MAX_DECODED)
    name, known = f"folder:{path}", tuple(classes)
    return assemble(name, called, known, splits["train"], splits["test"], notes=tuple(notes))


def _find(path: str) -> Path:
    place = Path(path)
    try:
        place = place.expanduser()
        there = bool(path) and (place.is_dir() or place.is_file())
    except (OSError, ValueError, RuntimeError):  # names no file or user can have, folders not to be entered
        there = False
    if not there:
        raise UserError(f"There is no folder or zip at '{path}': check the path.")
    return place


def _state(place: Path, entries: list[Entry]) -> str:
    stamps = []
    for name in [str(entry.path) for entry in entries] or [""]:  # the zip itself
        with suppress(OSError):  # it has just gone
            stat = (place / name).stat()
            stamps.append((name, stat.st_mtime_ns, stat.st_size))
    return _short((VERSION, stamps))


def _cache_file(root: Path | None, place: Path, state: str, size: int) -> Path | None:
    return root and root / f"folder-{_short(place.resolve())}-{state}-{size}.npz"


def _short(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _prepare(
    name: str,
    title: str,
    entries: list[Entry],
    place: str,
    size: int,
    progress: Progress | None,
    most: float = inf,
) -> ImageData:
    if not entries:
        raise UserError(f"{place} has no images: put {', '.join(SUFFIXES[:4])} files into it.")
    found = _arrange(entries)
    if len(found.entries) > (fitting := MAX_MEMORY // (CHANNELS * size**2)):
        raise UserError(
            f"{place} has {len(found.entries):,} images, of which {fitting:,} of {size} px fit into the "
            f"{MAX_MEMORY / 2**30:g} GB of memory they may take: use fewer images or a smaller image_size."
        )
    decoded = _decode(found.entries, size, progress, most)
    if decoded is None:
        raise UserError(
            f"{place} has more than {most / 1e9:g} billion pixels: make the images smaller, or use fewer of them."
        )
    images, kept, broken = decoded
    if not kept:
        raise UserError(
            f"None of the {len(found.entries):,} images in {place} could be read: save them as JPEG or PNG."
        )
    if len(kept) < FEWEST:
        raise UserError(f"{place} has {len(kept)} usable images: at least {FEWEST} are needed.")
    splits, names = [found.splits[i] for i in kept], [found.classes[i] for i in kept]
    notes = [*found.notes, *([_left_out(broken)] if broken else [])]
    classes = tuple(
        sorted({label for label, split in zip(names, splits, strict=True) if split != "test"} - {""})
    )
    if len(classes) == 1:
        notes.append(f"There is only one class folder, '{classes[0]}', so accuracy is not measured.")
    if len(classes) < 2:
        classes = ()
    number = {label: index for index, label in enumerate(classes)}
    labels = torch.tensor([number.get(label, -1) for label in names])
    if classes and labels[labels >= 0].bincount().max() == 1:
        notes.append("Every class has a single image, so accuracy is not measured.")
        classes = ()
    train, test, more = _split(Split(images, labels if classes else None), splits)
    return assemble(name, title, classes, shuffled(train), shuffled(test), notes=(*notes, *more))


def _split(whole: Split, splits: list[str]) -> tuple[Split, Split, list[str]]:
    notes = []
    if "test" in splits and "train" in splits:
        is_test = torch.tensor([split == "test" for split in splits])
        train, test = whole.take((~is_test).nonzero()[:, 0]), whole.take(is_test.nonzero()[:, 0])
        if test.labels is not None and (strange := int((test.labels < 0).sum())):
            notes.append(
                f"{strange:,} test images are of classes that have no training images and were left out."
            )
            test = test.take((test.labels >= 0).nonzero()[:, 0])
        if len(test):
            return train, test, notes
        whole = train
    parts = stratified(whole.labels, len(whole), TEST_PART)
    return whole.take(parts[0]), whole.take(parts[1]), notes


def _arrange(entries: list[Entry]) -> _Sorted:
    """Read the layout off the paths."""
    folders, notes = [list(entry.path.parts[:-1]) for entry in entries], []
    # A folder that merely wraps all the others says nothing, also if a picture lies beside it.
    while len({parts[0] for parts in folders if parts}) == 1 and all(
        len(parts) > 1 for parts in folders if parts
    ):
        folders = [parts[1:] for parts in folders]
    tops = {parts[0].lower() for parts in folders if parts}
    held_out = next((name for name in HELD_OUT if name in tops), None)
    splits = [""] * len(entries)
    if "train" in tops and held_out:
        splits = [
            {"train": "train", held_out: "test"}.get(parts[0].lower() if parts else "", "no")
            for parts in folders
        ]
        folders = [parts[1:] for parts in folders]
    classes = [parts[0] if parts else "" for parts in folders]
    labelled = any(name for name, split in zip(classes, splits, strict=True) if split in ("", "train"))
    keep = [i for i, split in enumerate(splits) if split != "no" and (classes[i] or not labelled)]
    if len(keep) < len(entries):
        where = f"train and {held_out}, or of no class," if any(splits) else "the class folders"
        notes.append(f"{len(entries) - len(keep):,} images outside {where} were left out.")
    return _Sorted([entries[i] for i in keep], [splits[i] for i in keep], [classes[i] for i in keep], notes)


def _decode(
    entries: list[Entry], size: int, progress: Progress | None, most: float
) -> tuple[Tensor, list[int], list[str]] | None:
    """The readable images, the indices of their entries, and the names of the others; None if there are more pixels
    than ``most``."""
    images, kept, broken = torch.empty(len(entries), 3, size, size, dtype=torch.uint8), [], []
    pixels = 0
    for index, entry in enumerate(entries):
        try:
            content = entry.read()
            # before they are decoded: also of an image that breaks off in the middle
            pixels += pixels_of(content)
            if pixels > most:
                return None
            images[len(kept)] = square(decode_image(content, at_least=2 * size), size)
            kept.append(index)
        except Exception:
            # The bytes may be as broken as the image: zip errors, vanished files, unknown compression.
            broken.append(entry.path.name)
        if progress and index % 200 == 0:
            progress(index / len(entries), f"Reading images: {index:,} of {len(entries):,}")
    return images[: len(kept)].clone() if broken else images, kept, broken


def _left_out(broken: list[str]) -> str:
    counts = Counter(broken)
    shown, more = list(counts)[:3], len(broken) - min(len(counts), 3)
    names = ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
    what = (
        "1 image could not be read and was"
        if len(broken) == 1
        else f"{len(broken):,} images could not be read and were"
    )
    return f"{what} left out: {names}."
