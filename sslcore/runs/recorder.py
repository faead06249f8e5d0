"""Recording: passes a trainer's events on while writing them down."""

import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from sslcore.data import ImageData
from sslcore.errors import UserError
from sslcore.runs import checkpoint
from sslcore.runs.folder import ACTIVE, SIGN_SECONDS, RunFolder, encode
from sslcore.training import Event, Finished, Measuring, Snapshot, Step, Trainer
from sslcore.training.build import images_of

CHECKPOINT_SECONDS = 5.0
ENDINGS = {"budget": "finished", "stopped": "stopped", "diverged": "diverged"}


def record(
    trainer: Trainer, folder: RunFolder, warn: Callable[[str], None] = lambda trouble: None
) -> Iterator[Event]:
    """Iterate a trainer, writing every event into the run folder before passing it on.

    A disk that fills up does not end the run: what was written stays, and ``warn``, the log and, if there is room
    for it, the status are told that recording ended. A crash is recorded with its traceback and raised again; a
    run that is left, or interrupted from the keyboard, can be resumed.
    """
    tape, over = _Tape(trainer, folder, warn), False
    try:
        for event in trainer:
            tape.write(event)
            over = isinstance(event, Finished)
            yield event
    except UserError as error:
        message = str(error)
        folder.log(message)
        tape.guard(lambda: folder.set_status(state="failed", message=message))
        raise
    except (GeneratorExit, KeyboardInterrupt):
        if not over:
            left = "The run was left before its end."
            tape.guard(lambda: folder.set_status(state="interrupted", message=left))
        raise
    except BaseException as error:
        folder.log(traceback.format_exc())
        message = f"The run failed: {type(error).__name__}: {error}"
        tape.guard(lambda: folder.set_status(state="failed", message=message))
        raise
    finally:
        tape.close()


class _Tape:
    """The open metrics file and the time of the last checkpoint."""

    def __init__(self, trainer: Trainer, folder: RunFolder, warn: Callable[[str], None]) -> None:
        self.trainer, self.folder, self.warn, self.full = trainer, folder, warn, False
        self.file = None
        self.guard(self._open)
        self.saved = self.signed = time.monotonic()

    def _open(self) -> None:
        self.file = open(self.folder.path / "metrics.jsonl", "ab")  # noqa: SIM115 - closed in close()
        # of what was asked for: knobs turned since have rows of their own
        command = self.folder.settings().command()
        self.folder.set_status(state="running", message="", trouble="", command=command)
        self.folder.log(f"{self.folder.id}: {self.trainer.settings.label()} on {self.trainer.device}")

    def write(self, event: Event) -> None:
        if not isinstance(event, Measuring):
            self.guard(lambda: self._write(event))
        elif time.monotonic() - self.signed > SIGN_SECONDS:
            self.guard(self._sign)

    def _sign(self) -> None:
        """A sign of life: measuring may take longer than others wait for one."""
        self.folder.set_status()
        self.signed = time.monotonic()

    def _write(self, event: Event) -> None:
        if isinstance(event, Snapshot):
            self._name_images()
            self.folder.save_snapshot(event)
        if isinstance(event, Finished) and event.reason != "diverged":
            self._checkpoint()  # before the last row, which a resumed run takes back
        self.file.write(encode(event))
        self.file.flush()  # who follows the run from elsewhere sees every step, also of one that pauses
        if isinstance(event, Finished):
            self.folder.set_status(state=ENDINGS[event.reason], message=event.message)
            self.folder.log(event.message)
        elif isinstance(event, Step) and time.monotonic() - self.saved > CHECKPOINT_SECONDS:
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._name_images()
        os.fsync(self.file.fileno())
        checkpoint.save(self.folder.checkpoint, {**self.trainer.state(), "rows_end": self.file.tell()})
        self.saved = time.monotonic()

    def _name_images(self) -> None:
        """Before anything is kept that means nothing beside other images. Not when the run begins: nobody waits
        for the hash then."""
        self.folder.set_status(fingerprint=self.trainer.data.fingerprint)

    def guard(self, write) -> None:
        """Do some writing; after the first failure nothing more is tried."""
        if self.full:
            return
        try:
            write()
        except OSError as error:
            self.full = True
            trouble = f"Recording ended: {error.strerror or error}. What came later was only in memory."
            self.warn(trouble)
            self.folder.log(trouble)
            with suppress(OSError):
                self.folder.set_status(trouble=trouble)

    def close(self) -> None:
        if self.file is not None:
            with suppress(OSError):
                self.file.close()


def resume(folder: RunFolder, data: ImageData | None = None) -> Trainer:
    """A trainer that continues a recorded run from its last checkpoint.

    Rows and snapshots written after that checkpoint are dropped: the run makes them again.

    Raises:
        UserError: if the run is over, has no readable checkpoint, or its images are not here or have changed.
    """
    status = folder.status()
    if status["state"] in ("finished", "diverged"):
        raise UserError(f"Run {folder.id} is already {status['state']}: there is nothing left to resume.")
    waits_here = status["state"] == "queued" and status["pid"] == os.getpid()
    if status["state"] in ACTIVE and not waits_here:
        raise UserError(f"Run {folder.id} is still {status['state']} in process {status['pid']}.")
    settings = folder.settings()
    try:
        state = checkpoint.load(folder.checkpoint)
    except UserError:
        if any(folder.checkpoint.glob("*.json")):
            raise
        # killed before its first checkpoint: start over under the same name
        trainer = Trainer(settings, data)
        _cut(folder, 0, -1)
        return trainer
    data = images_of(settings) if data is None else data
    folder.check_images(data)
    trainer = Trainer(settings, data, resume=state)
    _cut(folder, state["rows_end"], state["step"])  # only now: nothing is lost if it cannot go on
    return trainer


def _cut(folder: RunFolder, rows_end: int, step: int) -> None:
    metrics: Path = folder.path / "metrics.jsonl"
    if metrics.exists():
        os.truncate(metrics, min(rows_end, metrics.stat().st_size))
    for later in folder.snapshot_steps():
        if later > step:
            folder.snapshot_file(later).unlink()
