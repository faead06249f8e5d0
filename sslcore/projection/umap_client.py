"""UMAP without waiting: a handle on the layout process that never blocks its caller."""

import contextlib
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Hashable
from typing import Any

import numpy as np

from sslcore.environment import environment
from sslcore.projection.messages import receive, send
from sslcore.projection.pca import as_matrix

ONE_THREAD = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
RETRY = 10.0  # seconds before a process that died is started again
LATER = 600.0  # the same if it died before it was ready: the next start most likely fails too, and is not for free


class UmapProcess:
    """One layout process, started at the first request and started again if it dies.

        umap = UmapProcess()
        umap.request("run 7, step 300", features, previous)   # False: warming up or busy, ask again later
        umap.poll()                                            # None, or ("run 7, step 300", xy)

    At most one layout is in flight. Warming up takes 10 to 15 seconds, in which PCA is a good stand-in; then
    a layout of 1000 x 64 takes about 2 seconds, or under one when it starts from the previous. All methods
    return at once and may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._conversation: _Conversation | None = None
        self._started = -RETRY
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether a request would be taken now."""
        with self._lock:
            return self._conversation is not None and self._conversation.idle

    @property
    def error(self) -> str:
        """Why there is no layout process, in a sentence; empty if all is well."""
        with self._lock:
            return self._conversation.error if self._conversation else ""

    def start(self) -> None:
        """Start warming up, if no process is alive and the last start is a while ago."""
        with self._lock:
            last = self._conversation
            pause = LATER if last and last.error else RETRY
            alive = last is not None and last.alive
            if not alive and not self._closed and time.monotonic() - self._started >= pause:
                self._started = time.monotonic()
                if last:
                    last.end()
                self._conversation = _Conversation()

    def request(
        self, key: Hashable, features: Any, previous: np.ndarray | None = None, *, method: str = "umap"
    ) -> bool:
        """Ask for a map of features (N, d); :meth:`poll` will return it under this key.

        Args:
            key: handed back with the map.
            features: (N, d), array or tensor; copied.
            previous: (N, 2), the last map of the same samples, to start from and to align with.
            method: "umap" or "tsne".

        Returns:
            False if the process is warming up, busy or dead (a dead one is started again).

        Raises:
            UserError: if the features are not a matrix.
        """
        features = as_matrix(features)
        self.start()
        message = {"features": features, "method": method}
        if previous is not None:
            message["previous"] = np.array(previous, dtype=np.float32)
        with self._lock:
            return self._conversation is not None and self._conversation.ask(key, message)

    def poll(self) -> tuple[Hashable, np.ndarray] | None:
        """A finished map as (key, float32 (N, 2)), each once, or None."""
        with self._lock:
            return self._conversation.answer() if self._conversation else None

    def close(self) -> None:
        """End the process for good."""
        with self._lock:
            self._closed = True
            if self._conversation:
                self._conversation.end()


class _Conversation:
    """One process and the thread that talks to it, so that a full pipe or a long layout stops nobody else."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sslcore.projection.umap_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(**ONE_THREAD),
        )
        self._finish = weakref.finalize(self, _end, self.process)  # also runs when the program exits
        self.error = ""
        self._warm = False
        self._busy = False
        self._questions: queue.SimpleQueue = queue.SimpleQueue()
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._talk, name="umap", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def idle(self) -> bool:
        return self.alive and self._warm and not self._busy

    def ask(self, key: Hashable, message: dict[str, Any]) -> bool:
        if not self.idle:
            return False
        self._busy = True
        self._questions.put((key, message))
        return True

    def answer(self) -> tuple[Hashable, np.ndarray] | None:
        with contextlib.suppress(queue.Empty):
            return self._answers.get_nowait()
        return None

    def end(self) -> None:
        self._questions.put(None)  # lets the thread go
        self._finish()

    def _talk(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the process died or was ended: nothing more to say
            greeting = receive(self.process.stdout) or {"error": "UMAP cannot start: its process has died."}
            self.error = str(greeting.get("error", ""))
            self._warm = "ready" in greeting
            while self._warm:
                question = self._questions.get()
                if question is None:
                    return
                key, message = question
                send(self.process.stdin, **message)
                reply = receive(self.process.stdout)
                if reply is None:
                    return
                self._answers.put((key, reply["xy"]))
                self._busy = False


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            stream.close()
