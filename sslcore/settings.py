"""Everything that defines a run, in one value that validates, prints, and travels through URLs and JSON.

settings = RunSettings.build("simclr", data="toybox", seconds=60, temperature=0.1)
settings["temperature"]            # any knob by name: names are unique across sections
settings.changes()                 # {"temperature": 0.1}: what differs from the method's defaults
RunSettings.build("simclr", **settings.changes()) == settings
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from shlex import quote
from typing import Any, Literal, Self

from sslcore.errors import UserError, did_you_mean
from sslcore.knobs import Knob, KnobModel, knob, knobs_of, show
from sslcore.registry import get_method
from sslcore.views.settings import ViewSettings

GPUS = tuple(f"cuda:{number}" for number in range(8))


class DataSettings(KnobModel):
    """What is learned from."""

    data: str = knob("toybox", help="Name of a dataset, or folder:PATH for a folder or zip of images.")
    image_size: int = knob(0, 0, 224, unit="px", help="Side of the images; 0 takes the dataset's own.")
    style: Literal["flat", "ink", "both"] = knob(
        "flat", help="Toybox's drawing style; both: the same toy now in one, now in the other.", advanced=True
    )


class EncoderSettings(KnobModel):
    """The network whose representation is wanted."""

    encoder: Literal["small", "resnet18", "vit"] = knob(
        "small", help="small: three-stage residual convnet; resnet18: for GPUs; vit: small transformer."
    )
    width: int = knob(16, 4, 256, help="Channels of the first stage of the small convnet.")
    stem_stride: Literal[1, 2] = knob(
        2, help="2 halves the resolution at once: four times faster, a little less detail.", advanced=True
    )
    patch_size: int = knob(4, 2, 32, unit="px", help="Side of a transformer's patch.", advanced=True)
    token_width: int = knob(96, 16, 768, help="Width of a transformer's tokens.", advanced=True)
    depth: int = knob(4, 1, 12, help="Transformer blocks.", advanced=True)
    heads: int = knob(4, 1, 12, help="Attention heads per block.", advanced=True)


class OptimiserSettings(KnobModel):
    """How the weights move."""

    optimiser: Literal["adamw", "sgd"] = knob(
        "adamw", help="AdamW suits small runs; SGD with momentum 0.9 is what SimSiam and MoCo use."
    )
    learning_rate: float = knob(4e-3, 1e-6, 100.0, help="Step size at its peak.", live=True, log=True)
    weight_decay: float = knob(
        1e-4, 0.0, 1.0, help="Pull of the weights towards zero; norms and biases are exempt.", advanced=True
    )
    batch_size: int = knob(256, 2, 8192, unit="images", help="Images per step.")
    schedule: Literal["cosine", "constant"] = knob(
        "cosine", help="cosine glides to zero by the end of the budget.", advanced=True
    )
    warmup: float = knob(
        0.05, 0.0, 0.5, help="Share of the budget over which the learning rate rises.", advanced=True
    )
    beta2: float = knob(
        0.999,
        0.5,
        0.9999,
        help="How long AdamW remembers the size of gradients: 0.999 about 1,000 steps, 0.95 about 20.",
        advanced=True,
    )
    gradient_clip: float = knob(
        5.0, 0.0, 1000.0, help="Largest norm of the gradient; 0 switches clipping off.", advanced=True
    )


class BudgetSettings(KnobModel):
    """How long to train. Steps win over epochs, epochs over seconds."""

    seconds: float = knob(60.0, 0.1, 86_400.0, unit="s", help="Training time; evaluations do not count.")
    epochs: int = knob(0, 0, 10_000, help="Passes over the data; 0 leaves it to seconds.", advanced=True)
    steps: int = knob(0, 0, 10_000_000, help="Optimiser steps; 0 leaves it to epochs.", advanced=True)


class EvaluationSettings(KnobModel):
    """How the representation is judged while it is learned."""

    knn_k: int = knob(20, 1, 200, help="Neighbours that vote.", advanced=True)
    knn_temperature: float = knob(
        0.1,
        0.01,
        1.0,
        help="Low: the nearest neighbours decide. High: all that vote count alike.",
        advanced=True,
    )
    evaluations: int = knob(
        0,
        0,
        2000,
        help="How often accuracy is measured; 0: every 5 seconds of training, 4 to 2,000 times, or 12 times if the "
        "budget is in steps or epochs.",
        advanced=True,
    )


class MachineSettings(KnobModel):
    """Where and how exactly it runs."""

    seed: int = knob(
        0,
        0,
        2**31 - 1,
        help="Same seed, settings, machine and number of steps or epochs: same run; on a GPU up to rounding.",
    )
    device: Literal["auto", "cpu", "mps", "cuda", *GPUS] = knob(
        "auto", help="auto takes a GPU if there is one; cuda:1 is the second of several."
    )
    precision: Literal["auto", "bf16", "fp32"] = knob(
        "auto",
        help="auto: on a processor whichever is measured to be faster; bf16 on CUDA GPUs that have it, else fp32.",
        advanced=True,
    )


SECTIONS: dict[str, type[KnobModel]] = {
    "data": DataSettings,
    "encoder": EncoderSettings,
    "views": ViewSettings,
    "optimiser": OptimiserSettings,
    "budget": BudgetSettings,
    "evaluation": EvaluationSettings,
    "machine": MachineSettings,
}


@dataclass(frozen=True)
class RunSettings:
    """One run: a method, its knobs, and everything around it."""

    method: str
    knobs: KnobModel
    data: DataSettings
    encoder: EncoderSettings
    views: ViewSettings
    optimiser: OptimiserSettings
    budget: BudgetSettings
    evaluation: EvaluationSettings
    machine: MachineSettings

    @classmethod
    def build(cls, method: str, /, **values: Any) -> Self:
        """The method's defaults with some knobs changed; strings are read.

        Raises:
            UserError: one sentence on the first thing that is wrong.
        """
        settings = cls._read(method, values)
        get_method(method).check(settings)
        return settings

    @classmethod
    def _read(cls, method: str, values: Mapping[str, Any]) -> Self:
        """Settings of which every knob is legal; whether they fit together is not looked at."""
        chosen = get_method(method)
        known = all_knobs(method)
        for name in values:
            if name not in known:
                hint = did_you_mean(name, known)
                raise UserError(f"{chosen.card.title} has no setting called '{name}'.{hint}")
        merged = {**chosen.defaults, **values}

        def part(model: type[KnobModel]) -> KnobModel:
            return model.parse({name: merged[name] for name in knobs_of(model) if name in merged})

        sections = {name: part(model) for name, model in SECTIONS.items()}
        return cls(method=method, knobs=part(chosen.Settings), **sections)

    @classmethod
    def from_query(cls, query: Mapping[str, Any], method: str = "simclr") -> tuple[Self, list[str]]:
        """Settings from URL parameters, and a sentence for every value that had to be changed.

        Unknown parameters are ignored (they belong to the page), an unknown method gives the default one,
        numbers out of range give the nearest legal value.
        """
        notes, values = [], {}
        try:
            get_method(query.get("method", method))
            method = query.get("method", method)
        except UserError as error:
            notes.append(f"{error} Using {method} instead.")
        for name, known in all_knobs(method).items():
            if name in query:
                values[name], note = replace(known, default=_usual(method)[name]).nearest(query[name])
                notes += [note] if note else []
        try:
            return cls.build(method, **values), notes
        except UserError as error:
            return cls.build(method), [*notes, f"{error} Using the defaults instead."]

    def change(self, **values: Any) -> Self:
        """A copy with some knobs changed, validated."""
        return type(self).build(self.method, **{**self.flat(), **values})

    def turn(self, **values: Any) -> Self:
        """A copy with live knobs turned, for a run that goes on.

        Raises:
            UserError: if a knob is not live or the value is not legal.
        """
        known = all_knobs(self.method)
        for name in values:
            if name not in known or not known[name].live:
                raise UserError(f"{name} cannot change while a run is going: stop it and start a new one.")
        turned = self.change(**values)
        get_method(self.method).check_turn(self, turned)
        return turned

    def flat(self) -> dict[str, Any]:
        """Every knob's value by name."""
        parts = [self.knobs, *(getattr(self, name) for name in SECTIONS)]
        return {name: value for part in parts for name, value in part.model_dump().items()}

    def changes(self) -> dict[str, Any]:
        """The knobs that differ from the method's defaults: what a URL or a command needs."""
        usual = _usual(self.method)
        return {name: value for name, value in self.flat().items() if value != usual[name]}

    def label(self) -> str:
        """Short and human: ``SimCLR · toybox · temperature 0.1``."""
        changed = {k: v for k, v in self.changes().items() if k not in ("data", "seed", "seconds")}
        shown = [f"{name.replace('_', ' ')} {show(value)}" for name, value in changed.items()]
        parts = [get_method(self.method).card.title, self.data.data, *shown]
        if self.machine.seed:
            parts.append(f"seed {self.machine.seed}")
        return " · ".join(parts)

    def command(self) -> str:
        """The command that reproduces this run."""
        given = self.changes()
        words = [f"python -m sslcore train {self.method} --data {quote(self.data.data)}"]
        budget = "steps" if self.budget.steps else "epochs" if self.budget.epochs else "seconds"
        words.append(f"--{budget} {show(getattr(self.budget, budget))} --seed {self.machine.seed}")
        rest = {k: v for k, v in given.items() if k not in ("data", "seed", "seconds", "epochs", "steps")}
        if rest:
            words.append("--set " + " ".join(f"{name}={quote(show(value))}" for name, value in rest.items()))
        return " ".join(words)

    def __getitem__(self, name: str) -> Any:
        for part in (self.knobs, *(getattr(self, section) for section in SECTIONS)):
            if name in type(part).model_fields:
                return getattr(part, name)
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``{"method": ..., <every knob>}``."""
        return {"method": self.method, **self.flat()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; what has been trained stays readable if less is allowed later."""
        values = dict(plain)
        return cls._read(values.pop("method"), values)


@cache
def _usual(method: str) -> dict[str, Any]:
    return RunSettings.build(method).flat()


@cache
def all_knobs(method: str) -> dict[str, Knob]:
    """Every knob of a run of this method, by name: its own first."""
    found = dict(knobs_of(get_method(method).Settings))
    for model in SECTIONS.values():
        found.update(knobs_of(model))
    return found
