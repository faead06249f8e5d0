"""What of a run folder leaves the server, and how a run is deleted."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

from sslcore.errors import UserError
from sslcore.runs import ACTIVE, RunFolder
from ui.owner import refusal
from ui.texts import portable

PRIVATE = ("owner", "pid", "born", "host", "session")  # entries of the status that are nobody else's business


def result_files(folder: RunFolder) -> dict[str, bytes]:
    """Settings, status, metrics and log by name; without the key of the owner and the place of uploads."""
    found = {}
    for name in ("settings.json", "metrics.jsonl", "log.txt"):
        with suppress(OSError):
            found[name] = portable(_text(folder.path / name)).encode()
    status = {name: value for name, value in folder.status().items() if name not in PRIVATE}
    found["status.json"] = portable(json.dumps(status, indent=2)).encode()
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def weights_file(folder: RunFolder) -> Path | None:
    """The newest whole checkpoint's tensors, if there is one."""
    whole = [file.with_suffix(".safetensors") for file in sorted(folder.checkpoint.glob("*.json"))]
    return next((file for file in reversed(whole) if file.exists()), None)


def delete_run(folder: RunFolder) -> None:
    """Remove a run that is over.

    Raises:
        UserError: if this browser may not control it, it is still going, or it cannot be removed.
    """
    status = folder.status()
    if told := refusal(status["owner"]):
        raise UserError(told)
    if status["state"] in ACTIVE:
        raise UserError(f"Run {folder.id} is still {status['state']}: stop it before deleting it.")
    try:
        shutil.rmtree(folder.path)
    except OSError as error:
        raise UserError(f"Run {folder.id} cannot be deleted: {error.strerror}.") from None
