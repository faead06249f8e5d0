"""Images that visitors brought: kept beside the runs that learn from them, as long as there is room."""

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from sslcore.data import ImageData, from_uploads
from sslcore.data.folder import forget_folder
from sslcore.errors import UserError
from sslcore.runs import runs_root
from ui.jobs import manager
from ui.records import records

LIMIT = 2 * 2**30  # bytes of all uploads together
UNUSED = 30 * 86_400.0  # seconds after which an upload goes that no run learns from
_storing = threading.Lock()


def uploads_root() -> Path:
    """Where uploads are kept."""
    return runs_root() / "uploads"


def find_upload(name: str) -> Path | None:
    """The upload of this name; None for any other place, which a URL must not reach."""
    place = uploads_root() / Path(name).name
    known = name == f"folder:{place}" and re.fullmatch(r"[0-9a-f]{16}(\.zip)?", place.name)
    return place if known and place.exists() else None


def to_link(name: str) -> str:
    """How a URL calls it: an upload without the place where it lies."""
    return name.replace(f"folder:{uploads_root()}{os.sep}", "upload:")


def from_link(name: str) -> str:
    """The inverse of :func:`to_link`."""
    return f"folder:{uploads_root() / name[7:]}" if name.startswith("upload:") else name


def keep_upload(files: list[tuple[str, bytes]]) -> tuple[str, ImageData]:
    """Store uploaded images on the server; returns the name under which a run finds them, and the images.

    Raises:
        UserError: if there are too few usable images among them, the zip is unsafe, or there is no room.
    """
    images = from_uploads(files)
    contents = [content for _, content in files]
    digest = hashlib.sha256(b"".join(contents)).hexdigest()[:16]
    place = uploads_root() / (f"{digest}.zip" if files[0][0].lower().endswith(".zip") else digest)
    used = {Path(record.data.data).name for record in records(manager().root)}
    with _storing:
        make_room(uploads_root(), {place.name, *used}, 0 if place.exists() else sum(map(len, contents)))
        try:
            if not place.exists():
                _store(files, place)
            elif place.is_dir() or _age(place) > UNUSED:  # else not: a zip that looks new is decoded again
                os.utime(place)
        except OSError as error:
            raise UserError(f"The images cannot be kept on this server: {error.strerror}.") from None
    return f"folder:{place}", images


def make_room(root: Path, used: Collection[str], need: int) -> None:
    """Delete uploads that are long unused, and of the others as many as it takes, the oldest first.

    Args:
        used: names of those that stay in any case.
        need: bytes that are to come.

    Raises:
        UserError: if there is no room for them.
    """
    sizes = {place: _size(place) for place in sorted(root.glob("*"), key=_age, reverse=True)}
    total = need + sum(sizes.values())
    for place, size in sizes.items():
        if place.name not in used and (total > LIMIT or _age(place) > UNUSED):
            _remove(place)
            total -= size
    if total > LIMIT:
        raise UserError(
            f"This server keeps {LIMIT >> 30} GB of uploads, and runs learn from all of them: delete a run with "
            "images of its own, then try again."
        )


def _age(place: Path) -> float:
    """Seconds since it came; 0 for what has just gone."""
    with suppress(OSError):
        return time.time() - place.stat().st_mtime
    return 0.0


def _size(place: Path) -> int:
    total = 0
    with suppress(OSError):
        for file in (place, *place.rglob("*")):
            total += file.stat().st_size
    return total


def _remove(place: Path) -> None:
    forget_folder(place)
    shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):
        place.unlink()


def _store(files: list[tuple[str, bytes]], place: Path) -> None:
    """The only zip under this name, or images in a folder of this name, numbered: all of it or nothing."""
    partial = place.with_suffix(".partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        if place.suffix:
            partial.write_bytes(files[0][1])
        else:
            partial.mkdir()
            for number, (name, content) in enumerate(files):
                (partial / f"{number:05d}{Path(name).suffix.lower()}").write_bytes(content)
        os.replace(partial, place)
    except OSError:
        _remove(partial)
        raise
