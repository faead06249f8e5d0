"""The app as people use it: a server of its own, and a real browser that looks for mistakes as it goes."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import PATIENCE, button, chart, chromium, serve

RUN = {"data": "digits", "width": 8, "batch_size": 64, "seconds": 600, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """Address of the app on a free port with an empty folder of runs; gone when the tests are over."""
    with serve(tmp_path_factory.mktemp("server")) as app:
        yield app.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def visitor(server: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address as a new person would; the test fails if a page shows or logs an exception.

    ``visitor("train", method="byol")`` returns the page; each call is another browser with its own cookies.
    """
    expect.set_options(timeout=1000 * PATIENCE)
    contexts, pages, errors = [], [], []

    def open_page(address: str, **query: object) -> Page:
        context = browser.new_context(
            viewport={"width": 1280, "height": 1000}, base_url=server, reduced_motion="reduce"
        )
        contexts.append(context)
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


def _is_error(said) -> bool:
    """Whether a message of the console is an error of the page; what a network refuses is none."""
    return said.type == "error" and "Failed to load resource" not in said.text
