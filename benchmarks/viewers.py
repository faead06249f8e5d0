"""How much those who watch a run slow it down.

    python -m benchmarks.viewers

One default SimCLR run, started in the app. A viewer is a connection that speaks Streamlit's protocol as a tab does:
it asks for the page, obeys its timers and keeps what a tab caches. What it does not do is draw, because in a
classroom that happens on other machines; one row has a real Chromium on this machine instead, to compare.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from benchmarks.app import run_of, steps_per_second, train, umap_of, visit
from benchmarks.common import command, write_table
from sslcore.runs import RunFolder
from sslcore.runs.jobs import PATIENCE
from tests.browser.driving import App, chromium, serve
from ui.viewers import FORGOTTEN

CACHED_RUNS = 2  # how many runs of a script (or of its fragment) a tab remembers a message for
TARGETS = {"1": 0.9, "20": 0.75}


class Viewer(threading.Thread):
    """A tab without a screen.

    Args:
        widgets: the states that a tab reports of the widgets on this page, as protocol message.
    """

    def __init__(self, app: App, run: str, widgets: bytes) -> None:
        super().__init__(daemon=True)
        self.app, self.query, self.widgets = app, f"run={run}", widgets
        self.page = ""  # hash of the page's script
        self.timers: dict[str, list[float]] = {}  # by fragment: interval, when it is due
        self.cache: dict[str, tuple[str, int]] = {}  # by hash: fragment, run in which it came
        self.runs, self.bytes = 0, 0
        self.asked: dict[str, float] = {}  # fragments without an answer yet
        self.answers: list[float] = []  # seconds
        self.left = threading.Event()

    def run(self) -> None:
        address = self.app.url.replace("http", "ws") + "/_stcore/stream"
        how = {"origin": self.app.url, "subprotocols": ["streamlit"], "max_size": None, "ping_interval": None}
        with connect(address, **how) as self.socket:
            self._ask()
            while not self.left.is_set():
                due = min((due for _, due in self.timers.values()), default=time.monotonic() + 1)
                try:
                    self._take(self.socket.recv(timeout=max(0, due - time.monotonic())))
                except TimeoutError:
                    self._tick()

    def _tick(self) -> None:
        """Let every timer that is due ask for its fragment."""
        now = time.monotonic()
        for fragment, timer in self.timers.items():
            if timer[1] <= now:
                timer[1] += timer[0]
                self.asked.setdefault(fragment, now)
                self._ask(fragment)

    def _ask(self, fragment: str = "") -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self.query, self.page
        asked.page_name = "" if self.page else "train"
        asked.context_info.url = f"{self.app.url}/train?{self.query}"
        asked.cached_message_hashes.extend(self.cache)
        if fragment:
            asked.fragment_id, asked.is_auto_rerun = fragment, True
            asked.widget_states.ParseFromString(self.widgets)
        self.socket.send(message.SerializeToString())

    def _take(self, payload: bytes) -> None:
        message = ForwardMsg.FromString(payload)
        kind, fragments = message.WhichOneof("type"), list(message.metadata.run.fragment_ids)
        self.bytes += len(payload)
        if message.metadata.cacheable:
            self.cache.setdefault(message.hash, (message.delta.fragment_id, self.runs))
        if kind == "new_session" and not fragments:
            self.timers.clear()
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            interval = message.auto_rerun.interval
            timer = self.timers.get(message.auto_rerun.fragment_id)
            if timer is None or timer[0] != interval:
                self.timers[message.auto_rerun.fragment_id] = [interval, time.monotonic() + interval]
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.timers.pop(fragment, None)
        elif kind == "script_finished":
            self._finish(fragments)

    def _finish(self, fragments: list[str]) -> None:
        """Note the time of the answer, and forget messages as a tab does."""
        now = time.monotonic()
        self.answers += [now - self.asked.pop(name) for name in fragments if name in self.asked]
        self.runs += 1
        for name, (fragment, since) in list(self.cache.items()):
            if self.runs - since > CACHED_RUNS and (not fragments or fragment in fragments):
                del self.cache[name]


@contextmanager
def watched_by(count: int, app: App, run: str, widgets: bytes) -> Iterator[list[Viewer]]:
    """So many viewers, each with an answer already; on leaving, until the server has forgotten them."""
    viewers = [Viewer(app, run, widgets) for _ in range(count)]
    for viewer in viewers:
        viewer.start()
    while not all(viewer.answers for viewer in viewers):
        if not all(viewer.is_alive() for viewer in viewers):
            raise SystemExit("A viewer lost its connection.")
        time.sleep(0.1)
    yield viewers
    for viewer in viewers:
        viewer.left.set()
    for viewer in viewers:
        viewer.join()
    time.sleep(FORGOTTEN if viewers else 0)


def widgets_of_a_tab(app: App, browser: Browser, run: str) -> bytes:
    """What a real tab that watches the run says of its widgets."""
    page, said = visit(app, browser, "about:blank"), []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: said.append(frame)))
    page.goto(f"/train?run={run}")
    umap_of(page)
    while not said or not BackMsg.FromString(said[-1]).rerun_script.is_auto_rerun:
        page.wait_for_timeout(100)
    page.context.close()
    return BackMsg.FromString(said[-1]).rerun_script.widget_states.SerializeToString()


def measure(run: RunFolder, viewers: list[Viewer], seconds: float) -> dict[str, float]:
    """Speed of the run and service to its viewers."""
    before = [(len(viewer.answers), viewer.bytes) for viewer in viewers]
    began = time.monotonic()
    speed = steps_per_second(run, seconds)
    spent = time.monotonic() - began
    if run.status()["state"] != "running" or not all(viewer.is_alive() for viewer in viewers):
        raise SystemExit(f"The run or a viewer came to an end: {run.status()}")
    answers = sorted(a for viewer, (n, _) in zip(viewers, before, strict=True) for a in viewer.answers[n:])
    volume = sum(viewer.bytes - b for viewer, (_, b) in zip(viewers, before, strict=True))
    if not answers:
        return {"steps per second": speed}
    late = statistics.quantiles(answers, n=20, method="inclusive")
    return {
        "steps per second": speed,
        "answers per second": len(answers) / spent,
        "median answer, ms": 1e3 * late[9],
        "p95 answer, ms": 1e3 * late[18],
        "kB per second": volume / spent / 1e3,
    }


def row_of(title: str, alone: list[float], watched: list[dict[str, float]]) -> dict:
    """One row from alternating stretches: each watched one against the mean of its two neighbours without viewers.

    Args:
        alone: steps per second without viewers, before and after each of ``watched``.
    """
    speeds = [one["steps per second"] for one in watched]
    shares = [speed / statistics.mean(near) for speed, near in zip(speeds, pairwise(alone), strict=True)]
    names = ("steps per second", "answers per second", "median answer, ms", "p95 answer, ms", "kB per second")
    means = {n: statistics.mean(one[n] for one in watched) if n in watched[0] else "-" for n in names}
    return {
        "viewers": title,
        **means,
        "without": statistics.mean(alone),
        "share": statistics.mean(shares),
        "of single stretches": f"{min(shares):.2f} to {max(shares):.2f}",
        "target": f"at least {TARGETS[title]:g}" if title in TARGETS else "-",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each stretch that is measured")
    parser.add_argument("--settle", type=float, default=4.0, help="seconds before each stretch")
    parser.add_argument("--stretches", type=int, default=4, help="with each number of viewers")
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 5, 20])
    args = parser.parse_args()
    if args.seconds + args.settle > PATIENCE - 30:
        parser.error(f"a run that nobody watches pauses itself after {PATIENCE:.0f} seconds")
    rows = []

    def stretch(viewers: list[Viewer]) -> dict[str, float]:
        time.sleep(args.settle)
        return measure(run, viewers, args.seconds)

    def row(title: str, watched: Callable[[], AbstractContextManager[list[Viewer]]]) -> None:
        alone, seen = [stretch([])["steps per second"]], []
        for _ in range(args.stretches):
            with watched() as viewers:
                seen.append(stretch(viewers))
            alone.append(stretch([])["steps per second"])
        rows.append(row_of(title, alone, seen))
        print(rows[-1], flush=True)

    @contextmanager
    def by_chromium() -> Iterator[list[Viewer]]:
        with chromium() as browser:
            umap_of(visit(app, browser, f"/train?run={run.id}"))
            yield []
        time.sleep(FORGOTTEN)

    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as app:
        with chromium() as browser:
            page = train(app, browser)
            run = run_of(page, app)
            page.context.close()
            widgets = widgets_of_a_tab(app, browser, run.id)
        time.sleep(FORGOTTEN)
        for count in args.viewers:
            row(str(count), lambda count=count: watched_by(count, app, run.id, widgets))
        row("a Chromium on this machine", by_chromium)
    notes = (
        f"One default SimCLR run on Toybox. Stretches of {args.seconds:g} s with viewers and without take turns, "
        f"{args.stretches} with each number; a share is the speed of one with viewers by the mean of its two "
        "neighbours without. An answer is a timer's request until the last message of its reply."
    )
    write_table("viewers.md", "A run and its viewers", command(), rows, notes)


if __name__ == "__main__":
    main()
