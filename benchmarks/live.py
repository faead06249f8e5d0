"""How the app feels in a browser while it trains: the default SimCLR run on Toybox, watched in Chromium.

    python -m benchmarks.live
    python -m benchmarks.live --only clicks controls

Times of clicks are taken inside of the page, from the click to the frame that shows the answer. The browser draws
in software on the cores that train, as on a student's laptop.
"""

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, mean, median, quantiles

import psutil
from playwright.sync_api import Browser, Locator, Page
from tqdm import tqdm

from benchmarks.app import LONG, newest_step, run_of, steps_per_second, train, umap_of, visit
from benchmarks.common import command, write_table
from sslcore.runs import RunFolder
from tests.browser.driving import PATIENCE, App, button, chromium, serve

# Press a button; the milliseconds until a condition on the page holds, and when it was pressed
CLICK = """
(button, [seen, patience]) => new Promise((done) => {
  const look = new Function("return " + seen);
  if (look()) throw new Error("It is so already: " + seen);
  const start = performance.now();
  const finish = (now) => { watch.disconnect(); done([now - start, performance.timeOrigin + start]); };
  const watch = new MutationObserver(() => look() && requestAnimationFrame(() => finish(performance.now())));
  watch.observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
  setTimeout(() => finish(Infinity), 1000 * patience);
  button.click();
})
"""
# Note the moments at which the map is of another snapshot and its points are elsewhere
FOLLOW_MAP = """
() => {
  const look = () => {
    const plot = document.querySelector(".st-key-chart_map .plot");
    return [plot?.ariaLabel, Array.from(plot?.data?.[0]?.x ?? []).join()];
  };
  let [label, place] = look();
  window.moves = [performance.now()];
  setInterval(() => {
    const now = look();
    if (!now[1] || now[0] === label || now[1] === place) return;
    [label, place] = now;
    window.moves.push(performance.now());
  }, 100);
}
"""
# What comes for the map is not drawn any more
HOLD_MAP = """
() => Object.defineProperty(document.querySelector(".st-key-chart_map .plot"), "gone", {get: () => true, set() {}})
"""
Row = dict[str, object]


def row(what: str, measured: str, target: str = "", met: bool | None = None) -> Row:
    return {
        "what": what,
        "measured": measured,
        "target": target,
        "met": {True: "yes", False: "NO"}.get(met, ""),
    }


def press(pressed: Locator, seen: str) -> tuple[float, float]:
    """Seconds from a click until a condition (JavaScript) holds on the page, and the time of the click."""
    spent, at = pressed.evaluate(CLICK, [seen, PATIENCE])
    return spent / 1e3, at / 1e3


