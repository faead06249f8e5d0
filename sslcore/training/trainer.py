"""The trainer: an iterator of events. Pausing is not calling ``next``.

for event in Trainer(RunSettings.build("simclr")):
    print(event)
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from math import isfinite
from typing import Any

import torch

from sslcore import distributed
from sslcore.data import ImageData
from sslcore.data.bags import Bags
from sslcore.errors import UserError
from sslcore.knobs import knobs_of
from sslcore.methods.base import Batch, Epoch, Losses, Progress
from sslcore.registry import get_method
from sslcore.settings import EvaluationSettings, RunSettings
from sslcore.training.background import in_background
from sslcore.training.build import build_method, check_views, images_of, load_weights
from sslcore.training.events import Changed, Event, Finished, Measuring, Step
from sslcore.training.machine import pick_device, pick_precision
from sslcore.training.optimisers import build_optimiser, load_optimiser, set_rate
from sslcore.training.referee import GivenUpError, Referee

BEGINNING = 40  # steps before the untrained network is measured: who starts a run sees it move first
HEARTBEAT = 0.1  # seconds between events while something is measured
DIAGNOSES_PER_EVALUATION = 5
SECONDS_PER_EVALUATION = 5.0
MOST_EVALUATIONS = knobs_of(EvaluationSettings)["evaluations"].high  # in a long run too
PROBES = 4  # evaluations in a run that also fit the linear probe, the last one among them
# of training time: what evaluations may cost where the budget is time, the last one apart
EVALUATION_SHARE = 0.4


class Trainer(Iterator[Event]):
    """Trains one method on one dataset.

    Args:
        settings: the run as it was asked for.
        data: the images, if already loaded.
        download: fetch a public dataset that is not on this machine yet.
        resume: what :meth:`state` returned earlier; the run continues as if it had never stopped, with live
            knobs where they had been turned.

    Raises:
        UserError: if the data cannot be had or do not fit the settings.
    """

    def __init__(
        self,
        settings: RunSettings,
        data: ImageData | None = None,
        *,
        resume: dict[str, Any] | None = None,
        download: bool = False,
    ) -> None:
        if data is None:
            data = images_of(settings, download=download)
        self.settings, self.data = settings, data
        self._check()
        self.device = pick_device(settings.machine.device)
        self.precision = (
            resume["precision"] if resume else pick_precision(self.device, settings.machine.precision)
        )
        method = build_method(settings, data)
        check_views(method, data)
        self.method = method.to(self.device, memory_format=torch.channels_last)
        distributed.synchronise(self.method)
        self.method.train()
        self.optimiser = build_optimiser(self.method, settings.optimiser, self.device)
        self.generator = torch.Generator().manual_seed(settings.machine.seed)
        train, used = data.train, self.method.learns_from(len(data.train))
        self.images = train.images[:used].to(self.device)
        self.labels = None if train.labels is None else train.labels[:used].to(self.device)
        self.bags = Bags(train.bags[:used]) if self.method.uses_bags(settings) else None
        if self.bags is not None:  # there may be fewer than the data have
            self._check_batch(len(self.bags), "bags")
        # in which networks run: bf16 matrix products, or nothing; no method, so that nobody holds the trainer
        self.autocast = partial(
            torch.autocast, self.device.type, torch.bfloat16, enabled=self.precision == "bf16"
        )
        self.referee = Referee(self.method, data, settings, self.autocast)
        self.step, self.seconds, self.speed = 0, 0.0, 0.0
        self.order = torch.empty(0, dtype=torch.long)
        self.measured = 0.0  # share of the budget up to which everything due has been measured
        self.introduced = False  # whether the untrained network has been measured
        self.hurried = False  # whether somebody waits for the next step
        self._introduction: Future[Iterable[Event]] | None = None  # the untrained network being measured
        self._evaluated = 0.0  # share of the budget at the last evaluation that was made
        self._evaluating = 0.0  # seconds spent on evaluations by this trainer
        self._stopped = False
        self._pending: list[Event] = []
        if resume:
            self._load(resume)
        self._began = self.seconds
        self._events = self._guarded(fresh=resume is None)

    def __next__(self) -> Event:
        return next(self._events)

    @property
    def batch_size(self) -> int:
        return self.settings.optimiser.batch_size

    @property
    def fraction(self) -> float:
        """Share of the budget that is spent, in [0, 1]."""
        budget = self.settings.budget
        rows = len(self.images) if self.bags is None else len(self.bags)
        total = budget.steps or budget.epochs * (rows // self.batch_size)
        return min(1.0, self.step / total if total else self.seconds / budget.seconds)

    def stop(self) -> None:
        """End the run after the current step. An evaluation that is due then is left to whoever resumes it."""
        self._stopped = True
        self.referee.given_up = self.fraction < 1

    def update(self, **values: Any) -> None:
        """Turn live knobs while the run is going.

        Raises:
            UserError: if a knob is not live or the value is not legal.
        """
        self.settings = self.method.settings = self.settings.turn(**values)
        self._pending.append(Changed(self.step, self.seconds, values))

    def _check(self) -> None:
        self._check_batch(len(self.data.train.images), "training images")
        if self.batch_size % distributed.processes():
            raise UserError(
                f"A batch of {self.batch_size} cannot be shared evenly by {distributed.processes()} processes: "
                "set batch_size to a multiple of that."
            )
        name, title, bags = self.settings.method, self.data.title, self.data.train.bags
        if get_method(name).needs_labels and self.data.train.labels is None:
            raise UserError(
                f"{name} learns from labels and the training images of {title} have none: choose labelled data or "
                "another method."
            )
        for part in get_method(name).made_of(self.settings):
            if get_method(part).needs_colour and not self.data.coloured:
                other = "another method" if part == name else "a mixture without it"
                raise UserError(
                    f"{part} learns from colours and {title} has none: choose other data or {other}."
                )
        if get_method(name).uses_bags(self.settings) and bags is None:
            raise UserError(
                f"{name} learns from bags, several images of the same thing, and {title} has none: "
                "choose data that has, such as toybox."
            )

    def _check_batch(self, count: int, what: str) -> None:
        if count < self.batch_size:
            remedy = f"set batch_size to {count} or less" if count > 1 else "training takes at least two"
            raise UserError(f"A batch of {self.batch_size} does not fit {count} {what}: {remedy}.")

    def _guarded(self, fresh: bool) -> Iterator[Event]:
        try:
            yield from self._run(fresh)
        except torch.OutOfMemoryError as error:
            raise UserError(
                "The GPU has too little memory for this run: set batch_size, width or image_size lower."
            ) from error

    def _run(self, fresh: bool) -> Iterator[Event]:
        if fresh and distributed.leads():
            yield self.referee.diagnose(self.step, self.seconds)
        yield from self._measure()
        while self.fraction < 1 and not self._stopped:
            yield from self._turned()
            event = self._step()
            yield event
            if not (isfinite(event.loss) and isfinite(event.gradient_norm)):
                yield Finished(self.step, self.seconds, "diverged", self._obituary(event))
                return
            yield from self._measure()
        yield from self._turned()  # while it was held
        if self.fraction < 1:
            yield Finished(self.step, self.seconds, "stopped", f"Stopped after {_steps(self.step)}.")
        else:
            yield Finished(self.step, self.seconds, "budget", f"Finished after {_steps(self.step)}.")

    def _turned(self) -> Iterator[Event]:
        """The knobs that have been turned since the last event."""
        while self._pending:
            yield self._pending.pop(0)

    def _measure(self) -> Iterator[Event]:
        """Whatever is due now that more of the budget is spent than at the last measurement."""

        def done(times: int) -> tuple[int, int]:
            """Of so many measurements in the budget, how many lie behind: at the last one, and now."""
            return int(self.measured * times + 1e-9), int(self.fraction * times + 1e-9)

        evaluations = self._evaluations()
        if distributed.leads():
            due, (before, now) = done(evaluations * DIAGNOSES_PER_EVALUATION), done(evaluations)
            if not self.introduced and (self.step >= BEGINNING or due[1] > due[0]):
                self._introduction = self._introduction or self._introduce()
                # accuracies are recorded in the order of their steps: one that is due waits, and so does a hurried step
                self.introduced = yield from self._await(
                    self._introduction, lambda: self._stopped or (self.hurried and now == before)
                )
                if self.introduced:
                    self._introduction = None
                elif self._stopped:
                    return
            if now > before and (now == evaluations or self._has_time_to_evaluate()):
                # dearer than neighbours: only at the first evaluation behind each quarter of the budget
                made = int(self._evaluated * evaluations + 1e-9)
                linear = now * PROBES // evaluations > made * PROBES // evaluations
                try:
                    yield from self._await(in_background(lambda: self._evaluate(linear)))
                except GivenUpError:
                    return
                self._evaluated = self.fraction
            if due[1] > due[0]:
                yield self.referee.diagnose(self.step, self.seconds)
        self.measured = self.fraction

    def _evaluate(self, linear: bool) -> Iterable[Event]:
        start = time.perf_counter()
        found = self.referee.evaluate(self.step, self.seconds, linear=linear)
        self._evaluating += time.perf_counter() - start
        return found

    def _introduce(self) -> Future[Iterable[Event]]:
        """What the network was worth before its first step; the seed alone makes the same one again."""
        method = build_method(self.settings, self.data).to(self.device, memory_format=torch.channels_last)
        referee = Referee(method, self.data, self.settings, self.autocast)
        return in_background(lambda: (referee.baselines(0, 0.0), *referee.evaluate(0, 0.0, linear=False)))

    def _await(
        self, found: Future[Iterable[Event]], leaves: Callable[[], bool] = lambda: False
    ) -> Generator[Event, None, bool]:
        """What is measured meanwhile; until then signs of life, at which whoever listens can pause the run.

        Returns whether it came before there was a reason to leave; it may come later, or never.
        """
        while wait([found], HEARTBEAT).not_done:
            yield Measuring(self.step, self.seconds)
            if leaves():
                return False
        yield from found.result()
        return True

    def _has_time_to_evaluate(self) -> bool:
        """Whether people who asked for a minute would not wait much longer. In steps, runs are reproducible."""
        budget = self.settings.budget
        timed = not (budget.steps or budget.epochs)
        return not timed or self._evaluating <= EVALUATION_SHARE * (self.seconds - self._began)

    def _evaluations(self) -> int:
        asked = self.settings.evaluation.evaluations
        if asked:
            return asked
        budget = self.settings.budget
        if budget.steps or budget.epochs:
            return 12
        return min(max(4, round(budget.seconds / SECONDS_PER_EVALUATION)), MOST_EVALUATIONS)

    def _step(self) -> Step:
        start = time.perf_counter()
        rate = set_rate(self.optimiser, self.settings.optimiser, self.fraction)
        losses, norm = self._update()
        loss = losses.total.item()
        self.step += 1
        self.method.after_step(Progress(self.step, self.fraction))
        spent = distributed.of_first(time.perf_counter() - start)
        self.seconds += spent
        now = self.batch_size / spent
        self.speed = now if self.step <= 3 else 0.9 * self.speed + 0.1 * now
        return Step(
            self.step,
            self.seconds,
            fraction=self.fraction,
            loss=loss,
            terms={name: term.item() for name, term in losses.terms.items()},
            metrics={name: metric.item() for name, metric in losses.metrics.items()},
            learning_rate=rate,
            gradient_norm=norm.item(),
            images_per_second=self.speed,
        )

    def _update(self) -> tuple[Losses, torch.Tensor]:
        """One gradient step."""
        with torch.no_grad():
            views = distributed.share(self.method.views(self.next_batch(), self.generator))
        with self.autocast():
            losses = self.method.loss(views)
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        distributed.average_gradients(self.method.parameters())
        limit = self.settings.optimiser.gradient_clip or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(self.method.parameters(), limit)
        if isfinite(norm):
            self.optimiser.step()
        return Losses(distributed.average(losses.terms), distributed.average(losses.metrics)), norm

    def next_batch(self) -> Batch:
        """The next images of a random order; the incomplete batch at the end of an epoch is dropped.

        With bags an epoch has one image of each, so that no other image of a bag is taken for a different thing.
        """
        if len(self.order) < self.batch_size:
            self.order = (
                torch.randperm(len(self.images), generator=self.generator)
                if self.bags is None
                else self.bags.one_of_each(self.generator)
            )
            with torch.no_grad(), self.autocast():
                self.method.on_epoch(Epoch(self.step, self.images, self.generator))
        index, self.order = self.order.split([self.batch_size, len(self.order) - self.batch_size])
        others = None if self.bags is None else self.bags.partners(index, self.generator).to(self.device)
        index = index.to(self.device)
        labels = None if self.labels is None else self.labels[index]
        partners = None if others is None else self.images.index_select(0, others)
        return Batch(self.images.index_select(0, index), labels, index, partners)

    def _obituary(self, event: Step) -> str:
        what = "loss" if not isfinite(event.loss) else "gradient"
        lower = self.settings.optimiser.learning_rate / 10
        return (
            f"The {what} stopped being a number at step {event.step}, so the run ended itself. "
            f"The learning rate of {self.settings.optimiser.learning_rate:g} is probably too high: try {lower:g}."
        )

    def state(self) -> dict[str, Any]:
        """Everything needed to continue bit for bit: tensors and plain values only.

        To be taken when the last event was a ``Step``: what is due at that step is then measured on resuming.
        """
        return {
            "settings": self.settings.to_json(),
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "order": self.order,
            "lamp": self.referee.lamp.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "speed": self.speed,
            "measured": self.measured,
            "introduced": self.introduced,
            "precision": self.precision,
        }

    def _load(self, state: dict[str, Any]) -> None:
        # only now: the lamp looks at views as they were when the run began
        self.settings = self.method.settings = RunSettings.from_json(state["settings"])
        load_weights(self.method, state["method"])
        try:
            load_optimiser(self.optimiser, state["optimiser"])
            self.generator.set_state(state["generator"])
            self.referee.lamp.load_state_dict(state["lamp"])
            self.order = state["order"]
            for name in ("step", "seconds", "speed", "measured"):
                setattr(self, name, state[name])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                "This run was made by another version, which kept other things to continue from: start it anew."
            ) from error
        self.introduced = state.get("introduced", True)  # earlier versions began with the untrained network
        self._evaluated = self.measured


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
