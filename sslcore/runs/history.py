"""The history of a run, folded from its events: the same whether they come live or from disk."""

import threading
from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, log2
from operator import add
from typing import Any, Self

import numpy as np

from sslcore.runs.folder import RunFolder

POINTS = 400  # a curve is never longer than this
KEPT = 16 * POINTS  # points from which a curve is drawn; even, because they are merged two by two
ROWS = 1000  # evaluations, diagnoses and so on in memory; the folder keeps them all


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
        """The last measured ``knn`` or ``linear``; once there are steps, not that of the network before them."""
        rows = (row for row in reversed(self.evaluations) if row["step"] or not self.step)
        return next((row[name] for row in rows if row[name] is not None), None)


class Series:
    """The values of every step in bounded memory: when there are ``KEPT`` means, neighbours are merged."""

    def __init__(self) -> None:
        self.ends, self.sums = array("q"), array("d")  # last step and sum of values of each mean
        self.stride = 1  # steps per mean
        self.newest = 0  # steps in the last one so far

    def put(self, step: int, value: float) -> None:
        if self.newest < self.stride and self.ends:
            self.ends[-1] = step
            self.sums[-1] += value
            self.newest += 1
            return
        if len(self.ends) == KEPT:
            self.ends = self.ends[1::2]
            self.sums = array("d", map(add, self.sums[::2], self.sums[1::2]))
            self.stride *= 2
        self.ends.append(step)
        self.sums.append(value)
        self.newest = 1

    def curve(self) -> Curve:
        """At most ``POINTS`` points, each the mean of equally many steps; the newest are never left out."""
        ends, sums = np.array(self.ends), np.array(self.sums)
        counts = np.full(len(ends), self.stride)
        counts[-1] = self.newest
        group = -(-len(ends) // POINTS)
        lead = len(ends) % group
        starts = np.arange(lead, len(ends), group)
        starts = np.concatenate([[0], starts]) if lead else starts
        last = np.append(starts[1:], len(ends)) - 1
        means = np.add.reduceat(sums, starts) / np.add.reduceat(counts, starts)
        return Curve(ends[last], means.astype(np.float32), group * self.stride)


class History:
    """Collects rows (``Event.as_dict()``) from one thread and hands views to others.

    What it holds does not grow with the length of a run: old points of curves are merged into means, and of
    the other rows an even choice over the run is kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[str, Series] = defaultdict(Series)
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._last: dict[str, Any] = {}
        self._version = 0
        self._view = RunView()

    @classmethod
    def of(cls, folder: RunFolder) -> Self:
        """What a run has recorded so far."""
        history = cls()
        for _, row in folder.rows():
            history.append(row)
        return history

    def append(self, row: dict[str, Any]) -> None:
        """Take in one event."""
        if row["event"] == "measuring":  # nothing has happened yet
            return
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
                rows = self._rows[row["event"]]
                rows.append(row)
                if len(rows) > ROWS:
                    self._rows[row["event"]] = thin(rows)

    def _put(self, step: int, name: str, value: float | None) -> None:
        self._series[name].put(step, np.nan if value is None else value)

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
                curves={name: series.curve() for name, series in self._series.items()},
                baselines={k: v for k, v in baselines.items() if k not in ("event", "step", "seconds")},
                evaluations=tuple(self._rows["evaluation"]),
                diagnoses=tuple(self._rows["diagnosis"]),
                changes=tuple(self._rows["changed"]),
                snapshots=tuple(row["step"] for row in self._rows["snapshot"]),
                finished=self._rows["finished"][-1] if self._rows["finished"] else None,
            )
            return self._view


def thin(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most about half of ``ROWS`` rows, evenly over the steps; the last one and linear probes stay.

    Of every stretch of steps the first row is kept. Stretches double, so what is kept depends on the steps
    alone, not on how often rows were thinned before.
    """
    steps = np.array([row["step"] for row in rows])
    steps -= steps[0]
    stretch = 2.0 ** ceil(log2(max(steps[-1], 1) / (ROWS // 2)))
    chosen = {len(rows) - 1, *np.unique(steps // stretch, return_index=True)[1].tolist()}
    return [row for at, row in enumerate(rows) if at in chosen or row.get("linear") is not None]


class FolderHistory:
    """Follows a run that another process writes: reads only what is new. Any number of threads may look."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._reading = threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self._history, self._offset = History(), 0

    def view(self) -> RunView:
        """The picture now."""
        with self._reading:
            if self.folder.rewritten(self._offset):
                self._restart()  # the run was resumed from a checkpoint and took rows back
            for end, row in self.folder.rows(self._offset):
                self._history.append(row)
                self._offset = end
            return self._history.view()
