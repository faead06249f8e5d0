"""Every test gets a server of its own: an empty folder of runs, a fresh job manager, no layout process."""

import json
import threading

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from sslcore.settings import RunSettings
from ui import jobs
from ui.previews import previews
from ui.projection_service import ProjectionService, projections
from ui.shell import ROOT


class NoLayouts:
    """Stands in for the UMAP process, which takes ten seconds to start."""

    error = "no layouts in tests"

    def start(self) -> None:
        pass

    def poll(self) -> None:
        return None

    def request(self, key, features, previous=None, method="umap") -> bool:
        return False


@pytest.fixture(autouse=True)
def server(tmp_path, monkeypatch):
    """An empty server, at which the visitor sits; nothing trains when the test is over."""
    monkeypatch.setattr("ui.owner.sits_here", lambda: True)
    monkeypatch.setenv("SSL_PLAYGROUND_RUNS", str(tmp_path))
    jobs.reset()
    monkeypatch.setattr(projections, "made", ProjectionService(NoLayouts()))
    monkeypatch.setattr(previews, "made", None)
    yield tmp_path
    jobs.reset()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("train-")]


@pytest.fixture
def page():
    """Opens a page by name with URL parameters, as a deep link would."""

    def open_page(name: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_page


@pytest.fixture
def tiny():
    """Settings of a run of three steps."""

    def settings(method: str = "simclr", **values) -> RunSettings:
        small = {
            "data": "digits",
            "steps": 3,
            "batch_size": 16,
            "width": 4,
            "image_size": 32,
            "device": "cpu",
        }
        return RunSettings.build(method, **{**small, "precision": "fp32", **values})

    return settings


@pytest.fixture
def finished(tiny):
    """Trains a tiny run to its end and returns its id."""

    def train(method: str = "simclr", owner: str = "", **values) -> str:
        run = jobs.manager().start(tiny(method, **values), owner)
        wait_for(run)
        return run

    return train


@pytest.fixture
def colourful(tmp_path_factory, monkeypatch) -> str:
    """A small folder of pictures with colours, as the data of a run."""
    folder = tmp_path_factory.mktemp("images")
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path_factory.mktemp("cache")))
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return f"folder:{folder}"


WORDS = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")


def words(app: AppTest) -> str:
    """All that a page says in its own words."""
    return " ".join(str(element.value) for kind in WORDS for element in getattr(app, kind))


def charts(app: AppTest) -> dict[str, dict]:
    """What a page's charts are given to draw, by the first word of what they are called for those who cannot see."""
    found = [json.loads(element.proto.bytes or "{}") for element in app.get("bidi_component")]
    return {data["alt"].split()[0]: data for data in found if "alt" in data}


def wait_for(run: str, *states: str) -> None:
    """Until a run is in one of these states, by default until it is over."""
    pause = threading.Event()
    for _ in range(1200):
        status = jobs.manager().status(run)
        if status.state in states or (not states and not status.active):
            return
        pause.wait(0.05)
    raise AssertionError(f"run {run} is still {jobs.manager().status(run).state}")
