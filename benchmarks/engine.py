"""What a SimCLR training step is spent on, and how it compares with a loader-based one.

    python -m benchmarks.engine
    python -m benchmarks.engine --python /path/to/an/environment/with/lightly/bin/python

The share of a step that is not network is measured within one process, on ready-made views. The comparison runs
the same encoder the way Lightly's documentation does it, in another environment (``pip install lightly``).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import median

import torch

from benchmarks.common import command, write_table
from sslcore.data import load
from sslcore.settings import RunSettings
from sslcore.training import Trainer

READY = 10  # pairs of views made before


def step_times(rounds: int) -> dict[str, Sequence[float]]:
    """Seconds of a whole step, of its network part on ready-made views, and of making the views, in the fastest
    quarter of the rounds."""
    trainer = Trainer(RunSettings.build("simclr"), load("toybox"))
    batch, fetch, make = trainer.next_batch(), trainer.next_batch, trainer.method.views
    # several, because the processor's caches would keep a single one
    ready = cycle([make(fetch(), trainer.generator) for _ in range(READY)])
    parts = {"whole": [], "network": [], "views": []}

    def clock(name: str, run) -> None:
        start = time.perf_counter()
        run()
        parts[name].append(time.perf_counter() - start)

    for _ in range(rounds + 5):  # the three take turns, so that other load hits all of them alike
        clock("whole", trainer._step)
        trainer.next_batch, trainer.method.views = lambda: batch, lambda *_: next(ready)
        clock("network", trainer._update)
        trainer.next_batch, trainer.method.views = fetch, make
        clock("views", lambda: make(fetch(), trainer.generator))
    made = sorted(zip(*(times[5:] for times in parts.values()), strict=True), key=sum)
    quiet = made[: max(1, rounds // 4)]  # the rest is more about what else the machine does
    return dict(zip(parts, zip(*quiet, strict=True), strict=True))


def lightly_images_per_second(python: str, seconds: float) -> dict | None:
    """The same encoder, batch and images through Lightly's transform, a DataLoader and its NTXentLoss."""
    script = Path(__file__).with_name("engine_lightly.py")
    with tempfile.TemporaryDirectory() as folder:
        data = load("toybox")
        torch.save(data.train.images, Path(folder) / "images.pt")
        done = subprocess.run([python, str(script), folder, str(seconds)], capture_output=True, text=True)
    if done.returncode:
        print(f"Lightly could not be run: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long Lightly trains")
    parser.add_argument("--python", help="interpreter of an environment with lightly")
    args = parser.parse_args()
    times = step_times(args.rounds)
    whole = median(times["whole"])

    def share(name: str) -> float:
        """Of a whole step, each compared with the one of its own round: the machine's speed changes."""
        return median(part / step for part, step in zip(times[name], times["whole"], strict=True))

    network, views = share("network"), share("views")
    rows = [
        {"part": "whole step", "ms": 1e3 * whole, "share": 1.0, "images per second": 256 / whole},
        {"part": "network, loss and update", "ms": 1e3 * whole * network, "share": network,
         "images per second": "-"},
        {"part": "everything else", "ms": 1e3 * whole * (1 - network), "share": 1 - network,
         "images per second": "-"},
        {"part": "making two views, alone", "ms": 1e3 * whole * views, "share": views, "images per second": "-"},
    ]  # fmt: skip
    if args.python and (other := lightly_images_per_second(args.python, args.seconds)):
        rows.append(
            {"part": f"Lightly {other['version']}, {other['workers']} workers", "ms": 1e3 * 256 / other["speed"],
             "share": 256 / other["speed"] / whole, "images per second": other["speed"]}
        )  # fmt: skip
    told = command().replace(args.python, "lightly/bin/python") if args.python else command()
    write_table(
        "engine.md",
        "A SimCLR step, batch 256, 32 px",
        told,
        rows,
        "Medians of the fastest quarter of the rounds.",
    )


if __name__ == "__main__":
    main()
