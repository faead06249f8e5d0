"""What the benchmarks of the running app share: starting its default run, and reading that run's speed."""

import re
import time
from typing import Any
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Browser, Page, expect

from sslcore.runs import RunFolder
from tests.browser.driving import PATIENCE, App, button, chart, listen

LONG = 7200  # seconds of training: no run here is to end by itself
SILENCE = 90.0  # seconds without a new row after which a run is not going
TAIL = 1 << 16  # bytes at the end of a record that surely hold a step


def visit(
    app: App,
    browser: Browser,
    address: str,
    cookies: dict[str, str] | None = None,
    heard: list[str] | None = None,
    **options: Any,
) -> Page:
    """An address as a new person opens it, with patience for a busy machine; options as of a browser's context.

    Args:
        heard: is filled with the errors of the page's console.
    """
    viewport = {"width": 1280, "height": 1000}
    context = browser.new_context(**{"viewport": viewport, "base_url": app.url, **options})
    context.add_cookies([{"name": n, "value": v, "url": app.url} for n, v in (cookies or {}).items()])
    context.set_default_timeout(1000 * PATIENCE)
    expect.set_options(timeout=1000 * PATIENCE)
    page = context.new_page()
    if heard is not None:
        listen(page, heard)
    page.goto(address)
    return page


def start(page: Page) -> None:
    """Press Start and wait for the first point of the loss."""
    button(page, "Start").click()
    page.wait_for_url(re.compile("[?&]run="))
    chart(page, "Loss over").wait_for()


def train(app: App, browser: Browser) -> Page:
    """The page of somebody who has started the default SimCLR run; only its budget is longer."""
    page = visit(app, browser, f"/train?seconds={LONG}")
    start(page)
    return page


def run_of(page: Page, app: App) -> RunFolder:
    """The run that a page shows."""
    return RunFolder(app.runs / parse_qs(urlparse(page.url).query)["run"][0])


def umap_of(page: Page) -> None:
    """Wait until UMAP has warmed up: it is busy for ten seconds after a server has started."""
    page.locator('.st-key-chart_map .plot[aria-label^="UMAP"]').wait_for()


def steps_per_second(run: RunFolder, seconds: float) -> float:
    """Training steps per second of the clock, evaluations, checkpoints and all, from what the run records."""
    began, first = _fresh_step(run)
    time.sleep(seconds)
    ended, last = _fresh_step(run)
    return (last - first) / (ended - began)


def newest_step(run: RunFolder) -> int:
    """The last step in the record."""
    behind = (run.path / "metrics.jsonl").stat().st_size - TAIL
    steps = [row["step"] for _, row in run.rows(max(0, behind)) if row["event"] == "step"]
    return steps[-1] if steps else 0


def _fresh_step(run: RunFolder) -> tuple[float, int]:
    """The last step at the moment it is recorded."""
    file, end = run.path / "metrics.jsonl", time.monotonic() + SILENCE
    size = file.stat().st_size
    while file.stat().st_size == size:
        if time.monotonic() > end:
            raise SystemExit(f"The run stands still: {run.status()}")
        time.sleep(0.005)
    return time.monotonic(), newest_step(run)
