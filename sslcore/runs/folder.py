"""The run folder: all that is left of a run when the process is gone, and all that others need to watch it.

settings.json      what was asked
status.json        where it is, and on which images; replaced atomically
metrics.jsonl      one line per event
snapshots/         held-out images as the network saw them, <step>.npz
checkpoint/        to continue from
log.txt            for people
"""

import json
import os
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from sslcore.data import ImageData
from sslcore.errors import UserError
from sslcore.runs.checkpoint import write_json
from sslcore.settings import RunSettings
from sslcore.training.events import Event, Snapshot

ACTIVE = ("queued", "running", "paused")
RESUMABLE = ("interrupted", "stopped", "failed")
ID = re.compile(r"\w[\w.-]{0,99}", re.ASCII)  # what a run's folder may be called
MOST_SNAPSHOTS = 200  # some hundred kilobytes each
SIGN_SECONDS = 20.0  # between two signs of life of a run, be it queued, paused, measured or in a long step
STALE = 90.0  # seconds without a sign of life from a process of which nothing else is known
# Tells this process from an earlier one of the same number: in a container every server is process 1.
SESSION = secrets.token_hex(8)
_signing = threading.Lock()  # of two threads that sign at once, neither may undo what the other says


def runs_root(given: str | os.PathLike | None = None) -> Path:
    """Where runs are kept: the argument, else ``$SSL_PLAYGROUND_RUNS``, else ``./runs``."""
    return Path(given or os.environ.get("SSL_PLAYGROUND_RUNS") or "runs")


