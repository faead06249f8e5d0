"""A run on a folder of photos, to which more photos are added afterwards."""

import json
import shutil

import pytest
from PIL import Image

from sslcore.runs import RunFolder
from tests.app.conftest import charts, words
from ui import jobs
from ui.embedding_colors import colorings_of
from ui.pictures import thumbnails

CHANGED = "does not hold the images any more that run"


@pytest.fixture
def photos(tmp_path_factory, monkeypatch):
    """A folder of two classes; the function adds a third that comes first."""
    place = tmp_path_factory.mktemp("photos")
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path_factory.mktemp("cache")))

    def add(kind: str, count: int = 10) -> str:
        (place / kind).mkdir()
        for number in range(count):
            Image.new("RGB", (32, 32), (20 * number, len(kind), 99)).save(place / kind / f"{number}.png")
        return f"folder:{place}"

    add("dog")
    add("fish")
    return add, place


@pytest.fixture
def train(finished, photos):
    return lambda: finished(data=f"folder:{photos[1]}", batch_size=4)


def seen(run: str) -> tuple:
    folder = RunFolder(jobs.manager().root / run)
    known = next(iter(colorings_of(folder.settings(), folder).values()))
    return (
        known.names,
        None if known.values is None else sorted(known.values.tolist()),
        bool(thumbnails(folder.settings(), folder)[1]),
    )


def legend(app) -> list[str]:
    (figure,) = (data for data in charts(app).values() if " map of " in data["alt"])
    return [trace["name"] for trace in figure["traces"]]


def test_a_map_shows_nothing_of_images_that_the_run_did_not_learn_from(page, train, photos):
    run = train()
    photos[0]("cat")
    for name in ("embedding", "train"):
        app = page(name, run=run)
        assert not app.exception
        assert legend(app) == ["images"] and CHANGED in words(app)
    assert seen(run) == ((), None, False)


def test_images_that_are_brought_back_are_shown_again(page, train, photos):
    run = train()
    photos[0]("cat")
    assert seen(run) == ((), None, False)
    shutil.rmtree(photos[1] / "cat")
    assert seen(run) == (("dog", "fish"), [0, 0, 1, 1], True)
    app = page("embedding", run=run)
    assert legend(app) == ["dog", "fish"] and CHANGED not in words(app)


def test_a_new_run_gets_the_new_labels_and_an_old_one_keeps_its_own(train, photos):
    old = train()
    assert seen(old) == (("dog", "fish"), [0, 0, 1, 1], True)
    photos[0]("cat")
    assert seen(train()) == (("cat", "dog", "fish"), [0, 0, 1, 1, 2, 2], True)
    assert seen(old) == (("dog", "fish"), [0, 0, 1, 1], True), "they have been remembered"


def test_a_run_of_earlier_versions_is_shown_with_what_is_there(page, train, photos):
    run = train()
    status = jobs.manager().root / run / "status.json"
    status.write_text(
        json.dumps({k: v for k, v in json.loads(status.read_text()).items() if k != "fingerprint"})
    )
    app = page("embedding", run=run)
    assert legend(app) == ["dog", "fish"] and CHANGED not in words(app)
