import io
import os
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from sslcore.data import load
from sslcore.errors import UserError
from ui import jobs, uploads
from ui.uploads import UNUSED, keep_upload, make_room, uploads_root

SIZE = 4000  # bytes of an upload in these tests


@pytest.fixture
def names(tmp_path, monkeypatch):
    """Three uploads, the oldest first, in a place for four; returns the names of what is there."""
    monkeypatch.setattr(uploads, "LIMIT", 4 * SIZE)
    for age, name in ((300, "old.zip"), (200, "middle.zip"), (100, "new.zip")):
        (tmp_path / name).write_bytes(bytes(SIZE))
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    return lambda: sorted(file.name for file in tmp_path.iterdir())


def test_nothing_is_deleted_while_there_is_room(names, tmp_path):
    make_room(tmp_path, (), SIZE)
    assert len(names()) == 3


def test_the_oldest_that_no_run_learns_from_go_first(names, tmp_path):
    make_room(tmp_path, {"old.zip"}, 2 * SIZE)
    assert names() == ["new.zip", "old.zip"]


def test_what_runs_learn_from_is_never_deleted(names, tmp_path):
    with pytest.raises(UserError, match="delete a run"):
        make_room(tmp_path, {"old.zip", "middle.zip", "new.zip"}, 2 * SIZE)
    assert len(names()) == 3


def test_what_is_long_unused_goes_in_any_case(names, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "0.png").write_bytes(b"image")
    os.utime(folder, (time.time() - 2 * UNUSED,) * 2)
    make_room(tmp_path, (), 0)
    assert names() == ["middle.zip", "new.zip", "old.zip"]


def test_a_server_without_uploads_has_room(tmp_path):
    make_room(tmp_path / "nothing here", (), 1)


@pytest.fixture
def images(tmp_path, monkeypatch):
    """What a visitor may bring, to a server without uploads: images by "images", a zip of them by "zip"."""
    monkeypatch.setenv("SSL_PLAYGROUND_RUNS", str(tmp_path))
    jobs.reset()
    files, pack = [], io.BytesIO()
    with zipfile.ZipFile(pack, "w") as archive:
        for number in range(8):
            file = io.BytesIO()
            Image.new("RGB", (8, 8), (30 * number, 0, 0)).save(file, "png")
            files.append((f"{number}.png", file.getvalue()))
            archive.writestr(*files[-1])
    yield {"images": files, "zip": [("all.zip", pack.getvalue())]}
    jobs.reset()


@pytest.mark.parametrize("kind", ["images", "zip"])
def test_an_upload_that_is_here_already_is_not_written_again(images, kind):
    place = Path(keep_upload(images[kind])[0].removeprefix("folder:"))
    files = list(place.iterdir()) if place.is_dir() else [place]
    before = time.time() - 1000
    for file in (place, *files):
        os.utime(file, (before, before))
    assert keep_upload(images[kind])[0] == f"folder:{place}"
    assert all(file.stat().st_mtime == pytest.approx(before) for file in files)
    assert kind == "zip" or place.stat().st_mtime > before + 900, "it has just been of use"


@pytest.mark.parametrize("kind", ["images", "zip"])
def test_a_disk_that_fills_up_leaves_nothing_half(images, kind, monkeypatch):
    write, written = Path.write_bytes, []

    def fill(place, content):
        written.append(place)
        write(place, content[: len(content) // 2])
        if kind == "zip" or len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(UserError, match="No space left"):
        keep_upload(images[kind])
    assert written and not list(uploads_root().iterdir())


@pytest.mark.parametrize("kind", ["images", "zip"])
def test_what_a_crash_left_half_is_stored_anew(images, kind):
    place = Path(keep_upload(images[kind])[0].removeprefix("folder:"))
    whole = sorted(file.read_bytes() for file in place.rglob("*")) if place.is_dir() else place.read_bytes()
    place.rename(place.with_suffix(".partial"))
    keep_upload(images[kind])
    again = sorted(file.read_bytes() for file in place.rglob("*")) if place.is_dir() else place.read_bytes()
    assert again == whole and list(uploads_root().iterdir()) == [place]


@pytest.mark.parametrize("kind", ["images", "zip"])
def test_decoded_copies_go_with_their_upload(images, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path / "cache"))
    name, _ = keep_upload(images[kind])
    load(name)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    os.utime(name.removeprefix("folder:"), (time.time() - 2 * UNUSED,) * 2)
    make_room(uploads_root(), (), 0)
    assert not list(uploads_root().iterdir()) and not list((tmp_path / "cache").iterdir())
