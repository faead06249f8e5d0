"""What methods share that sort images into groups: how many groups are in use, and pictures of the sorting."""

import math

import torch
from torch import Tensor

from sslcore.errors import UserError
from sslcore.methods.base import Panel, Views

MOST_BARS, BAR_HEIGHT = 64, 32  # groups, pixels
WALL, BAR = 0.25, 0.8  # shades that are seen on a white page as well as on a black one


def check_clusters(images: int, clusters: int, knob: str = "clusters") -> None:
    """Raise UserError if a knob asks for more clusters than there are training images."""
    if clusters > images:
        raise UserError(
            f"{images:,} training images cannot make {clusters:,} clusters: set {knob} to {images} or less."
        )


def effective(sizes: Tensor) -> Tensor:
    """Effective number of groups, 1 to K: the perplexity of their sizes (..., K), which need not sum to 1."""
    return torch.special.entr(sizes / sizes.sum(-1, keepdim=True)).sum(-1).exp()


def groups_in_use(assignments: Tensor) -> Tensor:
    """Effective number of groups by the mean of soft assignments (N, K)."""
    return effective(assignments.detach().float().mean(0))


def show_groups(views: Views, first: Tensor, second: Tensor) -> list[Panel]:
    """Both views with the group that the network puts them in, from soft assignments (N, K)."""
    same = first.argmax(1) == second.argmax(1)
    marks = tuple(" ✓" if hit else " ✗" for hit in same.tolist())
    both = torch.cat([first, second]).float()
    return [
        Panel("First view", views["view1"], group_names(first)),
        Panel(
            "Second view",
            views["view2"],
            tuple(name + mark for name, mark in zip(group_names(second), marks, strict=True)),
            "The group each view is sorted into, and how surely; ✓: both views of an image in the same one.",
        ),
        show_usage(
            both.mean(0), f"Their shares in these {len(both)} views, of which each can fill no more than one."
        ),
    ]


def show_usage(shares: Tensor, told: str) -> Panel:
    """How evenly K groups are used, as bars, the largest first.

    Args:
        shares: (K,) sizes, or means of soft assignments.
        told: a sentence on what the bars are.
    """
    shown = shares.sort(descending=True).values[:MOST_BARS]
    level = torch.arange(BAR_HEIGHT, 0, -1, device=shares.device) / BAR_HEIGHT
    bars = WALL + (BAR - WALL) * (shown / shown[0] >= level[:, None]).float()
    caption = f"effectively {effective(shares).item():.1f} of {len(shares)}"
    text = f"{told} The largest comes first; a single bar is a collapse."
    return Panel(
        "How the groups are used", bars.repeat_interleave(2, 1)[None, None], (caption,), text, large=True
    )


def group_names(assignments: Tensor) -> tuple[str, ...]:
    """The likeliest group of every row: ``group 17 (82%)``."""
    certainty, group = assignments.float().max(1)
    return tuple(f"group {g} ({c:.0%})" for g, c in zip(group.tolist(), certainty.tolist(), strict=True))


def group_map(groups: Tensor) -> Tensor:
    """The group of every patch (N, L) as pictures (N, 3, h, w) with one colour for each group."""
    hue = (groups * 0.618034)[:, None] % 1 + torch.arange(3, device=groups.device)[:, None] / 3
    side = math.isqrt(groups.shape[1])
    return (0.5 + 0.5 * torch.cos(2 * math.pi * hue)).unflatten(2, (side, side))
