"""Where methods make themselves known: ``@register`` on a class is all it takes to add one.

    @register
    class SimCLR(TwoView):
        card = Card(id="simclr", ...)

Every page, command, benchmark and test that goes through all methods reads :func:`methods`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sslcore.errors import UserError, did_you_mean
from sslcore.knobs import show

if TYPE_CHECKING:
    from sslcore.methods.base import Method
    from sslcore.settings import RunSettings

Reference = Callable[["RunSettings"], float]


@dataclass(frozen=True)
class Switch:
    """A way to break a method on purpose, and what to expect when you do."""

    values: dict[str, Any]  # knob settings that throw it: {"stop_gradient": False}
    expect: str  # one sentence: what will be seen
    collapses: bool = False  # whether the embedding collapses completely

    @property
    def title(self) -> str:
        """The switch as a person writes it: ``stop_gradient = off``."""
        return ", ".join(f"{name} = {show(value)}" for name, value in self.values.items())


@dataclass(frozen=True)
class Card:
    """What people need to know about a method before they run it.

    ``chance``, ``collapse`` and ``best`` give the value of the loss for a network that guesses, for one
    that maps every image to the same point, and for a perfect one; None where there is no such value.
    """

    id: str
    title: str
    family: str  # a key of FAMILIES
    year: int
    paper: str  # authors and venue
    idea: str  # one or two sentences
    formula: str  # LaTeX
    sees: str  # what the network is shown
    target: str  # what it must produce
    arxiv: str = ""
    modality: str = "image"
    chance: Reference | None = None
    collapse: Reference | None = None
    best: Reference | None = None
    switches: tuple[Switch, ...] = ()
    notes: tuple[str, ...] = field(default=())  # what to look out for

    def summary(self) -> dict[str, Any]:
        """The card as plain data, for ``python -m sslcore methods --json``."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for reference in ("chance", "collapse", "best"):
            plain.pop(reference)
        plain["switches"] = [{**asdict(switch), "title": switch.title} for switch in self.switches]
        plain["notes"] = list(self.notes)
        return plain


FAMILIES = {
    "baselines": "Baselines",
    "pretext": "Pretext tasks",
    "reconstruction": "Reconstruction",
    "contrastive": "Contrastive learning",
    "distillation": "Self-distillation",
    "redundancy": "Redundancy reduction",
    "clustering": "Clustering",
    "masked": "Masked prediction",
    "hybrid": "Hybrids",
}

_METHODS: dict[str, type["Method"]] = {}


def register(cls: type["Method"]) -> type["Method"]:
    """Class decorator: make a method known under its card's id."""
    if cls.card.family not in FAMILIES:
        raise ValueError(f"{cls.__name__}: unknown family '{cls.card.family}'.")
    if _METHODS.get(cls.card.id, cls).__qualname__ != cls.__qualname__:
        raise ValueError(f"Two methods are called '{cls.card.id}'.")
    _METHODS[cls.card.id] = cls
    return cls


def methods() -> dict[str, type["Method"]]:
    """All methods by id, in the order of families and years."""
    _import_all()
    order = list(FAMILIES)
    ranked = sorted(_METHODS.items(), key=lambda m: (order.index(m[1].card.family), m[1].card.year, m[0]))
    return dict(ranked)


@cache  # a page asks for methods many times a second, and this searches folders
def _import_all() -> None:
    """Import every module below ``sslcore.methods``, so that each registers what it defines."""
    package = importlib.import_module("sslcore.methods")
    for module in pkgutil.walk_packages(package.__path__, "sslcore.methods."):
        importlib.import_module(module.name)


def get_method(name: str) -> type["Method"]:
    """The method class with this id.

    Raises:
        UserError: if there is none, with similar names or else all.
    """
    known = methods()
    if name not in known:
        hint = did_you_mean(name, known) or f" Known: {', '.join(known)}."
        raise UserError(f"There is no method called '{name}'.{hint}")
    return known[name]