def late(seconds: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(seconds, n=20, method="inclusive")[18]


def shown(plot: str) -> str:
    """Condition: a chart whose description begins like this is drawn."""
    return f"""document.querySelector('.plot[aria-label^="{plot}"] .trace')"""


def says(selector: str, text: str) -> str:
    """Condition: some element says this."""
    return f"[...document.querySelectorAll('{selector}')].some((e) => e.textContent.includes('{text}'))"


def title(text: str) -> str:
    """Condition: something is called this."""
    return says("p strong", text)


def caption(text: str) -> str:
    """Condition: a caption says this."""
    return says("[data-testid=stCaptionContainer]", text)


def toast(text: str) -> str:
    """Condition: a toast says this."""
    return says("[data-testid=stToast]", text)


def option(page: Page, place: str, label: str) -> Locator:
    """One of the buttons of a widget or container, which is named by its key."""
    return page.locator(f".st-key-{place} button:visible").filter(has_text=label)


@contextmanager
def running(app: App, browser: Browser) -> Iterator[Page]:
    """The page of the default run once UMAP is warm; the run is stopped on leaving."""
    page = train(app, browser)
    umap_of(page)
    yield page
    stop(page)
    page.context.close()


def stop(page: Page) -> None:
    if button(page, "Stop").is_enabled():
        button(page, "Stop").click()
        page.locator('h4 .stMarkdownBadge:text-is("stopped")').wait_for()


def first(app: App, browser: Browser, args: argparse.Namespace) -> list[Row]:
    """From Start to the first point of the loss; the data have been loaded by an earlier run."""
    times = []
    for _ in tqdm(range(args.starts), desc="first point"):
        page = visit(app, browser, f"/train?seconds={LONG}")
        button(page, "Start").wait_for()
        page.wait_for_timeout(2000)
        times.append(press(button(page, "Start"), shown("Loss over"))[0])
        stop(page)
        page.context.close()
    told = f"median {median(times):.2f} s, longest {max(times):.2f} s of {len(times)}"
    return [row("Start to the first point of the loss", told, "under 3 s", max(times) < 3)]


def clicks(app: App, browser: Browser, args: argparse.Namespace) -> list[Row]:
    """Widgets that need an answer from the server, pressed at random moments while the run trains: in one round until
    the answer can be read, in the next until all that it changes is drawn as well."""
    wrong = """document.querySelector('.plot[aria-label*="neighbours disagree"]')"""
    vote = caption("Neighbours vote for")
    seconds = """document.querySelector('[aria-label^=Seconds]').value === '{}'"""
    answers = {
        ("detail", "Collapse"): (title("State of the embedding"), shown("State of the embedding")),
        ("map_color", "Right or wrong"): (vote, wrong),
        ("detail", "Loss terms"): (title("Terms of the loss"), shown("Over ")),
        ("form_buttons", "Quick look"): (toast("Quick look"), seconds.format(15)),
        ("map_kind", "PCA"): (caption("PCA at step"), shown("PCA map")),
        ("detail", "Gradients"): (title("Norm of the gradient"), shown("Norm of the gradient")),
        ("map_color", "Class"): ("!" + vote, "!" + wrong),
        ("detail", "What it sees"): (caption("Fixed held-out images"),),
        ("form_buttons", "Patient"): (toast("Patient"), seconds.format(300)),
        ("map_kind", "UMAP"): (caption("UMAP at step"), shown("UMAP map")),
    }
    dice, read, drawn = random.Random(0), [], []
    with running(app, browser) as page:
        for number in tqdm(range(args.rounds), desc="clicks"):
            for (place, label), seen in answers.items():
                page.wait_for_timeout(dice.uniform(400, 1000))
                times, awaited = (drawn, seen[-1]) if number % 2 else (read, seen[0])
                times.append(press(option(page, place, label), awaited)[0])
    said = [
        f"median {median(times):.3f} s, p95 {late(times):.3f} s of {len(times)}" for times in (read, drawn)
    ]
    return [
        row("click until its answer can be read", said[0], "p95 under 0.2 s", late(read) < 0.2),
        row("click until all that it changes is drawn", said[1]),
    ]


def controls(app: App, browser: Browser, args: argparse.Namespace) -> list[Row]:
    """Pause, Step, Resume, Stop: until the page shows it, and until the record does."""
    times = defaultdict(list)
    for _ in tqdm(range(args.starts), desc="controls"):
        page = train(app, browser)
        for label, on_page, on_disk in press_all(page, run_of(page, app)):
            times[label].append((on_page, on_disk))
        page.context.close()
    return [
        row(
            label,
            f"page {median(on_page):.2f} s, at most {max(on_page):.2f} s; "
            f"record {median(on_disk):.2f} s, at most {max(on_disk):.2f} s",
            "under 1 s",
            max(*on_page, *on_disk) < 1,
        )
        for label, (on_page, on_disk) in ((label, [*zip(*t, strict=True)]) for label, t in times.items())
    ]


def press_all(page: Page, run: RunFolder) -> Iterator[tuple[str, float, float]]:
    """Each button, the seconds until its effect is seen, and the seconds until it is recorded."""

    def act(label: str, seen: str, recorded: Callable[[], bool]) -> tuple[str, float, float]:
        page.wait_for_timeout(random.uniform(2000, 3000))
        with ThreadPoolExecutor(1) as pool:
            effect = pool.submit(moment, recorded)
            spent, at = press(button(page, label), seen)
        return label, spent, effect.result() - at

    def badge(word: str) -> str:
        return says("h4 .stMarkdownBadge", word)

    yield act("Pause", badge("paused"), lambda: run.status()["state"] == "paused")
    then = newest_step(run) + 1
    yield act("Step", says("[data-testid=stProgress]", f"step {then:,} "), lambda: newest_step(run) == then)
    yield act("Resume", badge("running"), lambda: newest_step(run) > then)
    yield act("Stop", badge("stopped"), lambda: run.status()["state"] == "stopped")


def moment(recorded: Callable[[], bool]) -> float:
    """The time at which a condition on the run folder comes true."""
    end = time.time() + PATIENCE
    while not recorded() and time.time() < end:
        time.sleep(0.02)
    return time.time()


def embedding(app: App, browser: Browser, args: argparse.Namespace) -> list[Row]:
    """How often the map moves, and what it costs: by UMAP, by PCA, held still, and with no page on the screen."""
    waits, speeds = [], {"UMAP": [], "PCA": [], "still": [], "no page": []}

    def watch(kind: str) -> None:
        page.goto(address)
        option(page, "map_kind", kind).click()
        page.locator(f'.plot[aria-label^="{kind} map"]').wait_for()

    with running(app, browser) as page:
        run, address = run_of(page, app), page.url
        for _ in tqdm(range(args.turns), desc="embedding"):
            for kind in speeds:
                if kind == "no page":
                    page.goto("/methods")
                else:
                    watch("UMAP" if kind == "UMAP" else "PCA")
                    page.evaluate(HOLD_MAP if kind == "still" else FOLLOW_MAP)
                page.wait_for_timeout(5000)
                speeds[kind].append(steps_per_second(run, args.seconds))
                if kind == "UMAP":  # the time since the last movement counts too
                    times = page.evaluate("[...window.moves, performance.now()]")
                    waits += [(after - before) / 1e3 for before, after in pairwise(times)]
        page.goto(address)
        button(page, "Stop").wait_for()
    speed = {kind: mean(s) for kind, s in speeds.items()}
    told = ", ".join(f"{kind} {s:.2f}" for kind, s in speed.items())
    return [
        row(
            "between two movements of the map",
            f"median {median(waits):.1f} s, at most {max(waits):.1f} s of {len(waits)}",
            "at most 10 s",
            max(waits) <= 10,
        ),
        row("steps per second by map on the screen", told),
        row(
            "UMAP / still",
            f"{speed['UMAP'] / speed['still']:.2f}",
            "at least 0.9",
            speed["UMAP"] > 0.9 * speed["still"],
        ),
        row("UMAP / no page", f"{speed['UMAP'] / speed['no page']:.2f}"),
    ]


def soak(app: App, browser: Browser, args: argparse.Namespace) -> list[Row]:
    """Memory of the tab and of the server, process by process, while the page follows the run."""
    with running(app, browser) as page:
        tab = page.context.new_cdp_session(page)
        tab.send("Performance.enable")
        page.wait_for_timeout(1000 * min(30.0, 30 * args.soak))  # thumbnails, first maps
        pause, samples, began = min(30.0, 6 * args.soak), [], time.monotonic()
        for _ in tqdm(range(1 + round(60 * args.soak / pause)), desc="soak"):
            samples.append({"minutes": (time.monotonic() - began) / 60} | memory(tab, app.pid))
            page.wait_for_timeout(1000 * pause)
    rows, half = [], samples[len(samples) // 2 :]
    for name in samples[0]:
        if name == "minutes":
            continue
        values = [sample[name] for sample in samples]
        slope = linear_regression([s["minutes"] for s in half], [s[name] for s in half]).slope
        growth = slope * (half[-1]["minutes"] - half[0]["minutes"]) / half[0][name]
        told = (
            f"{values[0]:.0f} at first, {half[0][name]:.0f} halfway, {values[-1]:.0f} after {args.soak:g} min; "
            f"{slope:+.2f} per minute in the second half"
        )
        rows.append(row(name, told, "second half within 5 %", growth < 0.05))
    return rows


def memory(tab, pid: int) -> dict[str, float]:
    """Of the tab after a garbage collection, and of the server and its children."""
    tab.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in tab.send("Performance.getMetrics")["metrics"]}
    server = psutil.Process(pid)
    family = [server, *server.children(recursive=True)]
    return {
        "heap of the tab, MB": metrics["JSHeapUsedSize"] / 1e6,
        "nodes of the tab": metrics["Nodes"],
        "listeners of the tab": metrics["JSEventListeners"],
        "memory of the server, MB": server.memory_info().rss / 1e6,
        "memory of the server and its layout process, MB": sum(p.memory_info().rss for p in family) / 1e6,
    }


PARTS = {part.__name__: part for part in (first, clicks, controls, embedding, soak)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--starts", type=int, default=5, help="runs to start for Start and the other buttons")
    parser.add_argument("--rounds", type=int, default=10, help="of ten clicks each")
    parser.add_argument("--turns", type=int, default=4, help="of the four views of the map")
    parser.add_argument("--seconds", type=float, default=25.0, help="of each of these views")
    parser.add_argument("--soak", type=float, default=10.0, help="minutes")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as app, chromium() as browser:
        with running(app, browser):
            pass  # loads the data, measures the precision, warms up UMAP
        for name in args.only:
            rows += PARTS[name](app, browser, args)
    write_table("live.md", "The app while it trains", command(), rows)


if __name__ == "__main__":
    main()
