"""Multi-task: several pretext tasks teach one encoder."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Progress, Views
from sslcore.registry import Card, Switch, methods, register
from sslcore.settings import RunSettings
from sslcore.views.lab import lightness


class MultitaskSettings(KnobModel):
    tasks: str = knob(
        "rotation,context_prediction,colorization",
        help="Ids of pretext or reconstruction methods, with commas between them: jigsaw, counting, exemplar ...",
    )
    harmonise: bool = knob(True, help="All tasks see gray, so that colours do not tell which task it is.")
    balance: bool = knob(True, help="Each loss is divided by what guessing costs, so that all start from 1.")


@cache
def possible() -> tuple[str, ...]:
    """Methods that can teach an encoder that is not theirs alone."""
    families = ("pretext", "reconstruction")
    fitting = (name for name, method in methods().items() if method.card.family in families)
    return tuple(name for name in fitting if name not in ("multitask", "split_brain"))


def parts(settings: RunSettings) -> dict[str, RunSettings]:
    """The settings of every task: its own knobs as they come, everything else as in this run."""
    names = [name.strip() for name in settings["tasks"].split(",") if name.strip()]
    if not names or any(name not in possible() or names.count(name) > 1 for name in names):
        raise UserError(
            f"tasks takes one or more of {', '.join(possible())}, each once, not '{settings['tasks']}'."
        )
    own = type(settings.knobs).model_fields
    shared = {name: value for name, value in settings.flat().items() if name not in own}
    return {name: RunSettings.build(name, **shared) for name in names}


def guess(part: RunSettings) -> float:
    """What guessing costs in a task, or collapsing where guessing has no price."""
    card = methods()[part.method].card
    price = card.chance or card.collapse
    return price(part) if price else 1.0


@register
class Multitask(Method):
    """Doersch, Zisserman, ICCV 2017, arXiv 1708.07860; the tasks share all of the encoder."""

    card = Card(
        id="multitask",
        title="Multi-task",
        family="pretext",
        year=2017,
        paper="Doersch, Zisserman · ICCV 2017",
        arxiv="1708.07860",
        idea="Different pretext tasks need different knowledge, so one encoder that serves several of them should know "
        "more than any alone. Each task has its own head, and all pull at the same weights.",
        formula=r"\sum_n w_n\,\mathcal L_n,\quad w_n=\frac{1}{\mathcal L_n^{\mathrm{guess}}}",
        sees="What each of its tasks shows: turned, cut up, drained of colour.",
        target="What each of its tasks asks.",
        chance=lambda s: sum(1.0 if s["balance"] else guess(part) for part in parts(s).values()),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"harmonise": False},
                "Colour tells the encoder which task it serves: it may split into parts that share nothing.",
            ),
            Switch({"balance": False}, "The task with the largest loss pulls hardest."),
        ),
        notes=(
            "Watch the gradient norms: tasks whose pull is weak are hardly learned.",
            "The paper gives every task its own batch-norm statistics and its own choice of layers; here they share.",
        ),
    )
    Settings = MultitaskSettings
    defaults = {"batch_size": 128, "jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.tasks = nn.ModuleDict()
        self.weight = {}
        for name, part in parts(settings).items():
            task = methods()[name](part, info)
            del task.encoder
            object.__setattr__(task, "encoder", self.encoder)  # used but not owned: its weights count once
            self.tasks[name] = task
            self.weight[name] = 1 / guess(part) if self.knobs.balance else 1.0

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        parts(settings)

    def learns_from(self, count: int) -> int:
        return min(task.learns_from(count) for task in self.tasks.values())

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        gray = replace(batch, images=lightness(batch.images)) if self.knobs.harmonise else batch
        views = {}
        for name, task in self.tasks.items():
            task.settings = replace(task.settings, views=self.settings.views)  # live knobs may have moved
            # a task about colours drains its pictures of them itself
            own = task.views(batch if task.needs_colour else gray, generator)
            views |= {f"{name}.{key}": rows for key, rows in own.items()}
        return views

    def each(self, views: Views) -> Iterator[tuple[str, Method, Views]]:
        """Every task's name, the task, and its own views."""
        for name, task in self.tasks.items():
            mine = [key for key in views if key.startswith(f"{name}.")]
            yield name, task, {key.removeprefix(f"{name}."): views[key] for key in mine}

    def loss(self, views: Views) -> Losses:
        terms, metrics = {}, {}
        for name, task, own in self.each(views):
            losses = task.loss(own)
            terms[name] = self.weight[name] * losses.total
            metrics |= {f"{name}_{key}": value for key, value in losses.metrics.items()}
        return Losses(terms, metrics)

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(lightness(images) if self.knobs.harmonise else images)

    def after_step(self, progress: Progress) -> None:
        for task in self.tasks.values():
            task.after_step(progress)

    def preview(self, views: Views) -> list[Panel]:
        return [
            replace(panel, title=f"{task.card.title}: {panel.title}")
            for _, task, own in self.each(views)
            for panel in task.preview(own)
        ]

    def parameter_groups(self) -> list[dict]:
        shared = list(self.encoder.parameters())
        mine = {id(p) for p in shared}
        groups = [{"params": [p for p in shared if p.requires_grad]}]
        for task in self.tasks.values():
            for group in task.parameter_groups():
                groups.append({**group, "params": [p for p in group["params"] if id(p) not in mine]})
        return groups
