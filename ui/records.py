"""Run folders in short, for tables: read without their thousands of step lines, and only what is new."""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sslcore.errors import UserError
from sslcore.runs import ACTIVE, RunFolder, run_folders
from sslcore.settings import DataSettings
from ui.texts import percent, run_label

STEP_LINE = b'{"event": "step"'


@dataclass(frozen=True)
class Record:
    """One line of a table of runs."""

    id: str
    label: str
    method: str
    data: DataSettings
    state: str
    owner: str
    created: float
    seconds: float
    knn: float | None
    linear: float | None
    verdict: str

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def title(self) -> str:
        """One line to choose the run by."""
        accuracy = "" if self.knn is None else f" · kNN {percent(self.knn)}"
        return f"{self.label}{accuracy} · {self.state} · {self.id}"


def records(root: Path) -> list[Record]:
    """All runs that can be read, newest first."""
    found = []
    for folder in run_folders(root):
        with suppress(UserError):
            found.append(record_of(folder))
    return sorted(found, key=lambda record: record.created, reverse=True)


def record_of(folder: RunFolder) -> Record:
    """One run in short.

    Raises:
        UserError: if its settings cannot be read.
    """
    status = folder.status()
    method, data, label = _asked(folder.path, _changed(folder.path))
    measured = _measured(folder.path)
    return Record(
        folder.id,
        label,
        method,
        data,
        status["state"],
        status["owner"],
        status["created"],
        measured.seconds,
        measured.knn,
        measured.linear,
        measured.verdict,
    )


def _changed(path: Path) -> int:
    """When the settings were written: while a run is in the queue, they may be written again."""
    with suppress(OSError):
        return (path / "settings.json").stat().st_mtime_ns
    return 0


@lru_cache(maxsize=2000)
def _asked(path: Path, changed: int) -> tuple[str, DataSettings, str]:
    settings = RunFolder(path).settings()
    return settings.method, settings.data, run_label(settings.label())


class _Measured(NamedTuple):
    """What the events say that have been read so far, and where in their file they end."""

    end: int = 0
    seconds: float = 0.0
    knn: float | None = None
    linear: float | None = None
    verdict: str = ""


_known: dict[Path, _Measured] = {}


def _measured(path: Path) -> _Measured:
    """What has been measured; reads only what is new."""
    found = _known.get(path, _Measured())
    if RunFolder(path).rewritten(found.end):
        found = _Measured()  # the run was resumed from a checkpoint and took rows back
    with suppress(OSError), open(path / "metrics.jsonl", "rb") as file:
        end = file.seek(found.end)
        for line in file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            if not line.startswith(STEP_LINE):
                found = _updated(found, line)
        found = _known[path] = found._replace(end=end)
    return found


def _updated(found: _Measured, line: bytes) -> _Measured:
    with suppress(ValueError, KeyError):
        row = json.loads(line)
        found = found._replace(seconds=row["seconds"])
        if row["event"] == "evaluation" and row["step"]:  # that of step 0 is the untrained network's
            new = {name: row[name] for name in ("knn", "linear") if row[name] is not None}
            return found._replace(**new)
        if row["event"] == "diagnosis":
            return found._replace(verdict=row["verdict"])
    return found
