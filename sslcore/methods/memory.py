"""A memory of past embeddings, larger than any batch."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.losses.common import full_precision
from sslcore.methods.base import Method, Progress
from sslcore.settings import RunSettings


class QueueSettings(KnobModel):
    """Knobs of methods that keep a queue."""

    queue_size: int = knob(
        2048,
        1,
        65_536,
        help="How many past embeddings are kept, the oldest leave first. A multiple of the batch size, or less.",
    )


class Queue(nn.Module):
    """First in, first out: the last ``size`` unit vectors that were put in, random ones before that.

    A loss sets ``waiting`` and the rows enter after the step, so that no row is compared with itself.

    Attributes:
        rows: (size, width), a buffer without gradient.
        place: where the next row will be written.
        waiting: (N, width) or None, this process's rows of the batch.
    """

    rows: Tensor
    place: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("rows", F.normalize(torch.randn(size, width), dim=1))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.waiting: Tensor | None = None

    @torch.no_grad()
    def advance(self) -> None:
        """Let the waiting rows of all processes in, in the order of the batch, and as many old ones out."""
        if self.waiting is None:
            return
        size = len(self.rows)
        rows = F.normalize(gather(self.waiting).to(self.rows.dtype), dim=1)[-size:]
        places = (self.place + torch.arange(len(rows), device=rows.device)) % size
        self.rows.index_copy_(0, places, rows)
        self.place.copy_((self.place + len(rows)) % size)
        self.waiting = None

    @torch.no_grad()
    @full_precision
    def nearest(self, rows: Tensor) -> Tensor:
        """For each of the rows (N, width) the most similar one of the queue."""
        return self.rows[(rows @ self.rows.T).argmax(1)]

    @torch.no_grad()
    @full_precision
    def rank(self, queries: Tensor, keys: Tensor) -> Tensor:
        """How many rows of the queue are more similar to each query (N, width) than its own key is."""
        queries, keys = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
        return (queries @ self.rows.T > (queries * keys).sum(1, keepdim=True)).sum(1)


class KeepsQueue(Method):
    """Methods with a ``queue`` of whole batches, into which the waiting rows go after every step.

    Attributes:
        queue: or None in a version without one.
        queued_views: rows that enter it for every image of a batch.
    """

    queue: Queue | None
    queued_views: ClassVar[int] = 1

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        size, rows = settings["queue_size"], settings["batch_size"] * cls.queued_views
        if size > rows and size % rows:
            raise UserError(
                f"A queue of {size} does not hold whole batches of {rows} embeddings: "
                f"set queue_size to {size - size % rows}."
            )

    def after_step(self, progress: Progress) -> None:
        super().after_step(progress)
        if self.queue is not None:
            self.queue.advance()
