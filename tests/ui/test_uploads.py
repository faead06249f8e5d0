import os
import time

import pytest

from sslcore.errors import UserError
from ui import uploads
from ui.uploads import UNUSED, make_room

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
