"""Every switch that is said to break a method, thrown for one minute: what does it do?

    python -m benchmarks.break_it --data toybox
    python -m benchmarks.break_it --methods byol simsiam
    python -m benchmarks.break_it --publish

Finished cells are kept in ``benchmarks/results/break_it.json``, so a benchmark that was cut short goes on where it
stopped. What the methods reach unbroken is read from ``one_minute.json``.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks import one_minute
from benchmarks.cells import (
    Cell,
    Store,
    benchmark_parser,
    fill,
    has_what_it_takes,
    machines,
    remade,
    run,
    spread,
    table_name,
    timed_run,
)
from benchmarks.common import RESULTS, write_table
from sslcore.data import load
from sslcore.registry import Switch, get_method, methods

STORE = Store(RESULTS / "break_it.json")


def main() -> None:
    parser = benchmark_parser(__doc__.split("\n")[0], data="toybox", seconds=60.0, seeds=1)
    args = parser.parse_args()
    run(parser, args, lambda: measure(args), lambda: publish(STORE, one_minute.STORE))


def measure(args: argparse.Namespace) -> str:
    """Fill the table; a sentence on what could not be measured."""
    data, chosen = load(args.data), args.methods or list(methods())
    runs = [
        timed_run(name, data, args.seconds, seed, **switch.values)
        for name in chosen
        for switch in get_method(name).card.switches
        for seed in range(args.seeds)
    ]
    runs = [settings for settings in runs if has_what_it_takes(data, settings)]
    return fill(STORE, table_name(args), {"seconds": args.seconds}, runs, data, fresh=args.fresh)


def publish(store: Store, whole: Store, pages: Path = RESULTS) -> None:
    """A Markdown page for every table: each switch beside its method unbroken.

    Args:
        store: runs with a switch thrown.
        whole: runs with the defaults, in a table of the same name.

    Raises:
        UserError: if nothing has been measured.
    """
    for name, table in store.measured().items():
        beside = whole.tables().get(name, {"cells": []})
        if beside.get("seconds") != table["seconds"]:
            beside = {"cells": []}  # trained for longer or shorter, they are nothing to compare with
        found = [
            line(
                method.card.title,
                switch,
                [cell for cell in beside["cells"] if cell["method"] == id],
                [c for c in table["cells"] if (c["method"], c["switch"]) == (id, switch.title)],
            )
            for id, method in methods().items()
            for switch in method.card.switches
        ]
        lines = [entry for entry in found if entry]
        notes = (
            "kNN / linear accuracy and last loss with the defaults, and with the switch thrown; the loss of another "
            "setting need not be comparable. Lamp: what it says of the embedding at the end, thrown, or how the run "
            "ended before its time."
        )
        page, command = pages / f"break_it_{name}.md", remade("break_it", name, table)
        if lines:
            write_table(page, f"Breaking it on {name}", command, lines, notes, where=machines(table))


def line(title: str, switch: Switch, whole: list[Cell], broken: list[Cell]) -> dict[str, Any]:
    """A line of the table; empty if the switch has not been thrown yet."""
    if not broken:
        return {}
    ends = [c["ended"] if c["ended"] in ("diverged", "failed") else c["collapse"]["verdict"] for c in broken]
    lamps = ", ".join(dict.fromkeys(end or "–" for end in ends))
    return {
        "method": title,
        "switch": switch.title,
        "default": accuracies(whole),
        "thrown": accuracies(broken),
        "loss": f"{loss(whole)} → {loss(broken)}",
        "lamp": lamps,
        "said to": switch.expect,
    }


def accuracies(cells: list[Cell]) -> str:
    return " / ".join(spread([c[what] for c in cells if c[what] is not None]) for what in ("knn", "linear"))


def loss(cells: list[Cell]) -> str:
    known = [cell["loss"] for cell in cells if cell.get("loss") is not None]
    return f"{statistics.mean(known):.3g}" if known else "–"


if __name__ == "__main__":
    main()
