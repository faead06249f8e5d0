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

from benchmarks.app import start, umap_of
from tests.browser.driving import PATIENCE, App, chromium, serve
from ui.owner import COOKIE

FOLDER = Path(__file__).parents[1] / "assets" / "screenshots"
SCHEMES = ("light", "dark")
WIDTH, HEIGHT, TALL = 1360, 900, 1500
SETTLE = 4000  # milliseconds for pictures and charts to arrive


def open_page(app: App, browser: Browser, scheme: str, address: str, height: int = HEIGHT) -> Page:
    size = {"width": WIDTH, "height": height}
    context = browser.new_context(viewport=size, base_url=app.url, color_scheme=scheme)
    context.add_cookies([{"name": COOKIE, "value": "photographer", "url": app.url}])
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.goto(address)
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
    """The address of a run that has trained for some seconds and trains on."""
    page = open_page(app, browser, "light", f"/train?{settings}")
    start(page)
    umap_of(page)
    page.wait_for_timeout(1000 * seconds)
    address = page.url
    page.context.close()
    return address


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as app, chromium() as browser:
        address = train(app, browser, "method=simclr&seconds=100", 50)
        photograph(app, browser, address, "train")
        run = address.split("run=")[1].split("&")[0]
        photograph(app, browser, f"/embedding?run={run}", "embedding")
        collapsed = train(app, browser, "method=simsiam&stop_gradient=off&seconds=40", 45)
        photograph(app, browser, collapsed, "collapse")
        for name in ("", "methods", "augmentations", "runs"):
            photograph(app, browser, f"/{name}", name or "home")


if __name__ == "__main__":
    main()
