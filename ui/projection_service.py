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
KEPT = 2000  # maps remembered, of some kilobytes each: several long runs


@dataclass(frozen=True, eq=False)
class Map:
    """Where the held-out images lie, and how and when that was found out."""

    xy: np.ndarray  # (N, 2) float32
    kind: str  # PCA, UMAP or t-SNE
    step: int


class ProjectionService:
    """One per server."""

    def __init__(self, umap: UmapProcess | None = None, pause: float = PAUSE) -> None:
        self.umap, self.pause = umap or UmapProcess(), pause
        self._lock = threading.Lock()
        self._maps: OrderedDict[tuple[str, int, str], Map] = OrderedDict()  # by run, step, kind
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
                if newest := self._newest(run, kind, step):
                    return newest
            return self._pca(run, step, features)

    def at(self, run: str, step: int, features: np.ndarray, kind: str = "UMAP") -> Map:
        """The map of this very snapshot; by PCA until the layout that was asked for has come.

        Args:
            features: (N, d) of the snapshot at ``step``.
            kind: "PCA", "UMAP" or "t-SNE". A layout starts from the nearest snapshot's that is there.
        """
        with self._lock:
            flat = self._pca(run, step, features)
            self._collect()
            if (run, step, kind) in self._maps:
                return self._maps[run, step, kind]
            near = self._nearest(run, kind, step) or flat
            how = {"method": "tsne"} if kind == "t-SNE" else {}
            self.umap.request((run, step, kind), features, near.xy, **how)
            return flat

    def behind(self, run: str, step: int) -> bool:
        """Whether a layout of this snapshot is still to come, so that it is worth looking again."""
        with self._lock:
            return not self.umap.error and (run, step, "UMAP") not in self._maps

    def _collect(self) -> None:
        """Take in a finished layout."""
        answer = self.umap.poll()
        if answer is not None:
            (run, step, kind), xy = answer
            self._keep(run, Map(xy, kind, step))

    def _advance(self, run: str, step: int, features: np.ndarray) -> None:
        """Collect a finished layout, ask for the next."""
        self._collect()
        newest, now = self._newest(run, "UMAP", step), time.monotonic()
        if (newest and newest.step == step) or now - self._asked < self.pause:
            return
        previous = newest or self._pca(run, step, features)
        if self.umap.request((run, step, "UMAP"), features, previous.xy):
            self._asked = now

    def _pca(self, run: str, step: int, features: np.ndarray) -> Map:
        if (run, step, "PCA") not in self._maps:
            near = self._nearest(run, "PCA", step)
            self._keep(run, Map(pca(features, near and near.xy), "PCA", step))
        return self._maps[run, step, "PCA"]

    def _of(self, run: str, kind: str) -> list[Map]:
        return [found for (name, _, how), found in self._maps.items() if (name, how) == (run, kind)]

    def _nearest(self, run: str, kind: str, step: int) -> Map | None:
        return min(self._of(run, kind), key=lambda found: abs(found.step - step), default=None)

    def _newest(self, run: str, kind: str, step: int) -> Map | None:
        """The latest map that is not of a later step: a run that was resumed has left those behind."""
        known = (found for found in self._of(run, kind) if found.step <= step)
        return max(known, key=lambda found: found.step, default=None)

    def _keep(self, run: str, found: Map) -> None:
        self._maps[run, found.step, found.kind] = found
        while len(self._maps) > KEPT:
            self._maps.popitem(last=False)


projections = Single(ProjectionService)