class RunFolder:
    """One run on disk. Reading never fails on a folder that was cut off in the middle of writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    @classmethod
    def create(cls, root: Path, settings: RunSettings, owner: str = "") -> "RunFolder":
        """A new folder with a short random id.

        Raises:
            UserError: if the place cannot be written to.
        """
        folder = cls(root / f"{settings.method}-{secrets.token_hex(3)}")
        try:
            (folder.path / "snapshots").mkdir(parents=True)
            folder.ask(settings, state="queued", created=time.time(), owner=owner)
        except OSError as error:
            raise UserError(f"The run cannot be recorded in {root}: {error.strerror}.") from None
        return folder

    def ask(self, settings: RunSettings, **status: Any) -> None:
        """Write down what the run is to be, before it begins.

        Raises:
            OSError: if it cannot be written.
        """
        write_json(self.path / "settings.json", settings.to_json())
        self.set_status(label=settings.label(), **status)

    def settings(self) -> RunSettings:
        """What was asked.

        Raises:
            UserError: if the settings cannot be read.
        """
        try:
            return RunSettings.from_json(json.loads((self.path / "settings.json").read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"The run folder {self.path} has no readable settings: {error}") from None

    def status(self) -> dict[str, Any]:
        """``state`` and what goes with it; a run whose process is gone is ``interrupted``."""
        status: dict[str, Any] = {"state": "interrupted", "message": "", "created": 0.0, "owner": ""}
        with suppress(OSError, ValueError, TypeError):  # TypeError: JSON, but no object
            status |= json.loads((self.path / "status.json").read_text())
        if status["state"] in ACTIVE and not _alive(status):
            status["state"] = "interrupted"
            status["message"] = "The process that trained this run ended before it did."
        return status

    def set_status(self, **changes: Any) -> None:
        """Change some entries of the status and sign it as alive.

        Raises:
            OSError: if it cannot be written.
        """
        pid, status = os.getpid(), {}
        with _signing:
            with suppress(OSError, ValueError, TypeError):
                status |= json.loads((self.path / "status.json").read_text())
            status.update(changes, updated=time.time())
            status.update(pid=pid, born=_born(pid), host=socket.gethostname(), session=SESSION)
            write_json(self.path / "status.json", status)

    @property
    def fingerprint(self) -> str:
        """Of the images that the run learns from and is judged on; empty before its first snapshot or checkpoint, and
        in runs of earlier versions."""
        return self.status().get("fingerprint", "")

    def check_images(self, data: ImageData) -> None:
        """Make sure that these are the images of the run, as far as it is known. Data that have a name are taken for
        the same everywhere: another release of a library may draw or resize them a shade differently.

        Raises:
            UserError: if a folder or zip holds others than it did.
        """
        if data.name.startswith("folder:") and self.fingerprint not in ("", data.fingerprint):
            raise UserError(
                f"'{data.name}' does not hold the images any more that run {self.id} learned from: "
                "bring them back, or start a new run."
            )

    def rewritten(self, offset: int) -> bool:
        """Whether the events before a byte offset, at which a line ended, are no longer those, as far as one byte
        tells: a file that was cut and has grown past it again rarely has the end of a line just there."""
        with suppress(OSError), open(self.path / "metrics.jsonl", "rb") as file:
            file.seek(max(0, offset - 1))
            return offset > 0 and file.read(1) != b"\n"
        return False

    def rows(self, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Events after a byte offset, each with the offset behind it; a half-written last line is left."""
        with suppress(OSError), open(self.path / "metrics.jsonl", "rb") as file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                start += len(line)
                with suppress(ValueError):
                    yield start, json.loads(line)

    def snapshot_steps(self) -> list[int]:
        """Steps of which there is a snapshot, in order."""
        return sorted(int(file.stem) for file in (self.path / "snapshots").glob("*.npz"))

    def snapshot(self, step: int) -> dict[str, np.ndarray] | None:
        """``features``, ``projections`` and ``predictions`` at a step, or None."""
        # a damaged archive fails in a dozen ways
        with suppress(Exception), np.load(self.snapshot_file(step)) as arrays:
            return {name: arrays[name] for name in ("features", "projections", "predictions")}
        return None

    def save_snapshot(self, event: Snapshot) -> None:
        """Store a snapshot atomically. Of a long run every other one will do, the first and the last among them."""
        file = self.snapshot_file(event.step)
        partial = file.with_suffix(".partial")
        with open(partial, "wb") as stream:
            np.savez(
                stream, features=event.features, projections=event.projections, predictions=event.predictions
            )
        os.replace(partial, file)
        steps = self.snapshot_steps()
        if len(steps) > MOST_SNAPSHOTS:
            for step in steps[1:-1:2]:
                self.snapshot_file(step).unlink(missing_ok=True)

    def snapshot_file(self, step: int) -> Path:
        """Where the snapshot of a step is kept."""
        return self.path / "snapshots" / f"{step:09d}.npz"

    def log(self, text: str) -> None:
        """Append a line for people; a full disk is no reason to stop."""
        with (
            suppress(OSError),
            open(self.path / "log.txt", "a", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"


def encode(event: Event) -> bytes:
    """One line of ``metrics.jsonl``; figures that are not numbers become null."""
    return (json.dumps(finite(event.as_dict())) + "\n").encode()


def finite(value: Any) -> Any:
    """Plain data with None in place of floats that JSON does not know: nan and the infinities."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def find_run(run: str, root: Path) -> RunFolder:
    """A run by its id. Whatever a link says, it never leads out of the root.

    Raises:
        UserError: if there is no such run.
    """
    if ID.fullmatch(run) and (root / run / "settings.json").is_file():
        return RunFolder(root / run)
    raise UserError(f"There is no run '{run}' here: it may have been deleted, or belongs to another server.")


def open_run(name: str, root: Path) -> RunFolder:
    """A run by the path of its folder or by its id: for the owner of this machine.

    Raises:
        UserError: if there is no such run.
    """
    path = Path(name)
    return RunFolder(path) if (path / "settings.json").is_file() else find_run(name, root)


def run_folders(root: Path) -> list[RunFolder]:
    """Every run under a root, in no order."""
    return [RunFolder(file.parent) for file in root.glob("*/settings.json") if ID.fullmatch(file.parent.name)]


def all_runs(root: Path) -> list[RunFolder]:
    """Every run under a root, newest first."""
    return sorted(run_folders(root), key=lambda run: run.status()["created"], reverse=True)


def _alive(status: dict[str, Any]) -> bool:
    """Whether the process that signed a status still runs."""
    pid = status.get("pid")
    if status.get("host") == socket.gethostname():
        if pid == os.getpid():
            return status.get("session") == SESSION
        if status.get("born"):
            return _born(pid) == status["born"]
        if sys.platform != "win32" and not _taken(pid):
            return False
    return time.time() - status.get("updated", 0.0) < STALE


def _born(pid: int) -> str:
    """When a process began, which tells it from others of the same number: the boot and the clock ticks since.
    Empty where there is none, or where the system, other than Linux, does not tell."""
    with suppress(OSError, IndexError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # field 22 of proc(5); the name of the program, in brackets, may hold anything
        return f"{boot} {Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    return ""


def _taken(pid: int) -> bool:
    """Whether any process has this number. Not for Windows, where it would be sent an interrupt."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError, TypeError):
        return False
    return True
