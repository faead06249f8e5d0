"""The worker: trains a run in a background thread, and between two events does what it is asked."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial

from sslcore.errors import UserError
from sslcore.runs.history import History
from sslcore.runs.job import Job
from sslcore.runs.recorder import ENDINGS, record, resume
from sslcore.training import Finished, Step, Trainer

GREETING = 1.2  # seconds of rest after the first step, in which the page of who looks at the run comes up
NICE = 10  # of the threads that train, and of others that nobody waits for
LOOK_SECONDS = 20.0  # between two looks of a paused run at the queue


@dataclass(frozen=True)
class Worker:
    """Trains runs.

    Attributes:
        patience: seconds; a run nobody watches then pauses, a paused run for which others wait then stops.
        leaving: set when the program ends; what is going on is left to be resumed.
        others_wait: whether there is a run in the queue.
    """

    patience: float
    leaving: threading.Event
    others_wait: Callable[[], bool]

    def train(self, job: Job) -> None:
        """A run from its beginning, or from its checkpoint, to its end.

        Raises:
            UserError: if it cannot begin, or its method breaks it off.
        """
        job.state = "running"
        trainer = job.trainer = resume(job.folder) if job.continues else Trainer(job.settings)
        if job.continues:
            job.settings = trainer.settings  # with the knobs that had been turned before
            self._turn(job)
        job.history = History.of(job.folder)
        job.message = " ".join(trainer.data.notes)
        job.seen = time.monotonic()
        with closing(record(trainer, job.folder, partial(setattr, job, "trouble"))) as events:
            for event in events:
                job.history.append(event.as_dict())
                if isinstance(event, Finished):
                    job.end(ENDINGS[event.reason], job.farewell or event.message)
                if self.leaving.is_set():
                    return
                if job.active:
                    self._obey(job, made_step=isinstance(event, Step))

    def _obey(self, job: Job, made_step: bool) -> None:
        """Between two events: pause, stop, turn knobs; knobs last, so that they turn before the next step."""
        if made_step and job.trainer.step == 1 and job.awaited:
            self._greet(job)
        if job.single and made_step:
            job.single = False
            job.go.clear()
        if time.monotonic() - job.seen > self.patience:
            job.go.clear()
            job.message = "Paused because nobody was watching."
        if not job.go.is_set() and job.active:
            job.state = "paused"
            job.sign()
            job.heeded.set()
            self._hold(job)
            job.seen = time.monotonic()
            job.state, job.message = "running", ""
            job.sign()
            if not (job.single or job.cancelled):
                job.heeded.set()
        job.trainer.hurried = job.single
        if job.cancelled:
            job.trainer.stop()
        self._turn(job)

    def _turn(self, job: Job) -> None:
        """Pass on the knobs that were asked to be turned."""
        while not job.requests.empty():
            with suppress(UserError):  # of two people turning at once, the second may not fit the first
                job.trainer.update(**job.requests.get())
            job.settings = job.trainer.settings

    def _greet(self, job: Job) -> None:
        """Leave the processors to the page for a moment, unless something is asked of the run."""
        end = time.monotonic() + GREETING
        while time.monotonic() < end and job.heeded.is_set() and not self.leaving.is_set():
            time.sleep(0.02)

    def _hold(self, job: Job) -> None:
        """Until somebody lets it go on; while others wait in the queue no longer than the patience."""
        since = None  # when others were first seen to wait
        while not job.go.wait(min(LOOK_SECONDS, self.patience)):
            now = time.monotonic()
            since = (since or now) if self.others_wait() else None
            if since and now - since > self.patience:
                job.cancelled, job.farewell = True, "Stopped because others were waiting while it was paused."
                return


def step_back() -> None:
    """Let this thread, and the threads of a network that it will start, leave the processor to whoever asks for it:
    the page and its browser need little, but at once. Elsewhere than on Linux only whole processes have a priority."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
