"""Exponential moving averages of a network: the target of self-distillation."""

import copy
from math import cos, pi

import torch
from torch import nn

from sslcore.knobs import KnobModel, knob


class RisingMomentumSettings(KnobModel):
    """The knob of methods whose target comes to rest, as :func:`momentum_at` says."""

    momentum: float = knob(
        0.95,
        0.0,
        1.0,
        help="How slowly the teacher follows at first; by the end it rests. 0: it begins as a copy. 1: it never moves.",
        live=True,
    )


def target_of(network: nn.Module) -> nn.Module:
    """A copy of a network that never receives a gradient."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def update_target(target: nn.Module, online: nn.Module, momentum: float) -> None:
    """target <- momentum * target + (1 - momentum) * online, for all parameters; buffers are copied."""
    torch._foreach_lerp_(list(target.parameters()), list(online.parameters()), 1 - momentum)
    for mine, theirs in zip(target.buffers(), online.buffers(), strict=True):
        mine.copy_(theirs)


def momentum_at(start: float, fraction: float) -> float:
    """Momentum rising from ``start`` to 1 on a cosine (BYOL, arXiv 2006.07733, section 3.2); I-JEPA's paper lets it
    rise on a line, here it follows the others."""
    return 1 - (1 - start) * (cos(pi * fraction) + 1) / 2
