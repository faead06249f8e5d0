"""Every method, one minute of training, three seeds: what does it learn?

    python -m benchmarks.one_minute --data toybox
    python -m benchmarks.one_minute --data folder:cifar10.zip --name cifar10
    python -m benchmarks.one_minute --methods ijepa beit
    python -m benchmarks.one_minute --publish

Finished cells are kept in ``benchmarks/results/one_minute.json``, so a benchmark that was cut short goes on where
it stopped, and methods can be added to a table later. The tables are what the app's home page shows.
"""

import argparse
import json
import statistics
from pathlib import Path

from benchmarks.cells import (
    Store,
    benchmark_parser,
    fill,
    gains,
    has_what_it_takes,
    machines,
    remade,
    remarks,
    rows,
    run,
    table_name,
    timed_run,
)
from benchmarks.common import RESULTS, write_table
from sslcore.data import load
from sslcore.registry import methods

STORE = Store(RESULTS / "one_minute.json")
SHOWN = Path(__file__).parents[1] / "assets" / "one_minute.json"
COLUMNS = ("method", "id", "kNN", "linear", "untrained", "steps", "seeds")


def main() -> None:
    parser = benchmark_parser(__doc__.split("\n")[0], data="toybox", seconds=60.0, seeds=3)
    args = parser.parse_args()
    run(parser, args, lambda: measure(args), lambda: publish(STORE))


def measure(args: argparse.Namespace) -> str:
    """Fill the table; a sentence on what could not be measured."""
    data, chosen = load(args.data), args.methods or list(methods())
    runs = [timed_run(m, data, args.seconds, seed) for m in chosen for seed in range(args.seeds)]
    shared = {"seconds": args.seconds, "images": len(data.train)}
    if not args.methods:
        runs = [settings for settings in runs if has_what_it_takes(data, settings)]
    return fill(STORE, table_name(args), shared, runs, data, fresh=args.fresh)


def publish(store: Store, pages: Path = RESULTS, shown: Path = SHOWN) -> None:
    """A Markdown page for every table, and all of them for the app.

    Raises:
        UserError: if nothing has been measured.
    """
    everything = {}
    for name, table in store.measured().items():
        cells, found = table["cells"], rows(table["cells"])
        known = [cell["baselines"]["pixels_knn"] for cell in cells]
        known = [value for value in known if value is not None]  # a run may end before it is known
        if not known:
            continue
        pixels = statistics.mean(known)
        notes = f"{table['images']:,} training images. Raw pixels: kNN {pixels:.3f}. "
        notes += "Mean ± standard deviation over seeds, held-out images. "
        notes += (
            "Untrained: kNN and linear accuracy of the same network before its first step. "
            f"{gains(cells)} {remarks(cells)}"
        )
        where, command = machines(table), remade("one_minute", name, table)
        lines = [{column: row[column] for column in COLUMNS} for row in found]
        page = pages / f"one_minute_{name}.md"
        write_table(page, f"One minute on {name}", command, lines, notes.strip(), where=where)
        everything[name] = {
            "machine": where,
            "command": command,
            "data": cells[0]["data"],
            "seconds": table["seconds"],
            "images": table["images"],
            "pixels_knn": pixels,
            "rows": found,
        }
    shown.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
