"""What a hybrid run is made of, as people write it: ``simclr:1,rotation:0.5`` and ``simclr.temperature=0.2``."""

from collections.abc import Iterable
from functools import cache

from sslcore.errors import UserError
from sslcore.knobs import Knob, knobs_of, show
from sslcore.methods.base import Method
from sslcore.registry import get_method, methods
from sslcore.settings import EncoderSettings, RunSettings

HEAVIEST = 1000.0
ENCODERS = knobs_of(EncoderSettings)["encoder"].options


def read_mix(text: str) -> dict[str, float]:
    """The weight of every method: ``{"simclr": 1.0, "rotation": 0.5}``.

    Raises:
        UserError: if a method is unknown, named twice or cannot be mixed, a weight is no number from 0 to 1000,
            or nothing is left to learn from.
    """
    found: dict[str, float] = {}
    for entry in entries(text):
        name, _, weight = (word.strip() for word in entry.partition(":"))
        why = obstacle(get_method(name))
        if why:
            raise UserError(
                f"{get_method(name).card.title} cannot be mixed with others because {why}: leave it out of mix."
            )
        if name in found:
            raise UserError(f"mix names {name} twice: give it one weight.")
        found[name] = _weight_of(name).read(weight) if weight else 1.0
    if not any(found.values()):
        raise UserError("mix needs a method whose weight is above 0, such as simclr:1,rotation:0.5.")
    return found


def write_mix(weights: dict[str, float]) -> str:
    """The text that :func:`read_mix` reads."""
    return ",".join(f"{name}:{show(weight)}" for name, weight in weights.items())


def read_part_knobs(text: str, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The knobs of every method that are set, still as text; without an owner, of all methods that have the knob.

    Raises:
        UserError: if an entry sets nothing.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for entry in entries(text):
        target, _, value = (word.strip() for word in entry.partition("="))
        owner, _, knob = target.rpartition(".")
        meant = [
            name for name in found if owner in ("", name) and knob in knobs_of(get_method(name).Settings)
        ]
        if not meant or not value:
            raise UserError(
                f"'{entry}' sets no knob of {' or '.join(found)}: write method.knob=value in part_knobs, "
                "such as simclr.temperature=0.2, and set what all share outside of it."
            )
        for name in meant:
            found[name][knob] = value
    return found


def mixable() -> list[str]:
    """The ids of all methods that can be part of a mix."""
    return [name for name, method in methods().items() if not obstacle(method)]


def obstacle(method: type[Method]) -> str:
    """Why a method cannot be part of a mix, as the end of a sentence; empty if it can."""
    return "it learns from labels" if method.needs_labels else method.stands_alone


def check_encoders(names: Iterable[str]) -> None:
    """Raise UserError if two of the methods have no encoder in common."""
    seen: dict[str, tuple[str, ...]] = {}
    for name in names:
        seen[name] = encoders_of(name)
        for other in seen:
            if not set(seen[name]) & set(seen[other]):
                sides = (
                    f"{get_method(n).card.title} needs the encoder {' or '.join(seen[n])}"
                    for n in (other, name)
                )
                raise UserError(f"{' and '.join(sides)}: leave one of them out of mix.")


@cache
def encoders_of(name: str) -> tuple[str, ...]:
    """The encoders that a method can work with."""

    def works(encoder: str) -> bool:
        try:
            return bool(RunSettings.build(name, encoder=encoder))
        except UserError:
            return False

    return tuple(filter(works, ENCODERS))


def entries(text: str) -> list[str]:
    """What stands between commas."""
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _weight_of(name: str) -> Knob:
    told = f"How much {name} counts."
    return Knob(f"The weight of {name}", float, 1.0, 0.0, HEAVIEST, told, "", None, False, True, False)
