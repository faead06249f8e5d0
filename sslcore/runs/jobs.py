"""The job manager: runs that train in background threads while others watch.

Readers take immutable views; controls only set flags that the worker looks at between two events.
"""

import atexit
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from sslcore.errors import UserError
from sslcore.runs.folder import RESUMABLE, SESSION, SIGN_SECONDS, RunFolder, find_run
from sslcore.runs.history import FolderHistory, RunView
from sslcore.runs.job import Job, JobStatus
from sslcore.runs.worker import Worker, step_back
from sslcore.settings import RunSettings

FOLLOWED = 50  # runs of other processes, and runs that are over, whose history is kept in memory
PATIENCE = 240.0  # seconds: a run nobody watches then pauses, a paused run for which others wait then stops
WAITING = 5  # runs of one owner in the queue
FOREIGN = "This run belongs to somebody else: you may watch it, or start your own."


class JobManager:
    """Runs at most ``workers`` trainings at a time, in the order in which they were started."""

    def __init__(self, root: Path, workers: int | None = None, patience: float = PATIENCE) -> None:
        self.root = root
        self._jobs: dict[str, Job] = {}
        self._followed: dict[str, FolderHistory] = {}
        self._waiting: list[Job] = []
        self._wake = threading.Condition()
        self._closing = threading.Event()
        self._worker = Worker(patience, self._closing, others_wait=lambda: bool(self._waiting))
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
                raise UserError(FOREIGN)
            if state not in RESUMABLE:
                raise UserError(
                    f"Run {run} is {state}: only interrupted, stopped and failed runs can be resumed."
                )
            job = Job(folder, folder.settings(), owner, continues=True)
            job.sign()
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
                self.forget(run)
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
        if job.state == "paused":
            job.heeded.clear()
            job.go.set()
        else:  # it has not come to the pause
            job.go.set()
            job.heeded.set()

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
                job.end("stopped", "Stopped before it began.")
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
            return JobStatus.of(find_run(run, self.root))
        with self._wake:
            place = self._waiting.index(job) + 1 if job in self._waiting else 0
        return job.status(place)

    def watch(self, run: str) -> None:
        """Look at a run, if it is in this process: one that nobody watches pauses."""
        if job := self._jobs.get(run):
            job.seen, job.awaited = time.monotonic(), True

    def view(self, run: str) -> RunView:
        """The history of a run; counts as a look at it.

        Raises:
            UserError: if there is no such run.
        """
        self.watch(run)
        job = self._known(run)
        if job is not None and job.history is not None:
            if run in self._followed:
                with self._wake:
                    self._followed.pop(run, None)  # rows may have been taken back unnoticed
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
        """Let go of a run that is over: from now on its folder tells, if it is still there."""
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
            raise UserError(FOREIGN)
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
                self._worker.train(job)
            except UserError as error:
                job.end("failed", str(error))
            except Exception as error:
                if job.folder.status()["state"] != "failed":  # else the recorder has kept the traceback
                    job.folder.log(traceback.format_exc())
                job.end("failed", f"The run failed: {type(error).__name__}: {error}")

    def _live(self) -> None:
        """Sign for every run that goes on, so that other processes and machines see that it does."""
        while not self._closing.wait(SIGN_SECONDS):
            for job in [job for job in list(self._jobs.values()) if job.active]:
                with suppress(OSError):
                    job.folder.set_status()
