"""Kill a training process ten times at random moments; it must open, say so, and end as if nothing had happened.

    python -m benchmarks.kill_resume --kills 10

A run with a budget in steps is trained once without interruption and once with ``kill -9`` and ``resume``; all
recorded figures but the times must be equal, bit for bit.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from benchmarks.common import command, write_table
from sslcore.runs import FolderHistory, RunFolder, all_runs

TIMES = ("seconds", "images_per_second")


def rows(folder: RunFolder) -> list[dict]:
    """The record without its times."""
    return [{k: v for k, v in row.items() if k not in TIMES} for _, row in folder.rows()]


def start(root: Path, *words: str) -> subprocess.Popen:
    """A process of the command line."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "sslcore", *words, "--runs", str(root)], **quiet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--longest", type=float, default=16.0, help="seconds that a process lives at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    dice = random.Random(args.seed)
    words = (
        "train",
        "simclr",
        "--data",
        "digits",
        "--steps",
        str(args.steps),
        "--set",
        "batch_size=64",
        "width=8",
    )
    with tempfile.TemporaryDirectory() as name:
        whole, broken = Path(name) / "whole", Path(name) / "broken"
        start(whole, *words).wait()
        process, kills, at = start(broken, *words), 0, []
        bar = tqdm(total=args.kills)
        while True:
            try:
                process.wait(dice.uniform(1.0, args.longest) if kills < args.kills else None)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            kills += 1
            bar.update()
            found = all_runs(broken)
            if not found:  # killed before the folder was made: nothing to resume yet
                process = start(broken, *words)
                continue
            assert found[0].status()["state"] == "interrupted", found[0].status()
            at.append(FolderHistory(found[0]).view().step)
            time.sleep(0.1)
            process = start(broken, "resume", found[0].id)
        first, second = all_runs(whole)[0], all_runs(broken)[0]
        same = json.dumps(rows(first)) == json.dumps(rows(second))
        result = {
            "kills": kills,
            "at steps": ", ".join(map(str, at)),
            "state": second.status()["state"],
            "rows": len(rows(second)),
            "equal to the uninterrupted run": "yes, bit for bit" if same else "NO",
        }
    write_table("kill_resume.md", "Killed at random moments, and resumed", command(), [result])


if __name__ == "__main__":
    main()
