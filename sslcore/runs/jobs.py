"""Jobs: runs that train in background threads while others watch.

Readers take immutable views; controls only set flags that the worker looks at between two events.
"""

import atexit
import os
import queue
import sys
import threading
import time
import traceback
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sslcore.errors import UserError
from sslcore.runs.folder import ACTIVE, SESSION, RunFolder, find_run
from sslcore.runs.history import FolderHistory, History, RunView
from sslcore.runs.recorder import ENDINGS, record, resume
from sslcore.settings import RunSettings
from sslcore.training import Finished, Step, Trainer

FOLLOWED = 50  # runs of other processes, and runs that are over, whose history is kept in memory
PATIENCE = 240.0  # seconds: a run nobody watches then pauses, a paused run for which others wait then stops
WAITING = 5  # runs of one owner in the queue
GREETING = 1.2  # seconds of rest after the first step, in which the page of who looks at the run comes up
NICE = 10  # of the threads that train, and of others that nobody waits for
SIGN_SECONDS = 20.0  # between two signs of life of a run, be it queued, paused or in a long step


@dataclass(eq=False)
class Job:
    """One run in this process and the flags by which it is controlled."""

    folder: RunFolder
    settings: RunSettings
    owner: str
    continues: bool = False  # from a checkpoint
    state: str = "queued"
    message: str = ""
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

    def __post_init__(self) -> None:
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

    def now(self) -> RunSettings:
        """The settings with all live knobs where they are."""
        trainer = self.trainer  # the worker may let go of it at any moment
        return trainer.settings if trainer else self.settings


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
    created: float  # seconds since 1970; 0 while it trains here
    pending: str = ""  # "pausing" or "stopping": asked for, but a step or an evaluation is still under way

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


