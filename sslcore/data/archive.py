"""The files of a folder, a zip or an upload, listed with care and read one by one in memory."""

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sslcore.data.decode import MAX_BYTES, SUFFIXES
from sslcore.errors import UserError

MAX_FILES, MAX_TOTAL, MAX_RATIO = 60_000, 2 * 2**30, 100


@dataclass(frozen=True)
class Entry:
    """An image file: its path inside what was given, and how to get its bytes."""

    path: PurePosixPath
    read: Callable[[], bytes]


def folder_entries(folder: Path) -> list[Entry]:
    """The image files below a folder, in order of path. Hidden ones and linked folders are passed over.

    Raises:
        UserError: if there are too many files.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _hidden(name)]
        for name in files:
            file = Path(place, name)
            if not _hidden(name) and file.suffix.lower() in SUFFIXES and os.path.isfile(file):
                found.append(Entry(PurePosixPath(file.relative_to(folder).as_posix()), _reader(file)))
        _check_number(len(found), str(folder))
    return sorted(found, key=lambda entry: entry.path.parts)


def zip_entries(archive: zipfile.ZipFile, title: str) -> list[Entry]:
    """The image files in a zip, in order of path. Nothing is ever unpacked to disk.

    Raises:
        UserError: if an entry's path leaves the archive, entries are encrypted, or it would expand to more
            than ``MAX_TOTAL`` bytes or by more than ``MAX_RATIO``.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    _check_number(len(infos), title)
    for info in infos:
        name = info.orig_filename.replace("\\", "/")
        if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/") or "\0" in name:
            raise UserError(
                f"{title} has an entry with an unsafe path, '{name[:80]!s}': pack the folder again."
            )
        if info.flag_bits & 0x1:
            raise UserError(f"{title} is encrypted ('{name[:80]}'): pack it again without a password.")
        if info.file_size > 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise UserError(f"{title} expands suspiciously ('{name[:80]}'): pack the images themselves.")
    # zipfile never reads more of an entry than the size it declares, so this bounds what is read.
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise UserError(
            f"{title} would expand to more than {MAX_TOTAL >> 30} GB: use fewer or smaller images."
        )
    found = []
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.suffix.lower() in SUFFIXES and not any(_hidden(part) for part in path.parts):
            found.append(Entry(path, _unzipper(archive, info)))
    return sorted(found, key=lambda entry: entry.path.parts)


def open_zip(source, title: str) -> zipfile.ZipFile:
    """A zip file from a path or a binary stream.

    Raises:
        UserError: if it is not one, or is cut short.
    """
    try:
        return zipfile.ZipFile(source)
    # NotImplementedError: a zip of a later version than zipfile knows
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        raise UserError(f"{title} is not a zip file, or it is damaged: pack the folder again.") from None
    except OSError as error:
        raise UserError(f"{title} cannot be opened: {error.strerror or error}.") from None


def _check_number(number: int, title: str) -> None:
    if number > MAX_FILES:
        raise UserError(f"{title} has more than {MAX_FILES:,} files: use a part of them.")


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _reader(file: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)

    return read


def _unzipper(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        return archive.read(info) if info.file_size <= MAX_BYTES else b""

    return read
