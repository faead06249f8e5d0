"""Words: text from others made harmless, numbers made readable."""

import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from sslcore.knobs import show

UPLOAD = r"folder:[^·'\"\n]*uploads[/\\]+(\w{4})\w*(?:\.zip)?"
TRACE = r'(File ")[^"\n]*[/\\]((?:[^"/\\\n]+[/\\]){2}[^"/\\\n]+")'  # a line of a traceback: keep three parts
PLACEHOLDER = "folder:YOUR_IMAGES.zip"
SPECIAL = set(r"\`*_{}[]()<>#+!|~$:")


def plain(text: str) -> str:
    """Text that others wrote, with everything escaped that Markdown would take as a command."""
    return "".join("\\" + letter if letter in SPECIAL else letter for letter in text)


def run_label(label: str) -> str:
    """A run's label without the place where this server keeps somebody's images."""
    label = re.sub(UPLOAD, r"own images \1", label)
    return re.sub(r"folder:(?:[^·]*[/\\])?([^·/\\]*)", r"\1", label)


def portable(text: str) -> str:
    """A command, a message or a file without the places that are this server's business: a placeholder for
    somebody's images, the ends of the paths in tracebacks, and shorthands for the current and the home folder."""
    text = re.sub(TRACE, r"\1\2", re.sub(UPLOAD, PLACEHOLDER, text))
    for place, short in ((Path.cwd(), "."), (Path.home(), "~")):
        if place != place.parent:  # everything lies in the root
            text = re.sub(re.escape(str(place)) + r"(?![\w.-])", short, text)
    return text


def in_url(value: Any) -> str:
    """A knob's value as an address has it: ``true``, ``0.5``, ``resnet18``."""
    return str(value).lower() if isinstance(value, bool) else show(value)


def percent(value: float | None) -> str:
    """``0.8725`` as ``87.3 %``; a dash where nothing was measured. Halves go up, as in Streamlit's tables."""
    if value is None:
        return "–"
    return f"{Decimal(100 * float(value)).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


def number(value: float | None, digits: int = 3) -> str:
    """A figure with a few significant digits."""
    return "–" if value is None else signed(value, f",.{digits}g" if abs(value) < 1000 else ",.0f")


def signed(value: float, form: str = ".2f") -> str:
    """A figure in this format with a typographic minus sign."""
    return f"{value:{form}}".replace("-", "−", int(value < 0))


def duration(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
