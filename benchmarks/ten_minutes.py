"""Leading methods on small photographs, ten minutes each on an ordinary processor; a few of them on a GPU, in full.

    python -m benchmarks.ten_minutes --data folder:cifar10.zip --name cifar10
    python -m benchmarks.ten_minutes --data folder:cifar10.zip --name cifar10 --gpu

Finished cells are kept in ``benchmarks/results/ten_minutes.json``, so a benchmark that was cut short goes on where
it stopped.
"""

from pathlib import Path
from typing import Any

import torch

from benchmarks.cells import (
    Cell,
    Store,
    benchmark_parser,
    fill,
    machines,
    remade,
    remarks,
    rows,
    run,
    table_name,
    timed_run,
)
from benchmarks.common import RESULTS, portable, write_table
from sslcore.data import ImageData, load
from sslcore.data.images import assemble, balanced
from sslcore.errors import UserError
from sslcore.evaluation import pixel_knn, pixel_linear
from sslcore.registry import get_method
from sslcore.settings import RunSettings

STORE = Store(RESULTS / "ten_minutes.json")
LEADING = (
    "rotation",
    "simclr", "moco", "nnclr",
    "byol", "simsiam", "dino",
    "barlow_twins", "vicreg", "lejepa",
    "swav",
    "mae",
)  # fmt: skip
BESIDE = ("random", "supervised")
UNTRAINED = ("pixels", "random")
ON_GPU = ("simclr", "vicreg", "byol", "swav")
# ten minutes have room for a convnet twice as wide as the default of one minute
PROCESSOR = {"device": "cpu", "width": 32}
GPU = {"encoder": "resnet18", "batch_size": 512, "epochs": 100, "steps": 0, "device": "cuda"}
GPU_TABLE = "{}, GPU"  # its name in the store


def main() -> None:
    parser = benchmark_parser(__doc__.split("\n")[0], data="cifar10", seconds=600.0, seeds=1)
    parser.add_argument("--images", type=int, default=20_000, help="training images at most")
    parser.add_argument(
        "--gpu", action="store_true", help=f"ResNet-18, batch 512, 100 epochs of {', '.join(ON_GPU)} instead"
    )
    args = parser.parse_args()
    run(
        parser,
        args,
        lambda: measure(args, part(load(args.data), args.images)),
        lambda: publish(STORE),
    )


def measure(args: Any, data: ImageData) -> str:
    """Fill the table of the processor, or that of the GPU; returns a sentence on what could not be measured.

    Raises:
        UserError: if there is no GPU.
    """
    name, images, seeds = table_name(args), len(data.train), range(args.seeds)
    if args.gpu:
        if not torch.cuda.is_available():
            raise UserError("This machine has no CUDA device: leave out --gpu.")
        chosen = args.methods or ON_GPU
        runs = [RunSettings.build(m, data=data.name, seed=seed, **GPU) for m in chosen for seed in seeds]
        shared = {"epochs": GPU["epochs"], "images": images}
        return fill(STORE, GPU_TABLE.format(name), shared, runs, data, fresh=args.fresh)
    chosen = args.methods or (*BESIDE, *LEADING)
    runs = [timed_run(m, data, args.seconds, seed, **PROCESSOR) for m in chosen for seed in seeds]
    shared = {"seconds": args.seconds, "images": images}
    failed = fill(STORE, name, shared, runs, data, fresh=args.fresh)
    if not any(cell["method"] == "pixels" for cell in STORE.cells(name)):
        found = pixels(data)
        STORE.save(name, shared, [*STORE.cells(name), found])
    return failed


def part(data: ImageData, count: int) -> ImageData:
    """The dataset with so many training images at most, equally many of each class, and the same held-out ones."""
    if len(data.train) <= count:
        return data
    chosen = balanced(data.train.labels, len(data.train), count)
    return assemble(data.name, data.title, data.classes, data.train.take(chosen), data.test)


def pixels(data: ImageData) -> Cell:
    """What neighbours and a linear probe make of the images themselves, as a cell like those of the methods."""
    compared = (data.probe.images, data.probe.labels, data.test.images, data.test.labels)
    knn, linear = pixel_knn(*compared), pixel_linear(*compared)
    shared = {"method": "pixels", "data": portable(data.name), "seed": 0, "steps": 0, "seconds": 0.0}
    return {**shared, "knn": knn, "linear": linear}


def publish(store: Store, pages: Path = RESULTS) -> None:
    """A Markdown page for every dataset, GPU below processor; what was not run on a GPU says so.

    Raises:
        UserError: if nothing has been measured.
    """
    tables = store.measured()
    names = list(dict.fromkeys(name.removesuffix(GPU_TABLE.format("")) for name in tables))
    for name in names:
        both = [tables.get(which) for which in (name, GPU_TABLE.format(name))]
        there = [table for table in both if table]
        lines = [*(on_processor(both[0]) if both[0] else []), *on_gpu(both[1])]
        where = "; ".join(dict.fromkeys(machines(table) for table in there))
        notes = (
            f"{there[0]['images']:,} training images. Accuracy on held-out images, of the frozen encoder; minutes are "
            f"of training alone. {' '.join(remarks(table['cells']) for table in there)}"
        )
        commands = [remade("ten_minutes", name, both[0])] if both[0] else []
        commands += [f"{remade('ten_minutes', name, both[1])} --gpu"] if both[1] else []
        page = pages / f"ten_minutes_{name}.md"
        write_table(page, f"Ten minutes on {name}", "; ".join(commands), lines, notes.strip(), where=where)


def on_processor(table: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of the table that an ordinary computer measures."""

    def trained(name: str) -> str:
        if name in UNTRAINED:
            return "–"
        settings = RunSettings.build(name, **PROCESSOR)
        width = settings["token_width" if settings["encoder"] == "vit" else "width"]
        return f"{settings['encoder']}, width {width}, {table['seconds'] / 60:g} min"

    found = rows(table["cells"])
    for row in found:
        row["minutes"] = "–" if row["id"] in UNTRAINED else row["minutes"]
    return [line(row, trained(row["id"])) for row in found]


def on_gpu(table: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The lines of the table that a GPU measures."""
    trained = f"ResNet-18, batch {GPU['batch_size']}, {GPU['epochs']} epochs, GPU"
    found = {row["id"]: row for row in rows(table["cells"])} if table else {}
    not_run = {"kNN": "not run", "linear": "not run", "steps": "–", "minutes": "–", "seeds": "–"}
    return [
        line(found.get(name) or {"method": get_method(name).card.title, "id": name, **not_run}, trained)
        for name in dict.fromkeys([*found, *ON_GPU])
    ]


def line(row: dict[str, Any], trained: str) -> dict[str, Any]:
    shown = {column: row[column] for column in ("kNN", "linear", "steps", "minutes", "seeds")}
    return {"method": row["method"], "id": row["id"], "trained": trained, **shown}


if __name__ == "__main__":
    main()
