"""Driving the app as people use it: a server of its own, and a real browser. For tests and benchmarks."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

from tests.browser.find_browser import HELP, find

ROOT = Path(__file__).parent.parent.parent
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 90  # seconds; a machine that tests for others is slow


@dataclass(frozen=True)
class App:
    """A running server: its address, its folder of runs, its process."""

    url: str
    runs: Path
    pid: int


@contextmanager
def serve(folder: Path) -> Iterator[App]:
    """The app on a free port with its own folder of runs inside ``folder``; gone on leaving.

    Raises:
        RuntimeError: if the server does not start; with its log.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "streamlit", "run", "app.py")
    options = ("--server.headless", "true", "--server.address", "127.0.0.1", "--server.port", str(port))
    environment = {**os.environ, "SSL_PLAYGROUND_RUNS": str(folder / "runs")}
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, *options], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield App(f"http://127.0.0.1:{port}", folder / "runs", process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium.

    Raises:
        RuntimeError: if there is none on this machine.
    """
    path = find()
    if path is None:
        raise RuntimeError(HELP)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def button(page: Page, label: str) -> Locator:
    """The button with this label, wherever its icon is."""
    return page.get_by_role("button", name=re.compile(rf"\b{label}$"))


def chart(page: Page, alt: str) -> Locator:
    """The chart whose description begins like this."""
    return page.locator(f'.plot[aria-label^="{alt}"]')


def point_of(plot: Locator, away: int = 0) -> list[float]:
    """Where on the screen the first point of a chart is, or a pixel beside it."""
    return plot.evaluate(
        """(gd, away) => {
            const {xaxis: x, yaxis: y} = gd._fullLayout, box = gd.getBoundingClientRect();
            const trace = gd._fullData[0];
            return [box.left + x._offset + x.d2p(trace.x[0]) + away, box.top + y._offset + y.d2p(trace.y[0])];
        }""",
        away,
    )


def listen(page: Page, heard: list[str]) -> None:
    """Note the errors of a page's console from now on; what a network refuses is none."""

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and "Failed to load resource" not in said.text:
            heard.append(said.text)

    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", note)


def exceptions(page: Page) -> list[str]:
    """The exceptions that a page shows."""
    return page.get_by_test_id("stException").all_inner_texts()


def _wait_until_healthy(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")
