"""The command line: ``python -m sslcore train simclr --data toybox --seconds 60``."""

import argparse
import sys
from typing import NoReturn

from sslcore.errors import UserError


class Parser(argparse.ArgumentParser):
    """argparse that complains in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{message[0].upper()}{message[1:]}. Try {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> Parser:
    """All commands and their options."""
    parser = Parser(prog="python -m sslcore", description="Self-supervised learning, small and real.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)

    def add(name: str, help: str, *, run: bool = False) -> Parser:
        command = commands.add_parser(name, help=help, description=help)
        command.add_argument("--json", action="store_true", help="print one JSON value on stdout")
        if run:
            command.add_argument("run", help="a run's id or folder")
        if run or name == "train":
            command.add_argument(
                "--runs", help="where runs are kept (default: $SSL_PLAYGROUND_RUNS or ./runs)"
            )
        return command

    train = add("train", "Train a method and record the run.")
    train.add_argument("method", help="a method's id, as printed by 'methods'")
    train.add_argument("--data", help="a dataset's name, or folder:PATH for a folder or zip of images")
    train.add_argument("--image-size", type=int, help="side of the images in pixels")
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, help="training time; evaluations do not count (default: 60)")
    budget.add_argument("--epochs", type=int, help="passes over the data")
    budget.add_argument("--steps", type=int, help="optimiser steps")
    train.add_argument("--seed", type=int, help="same seed, settings, machine, steps: same run on a CPU")
    train.add_argument("--device", help="auto, cpu, mps, cuda, or cuda:1 for the second GPU")
    train.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KNOB=VALUE", help="any setting"
    )
    train.add_argument("--download", action="store_true", help="fetch the dataset if it is not here yet")

    add("methods", "List the methods.")
    add("datasets", "List the datasets.")
    add("download", "Fetch a dataset, to have it when there is no network.").add_argument(
        "name", help="a dataset's name, as printed by 'datasets'"
    )
    add("evaluate", "Measure a run's encoder on held-out images.", run=True)
    add("resume", "Continue an interrupted or stopped run.", run=True)
    add("export", "Write a run's encoder as a safetensors file.", run=True).add_argument(
        "--to", help="file to write (default: <run>.safetensors)"
    )
    benchmark = add("benchmark", "Measure how fast methods train on this machine.")
    benchmark.add_argument("methods", nargs="*", help="methods to measure (default: all)")
    benchmark.add_argument("--data", default="toybox")
    benchmark.add_argument("--seconds", type=float, default=5.0, help="training time per method")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status is 0, or 2 when the user has something to fix."""
    args = build_parser().parse_args(arguments)
    from sslcore import commands  # torch takes seconds to import: not for --help

    run = {
        "train": commands.train,
        "methods": commands.list_methods,
        "datasets": commands.list_datasets,
        "download": commands.download,
        "evaluate": commands.evaluate,
        "resume": commands.resume_run,
        "export": commands.export,
        "benchmark": commands.benchmark,
    }[args.command]
    try:
        return run(args)
    except UserError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        more = ": 'resume' continues the run from its last checkpoint"
        print(f"Interrupted{more if args.command in ('train', 'resume') else ''}.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
