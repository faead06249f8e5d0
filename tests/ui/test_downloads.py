import sys
import time

import pytest

from sslcore.data.cache import cache_root
from sslcore.data.public import partial_folder
from ui import downloads
from ui.downloads import Downloads


@pytest.fixture
def service(tmp_path, monkeypatch):
    """Downloads into an empty cache by a process that does what a test says."""
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path))

    def fetch_by(script: str) -> Downloads:
        monkeypatch.setattr(downloads, "COMMAND", (sys.executable, "-c", script))
        return Downloads()

    return fetch_by


def until(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it took too long")


def test_the_last_line_of_a_failed_download_is_its_problem(service):
    fetching = service(
        "import sys; print('3%\\rMNIST could not be downloaded.', file=sys.stderr); sys.exit(2)"
    )
    assert not fetching.problem("mnist")
    fetching.start("mnist")
    until(lambda: not fetching.going("mnist"))
    assert fetching.problem("mnist") == "MNIST could not be downloaded."


def test_a_crash_is_put_into_words(service):
    fetching = service("raise MemoryError('no room')")
    fetching.start("mnist")
    until(lambda: not fetching.going("mnist"))
    assert "try again" in fetching.problem("mnist") and "MemoryError" not in fetching.problem("mnist")


def test_a_cancelled_download_leaves_nothing(service):
    fetching = service("import time; time.sleep(600)")
    place = partial_folder("mnist", cache_root())
    fetching.start("mnist")
    (place / "raw").mkdir(parents=True)
    (place / "raw" / "images").write_bytes(bytes(3_000_000))
    process = fetching._processes["mnist"][0]
    fetching.start("mnist")
    assert fetching._processes["mnist"][0] is process, "one at a time is enough"
    assert fetching.going("mnist") and fetching.megabytes("mnist") == pytest.approx(3, abs=0.1)
    fetching.cancel("mnist")
    assert process.poll() is not None and not place.exists()
    assert not fetching.going("mnist") and not fetching.problem("mnist")
