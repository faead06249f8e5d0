"""How often a page looks: every second, less often where many look at the same run."""

import secrets
import threading
import time
from math import ceil

import streamlit as st

SLOWEST = 5.0  # seconds between two looks
FORGOTTEN = 10.0  # seconds without a look after which a viewer is gone
LOOKS = 6  # a second, by all viewers of a run together: each of them costs training a little

_lock = threading.Lock()
_seen: dict[str, dict[str, float]] = {}


def tick_seconds(run: str) -> float:
    """Note that this session looks at a run; returns the pause until it should look again."""
    me = st.session_state.setdefault("_viewer", secrets.token_hex(4))
    return min(SLOWEST, float(ceil(note(run, me, time.monotonic()) / LOOKS)))


def note(run: str, viewer: str, now: float) -> int:
    """Note a look, forget who has gone; returns how many viewers there are."""
    with _lock:
        viewers = _seen.setdefault(run, {})
        viewers[viewer] = now
        for gone in [name for name, last in viewers.items() if now - last > FORGOTTEN]:
            del viewers[gone]
        for over in [name for name, last in _seen.items() if now - max(last.values()) > FORGOTTEN]:
            del _seen[over]
        return len(viewers)
