"""One run in this process: where it is, what it has learned so far, and the flags by which it is controlled."""

import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from sslcore.runs.folder import ACTIVE, RunFolder
from sslcore.runs.history import History
from sslcore.settings import RunSettings
from sslcore.training import Trainer


@dataclass(eq=False)
class Job:
    """A run from the queue to its end. The worker moves it on; everybody else sets its flags."""

    folder: RunFolder
    settings: RunSettings
    owner: str
    continues: bool = False  # from a checkpoint
    state: str = "queued"
    message: str = ""
    trouble: str = ""  # with recording it
    history: History | None = None  # from when it begins; until then its folder tells
    trainer: Trainer | None = None
    go: threading.Event = field(default_factory=threading.Event)  # cleared: paused
    single: bool = False  # make one step, then pause
    cancelled: bool = False
    farewell: str = ""  # why it was, if nobody asked
    heeded: threading.Event = field(default_factory=threading.Event)  # cleared: the worker is asked something
    requests: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)  # live knobs to turn
    seen: float = field(default_factory=time.monotonic)  # when a viewer last looked
    awaited: bool = False  # whether a viewer has looked at all
    created: float = field(init=False)  # seconds since 1970

    def __post_init__(self) -> None:
        self.created = self.folder.status()["created"]
        self.go.set()
        self.heeded.set()

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def pending(self) -> str:
        """What was asked of the worker while it is busy."""
        if self.state != "running":
            return ""
        return "stopping" if self.cancelled else "" if self.go.is_set() else "pausing"

    def status(self, place: int) -> "JobStatus":
        """What a page shows of it.

        Args:
            place: in the queue, from 1; 0 when it does not wait.
        """
        return JobStatus(
            self.folder.id,
            self.state,
            self.message,
            self.owner,
            place,
            self.settings,
            self.settings.label(),
            self.created,
            self.trouble,
            self.pending,
        )

    def sign(self) -> None:
        """Write down where it is; a full disk is no reason to stop."""
        with suppress(OSError):
            self.folder.set_status(state=self.state, message=self.message, trouble=self.trouble)

    def end(self, state: str, message: str) -> None:
        """It is over: networks and data are no longer needed."""
        if self.trainer is not None:
            self.settings, self.trainer = self.trainer.settings, None
        self.state, self.message = state, message
        self.sign()
        self.heeded.set()


@dataclass(frozen=True)
class JobStatus:
    """What a page shows of a run, wherever it trains."""

    id: str
    state: str
    message: str
    owner: str
    place: int  # in the queue, 0 when not waiting
    settings: RunSettings
    label: str
    created: float  # seconds since 1970
    trouble: str = ""  # with recording it
    pending: str = ""  # "pausing" or "stopping": asked for, but a step or an evaluation is still under way

    @classmethod
    def of(cls, folder: RunFolder) -> Self:
        """Of a run that trains elsewhere, or is over.

        Raises:
            UserError: if its settings cannot be read.
        """
        now, settings = folder.status(), folder.settings()
        label = now.get("label", settings.label())
        said = now["created"], now.get("trouble", "")
        return cls(folder.id, now["state"], now["message"], now["owner"], 0, settings, label, *said)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE
