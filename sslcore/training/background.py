"""Measuring while something else goes on."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from sslcore.training.events import Event


def in_background(measure: Callable[[], Iterable[Event]]) -> Future[Iterable[Event]]:
    """Measure in a thread of its own, or, where none can be had, as while the interpreter goes down, at once."""
    measurer = ThreadPoolExecutor(1, "measure")
    try:
        return measurer.submit(measure)
    except RuntimeError:
        found: Future[Iterable[Event]] = Future()
        found.set_result(measure())
        return found
    finally:
        measurer.shutdown(wait=False)  # the thread ends with what it measures
