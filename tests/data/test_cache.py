import errno
import os

import pytest
import torch

from sslcore.data.cache import cache_root, cached, prune
from sslcore.data.images import Split


@pytest.fixture
def made():
    """A maker of splits that counts how often it was needed."""
    images = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    split = Split(images, torch.arange(4), {"x": torch.rand(4), "place": torch.arange(4)})

    def make():
        make.calls += 1
        return {"train": split, "test": Split(images[:1])}, ["notes"]

    make.calls = 0
    return make


def test_what_was_kept_comes_back_whole(tmp_path, made):
    first, _ = cached(tmp_path / "a" / "b.npz", made)
    second, value = cached(tmp_path / "a" / "b.npz", made)
    assert made.calls == 1
    assert value == ["notes"]
    assert torch.equal(first["train"].images, second["train"].images)
    assert second["train"].factors["x"].dtype == torch.float32
    assert torch.equal(first["train"].factors["x"], second["train"].factors["x"])
    assert second["test"].labels is None
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.npz"]


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:400] + b"\xff" + b[401:]]
)
def test_a_damaged_file_is_made_again(tmp_path, made, damage):
    file = tmp_path / "b.npz"
    cached(file, made)
    file.write_bytes(damage(file.read_bytes()))
    again, _ = cached(file, made)
    assert made.calls == 2
    assert torch.equal(again["train"].images, made()[0]["train"].images)
    cached(file, made)
    assert made.calls == 3  # the call of the line above only: the file is whole again


def test_a_full_disk_costs_the_cache_only(tmp_path, made, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    splits, _ = cached(tmp_path / "b.npz", made)
    assert len(splits["train"]) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_costs_the_cache_only(tmp_path, made):
    (tmp_path / "file").write_text("in the way")
    splits, _ = cached(tmp_path / "file" / "b.npz", made)
    assert len(splits["train"]) == 4


def test_the_root_is_the_argument_then_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path / "environment"))
    assert cache_root(tmp_path / "argument") == tmp_path / "argument"
    assert cache_root() == tmp_path / "environment"
    monkeypatch.delenv("SSL_PLAYGROUND_CACHE")
    assert cache_root().name == "ssl-playground"


def test_the_files_used_last_are_kept_as_long_as_there_is_room(tmp_path):
    for age, name in ((400, "a"), (100, "b"), (300, "c"), (200, "d")):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1e9 - age,) * 2)
    prune([*tmp_path.iterdir(), tmp_path / "gone"], 29)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b", "d"]
