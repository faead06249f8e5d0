"""Messages between a program and its layout process: eight bytes of length, then arrays as npz.

Nothing is ever unpickled.
"""

import io
import struct
from typing import BinaryIO

import numpy as np


def send(stream: BinaryIO, **arrays: np.ndarray | str | float | int) -> None:
    """Write one message of named arrays."""
    body = io.BytesIO()
    np.savez(body, **arrays)
    stream.write(struct.pack("<Q", body.tell()) + body.getbuffer())
    stream.flush()


def receive(stream: BinaryIO) -> dict[str, np.ndarray] | None:
    """The next message, or None when the other side has gone. Blocks."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    (length,) = struct.unpack("<Q", head)
    body = stream.read(length)
    if len(body) < length:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return dict(arrays)
