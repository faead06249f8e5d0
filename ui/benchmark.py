"""The published one-minute benchmark, where it has been measured."""

import json
from pathlib import Path
from typing import Any

from ui.shell import ROOT

FILE = ROOT / "assets" / "one_minute.json"


def published(file: Path = FILE) -> dict[str, Any]:
    """``{name: {"command", "machine", "data", "seconds", "images", "pixels_knn", "rows"}}``; empty if there is none."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def supervised_knn(data: str) -> float | None:
    """What labels reach in the benchmark on this dataset, all of it as it comes."""
    rows = [row for table in published().values() if table["data"] == data for row in table["rows"]]
    return next((row["knn_mean"] for row in rows if row["id"] == "supervised"), None)
