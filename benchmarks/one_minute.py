"""Every method, one minute of training, three seeds: what does it learn?

    python -m benchmarks.one_minute --data toybox
    python -m benchmarks.one_minute --data folder:cifar10.zip --name cifar10

Finished cells are kept in ``benchmarks/results/one_minute.json``, so a benchmark that was cut short goes on where
it stopped; ``--fresh`` measures again. The table is what the app's home page shows.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from tqdm import tqdm

from benchmarks.common import RESULTS, command, machine, write_table
from sslcore.data import ImageData, load
from sslcore.errors import UserError
from sslcore.registry import get_method, methods
from sslcore.runs import History
from sslcore.runs.summary import summary
from sslcore.settings import RunSettings
from sslcore.training import Diagnosis, Trainer

STORE = RESULTS / "one_minute.json"
SHOWN = Path(__file__).parents[1] / "assets" / "one_minute.json"


def measure(method: str, data: ImageData, seconds: float, seed: int) -> dict:
    """One cell: the summary of one run."""
    budget = {} if method == "random" else {"seconds": seconds, "steps": 0}
    settings = RunSettings.build(method, data=data.name, seed=seed, **budget)
    trainer, history = Trainer(settings, data), History()
    verdicts = []
    for event in trainer:
        history.append(event.as_dict())
        if isinstance(event, Diagnosis):
            verdicts.append(event.verdict)
    result = summary(settings, history.view(), precision=trainer.precision, device=str(trainer.device))
    return {**result, "complete_readings": verdicts.count("complete"), "measured": time.strftime("%Y-%m-%d")}


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; nan below two values."""
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return statistics.mean(values), deviation


def table(cells: list[dict]) -> list[dict]:
    """One row per method: mean and spread over seeds, best kNN first."""
    rows = []
    for method in methods():
        mine = [cell for cell in cells if cell["method"] == method]
        if not mine:
            continue
        knn, linear = (spread([cell[name] for cell in mine]) for name in ("knn", "linear"))
        rows.append(
            {
                "method": get_method(method).card.title,
                "id": method,
                "kNN": f"{knn[0]:.3f} ± {knn[1]:.3f}",
                "linear": f"{linear[0]:.3f} ± {linear[1]:.3f}",
                "steps": round(statistics.mean(cell["steps"] for cell in mine)),
                "seeds": len(mine),
                "knn_mean": knn[0],
                "linear_mean": linear[0],
            }
        )
    return sorted(rows, key=lambda row: row["knn_mean"], reverse=True)


def pixels(cells: list[dict]) -> float:
    """kNN accuracy on raw pixels, which is the same for all."""
    return statistics.mean(cell["baselines"]["pixels_knn"] for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="toybox")
    parser.add_argument("--name", help="how the table calls the data (default: the data's name)")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=None)
    parser.add_argument("--fresh", action="store_true", help="forget earlier results for this data")
    args = parser.parse_args()
    name = args.name or args.data
    store = json.loads(STORE.read_text()) if STORE.exists() else {}
    cells = [] if args.fresh else store.get(name, {}).get("cells", [])
    data = load(args.data)
    todo = [(m, s) for m in args.methods or methods() for s in range(args.seeds)]
    done = {(cell["method"], cell["seed"]) for cell in cells}
    for method, seed in tqdm([pair for pair in todo if pair not in done], unit="run"):
        try:
            cells.append(measure(method, data, args.seconds, seed))
        except UserError as error:  # not every method can learn from all data
            tqdm.write(f"Left out: {error}")
            continue
        store[name] = {"machine": machine(), "seconds": args.seconds, "cells": cells}
        STORE.parent.mkdir(exist_ok=True)
        STORE.write_text(json.dumps(store, indent=1))
    publish(name, store)


def publish(name: str, store: dict) -> None:
    """The Markdown page of one dataset, and the app's table of all."""
    cells = store[name]["cells"]
    rows = table(cells)
    shown = [{k: v for k, v in row.items() if not k.endswith("_mean")} for row in rows]
    notes = f"Raw pixels: kNN {pixels(cells):.3f}. Mean ± standard deviation over seeds, held-out images."
    write_table(f"one_minute_{name}.md", f"One minute on {name}", command(), shown, notes)
    everything = {
        data: {
            "machine": part["machine"],
            "seconds": part["seconds"],
            "pixels_knn": pixels(part["cells"]),
            "rows": table(part["cells"]),
        }
        for data, part in store.items()
    }
    SHOWN.write_text(
        json.dumps({"command": "python -m benchmarks.one_minute", "data": everything}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
