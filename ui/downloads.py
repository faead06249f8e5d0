"""Downloads of public datasets, each in a process of its own: training goes on, and Cancel ends it at once."""

import atexit
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import IO

import streamlit as st

from sslcore.data import DatasetCard
from sslcore.data.cache import cache_root
from sslcore.data.public import partial_folder
from sslcore.environment import environment
from ui.datasets import data_card
from ui.single import Single
from ui.texts import plain

BROKEN_OFF = "The download ended before it was complete: try again."
COMMAND = (sys.executable, "-m", "sslcore", "download")


class Downloads:
    """One per server: at most one process per dataset, and what went wrong with the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: dict[str, tuple[subprocess.Popen, IO[bytes]]] = {}
        atexit.register(self.close)

    def start(self, name: str) -> None:
        """Fetch a dataset, unless that is going on already."""
        with self._lock:
            if not self.going(name):
                said = tempfile.TemporaryFile()  # noqa: SIM115 - read after the process has ended
                how = {"env": environment(), "stdout": subprocess.DEVNULL, "stderr": said}
                process = subprocess.Popen((*COMMAND, name), **how)
                self._processes[name] = process, said

    def cancel(self, name: str) -> None:
        """End it and throw away what has come so far."""
        with self._lock:
            if name in self._processes:
                process, _ = self._processes.pop(name)
                process.terminate()
                process.wait()
                shutil.rmtree(partial_folder(name, cache_root()), ignore_errors=True)

    def going(self, name: str) -> bool:
        """Whether it is being fetched now."""
        process, _ = self._processes.get(name, (None, None))  # once: it may be cancelled meanwhile
        return process is not None and process.poll() is None

    def megabytes(self, name: str) -> float:
        """How much has come so far."""
        total = 0
        with suppress(OSError):  # files come and go while they are unpacked
            for file in partial_folder(name, cache_root()).rglob("*"):
                total += file.stat().st_size
        return total / 1e6

    def problem(self, name: str) -> str:
        """Why the last attempt failed, in a sentence; empty if it did not."""
        process, said = self._processes.get(name, (None, None))
        if process is None or not process.poll():
            return ""
        said.seek(0)
        lines = said.read().decode(errors="replace").splitlines()
        return lines[-1] if lines and process.returncode == 2 else BROKEN_OFF

    def close(self) -> None:
        """End all of them."""
        for name in list(self._processes):
            if self.going(name):
                self.cancel(name)


downloads = Single(Downloads)


def offer_download(name: str) -> bool:
    """Draw what it takes to fetch a dataset that is not on this machine; returns whether it is here already."""
    card = data_card(name)
    if card is None or card.is_available(None):
        return True
    going = downloads().going(name)
    st.fragment(_offer, run_every=1.0 if going else None)(card, going)
    return False


def _offer(card: DatasetCard, was_going: bool) -> None:
    service = downloads()
    if service.going(card.id) != was_going or card.is_available(None):
        st.rerun()  # to start or drop the timer, or to go on with the dataset
    problem = service.problem(card.id)
    with st.container(border=True):
        if was_going:
            come = service.megabytes(card.id)
            part = f"{come:,.0f} of about {card.download_mb:,} MB" if come < card.download_mb else "unpacking"
            st.progress(min(1.0, come / card.download_mb), text=f"Downloading {card.title}: {part}")
            told = "End the download and delete what has come so far."
            how = {"icon": ":material/close:", "on_click": service.cancel, "key": "cancel_download"}
            st.button("Cancel", help=told, args=(card.id,), **how)
            return
        if problem:
            st.error(plain(problem), icon=":material/cloud_off:")
        st.markdown(
            f"**{card.title}** is not on this machine yet: about {card.download_mb:,} MB to download, once. "
            f"{plain(card.source)}"
        )
        told = f"Fetch {card.title} from its authors' server and keep it on this machine."
        how = {"icon": ":material/download:", "on_click": service.start, "key": "download"}
        st.button("Download", help=told, args=(card.id,), **how)
