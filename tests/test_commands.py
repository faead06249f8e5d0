import io
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tqdm import tqdm

from sslcore.__main__ import build_parser, main
from sslcore.commands import BAR, _follow, asked
from sslcore.runs import History, RunFolder, checkpoint
from sslcore.training import Evaluation, Step


@pytest.mark.parametrize("command", ["methods", "datasets"])
def test_lists_are_for_people_and_as_json(command, capsys):
    assert main([command, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main([command]) == 0
    told = capsys.readouterr().out
    assert listed and all(entry["id"] in told and entry["title"] in told for entry in listed)


def test_the_progress_bar_ends_on_the_last_evaluation():
    said = io.StringIO()
    steps = Step(3, 1.0, 1.0, 0.5, {}, {}, 0.1, 1.0, 100.0), Evaluation(3, 1.0, 0.5, None, {})
    with tqdm(total=1.0, bar_format=BAR, file=said) as bar:
        _follow(steps, History(), bar)
    last = said.getvalue().rstrip().split("\r")[-1]
    assert last.endswith("| step 3 · loss 0.500 · 100 images/s · kNN 50.0%")


def test_an_option_wins_over_the_same_knob():
    words = ["train", "simclr", "--set", "seed=1", "width=8", "--seed", "2", "--epochs", "3"]
    settings = asked(build_parser().parse_args(words))
    assert (settings["seed"], settings["width"], settings["epochs"], settings["steps"]) == (2, 8, 3, 0)


MISTAKES = [
    "train simclr --seconds 0",
    "train simclr --seconds -5",
    "train simclr --seconds nan",
    "train simclr --steps -1",
    "train simclr --steps 1.5",
    "train simclr --seed 99999999999999999999",
    "train simclr --image-size 500",
    "train simclr --set colour",
    "train simclr --set temprature=1",
    "train simclr --set =1",
    "train simclr --set method=byol",
    "train simclr --set temperature=nan",
    "train simclr --set learning_rate=-inf",
    "train simclr --set batch_size=inf",
    "train simclr --set batch_size=1e400",
    "train simclr --device tpu",
    "train simclr --device cuda:99",
    "train simclr --data toybux",
    "train simclr --data folder:",
    "train simclr --data folder:~nobody-is-called-so/x",
    "train simclr --data folder:{empty}",
    "train simclr --data folder:{file}",
    "train simlcr",
    "train",
    "download toybux",
    "benchmark simlcr",
    "benchmark simclr --seconds nan",
    "evaluate nope",
    "resume ../nope",
    "export nope",
    "fly",
    "",
]


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_line_and_exit_status_2(words, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no zip")
    words = words.format(empty=tmp_path / "empty", file=tmp_path / "file").split()
    try:
        status = main(words)
    except SystemExit as ended:  # what argparse finds
        status = ended.code
    said = capsys.readouterr()
    assert status == 2 and said.err.count("\n") == 1 and not said.out


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder with so few images that they are fewer than the usual batch."""
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path / "cache"))
    (tmp_path / "photos").mkdir()
    for number in range(20):
        Image.new("RGB", (32, 32), (12 * number, 0, 0)).save(tmp_path / "photos" / f"{number}.png")
    return ["--data", f"folder:{tmp_path / 'photos'}", "--runs", str(tmp_path / "runs")]


def test_few_images_make_a_smaller_batch_unless_one_was_asked_for(photos, tmp_path, capsys):
    words = [
        "train",
        "simclr",
        *photos,
        "--steps",
        "2",
        "--device",
        "cpu",
        "--set",
        "width=4",
        "precision=fp32",
    ]
    assert main([*words, "--json"]) == 0
    said = capsys.readouterr()
    assert "There are 16 training images, so batch_size is 8." in said.err
    recorded = RunFolder(Path(json.loads(said.out)["run"]))
    assert recorded.settings()["batch_size"] == 8 and "batch_size=8" in recorded.status()["command"]
    assert main([*words, "batch_size=17"]) == 2
    assert "set batch_size to 16 or less" in capsys.readouterr().err


def test_evaluating_a_run_reports_the_verdict_that_it_ended_with(photos, capsys):
    words = ["train", "simclr", *photos, "--steps", "2", "--device", "cpu", "--json"]
    assert main([*words, "--set", "width=4", "precision=fp32"]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    state = checkpoint.load(RunFolder(Path(run)).checkpoint)
    # once the embeddings were a billion times wider, which one reading less than needed has seen
    state["lamp"] |= {"widest": [1.0, 1.0, 1e9], "streak": 3, "verdict": "partial"}
    checkpoint.save(RunFolder(Path(run)).checkpoint, state)
    assert main(["evaluate", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["collapse"] == "partial"


def test_an_exported_encoder_is_the_runs_own(photos, tmp_path, capsys):
    words = ["train", "simclr", *photos, "--steps", "1", "--device", "cpu", "--json"]
    assert main([*words, "--set", "width=4", "precision=fp32"]) == 0
    run, written = json.loads(capsys.readouterr().out)["run"], tmp_path / "encoder.safetensors"
    assert main(["export", run, "--to", str(written)]) == 0
    own, found = (
        checkpoint.encoder_weights(checkpoint.load(RunFolder(Path(run)).checkpoint)),
        load_file(written),
    )
    assert own.keys() == found.keys() and all(torch.equal(own[name], found[name]) for name in own)


def test_a_run_of_another_machine_is_evaluated_on_what_there_is_here(photos, capsys):
    words = ["train", "simclr", *photos, "--steps", "1", "--device", "cpu", "--json"]
    assert main([*words, "--set", "width=4", "precision=fp32"]) == 0
    folder = RunFolder(Path(json.loads(capsys.readouterr().out)["run"]))
    folder.ask(folder.settings().change(device="cuda:7"))
    assert main(["evaluate", str(folder.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 1


def test_a_damaged_image_in_a_zip_costs_that_image_only(photos, tmp_path, capsys):
    (tmp_path / "photos" / "3.png").write_bytes(b"damaged")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "photos")
    words = ["train", "simclr", *photos, "--data", f"folder:{packed}", "--steps", "1", "--device", "cpu"]
    assert main([*words, "--set", "width=4", "precision=fp32"]) == 0
    assert "1 image could not be read and was left out: 3.png." in capsys.readouterr().err


def test_a_run_is_not_judged_on_images_it_did_not_learn_from(photos, tmp_path, capsys):
    words = ["train", "simclr", *photos, "--steps", "2", "--device", "cpu", "--json"]
    assert main([*words, "--set", "width=4", "precision=fp32"]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert main(["evaluate", run]) == 0
    (tmp_path / "photos" / "3.png").unlink()
    assert main(["evaluate", run]) == 2
    assert "photos' does not hold the images any more that run simclr-" in capsys.readouterr().err
