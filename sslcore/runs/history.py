"""The history of a run, folded from its events: the same whether they come live or from disk."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sslcore.runs.folder import RunFolder

POINTS = 400  # a curve is never longer than this


@dataclass(frozen=True)
class Curve:
    """Values over steps. Where there are more steps than points, each point is the mean of ``stride`` steps."""

    step: np.ndarray
    value: np.ndarray
    stride: int = 1


@dataclass(frozen=True)
class RunView:
    """An immutable picture of a run for readers; ``version`` grows with every event."""

    version: int = 0
    step: int = 0
    seconds: float = 0.0
    fraction: float = 0.0
    images_per_second: float = 0.0
    learning_rate: float = 0.0
    curves: Mapping[str, Curve] = field(
        default_factory=dict
    )  # loss, term/<name>, metric/<name>, gradient_norm
    baselines: Mapping[str, float | None] = field(default_factory=dict)
    evaluations: tuple[Mapping[str, Any], ...] = ()
    diagnoses: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[Mapping[str, Any], ...] = ()
    snapshots: tuple[int, ...] = ()
    finished: Mapping[str, Any] | None = None

    @property
    def verdict(self) -> str:
        """The collapse lamp now; empty before the first diagnosis."""
        return self.diagnoses[-1]["verdict"] if self.diagnoses else ""

    def latest(self, name: str) -> float | None:
        """The last measured ``knn`` or ``linear``."""
        return next((row[name] for row in reversed(self.evaluations) if row[name] is not None), None)


class History:
    """Collects rows (``Event.as_dict()``) from one thread and hands views to others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._last: dict[str, Any] = {}
        self._version = 0
        self._view = RunView()

    def append(self, row: dict[str, Any]) -> None:
        """Take in one event."""
        with self._lock:
            self._version += 1
            if row["event"] == "step":
                self._last = row
                self._put(row["step"], "loss", row["loss"])
                self._put(row["step"], "gradient_norm", row["gradient_norm"])
                self._put(row["step"], "learning_rate", row["learning_rate"])
                for kind in ("term", "metric"):
                    for name, value in row[f"{kind}s"].items():
                        self._put(row["step"], f"{kind}/{name}", value)
            else:
                self._rows[row["event"]].append(row)

    def _put(self, step: int, name: str, value: float | None) -> None:
        steps, values = self._series[name]
        steps.append(step)
        values.append(np.nan if value is None else value)

    def view(self) -> RunView:
        """The picture now; cheap when nothing has happened since the last one."""
        with self._lock:
            if self._view.version == self._version:
                return self._view
            baselines = self._rows["baselines"][-1] if self._rows["baselines"] else {}
            self._view = RunView(
                version=self._version,
                step=self._last.get("step", 0),
                seconds=self._last.get("seconds", 0.0),
                fraction=self._last.get("fraction", 0.0),
                images_per_second=self._last.get("images_per_second", 0.0),
                learning_rate=self._last.get("learning_rate", 0.0),
                curves={name: thin(*series) for name, series in self._series.items()},
                baselines={k: v for k, v in baselines.items() if k not in ("event", "step", "seconds")},
                evaluations=tuple(self._rows["evaluation"]),
                diagnoses=tuple(self._rows["diagnosis"]),
                changes=tuple(self._rows["changed"]),
                snapshots=tuple(row["step"] for row in self._rows["snapshot"]),
                finished=self._rows["finished"][-1] if self._rows["finished"] else None,
            )
            return self._view


def thin(steps: list[int], values: list[float]) -> Curve:
    """At most ``POINTS`` points, each the mean of equally many steps; the newest steps are never left out."""
    stride = -(-len(steps) // POINTS)
    if stride <= 1:
        return Curve(np.asarray(steps), np.asarray(values, dtype=np.float32))
    lead = len(steps) % stride
    starts = np.arange(lead, len(steps), stride)
    starts = np.concatenate([[0], starts]) if lead else starts
    sums = np.add.reduceat(np.asarray(values, dtype=np.float64), starts)
    counts = np.diff(np.append(starts, len(steps)))
    ends = np.append(starts[1:], len(steps)) - 1
    return Curve(np.asarray(steps)[ends], (sums / counts).astype(np.float32), stride)


class FolderHistory:
    """Follows a run that another process writes: reads only what is new, once for all who look."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self._history, self._offset = History(), 0

    def view(self) -> RunView:
        """The picture now."""
        file = self.folder.path / "metrics.jsonl"
        with self._lock:
            if file.exists() and file.stat().st_size < self._offset:
                self._restart()  # the run was resumed from a checkpoint and took rows back
            for end, row in self.folder.rows(self._offset):
                self._history.append(row)
                self._offset = end
            return self._history.view()
