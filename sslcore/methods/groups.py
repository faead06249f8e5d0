"""What methods share that sort images into groups: how many groups are in use, and pictures of the sorting."""

import math

import torch
from torch import Tensor

from sslcore.losses import mean_entropy_gap
from sslcore.methods.base import Panel, Views


def groups_in_use(assignments: Tensor) -> Tensor:
    """Effective number of groups, 1 to K: the perplexity of the mean of soft assignments (N, K)."""
    return assignments.shape[1] * (-mean_entropy_gap(assignments.detach())).exp()


def show_groups(views: Views, first: Tensor, second: Tensor) -> list[Panel]:
    """Both views with the group that the network puts them in, from soft assignments (N, K)."""
    same = first.argmax(1) == second.argmax(1)
    marks = tuple(" ✓" if hit else " ✗" for hit in same.tolist())
    return [
        Panel("First view", views["view1"], group_names(first)),
        Panel(
            "Second view",
            views["view2"],
            tuple(name + mark for name, mark in zip(group_names(second), marks, strict=True)),
            "The group each view is sorted into, and how surely; ✓: both views of an image in the same one.",
        ),
    ]


def group_names(assignments: Tensor) -> tuple[str, ...]:
    """The likeliest group of every row: ``group 17 (82%)``."""
    certainty, group = assignments.float().max(1)
    return tuple(f"group {g} ({c:.0%})" for g, c in zip(group.tolist(), certainty.tolist(), strict=True))


def group_map(groups: Tensor) -> Tensor:
    """The group of every patch (N, L) as pictures (N, 3, h, w) with one colour for each group."""
    hue = (groups * 0.618034)[:, None] % 1 + torch.arange(3, device=groups.device)[:, None] / 3
    side = math.isqrt(groups.shape[1])
    return (0.5 + 0.5 * torch.cos(2 * math.pi * hue)).unflatten(2, (side, side))
