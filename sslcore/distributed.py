"""Several processes train one network: ``torchrun --nproc-per-node=N -m sslcore train simclr``.

Every process holds the same network and draws the same batch and the same views from the same seed, then keeps
its share of the rows: so N processes take the steps that one process would, up to rounding. (The price: each
augments the whole batch.) What a share cannot know is exchanged: batch-norm statistics, embeddings that a loss
compares across images (:func:`gather`), and gradients.

The loss of the run is the mean of the processes' losses. Gradients therefore are averaged, and that is right for
both kinds of method: where every process computes a mean over its own rows, and where all compute the same loss
of gathered rows and each receives the gradient of all of them.

In a single process every function here returns what it was given.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

PATIENCE = timedelta(hours=1)  # how long the others wait while the first process loads or evaluates
_alone = False


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _together() else 1


def leads() -> bool:
    """Whether this is the process that evaluates, prints and writes for all."""
    return not _together() or dist.get_rank() == 0


def _together() -> bool:
    return not _alone and dist.is_available() and dist.is_initialized()


@contextmanager
def team() -> Iterator[None]:
    """Under torchrun, the processes work together inside; otherwise nothing happens."""
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    dist.init_process_group(timeout=PATIENCE)  # NCCL for tensors on GPUs, gloo for those on CPUs
    try:
        yield
        of_first(None)  # the others stay until the first process is done
    finally:
        dist.destroy_process_group()


@contextmanager
def first_goes_ahead() -> Iterator[None]:
    """The first process runs the block before the others: it may fetch data, fill caches, and complain.

    If it fails, the others end without a word. All leave the block together.
    """
    if leads():
        well = False
        try:
            yield
            well = True
        finally:
            of_first(well)
    else:
        if not of_first(None):
            raise SystemExit(2)
        yield
    if processes() > 1:
        dist.all_reduce(torch.zeros(1))


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process computes as if there were no others: nothing is exchanged."""
    global _alone
    before, _alone = _alone, True
    try:
        yield
    finally:
        _alone = before


def of_first(value: Any) -> Any:
    """The first process's value, so that all decide alike."""
    if processes() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, device=torch.device("cpu"))
    return box[0]


def share(views: dict[str, Tensor]) -> dict[str, Tensor]:
    """This process's rows: every n-th, so that all rows of an image stay together however often it occurs."""
    count = processes()
    return views if count == 1 else {name: rows[dist.get_rank() :: count] for name, rows in views.items()}


def gather(rows: Tensor) -> Tensor:
    """The rows of the whole batch in its order, from each process's share. Gradients find their way back.

    To be called on embeddings before a loss that compares images: negatives, variances, covariances.
    """
    if processes() == 1:
        return rows
    mine = dist.get_rank()
    slots = [rows if rank == mine else torch.zeros_like(rows) for rank in range(processes())]
    return _Sum.apply(torch.stack(slots, 1)).flatten(0, 1)


def average(scalars: dict[str, Tensor]) -> dict[str, Tensor]:
    """Named scalars, averaged over the processes; without gradient."""
    if processes() == 1 or not scalars:
        return scalars
    total = torch.stack([value.detach().float() for value in scalars.values()])
    dist.all_reduce(total)
    return dict(zip(scalars, total / processes(), strict=True))


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace every gradient by its mean over the processes."""
    if processes() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= processes()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def synchronise(network: nn.Module) -> None:
    """Let every batch norm of a network see the whole batch."""
    if processes() > 1:
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.__class__ = GlobalBatchNorm  # the same parameters and buffers, another forward


class GlobalBatchNorm(nn.SyncBatchNorm):
    """Batch norm with the statistics of all processes: torch's own on CUDA, which has none for CPUs."""

    process_group = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or processes() == 1:
            return _BatchNorm.forward(self, x)
        if x.is_cuda:
            return super().forward(x)
        shape = (1, -1) + (1,) * (x.ndim - 2)
        others = [axis for axis in range(x.ndim) if axis != 1]
        mean = _mean(x.float().mean(others))
        centred = x.float() - mean.view(shape)
        var = _mean(centred.square().mean(others))
        if self.track_running_stats:
            count = processes() * x.numel() // x.shape[1]
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean.detach(), self.momentum)
            self.running_var.lerp_(var.detach() * count / (count - 1), self.momentum)
        out = centred * (var + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(x.dtype)


def _mean(mine: Tensor) -> Tensor:
    return _Sum.apply(mine) / processes()


class _Sum(torch.autograd.Function):
    """The sum over all processes. As each of their losses depends on it, so do their gradients add up."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)
