"""Several methods teach one encoder: what multi-task and hybrid runs have in common."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import nn

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.methods.base import Batch, Epoch, Losses, Method, Panel, Progress, Views
from sslcore.registry import get_method
from sslcore.settings import SECTIONS, RunSettings


class Several(Method):
    """A weighted sum of the losses of other methods, its parts, on the same encoder.

    Each part has its own views, heads, targets and queues, and begins as it would alone with the same seed: the
    sum of one part, with weight 1, is that method to the last bit. A part of weight 0 is not asked for its loss.

    Attributes:
        parts: the methods by id, in the order given. They use the encoder without owning it: its weights count once.
    """

    stands_alone = "it is a mixture itself"
    listed: ClassVar[str]  # the knob that names the parts

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        start = torch.get_rng_state()
        super().__init__(settings, info)
        self.parts = nn.ModuleDict()
        self._followed = settings
        for name, own in self.settings_of_parts(settings).items():
            with torch.random.fork_rng(devices=[]):
                # so that its own encoder, of which it may keep a copy, is the shared one
                torch.set_rng_state(start)
                try:
                    self.parts[name] = self.adopt(get_method(name)(own, info))
                except UserError as error:
                    raise blame(name, error, self.listed) from None

    @classmethod
    def settings_of_parts(cls, settings: RunSettings) -> dict[str, RunSettings]:
        """The settings of every part, by the method's id.

        Raises:
            UserError: if the parts make no sum.
        """
        raise TypeError(f"{cls.__name__} must define settings_of_parts().")

    def weights(self) -> dict[str, float]:
        """How much every part's loss counts now."""
        raise TypeError(f"{type(self).__name__} must define weights().")

    def batches(self, batch: Batch) -> dict[str, Batch]:
        """The batch as every part gets it."""
        return dict.fromkeys(self.parts, batch)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        cls.settings_of_parts(settings)

    @classmethod
    def made_of(cls, settings: RunSettings) -> list[str]:
        return list(cls.settings_of_parts(settings))

    @classmethod
    def uses_bags(cls, settings: RunSettings) -> bool:
        parts = cls.settings_of_parts(settings)
        return any(get_method(name).uses_bags(own) for name, own in parts.items())

    def adopt(self, part: Method) -> Method:
        """A part that uses the shared encoder in place of its own; what it wants to stay as it is stays so."""
        for mine, theirs in zip(self.encoder.parameters(), part.encoder.parameters(), strict=True):
            mine.requires_grad_(mine.requires_grad and theirs.requires_grad)
        del part.encoder
        object.__setattr__(part, "encoder", self.encoder)
        return part

    def follow(self) -> None:
        """Pass knobs on to the parts that were turned since."""
        if self.settings is not self._followed:
            for name, own in self.settings_of_parts(self.settings).items():
                self.parts[name].settings = own
            self._followed = self.settings

    def learns_from(self, count: int) -> int:
        return min(part.learns_from(count) for part in self.parts.values())

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Every part's own views, under its id and a dot: ``rotation.images``."""
        self.follow()
        weights, batches, views = self.weights(), self.batches(batch), {}
        for name, part in self.parts.items():
            own = part.views(batches[name], generator) if weights[name] else {}
            views |= {f"{name}.{key}": rows for key, rows in own.items()}
        return views

    def each(self, views: Views) -> Iterator[tuple[str, Method, Views]]:
        """The id, the method and the own views of every part that has some."""
        for name, part in self.parts.items():
            start = f"{name}."
            mine = {key.removeprefix(start): rows for key, rows in views.items() if key.startswith(start)}
            if mine:
                yield name, part, mine

    def loss(self, views: Views) -> Losses:
        """A term for each part, 0 for one of weight 0; what a part's own loss consists of is among the metrics,
        unweighted."""
        weights, metrics = self.weights(), {}
        terms = dict.fromkeys(self.parts, torch.zeros((), device=next(iter(views.values())).device))
        for name, part, own in self.each(views):
            losses = part.loss(own)
            terms[name] = weights[name] * losses.total
            inner = losses.terms if len(losses.terms) > 1 else {}
            shown = {key: term.detach() for key, term in inner.items()} | losses.metrics
            metrics |= {f"{name}_{key}": value for key, value in shown.items()}
        return Losses(terms, metrics)

    def after_step(self, progress: Progress) -> None:
        for part in self.parts.values():
            part.after_step(progress)

    def on_epoch(self, epoch: Epoch) -> None:
        self.follow()
        for part in self.parts.values():
            part.on_epoch(epoch)

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        return [
            replace(panel, title=f"{part.card.title}: {panel.title}")
            for _, part, own in self.each(views)
            for panel in part.preview(own)
        ]

    def parameter_groups(self) -> list[dict[str, Any]]:
        shared = list(self.encoder.parameters())
        groups = [{"params": [p for p in shared if p.requires_grad]}]
        known = {id(p) for p in shared}
        for part in self.parts.values():
            for group in part.parameter_groups():
                groups.append({**group, "params": [p for p in group["params"] if id(p) not in known]})
        return groups


def settings_of_part(name: str, settings: RunSettings, listed: str, **own: Any) -> RunSettings:
    """Everything around a method as in this run, and its own knobs as they come unless given.

    Raises:
        UserError: if the method cannot work so; it may be left out of the knob that is ``listed``.
    """
    around = {
        knob: value for section in SECTIONS for knob, value in getattr(settings, section).model_dump().items()
    }
    try:
        return RunSettings.build(name, **around, **own)
    except UserError as error:
        raise blame(name, error, listed) from None


def blame(name: str, error: UserError, listed: str) -> UserError:
    """An error of a part that says which part it is, and that one can do without it."""
    title, said = get_method(name).card.title, str(error).removesuffix(".")
    return UserError(
        f"{said if said.startswith(title) else f'{title}: {said}'}; or leave {name} out of {listed}."
    )
