"""The app as people use it: a server of its own, and a real browser that looks for mistakes as it goes."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import PATIENCE, button, chart, chromium, exceptions, listen, serve

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
        listen(page, errors)
        page.goto(f"/{address}?{urlencode(query)}" if query else f"/{address}")
        return page

    yield open_page
    boxes = [text for page in pages for text in exceptions(page)]
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
