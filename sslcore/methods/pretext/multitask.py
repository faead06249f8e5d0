"""Multi-task: several pretext tasks teach one encoder."""

from dataclasses import replace
from functools import cache

from torch import Tensor

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch
from sslcore.methods.several import Several, settings_of_part
from sslcore.registry import Card, Switch, get_method, methods, register
from sslcore.settings import RunSettings
from sslcore.views.lab import lightness


class MultitaskSettings(KnobModel):
    tasks: str = knob(
        "rotation,context_prediction,colorization",
        help="Ids of pretext or reconstruction methods, with commas between them: jigsaw, counting, exemplar ...",
    )
    harmonise: bool = knob(True, help="All tasks see gray, so that colours do not tell which task it is.")
    balance: bool = knob(
        True, help="Each loss is divided by what guessing costs, so that a guess costs about 1 in each."
    )


@cache
def possible() -> tuple[str, ...]:
    """Methods that can teach an encoder that is not theirs alone."""
    fitting = (
        name
        for name, method in methods().items()
        if method.card.family in ("pretext", "reconstruction") and not method.stands_alone
    )
    return tuple(fitting)


def tasks_of(settings: RunSettings) -> dict[str, RunSettings]:
    """The settings of every task."""
    names = [name.strip() for name in settings["tasks"].split(",") if name.strip()]
    if not names or any(name not in possible() or names.count(name) > 1 for name in names):
        raise UserError(
            f"tasks takes one or more of {', '.join(possible())}, each once, not '{settings['tasks']}'."
        )
    return {name: settings_of_part(name, settings, "tasks") for name in names}


def least(s: RunSettings) -> float:
    """The best value there can be: the weighted sum of the tasks' own."""
    tasks = [(get_method(part.method).card, part) for part in tasks_of(s).values()]
    return sum(card.best(part) / (guess(part) if s["balance"] else 1.0) for card, part in tasks)


def guess(part: RunSettings) -> float:
    """What guessing costs in a task, or collapsing where guessing has no price; 1 if neither is known."""
    card = get_method(part.method).card
    price = card.chance or card.collapse
    return price(part) if price else 1.0


@register
class Multitask(Several):
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
        chance=lambda s: sum(1.0 if s["balance"] else guess(part) for part in tasks_of(s).values()),
        best=least,
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
            "All tasks see the run's views, and no more images than the one that takes fewest: exemplar 1,000.",
        ),
    )
    Settings = MultitaskSettings
    listed = "tasks"
    defaults = {"batch_size": 128, "jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        balance = self.knobs.balance
        self.weight = {
            name: 1 / guess(task.settings) if balance else 1.0 for name, task in self.parts.items()
        }

    @classmethod
    def settings_of_parts(cls, settings: RunSettings) -> dict[str, RunSettings]:
        return tasks_of(settings)

    def weights(self) -> dict[str, float]:
        return self.weight

    def batches(self, batch: Batch) -> dict[str, Batch]:
        if not self.knobs.harmonise:
            return super().batches(batch)
        gray = replace(batch, images=lightness(batch.floats))
        # a task about colours drains its pictures of them itself
        return {name: batch if task.needs_colour else gray for name, task in self.parts.items()}

    def encode(self, images: Tensor) -> Tensor:
        gray = self.knobs.harmonise or all(task.needs_colour for task in self.parts.values())
        return self.encoder(lightness(images) if gray else images)
