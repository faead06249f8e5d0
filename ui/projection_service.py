"""Maps of snapshots for all viewers of this server: PCA at once, UMAP from its own process when it comes.

Nothing here blocks: a tick reads what is there and leaves a request if it is time for one.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from sslcore.projection import UmapProcess, pca
from ui.single import Single

PAUSE = 5.0  # seconds between two requests for a layout
KEPT = 200  # maps remembered


@dataclass(frozen=True)
class Map:
    """Where the held-out images lie, and how and when that was found out."""

    xy: np.ndarray  # (N, 2) float32
    kind: str  # PCA or UMAP
    step: int


class ProjectionService:
    """One per server."""

    def __init__(self, umap: UmapProcess | None = None, pause: float = PAUSE) -> None:
        self.umap, self.pause = umap or UmapProcess(), pause
        self._lock = threading.Lock()
        self._maps: OrderedDict[tuple[str, int, str], np.ndarray] = OrderedDict()
        self._asked = -pause

    def warm_up(self) -> None:
        """Start the layout process, best while nothing trains: it is busy for some ten seconds."""
        self.umap.start()

    def latest(self, run: str, step: int, features: np.ndarray, kind: str = "UMAP") -> Map:
        """The newest map of a run: of this snapshot by PCA, or by UMAP, of this or an earlier one.

        Args:
            features: (N, d) of the snapshot at ``step``.
            kind: "PCA" or "UMAP"; the second falls back to the first until there is a layout.
        """
        with self._lock:
            if kind == "UMAP":
                self._advance(run, step, features)
                found = self._newest(run, "UMAP")
                if found is not None:
                    return Map(self._maps[run, found, "UMAP"], "UMAP", found)
            return Map(self._pca(run, step, features), "PCA", step)

    def at(self, run: str, step: int, features: np.ndarray, kind: str = "UMAP") -> Map:
        """The map of this very snapshot; by PCA until the layout that was asked for has come.

        Args:
            features: (N, d) of the snapshot at ``step``.
            kind: "PCA", "UMAP" or "t-SNE". A layout starts from the nearest snapshot's that is there.
        """
        with self._lock:
            flat = self._pca(run, step, features)
            name = run if kind == "UMAP" else f"{run} {kind}"
            self._collect()
            if kind != "PCA" and (name, step, "UMAP") in self._maps:
                return Map(self._maps[name, step, "UMAP"], kind, step)
            if kind != "PCA" and len(features) > 2:
                steps = [other for known, other, how in self._maps if known == name and how == "UMAP"]
                near = min(steps, key=lambda other: abs(other - step), default=None)
                previous = flat if near is None else self._maps[name, near, "UMAP"]
                how = {"method": "tsne"} if kind == "t-SNE" else {}
                self.umap.request((name, step), features, previous, **how)
            return Map(flat, "PCA", step)

    def behind(self, run: str, step: int) -> bool:
        """Whether a layout of this snapshot is still to come, so that it is worth looking again."""
        with self._lock:
            return not self.umap.error and self._newest(run, "UMAP") != step

    def _collect(self) -> None:
        """Take in a finished layout."""
        answer = self.umap.poll()
        if answer is not None:
            self._keep((*answer[0], "UMAP"), answer[1])

    def _advance(self, run: str, step: int, features: np.ndarray) -> None:
        """Collect a finished layout, ask for the next."""
        self._collect()
        newest, now = self._newest(run, "UMAP"), time.monotonic()
        if newest == step or now - self._asked < self.pause or len(features) < 3:
            return
        previous = self._pca(run, step, features) if newest is None else self._maps[run, newest, "UMAP"]
        if self.umap.request((run, step), features, previous):
            self._asked = now

    def _pca(self, run: str, step: int, features: np.ndarray) -> np.ndarray:
        if (run, step, "PCA") not in self._maps:
            newest = self._newest(run, "PCA")
            previous = None if newest is None else self._maps[run, newest, "PCA"]
            self._keep((run, step, "PCA"), pca(features, previous))
        return self._maps[run, step, "PCA"]

    def _newest(self, run: str, kind: str) -> int | None:
        return max((step for name, step, how in self._maps if name == run and how == kind), default=None)

    def _keep(self, key: tuple[str, int, str], xy: np.ndarray) -> None:
        self._maps[key] = xy
        while len(self._maps) > KEPT:
            self._maps.popitem(last=False)


projections = Single(ProjectionService)
