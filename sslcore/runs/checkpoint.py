"""Checkpoints: safetensors for tensors, JSON for the rest, nothing that has to be unpickled.

A checkpoint is two files, ``<step>.safetensors`` and ``<step>.json``. The JSON is written last and names the
other's size, so a process killed at any moment leaves the previous checkpoint whole.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sslcore.errors import UserError

KEPT = 2


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of :meth:`Trainer.state` atomically and forget all but the last two.

    Raises:
        OSError: if it cannot be written; earlier checkpoints are untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    plain = _split(state, "", tensors)
    name = f"{state['step']:09d}"
    weights = folder / f"{name}.safetensors"
    partial = weights.with_suffix(".partial")
    # clones: tied or strided tensors may share storage, which safetensors refuses
    write_tensors(partial, {key: t.detach().cpu().contiguous().clone() for key, t in tensors.items()})
    size = partial.stat().st_size
    os.replace(partial, weights)
    write_json(folder / f"{name}.json", {"bytes": size, "state": plain})
    kept = {file.stem for file in sorted(folder.glob("*.json"))[-KEPT:]}
    for file in folder.iterdir():
        if file.name.partition(".")[0] not in kept:  # also what a crash left half
            with suppress(OSError):  # elsewhere than on POSIX, while somebody reads it: next time
                file.unlink()


def load(folder: Path) -> dict[str, Any]:
    """The newest whole checkpoint.

    Raises:
        UserError: if there is none, or none that can be read.
    """
    found = sorted(folder.glob("*.json"), reverse=True)
    for file in found:
        try:
            saved = json.loads(file.read_text())
            weights = file.with_suffix(".safetensors")
            if weights.stat().st_size == saved["bytes"]:
                return _join(saved["state"], load_file(weights))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            continue
    if found:
        raise UserError(f"The checkpoint in {folder} is damaged and cannot be read: start the run again.")
    raise UserError(f"There is no checkpoint in {folder} yet: the run ended before its first one.")


def write_tensors(file: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Write a safetensors file, with words ``about`` it in its header.

    Raises:
        OSError: if it cannot be written.
    """
    try:
        save_file(tensors, file, about)
    except SafetensorError as error:  # safetensors reports a full disk or a missing folder as its own error
        raise OSError(str(error)) from error


def write_json(file: Path, content: Any) -> None:
    """Replace a JSON file in one step, so that readers see the old or the new one, never half."""
    partial = file.with_suffix(".json.partial")
    partial.write_text(json.dumps(content))
    os.replace(partial, file)


def _split(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Move tensors out of a nested state, leaving their names behind."""
    if isinstance(value, Tensor):
        tensors[path] = value
        return {"tensor": path}
    if isinstance(value, dict):
        return {"items": [[key, _split(item, f"{path}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_split(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]}
    return value


def _join(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "list" in value:
        return [_join(item, tensors) for item in value["list"]]
    return {key: _join(item, tensors) for key, item in value["items"]}


def encoder_weights(state: dict[str, Any]) -> dict[str, Tensor]:
    """The encoder's part of a checkpoint, ready for ``load_state_dict``."""
    prefix = "encoder."
    return {k.removeprefix(prefix): v for k, v in state["method"].items() if k.startswith(prefix)}
