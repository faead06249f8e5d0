import json

import pytest

from sslcore.__main__ import build_parser, main
from sslcore.commands import asked


@pytest.mark.parametrize("command", ["methods", "datasets"])
def test_lists_are_for_people_and_as_json(command, capsys):
    assert main([command, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main([command]) == 0
    told = capsys.readouterr().out
    assert listed and all(entry["id"] in told and entry["title"] in told for entry in listed)


def test_an_option_wins_over_the_same_knob():
    words = ["train", "simclr", "--set", "seed=1", "width=8", "--seed", "2", "--epochs", "3"]
    settings = asked(build_parser().parse_args(words))
    assert (settings["seed"], settings["width"], settings["epochs"], settings["steps"]) == (2, 8, 3, 0)


@pytest.mark.parametrize(
    "words", [["--seconds", "0"], ["--set", "colour"], ["--set", "temprature=1"], ["--steps", "-1"]]
)
def test_a_mistake_is_one_line_and_exit_status_2(words, capsys):
    assert main(["train", "simclr", *words]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and not said.out
