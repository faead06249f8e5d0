"""The environment of processes that run a part of this package."""

import os
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, and more; Python finds this package there, wherever it was started from."""
    path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
    return {**os.environ, **more, "PYTHONPATH": path}
