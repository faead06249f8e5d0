import json

import pytest

from sslcore.__main__ import main


@pytest.mark.parametrize("command", ["methods", "datasets"])
def test_lists_are_for_people_and_as_json(command, capsys):
    assert main([command, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main([command]) == 0
    told = capsys.readouterr().out
    assert listed and all(entry["id"] in told and entry["title"] in told for entry in listed)
