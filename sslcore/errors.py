"""The one kind of error that is the user's to fix."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A problem with what the user gave us: one sentence naming the problem and the remedy.

    The command line prints it on one line and exits with 2; the app shows it in a box.
    Anything else that is raised is a defect of ours.
    """


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A sentence with up to three names similar to what was given, which may be no text at all; empty if none is."""
    near = difflib.get_close_matches(str(name).lower(), known, 3, 0.6)
    return f" Did you mean {', '.join(near)}?" if near else ""
