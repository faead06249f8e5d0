"""What ``python -m sslcore`` can do. Progress goes to stderr, results to stdout."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from sslcore.data import dataset_cards, load
from sslcore.distributed import first_goes_ahead, leads, team
from sslcore.errors import UserError
from sslcore.registry import FAMILIES, methods
from sslcore.runs import History, RunFolder, checkpoint, open_run, record, resume, runs_root
from sslcore.runs.summary import summary
from sslcore.settings import RunSettings
from sslcore.training import Evaluation, Event, Finished, Step, Trainer
from sslcore.training.build import images_of, smaller_batch

BAR = "{percentage:3.0f}%|{bar}| {desc}"  # not {postfix}, which begins with a comma


def train(args: Namespace) -> int:
    with team():
        with first_goes_ahead():
            settings = asked(args)
            data = images_of(settings, download=args.download)
            if not any(pair.startswith("batch_size=") for pair in args.set):
                settings = _fit_batch(settings, len(data.train))
            trainer = Trainer(settings, data)
            folder = RunFolder.create(runs_root(args.runs), trainer.settings) if leads() else None
        return _watch(trainer, folder, args.json)


def asked(args: Namespace) -> RunSettings:
    """The settings of a ``train`` command; its options win over ``--set``."""
    values = dict(pair.split("=", 1) if "=" in pair else _not_a_pair(pair) for pair in args.set)
    options = ("data", "image_size", "seed", "device", "seconds", "epochs", "steps")
    given = {name: getattr(args, name) for name in options if getattr(args, name) is not None}
    if given.keys() & {"seconds", "epochs", "steps"}:
        given = {"steps": 0, "epochs": 0} | given
    return RunSettings.build(args.method, **(values | given))


def _fit_batch(settings: RunSettings, count: int) -> RunSettings:
    """A smaller batch where there are too few training images for the usual one, as in the app."""
    if count >= settings["batch_size"]:
        return settings
    smaller = smaller_batch(count)
    if leads():
        print(f"There are {count} training images, so batch_size is {smaller}.", file=sys.stderr)
    return settings.change(batch_size=smaller)


def resume_run(args: Namespace) -> int:
    with team():
        with first_goes_ahead():
            folder = open_run(args.run, runs_root(args.runs))
            trainer = resume(folder)
        return _watch(trainer, folder if leads() else None, args.json)


def _watch(trainer: Trainer, folder: RunFolder | None, as_json: bool) -> int:
    """Record a run to its end, showing progress; after Ctrl-C it can be resumed. Without a folder, just run it."""
    if folder is None:
        for _ in trainer:
            pass
        return 0
    for note in trainer.data.notes:
        print(note, file=sys.stderr)
    history = History.of(folder)
    events = record(trainer, folder, lambda trouble: print(trouble, file=sys.stderr))
    with tqdm(total=1.0, bar_format=BAR, file=sys.stderr, initial=trainer.fraction) as bar:
        finished = _follow(events, history, bar)
    machine = {"device": str(trainer.device), "precision": trainer.precision, "run": str(folder.path)}
    result = summary(trainer.settings, history.view(), **machine)
    problem = finished.message if finished and finished.reason == "diverged" else ""
    if as_json:
        print(json.dumps(result))
    elif not problem:
        _print_result(result)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def _follow(events: Iterable[Event], history: History, bar: tqdm) -> Finished | None:
    progress, accuracy, finished = "", "", None
    for event in events:
        history.append(event.as_dict())
        if isinstance(event, Evaluation) and event.step and event.knn is not None:
            accuracy = f"kNN {event.knn:.1%}"
        if isinstance(event, Step):
            bar.update(event.fraction - bar.n)
            progress = f"step {event.step} · loss {event.loss:.3f} · {event.images_per_second:.0f} images/s"
        if isinstance(event, Step | Evaluation):
            bar.set_description_str(" · ".join(filter(None, (progress, accuracy))))
        if isinstance(event, Finished):
            finished = event
    return finished


def list_methods(args: Namespace) -> int:
    cards = [cls.card for cls in methods().values()]
    if args.json:
        print(json.dumps([card.summary() for card in cards]))
        return 0
    for family, title in FAMILIES.items():
        rows = [card for card in cards if card.family == family]
        if rows:
            print(f"\n{title}")
        for card in rows:
            print(f"  {card.id:24}{card.year}  {card.title} ({card.paper})")
            for switch in card.switches:
                print(f"  {'':30}break it: {switch.title}")
    return 0


def list_datasets(args: Namespace) -> int:
    cards = dataset_cards()
    if args.json:
        print(json.dumps([card.as_dict() for card in cards]))
        return 0
    width = max(len(card.id) for card in cards) + 2
    for card in cards:
        here = "" if card.is_available() else "  (to be downloaded first)"
        print(f"{card.id:{width}}{card.title}{here}\n{'':{width}}{card.description}")
    return 0


def download(args: Namespace) -> int:
    data = load(args.name, download=True, progress=lambda _, said: print(said, file=sys.stderr))
    sizes = {"train": len(data.train), "probe": len(data.probe), "test": len(data.test)}
    print(
        json.dumps({"data": data.name, **sizes}) if args.json else f"{data.title} is here.\n{_lines(sizes)}"
    )
    return 0


def evaluate(args: Namespace) -> int:
    folder = open_run(args.run, runs_root(args.runs))
    settings, state = folder.settings(), checkpoint.load(folder.checkpoint)
    data = images_of(settings)
    folder.check_images(data)
    here = settings.machine.change(device="auto")  # it may come from another machine
    trainer = Trainer(replace(settings, machine=here), data, resume=state)
    measured, _ = trainer.referee.evaluate(trainer.step, trainer.seconds, linear=True)
    verdict = trainer.referee.lamp.verdict  # the run's own, before the same step is read once more
    diagnosis = trainer.referee.diagnose(trainer.step, trainer.seconds)
    figures = {"knn": measured.knn, "linear": measured.linear, **diagnosis.figures}
    result = {"run": folder.id, "step": trainer.step, "collapse": verdict, **figures}
    print(json.dumps(result) if args.json else _lines(result))
    return 0


def export(args: Namespace) -> int:
    folder = open_run(args.run, runs_root(args.runs))
    state = checkpoint.load(folder.checkpoint)
    target = Path(args.to or f"{folder.id}.safetensors")
    about = {"settings": json.dumps(state["settings"]), "step": str(state["step"])}
    weights = {name: tensor.contiguous() for name, tensor in checkpoint.encoder_weights(state).items()}
    try:
        checkpoint.write_tensors(target, weights, about)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror or error}.") from None
    print(json.dumps({"file": str(target), **about}) if args.json else f"Wrote the encoder to {target}.")
    return 0


def benchmark(args: Namespace) -> int:
    rows = []
    for name in args.methods or list(methods()):
        settings = RunSettings.build(name, data=args.data, seconds=args.seconds, steps=0)
        data = images_of(settings)
        try:
            trainer = Trainer(_fit_batch(settings, len(data.train)), data)
            speeds = [e.images_per_second for e in _only_steps(trainer, args.seconds)]
        except UserError as error:  # not every method can learn from all data
            if args.methods:
                raise
            print(f"Left out: {error}", file=sys.stderr)
            continue
        rows.append({"method": name, "images_per_second": round(speeds[-1]), "precision": trainer.precision})
        if not args.json:
            print(
                f"{name:24}{rows[-1]['images_per_second']:8} images/s  {trainer.precision} on {trainer.device}"
            )
    if args.json:
        print(json.dumps({"threads": torch.get_num_threads(), "methods": rows}))
    return 0


def _only_steps(trainer: Trainer, seconds: float) -> Iterable[Step]:
    for event in trainer:
        if isinstance(event, Step):
            yield event
            if event.seconds >= seconds:
                return


def _print_result(result: dict[str, Any]) -> None:
    shown = {k: result[k] for k in ("run", "steps", "seconds", "loss", "knn", "linear")}
    print(_lines({**shown, **result["baselines"], "collapse": result["collapse"]["verdict"]}))


def _lines(values: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)

    return "\n".join(f"{name:20}{text(value)}" for name, value in values.items())


def _not_a_pair(text: str) -> list[str]:
    raise UserError(f"--set takes knob=value, got '{text}'.")
