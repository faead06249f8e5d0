"""Every method from the Train page, as a person would try them: start it, stop it, see what it answers.

    python -m benchmarks.tour
    python -m benchmarks.tour --methods mae ijepa --pictures /tmp/tour

What counts is the last column: an exception on the page, an error of the browser's console, a picture that did not
arrive, a run that did not stop.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path

from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError
from tqdm import tqdm

from benchmarks.app import LONG, run_of, visit
from benchmarks.common import command, write_table
from benchmarks.live import Row, press, says, shown
from sslcore.errors import UserError
from sslcore.methods.base import Method
from sslcore.registry import get_method, methods
from tests.browser.driving import PATIENCE, App, button, chromium, exceptions, serve

PREVIEW = says("[data-testid=stCaptionContainer]", "Fixed held-out images")
ARRIVED = """() => {
  const shown = [...document.querySelectorAll("[data-testid=stImage] img")];
  return shown.length && shown.every((image) => image.complete && image.naturalWidth);
}"""
OVER = "!!(" + says("h4 .stMarkdownBadge", "stopped") + "||" + says("h4 .stMarkdownBadge", "finished") + ")"
TALL = {"width": 1280, "height": 2200}


def tour(app: App, browser: Browser, name: str, pictures: Path | None) -> Row:
    """One method with its defaults: seconds until the first point, until it has stopped, until its preview."""
    row: Row = {"method": name, "first point": "–", "stop": "–", "preview": "–", "pictures": 0}
    snags: list[str] = []
    page = visit(app, browser, f"/train?method={name}&seconds={LONG}", heard=snags, viewport=TALL)

    def timed(column: str, act: Callable[[], float]) -> None:
        seconds = act()
        row[column] = f"{seconds:.1f} s"
        if not isfinite(seconds):
            snags.append(f"{column}: not within {PATIENCE} s")

    def preview() -> float:
        began = time.monotonic()
        page.wait_for_function(PREVIEW)
        page.wait_for_function(ARRIVED)
        return time.monotonic() - began

    try:
        button(page, "Start").wait_for()
        timed("first point", lambda: press(button(page, "Start"), shown("Loss over"))[0])
        if name == "random":  # it is done by itself
            page.wait_for_function(OVER)
        else:
            timed("stop", lambda: press(button(page, "Stop"), OVER)[0])
        if get_method(name).preview is not Method.preview:
            timed("preview", preview)
        row["pictures"] = page.get_by_test_id("stImage").count()
        state = run_of(page, app).status()["state"]
        if state not in ("stopped", "finished"):
            snags.append(f"the run is {state}")
    except (PlaywrightError, KeyError) as error:
        snags.append(str(error).splitlines()[0])
    snags += exceptions(page)
    if pictures:
        page.screenshot(path=pictures / f"{name}.png")
    page.context.close()
    return row | {"snags": "; ".join(snags) or "none"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", help="only these")
    parser.add_argument("--pictures", type=Path, help="folder for a screenshot of every method's page")
    args = parser.parse_args()
    try:
        chosen = [get_method(name).card.id for name in args.methods or methods()]
    except UserError as error:
        parser.error(str(error))
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as app, chromium() as browser:
        rows = [tour(app, browser, name, args.pictures) for name in tqdm(chosen, unit="method")]
    smooth = sum(row["snags"] == "none" for row in rows)
    notes = (
        f"{smooth} of {len(rows)} methods started, showed what they had to show, and stopped without a snag."
    )
    write_table("tour.md", "Every method from the Train page", command(), rows, notes)


if __name__ == "__main__":
    main()
