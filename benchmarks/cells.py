"""Cells of an accuracy benchmark: a method trained once with one seed, measured, and kept.

Such a benchmark takes hours and is cut short now and then: every cell is written down as soon as it is there, and
what is there is not measured again.
"""

import argparse
import json
import os
import statistics
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.common import machine, portable
from sslcore.data import ImageData
from sslcore.errors import UserError
from sslcore.registry import get_method, methods
from sslcore.runs import History
from sslcore.runs.summary import summary
from sslcore.settings import RunSettings
from sslcore.training import Trainer

Cell = dict[str, Any]
TITLES = {"pixels": "Raw pixels"}  # of rows that are no method


@dataclass(frozen=True)
class Store:
    """A JSON file of tables: ``{name: {"machine": ..., <what all its cells share>, "cells": [...]}}``.

    Read anew whenever it is asked, so that two benchmarks may fill it at once.
    """

    path: Path

    def tables(self) -> dict[str, dict[str, Any]]:
        """All tables by name."""
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def measured(self) -> dict[str, dict[str, Any]]:
        """The tables in which something has been measured.

        Raises:
            UserError: if there is none.
        """
        found = {name: table for name, table in self.tables().items() if table["cells"]}
        if not found:
            raise UserError("Nothing has been measured yet: leave out --publish.")
        return found

    def cells(self, name: str) -> list[Cell]:
        """The cells of a table, in the order in which they were measured."""
        return self.tables().get(name, {}).get("cells", [])

    def save(self, name: str, shared: dict[str, Any], cells: list[Cell]) -> None:
        """Replace a table; a crash in the middle leaves the old file."""
        tables = {**self.tables(), name: {"machine": machine(), **shared, "cells": cells}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, self.path)


def fill(
    store: Store,
    name: str,
    shared: dict[str, Any],
    wanted: Iterable[RunSettings],
    data: ImageData,
    *,
    fresh: bool = False,
) -> str:
    """Measure what a table lacks; cells of other methods, seeds and switches stay.

    Args:
        shared: what all cells of the table have in common, such as ``{"seconds": 60.0}``.
        fresh: measure the wanted cells even if they are there; each stays until the new one is measured.

    Returns:
        A sentence on cells that could not be measured, empty if all are there.

    Raises:
        UserError: if the data have no labels, or the table was measured under other conditions.
    """
    if not data.labelled:
        raise UserError(f"Nothing can be scored on {data.title}: sort its images into one folder per class.")
    wanted = list(wanted)
    table = store.tables().get(name, {"cells": []})
    cells = table["cells"]
    for what, value in shared.items():
        if cells and table.get(what) != value:
            raise UserError(
                f"The table '{name}' was measured with {what} {table.get(what)}, not {value}: choose another --name."
            )
    done = set() if fresh else {key(cell) for cell in cells}
    missing, failed = [settings for settings in wanted if key_of(settings) not in done], []
    for settings in tqdm(missing, unit="run"):
        try:
            cell = measure(settings, data)
        except Exception as error:  # the others need not be lost for it
            tqdm.write(traceback.format_exc())
            failed.append(f"{settings.label()} ({error})")
        else:
            others = [other for other in store.cells(name) if key(other) != key(cell)]
            store.save(name, shared, [*others, cell])
    return f"{len(failed)} of {len(missing)} runs failed: {'; '.join(failed)}" if failed else ""


def key(cell: Cell) -> tuple[str, int, str]:
    """What there is one cell of in a table: a method, a seed, and the title of the switch that was thrown, if any."""
    return cell["method"], cell["seed"], cell.get("switch", "")


def key_of(settings: RunSettings) -> tuple[str, int, str]:
    """The key of the cell that a run will make."""
    return settings.method, settings.machine.seed, thrown(settings)


def thrown(settings: RunSettings) -> str:
    """The title of the method's switch whose values these settings hold, the one with most if several; or empty."""
    switches = get_method(settings.method).card.switches
    held = [s for s in switches if all(settings[name] == value for name, value in s.values.items())]
    return max(held, key=lambda switch: len(switch.values)).title if held else ""


def measure(settings: RunSettings, data: ImageData) -> Cell:
    """One cell: the summary of one run, which its method may break off (an embedding that cannot be whitened)."""
    trainer, history = Trainer(settings, data), History()
    failed = {}
    try:
        for event in trainer:
            history.append(event.as_dict())
    except UserError as error:
        failed = {"ended": "failed", "message": str(error)}
    result = summary(settings, history.view(), precision=trainer.precision, device=str(trainer.device))
    return {
        **result,
        **failed,
        "data": portable(settings.data.data),
        "switch": thrown(settings),
        "machine": machine(),
        "measured": time.strftime("%Y-%m-%d"),
    }


def rows(cells: list[Cell]) -> list[dict[str, Any]]:
    """One row per method: mean and standard deviation over seeds, best kNN first."""
    found = []
    for name, title in (TITLES | {name: method.card.title for name, method in methods().items()}).items():
        mine = [cell for cell in cells if cell["method"] == name]
        if not mine:
            continue
        knn, linear = ([cell[what] for cell in mine if cell[what] is not None] for what in ("knn", "linear"))
        found.append(
            {
                "method": title,
                "id": name,
                "kNN": spread(knn),
                "linear": spread(linear),
                "untrained": untrained(mine),
                "steps": round(statistics.mean(cell["steps"] for cell in mine)),
                "minutes": statistics.mean(cell["seconds"] for cell in mine) / 60,
                "seeds": len(mine),
                "knn_mean": statistics.mean(knn) if knn else None,
                "linear_mean": statistics.mean(linear) if linear else None,
            }
        )
    return sorted(found, key=lambda row: row["knn_mean"] or 0.0, reverse=True)


