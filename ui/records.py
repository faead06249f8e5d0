"""Run folders in short, for tables: read without their thousands of step lines, kept until they change."""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sslcore.errors import UserError
from sslcore.runs import ACTIVE, RunFolder, all_runs
from sslcore.settings import DataSettings
from ui.texts import run_label

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


def records(root: Path) -> list[Record]:
    """All runs that can be read, newest first."""
    found = []
    for folder in all_runs(root):
        with suppress(UserError):
            found.append(record_of(folder))
    return found


def record_of(folder: RunFolder) -> Record:
    """One run in short.

    Raises:
        UserError: if its settings cannot be read.
    """
    status = folder.status()
    method, data, label = _asked(folder.path, _changed(folder.path))
    knn, linear, verdict, seconds = _measured(folder.path, _size(folder.path))
    return Record(
        folder.id,
        label,
        method,
        data,
        status["state"],
        status["owner"],
        status["created"],
        seconds,
        knn,
        linear,
        verdict,
    )


def _size(path: Path) -> int:
    with suppress(OSError):
        return (path / "metrics.jsonl").stat().st_size
    return 0


def _changed(path: Path) -> int:
    """When the settings were written: while a run is in the queue, they may be written again."""
    with suppress(OSError):
        return (path / "settings.json").stat().st_mtime_ns
    return 0


@lru_cache(maxsize=2000)
def _asked(path: Path, changed: int) -> tuple[str, DataSettings, str]:
    settings = RunFolder(path).settings()
    return settings.method, settings.data, run_label(settings.label())


@lru_cache(maxsize=2000)
def _measured(path: Path, size: int) -> tuple[float | None, float | None, str, float]:
    knn = linear = None
    verdict, seconds = "", 0.0
    with suppress(OSError), open(path / "metrics.jsonl", "rb") as file:
        for line in file:
            if line.startswith(STEP_LINE) or not line.endswith(b"\n"):
                continue
            with suppress(ValueError, KeyError):
                row = json.loads(line)
                seconds = row["seconds"]
                if row["event"] == "evaluation":
                    knn = row["knn"] if row["knn"] is not None else knn
                    linear = row["linear"] if row["linear"] is not None else linear
                elif row["event"] == "diagnosis":
                    verdict = row["verdict"]
    return knn, linear, verdict, seconds
