"""The pictures in the README, taken of real runs: every page in light and in dark.

    python -m benchmarks.screenshots

Trains SimCLR with all defaults and SimSiam with its gradient let through, both in the app.
"""

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.app import run_of, start, umap_of, visit
from tests.browser.driving import App, chromium, serve
from ui.owner import COOKIE

FOLDER = Path(__file__).parents[1] / "assets" / "screenshots"
SCHEMES = ("light", "dark")
WIDTH, HEIGHT, TALL = 1360, 900, 1500
SETTLE = 4000  # milliseconds for pictures and charts to arrive


def open_page(app: App, browser: Browser, scheme: str, address: str, height: int = HEIGHT) -> Page:
    size = {"width": WIDTH, "height": height}
    page = visit(app, browser, address, {COOKIE: "photographer"}, viewport=size, color_scheme=scheme)
    page.get_by_role("heading", level=1).first.wait_for()
    return page


def take(page: Page, name: str) -> None:
    """One picture, in 256 colours."""
    page.wait_for_timeout(SETTLE)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)
    page.context.close()


def photograph(app: App, browser: Browser, address: str, name: str) -> None:
    """A page in both colour schemes."""
    drawn = name in ("train", "collapse", "embedding")
    for scheme in SCHEMES:
        page = open_page(app, browser, scheme, address, TALL if drawn else HEIGHT)
        if drawn:
            page.locator(".plot .trace").first.wait_for()
        take(page, f"{name}_{scheme}")


def train(app: App, browser: Browser, settings: str, seconds: float) -> str:
    """The id of a run that has trained for some seconds and trains on."""
    page = open_page(app, browser, "light", f"/train?{settings}")
    start(page)
    umap_of(page)
    page.wait_for_timeout(1000 * seconds)
    run = run_of(page, app).id
    page.context.close()
    return run


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as app, chromium() as browser:
        run = train(app, browser, "method=simclr&seconds=100", 50)
        photograph(app, browser, f"/train?run={run}", "train")
        photograph(app, browser, f"/embedding?run={run}", "embedding")
        collapsed = train(app, browser, "method=simsiam&stop_gradient=off&seconds=40", 45)
        photograph(app, browser, f"/train?run={collapsed}", "collapse")
        for name in ("", "methods", "augmentations", "runs"):
            photograph(app, browser, f"/{name}", name or "home")


if __name__ == "__main__":
    main()