def untrained(cells: list[Cell]) -> str:
    """kNN and linear accuracy of the method's own network before its first step."""
    known = [
        cell["baselines"] for cell in cells if cell.get("baselines", {}).get("random_linear") is not None
    ]
    if not known:
        return "–"
    means = (statistics.mean(found[name] for found in known) for name in ("random_knn", "random_linear"))
    return " / ".join(f"{mean:.3f}" for mean in means)


def gains(cells: list[Cell]) -> str:
    """Sentences on the methods that gain on their untrained network by the linear probe alone, or not at all.

    A gain counts if it exceeds twice the standard deviation over seeds, of the trained or the untrained network.
    """
    shown = [name for name in methods() if name != "random"]
    grouped = {name: [cell for cell in cells if cell["method"] == name] for name in shown}
    found = {name: (gained(mine, "knn"), gained(mine, "linear")) for name, mine in grouped.items()}
    told = {"by the linear probe alone": (False, True), "by neither": (False, False)}
    those = {how: [name for name in found if found[name] == which] for how, which in told.items()}
    sentences = [f"{how}: {', '.join(names)}" for how, names in those.items() if names]
    return f"Beats its untrained network by twice the spread {'; '.join(sentences)}." if sentences else ""


def gained(cells: list[Cell], what: str) -> bool | None:
    """Whether the seeds beat their untrained networks by more than twice the spread; None where it cannot be told."""
    pairs = [(cell[what], cell.get("baselines", {}).get(f"random_{what}")) for cell in cells]
    pairs = [pair for pair in pairs if None not in pair]
    if len(pairs) < 2:
        return None
    trained, before = zip(*pairs, strict=True)
    gain = statistics.mean(trained) - statistics.mean(before)
    return gain > 2 * max(statistics.stdev(trained), statistics.stdev(before))


def spread(values: list[float]) -> str:
    """Mean and sample standard deviation as text; the mean alone of a single value."""
    if not values:
        return "–"
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def remarks(cells: list[Cell]) -> str:
    """Sentences on runs that ended early or collapsed; empty if there are none."""

    def those(found: list[Cell]) -> str:
        return ", ".join(f"{cell['method']} (seed {cell['seed']})" for cell in found)

    trained = [cell for cell in cells if cell["method"] not in ("pixels", "random")]
    told = {
        "Diverged": [cell for cell in trained if cell["ended"] == "diverged"],
        "Broke off": [cell for cell in trained if cell["ended"] == "failed"],
        "Collapsed at the end": [cell for cell in trained if cell["collapse"]["verdict"] == "complete"],
    }
    return " ".join(f"{what}: {those(found)}." for what, found in told.items() if found)


def machines(table: dict[str, Any]) -> str:
    """Where the cells of a table were measured."""
    return "; ".join(dict.fromkeys(cell.get("machine", table["machine"]) for cell in table["cells"]))


def benchmark_parser(description: str, *, data: str, seconds: float, seeds: int) -> argparse.ArgumentParser:
    """The options that accuracy benchmarks have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default=data, help="a dataset's name, or folder:PATH for a folder or zip")
    parser.add_argument("--name", help="how tables call the data (default: its name)")
    parser.add_argument("--seconds", type=float, default=seconds, help="training time of each run")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--methods", nargs="+", help="only these, beside what the table has already")
    parser.add_argument(
        "--fresh", action="store_true", help="measure again what is there; if cut short, go on with --methods"
    )
    parser.add_argument(
        "--publish", action="store_true", help="write the tables of what is there; measure nothing"
    )
    return parser


def run(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    measure: Callable[[], str],
    publish: Callable[[], None],
) -> None:
    """Measure, unless only publishing is asked for, and publish what there is; ends with a sentence on what could not
    be done, if anything.

    Args:
        measure: as :func:`fill`, says what could not be measured.
    """
    try:
        failed = "" if args.publish else measure()
        publish()
    except UserError as error:
        failed = str(error)
    if failed:
        parser.error(failed)


def table_name(args: argparse.Namespace) -> str:
    """What tables call the data: ``cifar10`` for ``folder:photos/cifar10.zip``."""
    return args.name or Path(args.data.removeprefix("folder:")).stem


def timed_run(method: str, data: ImageData, seconds: float, seed: int, **knobs: Any) -> RunSettings:
    """A run of so many seconds; the random encoder has nothing to train and keeps its single step.

    Evaluations do not count as training, but a benchmark waits for them, and needs only the last.
    """
    budget = {} if method == "random" else {"seconds": seconds, "steps": 0, "evaluations": 4}
    return RunSettings.build(method, data=data.name, seed=seed, **budget, **knobs)


def has_what_it_takes(data: ImageData, settings: RunSettings) -> bool:
    """Whether the data tell which images belong together, if a run must know."""
    return data.train.bags is not None or not get_method(settings.method).uses_bags(settings)


def remade(module: str, name: str, table: dict[str, Any]) -> str:
    """The command that measures a table, whatever commands filled it in the end."""
    data, seeds = portable(table["cells"][-1]["data"]), len({cell["seed"] for cell in table["cells"]})
    words = [f"python -m benchmarks.{module} --data {data} --name {name}"]
    if "seconds" in table:
        words.append(f"--seconds {table['seconds']:g}")
    return " ".join([*words, f"--seeds {seeds}"])
