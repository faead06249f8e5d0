"""Tensors on disk that may vanish at any time: nothing in the cache is needed, it only saves time."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch

from sslcore.data.images import Split

Progress = Callable[[float, str], None]


def cache_root(cache: Path | None = None) -> Path:
    """Where downloads and prepared tensors live: ``cache``, else ``$SSL_PLAYGROUND_CACHE``, else the
    user's cache folder."""
    chosen = cache or os.environ.get("SSL_PLAYGROUND_CACHE") or platformdirs.user_cache_dir("ssl-playground")
    return Path(chosen).expanduser()


def cached(file: Path, make: Callable[[], tuple[dict[str, Split], Any]]) -> tuple[dict[str, Split], Any]:
    """Splits by name and a JSON value from ``file``; if it is missing or damaged, made anew and kept.

    Writing is atomic, and a disk that is full or read-only costs the cache only.
    """
    # A damaged archive fails in a dozen ways; each of them means the same: make it again.
    with suppress(Exception):
        return _read(file)
    made = make()
    with suppress(OSError):
        _write(file, *made)
    return made


def prune(files: Iterable[Path], room: int) -> None:
    """Keep the files that were used last, as many as fit into ``room`` bytes, and delete the others."""
    found = []
    for file in files:
        with suppress(OSError):  # another process may prune too
            found.append((file.stat().st_mtime, file.stat().st_size, file))
    for _, size, file in sorted(found, reverse=True):
        room -= size
        if room < 0:
            with suppress(OSError):
                file.unlink()


def _read(file: Path) -> tuple[dict[str, Split], Any]:
    with np.load(file, allow_pickle=False) as stored:
        value = json.loads(str(stored["value"]))
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files if name != "value"}
    splits = {}
    for key in (name for name in tensors if name.endswith("/images")):
        name = key.removesuffix("/images")
        prefix = f"{name}/factors/"
        known = {other.removeprefix(prefix): t for other, t in tensors.items() if other.startswith(prefix)}
        splits[name] = Split(tensors[key], tensors.get(f"{name}/labels"), known)
    return splits, value


def _write(file: Path, splits: dict[str, Split], value: Any) -> None:
    arrays = {"value": np.array(json.dumps(value))}
    for name, split in splits.items():
        arrays[f"{name}/images"] = split.images.numpy()
        if split.labels is not None:
            arrays[f"{name}/labels"] = split.labels.numpy()
        arrays |= {f"{name}/factors/{key}": factor.numpy() for key, factor in split.factors.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
