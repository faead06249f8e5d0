"""Knobs: a setting declared once, used by validation, forms, URLs, the command line and the docs.

class Settings(KnobModel):
    temperature: float = knob(0.2, 0.01, 5.0, help="Softness of the softmax over candidates.", live=True)

knobs_of(Settings)["temperature"].high   # 5.0
Settings.parse({"temperature": "9"})     # UserError: temperature must be at most 5, got 9 ...
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sslcore.errors import UserError


@dataclass(frozen=True)
class Knob:
    """What a form, a URL or a help page needs to know about one setting."""

    name: str
    kind: type  # bool, int, float or str
    default: Any
    low: float | None
    high: float | None
    help: str
    unit: str
    options: tuple | None
    advanced: bool
    live: bool
    log: bool

    @property
    def label(self) -> str:
        """The name in words, with its unit: ``crop_min`` -> ``Crop min``."""
        words = self.name.replace("_", " ").capitalize()
        return f"{words} ({self.unit})" if self.unit else words

    def read(self, text: Any) -> Any:
        """A value of this knob's kind from a string or a number.

        Raises:
            UserError: if it cannot be read or lies outside the range.
        """
        return _read(self, text)

    def nearest(self, text: Any) -> tuple[Any, str | None]:
        """The nearest legal value, and a sentence if that differs from what was asked."""
        try:
            return self.read(text), None
        except UserError as error:
            value = self._clamp(text)
            return value, f"{error} Using {show(value)} instead."

    def _clamp(self, text: Any) -> Any:
        """The legal number nearest to this one; the default for what is no number, and for choices."""
        if self.options is not None or self.kind not in (int, float):
            return self.default
        try:
            number = round(float(text)) if self.kind is int else float(text)
        except (TypeError, ValueError, OverflowError):
            return self.default
        if number != number:
            return self.default
        number = number if self.low is None else max(number, self.low)
        number = number if self.high is None else min(number, self.high)
        return self.kind(number)


def knob(
    default: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    help: str,
    unit: str = "",
    advanced: bool = False,
    live: bool = False,
    log: bool = False,
) -> Any:
    """Declare a setting: a pydantic field that also knows how to present itself.

    Args:
        default: the value a textbook would recognise.
        low, high: inclusive range of a number. Choices are declared by a ``Literal`` type instead.
        help: one sentence on what turning it does.
        unit: unit shown beside the name ("px", "s", "degrees").
        advanced: hidden behind "more" in forms.
        live: may change while a run is going.
        log: spans orders of magnitude; a form should step it logarithmically.
    """
    shown = {"unit": unit, "advanced": advanced, "live": live, "log": log}
    return Field(default, ge=low, le=high, description=help, json_schema_extra=shown)


class KnobModel(BaseModel):
    """A frozen group of knobs. Build it with :meth:`parse` to get errors a student understands."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @classmethod
    def parse(cls, values: dict[str, Any]) -> "typing.Self":
        """Validate a mapping of knob names to values (strings are read).

        Raises:
            UserError: naming the first setting that is unknown, unreadable or out of range.
        """
        known = knobs_of(cls)
        for name in values:
            if name not in known:
                raise UserError(f"There is no setting called '{name}'. Known settings: {', '.join(known)}.")
        try:
            return cls(**{name: known[name].read(value) for name, value in values.items()})
        except ValidationError as error:
            raise UserError(sentence(error)) from None

    def change(self, **values: Any) -> "typing.Self":
        """A copy with some knobs changed, validated."""
        return type(self).parse({**self.model_dump(), **values})


@cache  # forms and links ask for the knobs of every method at each click
def knobs_of(model: type[BaseModel]) -> Mapping[str, Knob]:
    """The knobs of a settings class, by name, in order of declaration."""
    found = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or "unit" not in extra:
            continue
        bounds = {type(rule).__name__: rule for rule in field.metadata}
        low = bounds["Ge"].ge if "Ge" in bounds else None
        high = bounds["Le"].le if "Le" in bounds else None
        kind, options = _kind(field.annotation)
        found[name] = Knob(
            name, kind, field.default, low, high, field.description or "", options=options, **extra
        )
    return types.MappingProxyType(found)


def show(value: Any) -> str:
    """A value as a person would write it: ``on``/``off``, 0.2, 5e-05."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def sentence(error: ValidationError) -> str:
    """The first complaint of a pydantic error as one sentence."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message}." if name else f"{message.rstrip('.')}."


def _kind(annotation: Any) -> tuple[type, tuple | None]:
    if typing.get_origin(annotation) is Literal:
        options = typing.get_args(annotation)
        return type(options[0]), options
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in annotation.__args__ if part is not type(None))
    return annotation, None


_YES, _NO = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}


def _read(knob: Knob, raw: Any) -> Any:
    text = str(raw).strip()
    if knob.options is not None:
        for option in knob.options:
            if text.lower() == str(option).lower():
                return option
        choices = ", ".join(show(option) for option in knob.options)
        raise UserError(f"{knob.name} must be one of {choices}, got '{text}'.")
    if knob.kind is bool:
        if text.lower() in _YES | _NO:
            return text.lower() in _YES
        raise UserError(f"{knob.name} must be on or off, got '{text}'.")
    if knob.kind is str:
        return text
    try:
        number = float(text)
        value = int(number) if knob.kind is int else number
    except (ValueError, OverflowError):
        raise UserError(f"{knob.name} must be a number, got '{text}'.") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise UserError(f"{knob.name} must be a finite number, got '{text}'.")
    if knob.kind is int and value != number:
        raise UserError(f"{knob.name} must be a whole number, got '{text}'.")
    if knob.low is not None and value < knob.low:
        raise UserError(f"{knob.name} must be at least {show(knob.low)}, got {text}.")
    if knob.high is not None and value > knob.high:
        raise UserError(f"{knob.name} must be at most {show(knob.high)}, got {text}.")
    return value
