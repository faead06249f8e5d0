"""The app as people use it: a server of its own, and a real browser that looks for mistakes as it goes."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

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
RUN = {"data": "digits", "width": 8, "batch_size": 64, "seconds": 600, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """Address of the app; gone when the tests are over."""
    with serve(tmp_path_factory.mktemp("server")) as address:
        yield address


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The app on a free port with an empty folder of runs."""
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
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = find()
    if path is None:
        pytest.fail(HELP, pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(server: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address as a new person would; the test fails if a page shows or logs an exception, or
    asks any machine but this one for anything.

    ``visitor("train", method="byol")`` returns the page; each call is another browser with its own cookies.
    """
    expect.set_options(timeout=1000 * PATIENCE)
    contexts, pages, errors, strays = [], [], [], []

    def open_page(address: str, **query: object) -> Page:
        context = browser.new_context(
            viewport={"width": 1280, "height": 1000}, base_url=server, reduced_motion="reduce"
        )
        contexts.append(context)
        context.on("request", lambda request: None if is_local(request.url) else strays.append(request.url))
        context.set_default_timeout(1000 * PATIENCE)
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if _is_error(said) else None)
        page.goto(f"/{address}?{urlencode(query)}" if query else f"/{address}")
        return page

    yield open_page
    boxes = [text for page in pages for text in page.get_by_test_id("stException").all_inner_texts()]
    for context in contexts:
        context.close()
    assert not boxes, f"the page shows an exception: {boxes}"
    assert not errors, f"the browser's console has errors: {errors}"
    assert not strays, f"asked of other machines: {strays}"


def is_local(url: str) -> bool:
    """Whether something comes from this machine or from the page itself."""
    return urlsplit(url).scheme in ("data", "blob") or urlsplit(url).hostname == "127.0.0.1"


@pytest.fixture
def watched(visitor: Callable[..., Page]) -> Iterator[Page]:
    """The training page of somebody whose small run is going; it is ended after the test."""
    page = visitor("train", method="vicreg", **RUN)
    button(page, "Start").click()
    page.wait_for_url(re.compile("[?&]run="))
    expect(chart(page, "Loss over")).to_be_visible()
    yield page
    if "run=" in page.url and button(page, "Stop").is_enabled():
        button(page, "Stop").click()
        expect(button(page, "Stop")).to_be_disabled()


def button(page: Page, label: str) -> Locator:
    """The button with this label, wherever its icon is."""
    return page.get_by_role("button", name=re.compile(rf"\b{label}$"))


def chart(page: Page, alt: str) -> Locator:
    """The chart whose description begins like this."""
    return page.locator(f'.plot[aria-label^="{alt}"]')


def _is_error(said) -> bool:
    """Whether a message of the console is an error of the page; what a network refuses is none."""
    return said.type == "error" and "Failed to load resource" not in said.text


def _wait_until_healthy(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The server did not start:\n{log.read_text()}", pytrace=False)
