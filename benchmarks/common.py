"""What the benchmarks share: a description of the machine, fair timing, and a Markdown table of results."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """One line on the machine: processor, cores, accelerator, software versions."""
    parts = [_processor(), f"{os.cpu_count()} cores ({torch.get_num_threads()} torch threads)"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join([*parts, f"Python {platform.python_version()}", f"torch {torch.__version__}"])


def command() -> str:
    """The command that is being run, as a person would type it at the root of the repository."""
    module = Path(sys.argv[0]).stem
    return " ".join([f"python -m benchmarks.{module}", *map(portable, sys.argv[1:])])


def portable(word: str) -> str:
    """A word of a command without the folders of this machine: ``folder:cifar10.zip``."""
    prefix = "folder:" if word.startswith("folder:") else ""
    path = word.removeprefix(prefix)
    return prefix + (Path(path).name if os.sep in path else path)


def timed(
    contenders: dict[str, Callable[[], object]], *, rounds: int = 10, device: str = "cpu"
) -> dict[str, dict[str, float]]:
    """Seconds per call of each contender: the `best` and the `median` over rounds.

    The contenders take turns within a round, so that whatever else the machine does hits all of them alike.
    The first, uncounted round warms up. The best is the figure to compare on a busy machine.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(rounds + 1):
        for name, run in contenders.items():
            _finish(device)
            start = time.perf_counter()
            run()
            _finish(device)
            if round_:
                seconds[name].append(time.perf_counter() - start)
    return {name: {"best": min(s), "median": statistics.median(s)} for name, s in seconds.items()}


def write_table(
    path: str | Path,
    title: str,
    command: str,
    rows: list[dict[str, object]],
    notes: str = "",
    *,
    where: str = "",
) -> str:
    """Write rows (all with the same keys) as a Markdown page, print it, and return it.

    Args:
        path: the file; a bare name goes to `benchmarks/results/`.
        title: first line of the page.
        command: the command that made it.
        rows: one dictionary per line of the table; floats are shown with three significant digits.
        notes: a paragraph below the table.
        where: the machine that the figures are of, if not this one.
    """
    path = Path(path) if os.sep in str(path) else RESULTS / path
    header = list(rows[0])
    lines = [f"# {title}", "", f"`{command}`  ", where or machine(), ""]
    lines += [_line(header), _line(["---"] * len(header))]
    lines += [_line([_text(row[key]) for key in header]) for row in rows]
    page = "\n".join(lines + (["", notes] if notes else [])) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    print(page)
    return page


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def _finish(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
