"""What a network sees and answers, on images that stay the same: made from checkpoints in a side thread.

A page asks and takes what is there; at most one preview is being made at a time.
"""

import threading
import time
from dataclasses import dataclass

import torch

from sslcore.errors import UserError
from sslcore.methods.base import Panel, first_images
from sslcore.runs import RunFolder
from sslcore.runs.worker import step_back
from ui.single import Single
from ui.trained import newest_checkpoint, trained_method

SHOWN = 8  # images in a preview
PAUSE = 8.0  # seconds between two previews of a run
KEPT = 50  # runs whose preview is remembered


@dataclass(frozen=True)
class Preview:
    """Panels made by the network as it was after ``step`` steps."""

    step: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class _Tried:
    """The checkpoint of a run from which a preview was tried last, the newest preview, and why there is no newer."""

    step: int | None = None
    made: Preview | None = None
    why: str = ""


class PreviewService:
    """One per server."""

    def __init__(self, pause: float = PAUSE) -> None:
        self.pause = pause
        self._lock = threading.Lock()
        self._done: dict[str, _Tried] = {}  # by run
        self._asked: dict[str, float] = {}  # by run: when a preview was begun
        self._worker: threading.Thread | None = None
        self._making = False

    def latest(self, folder: RunFolder) -> Preview | None:
        """The newest preview of a run; asks for another if there is a newer checkpoint."""
        newest, now = newest_checkpoint(folder), time.monotonic()
        with self._lock:
            last = self._done.get(folder.id, _Tried())
            self._asked = {run: at for run, at in self._asked.items() if now - at < self.pause}
            if (
                newest != last.step
                and newest is not None
                and not self._making
                and folder.id not in self._asked
            ):
                self._asked[folder.id], self._making = now, True
                # no daemon: Python waits for it at the end, and does not tear it out of torch's code
                self._worker = threading.Thread(target=self._make, args=(folder, newest), name="preview")
                self._worker.start()
            return last.made

    def behind(self, folder: RunFolder) -> bool:
        """Whether a preview of the newest checkpoint is still to come, so that it is worth looking again."""
        newest = newest_checkpoint(folder)
        with self._lock:
            return newest is not None and self._done.get(folder.id, _Tried()).step != newest

    def why_not(self, folder: RunFolder) -> str:
        """Why no preview of a run could be made, in a sentence; empty if none failed."""
        with self._lock:
            return self._done.get(folder.id, _Tried()).why

    def wait(self) -> None:
        """Until nothing is being made (for tests)."""
        if self._worker is not None:
            self._worker.join()

    def _make(self, folder: RunFolder, newest: int) -> None:
        step_back()
        made, why = None, "It could not be made."
        try:
            made, why = make_preview(folder), ""
        except (UserError, OSError) as error:  # a checkpoint or a dataset that is gone
            why = str(error)
        finally:
            with self._lock:
                self._making = False
                before = self._done.pop(folder.id, _Tried()).made
                self._done[folder.id] = _Tried(newest, made or before, why)
                while len(self._done) > KEPT:
                    self._done.pop(next(iter(self._done)))


def make_preview(folder: RunFolder) -> Preview:
    """Load the newest checkpoint and let the network look at the first held-out images.

    Raises:
        UserError: if there is no checkpoint, or the images of the run are not here.
    """
    method, data, step = trained_method(folder)
    with torch.no_grad():
        seen = method.views(first_images(data.test, SHOWN), torch.Generator().manual_seed(0))
        panels = method.preview(seen)
    return Preview(step, tuple(panels))


previews = Single(PreviewService)