class JobManager:
    """Runs at most ``workers`` trainings at a time, in the order in which they were started."""

    def __init__(self, root: Path, workers: int | None = None, patience: float = PATIENCE) -> None:
        self.root, self.patience = root, patience
        self._jobs: dict[str, Job] = {}
        self._followed: dict[str, FolderHistory] = {}
        self._waiting: list[Job] = []
        self._wake = threading.Condition()
        self._closing = threading.Event()
        self._gpus = torch.cuda.device_count()
        count = workers or max(1, self._gpus)
        self._threads = [
            threading.Thread(target=self._work, args=(i,), name=f"train-{i}", daemon=True)
            for i in range(count)
        ]
        self._threads.append(threading.Thread(target=self._live, name="sign", daemon=True))
        for thread in self._threads:
            thread.start()
        # a daemon thread inside torch while the interpreter goes away would abort the process
        atexit.register(self.close)

    def start(self, settings: RunSettings, owner: str = "") -> str:
        """Queue a run; returns its id at once.

        Raises:
            UserError: if this owner has enough of them in the queue.
        """
        self._check_queue(owner)
        return self._enqueue(Job(RunFolder.create(self.root, settings, owner), settings, owner))

    def resume_folder(self, run: str, owner: str = "") -> str:
        """Continue an interrupted, stopped or failed run from its last checkpoint.

        Raises:
            UserError: if it does not exist, is still active, or belongs to somebody else, or if this owner
                has enough runs in the queue.
        """
        folder = find_run(run, self.root)
        self._check_queue(owner)
        with self._wake:  # two clicks must not train one run twice
            status, known = folder.status(), self._jobs.get(run)
            state = known.state if known and known.active else status["state"]
            if status["owner"] not in ("", owner):
                raise UserError("This run belongs to somebody else: you may watch it, or start your own.")
            if state in (*ACTIVE, "finished", "diverged"):
                raise UserError(
                    f"Run {run} is {state}: only interrupted, stopped and failed runs can be resumed."
                )
            job = Job(folder, folder.settings(), owner, continues=True)
            self._sign(job)
            return self._enqueue(job)

    def _check_queue(self, owner: str) -> None:
        if owner and sum(job.owner == owner for job in list(self._waiting)) >= WAITING:
            raise UserError(
                f"{WAITING} of your runs are waiting already: stop one of them, or wait until one begins."
            )

    def _enqueue(self, job: Job) -> str:
        with self._wake:
            over = [run for run, known in self._jobs.items() if not known.active]
            for run in over[:-FOLLOWED]:
                del self._jobs[run]  # from now on its folder tells
            self._jobs[job.folder.id] = job
            self._waiting.append(job)
            self._wake.notify()
        return job.folder.id

    def pause(self, run: str, owner: str = "") -> None:
        """Stop calling ``next``; nothing is lost."""
        job = self._mine(run, owner, begun=True)
        job.heeded.clear()
        job.go.clear()

    def go_on(self, run: str, owner: str = "") -> None:
        """Continue a paused run."""
        job = self._mine(run, owner)
        if not job.go.is_set():
            job.heeded.clear()
        job.go.set()

    def step(self, run: str, owner: str = "") -> None:
        """Make exactly one optimiser step, then pause."""
        job = self._mine(run, owner, begun=True)
        job.heeded.clear()
        job.single = True
        job.go.set()

    def stop(self, run: str, owner: str = "") -> None:
        """End a run, keeping what it has learned."""
        job = self._mine(run, owner)
        job.heeded.clear()
        with self._wake:
            job.cancelled = True
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "stopped", "Stopped before it began.")
        job.go.set()

    def wait(self, run: str, seconds: float) -> bool:
        """Until the worker has done what was last asked of it, at most so long; whether it has.

        A run that waits in the queue is not waited for.
        """
        job = self._jobs.get(run)
        return job is None or job.state == "queued" or job.heeded.wait(seconds)

    def turn(self, run: str, values: dict[str, Any], owner: str = "") -> None:
        """Change live knobs; of a run that has not begun, it is as if they had been asked for so.

        Raises:
            UserError: if a knob is not live or its value is not legal.
        """
        job = self._mine(run, owner)
        with self._wake:
            job.settings = job.settings.turn(**values)  # complain here, not in the worker
            if job in self._waiting and not job.continues:
                with suppress(OSError):
                    job.folder.ask(job.settings)
            else:
                job.requests.put(values)

    def status(self, run: str) -> JobStatus:
        """Where a run is, from memory if it trains here, else from its folder.

        Raises:
            UserError: if there is no such run.
        """
        job = self._known(run)
        if job is None:
            folder = find_run(run, self.root)
            s, settings = folder.status(), folder.settings()
            label = s.get("label", settings.label())
            return JobStatus(run, s["state"], s["message"], s["owner"], 0, settings, label, s["created"])
        with self._wake:
            place = self._waiting.index(job) + 1 if job in self._waiting else 0
        created = job.folder.status()["created"] if not job.active else 0.0
        settings = job.now()
        told = (job.state, job.message, job.owner, place, settings, settings.label(), created, job.pending)
        return JobStatus(run, *told)

    def view(self, run: str) -> RunView:
        """The history of a run; counts as a look at it.

        Raises:
            UserError: if there is no such run.
        """
        job = self._known(run)
        if job is not None:
            job.seen, job.awaited = time.monotonic(), True
            if job.history is not None:
                return job.history.view()
        with self._wake:
            followed = self._followed.pop(run, None) or FolderHistory(find_run(run, self.root))
            self._followed[run] = followed  # newest last
            while len(self._followed) > FOLLOWED:
                self._followed.pop(next(iter(self._followed)))
        return followed.view()

    def fraction(self, run: str) -> float:
        """Share of the budget that a run has spent; 0 where that is not known yet. No look at it."""
        job = self._jobs.get(run)
        return job.history.view().fraction if job and job.history else 0.0

    def trains(self, run: str) -> bool:
        """Whether a run is in this process and not over."""
        job = self._jobs.get(run)
        return job is not None and job.active

    def forget(self, run: str) -> None:
        """Let go of a run that is over, because its folder was deleted."""
        with self._wake:
            if not self.trains(run):
                self._jobs.pop(run, None)
                self._followed.pop(run, None)

    def active(self) -> list[JobStatus]:
        """Runs in this process that are not over, oldest first."""
        return [self.status(run) for run, job in list(self._jobs.items()) if job.active]

    def close(self) -> None:
        """Stop everything and wait for the threads; runs that were going can be resumed later."""
        with self._wake:
            self._closing.set()
            self._wake.notify_all()
            jobs = list(self._jobs.values())
        for job in jobs:
            job.go.set()
        for thread in self._threads:
            thread.join(30)

    def _known(self, run: str) -> Job | None:
        """A run of this process, unless it was resumed by another one after it was over here."""
        job = self._jobs.get(run)
        if job and not job.active and job.folder.status().get("session") != SESSION:
            return None
        return job

    def _mine(self, run: str, owner: str, begun: bool = False) -> Job:
        job = self._jobs.get(run)
        if job is None or not job.active:
            raise UserError(f"Run {run} is not training here: it may just have ended.")
        if job.owner not in ("", owner):
            raise UserError("This run belongs to somebody else: you may watch it, or start your own.")
        if begun and job in self._waiting:
            raise UserError(f"Run {run} waits in the queue: pause it or make single steps when it has begun.")
        return job

    def _work(self, number: int) -> None:
        step_back()
        while True:
            with self._wake:
                while not self._waiting and not self._closing.is_set():
                    self._wake.wait()
                if self._closing.is_set():
                    return
                job = self._waiting.pop(0)
            try:
                if self._gpus:
                    torch.cuda.set_device(number % self._gpus)  # what "cuda" means in this thread
                self._train(job)
            except UserError as error:
                self._end(job, "failed", str(error))
            except Exception as error:
                if job.trainer is None:  # later than that, the recorder keeps the traceback
                    job.folder.log(traceback.format_exc())
                self._end(job, "failed", f"The run failed: {type(error).__name__}: {error}")

    def _train(self, job: Job) -> None:
        job.state = "running"
        trainer = job.trainer = resume(job.folder) if job.continues else Trainer(job.settings)
        if job.continues:
            job.settings = trainer.settings  # with the knobs that had been turned
        job.history = History.of(job.folder)
        with self._wake:
            self._followed.pop(job.folder.id, None)  # rows may have been taken back unnoticed
        job.message = " ".join(trainer.data.notes)
        job.seen = time.monotonic()
        with closing(record(trainer, job.folder)) as events:
            for event in events:
                job.history.append(event.as_dict())
                if isinstance(event, Finished):
                    self._end(job, ENDINGS[event.reason], job.farewell or event.message)
                if self._closing.is_set():
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
            self._sign(job)
            job.heeded.set()
            self._hold(job)
            job.seen = time.monotonic()
            job.state, job.message = "running", ""
            self._sign(job)
            if not (job.single or job.cancelled):
                job.heeded.set()
        job.trainer.hurried = job.single
        if job.cancelled:
            job.trainer.stop()
        while not job.requests.empty():
            with suppress(UserError):  # of two people turning at once, the second may not fit the first
                job.trainer.update(**job.requests.get())

    def _greet(self, job: Job) -> None:
        """Leave the processors to the page for a moment, unless something is asked of the run."""
        end = time.monotonic() + GREETING
        while time.monotonic() < end and job.heeded.is_set() and not self._closing.is_set():
            time.sleep(0.02)

    def _hold(self, job: Job) -> None:
        """Until somebody lets it go on; while others wait in the queue no longer than the patience."""
        since = None  # when others were first seen to wait
        while not job.go.wait(min(SIGN_SECONDS, self.patience)):
            now = time.monotonic()
            since = (since or now) if self._waiting else None
            if since and now - since > self.patience:
                job.cancelled, job.farewell = True, "Stopped because others were waiting while it was paused."
                return

    def _live(self) -> None:
        """Sign for every run that goes on, so that other processes and machines see that it does."""
        while not self._closing.wait(SIGN_SECONDS):
            for job in [job for job in list(self._jobs.values()) if job.active]:
                with suppress(OSError):
                    job.folder.set_status()

    def _sign(self, job: Job) -> None:
        with suppress(OSError):
            job.folder.set_status(state=job.state, message=job.message)

    def _end(self, job: Job, state: str, message: str) -> None:
        if job.trainer is not None:
            job.settings, job.trainer = job.trainer.settings, None  # networks and data are no longer needed
        job.state, job.message = state, message
        self._sign(job)
        job.heeded.set()


def step_back() -> None:
    """Let this thread, and the threads of a network that it will start, leave the processor to whoever asks for it:
    the page and its browser need little, but at once. Elsewhere than on Linux only whole processes have a priority."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
