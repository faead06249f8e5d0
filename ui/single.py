"""What there is once per server: the same for all sessions and threads, whatever Streamlit reruns."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Single(Generic[T]):
    """Called, it returns its one object; the first call makes it."""

    def __init__(self, make: Callable[[], T]) -> None:
        self.make, self.made = make, None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if self.made is None:
                self.made = self.make()
            return self.made
