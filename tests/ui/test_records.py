import os

from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from ui.records import record_of


def test_what_is_asked_of_a_run_in_the_queue_later_shows(tmp_path):
    settings = RunSettings.build("simclr")
    folder = RunFolder.create(tmp_path, settings)
    before = record_of(folder)
    folder.ask(settings.change(temperature=0.9))
    os.utime(folder.path / "settings.json", (before.created + 1, before.created + 1))
    after = record_of(folder)
    assert "temperature 0.9" in after.label and "temperature" not in before.label
