"""What a method makes of a picture before its network sees it: its views as panels, whatever their names."""

from collections import defaultdict
from functools import lru_cache
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from sslcore.encoders import InputInfo
from sslcore.methods.base import Batch, Method, Panel, Views
from sslcore.registry import get_method
from sslcore.settings import RunSettings
from sslcore.training.build import initialised
from sslcore.views import cover, untile

DRAWS = 3
COUNT = 1000  # training images that the method is told of
GREY = 0.5
TITLES = {
    "view1": "First view",
    "view2": "Second view",
    "locals": "Small views",
    "images": "The augmented picture",
    "rotation.images": "The augmented picture in four turns",
    "gray": "What the network sees",
    "seen": "What the network sees",
    "truth": "What is asked for",
    "clean": "What must come out",
    "tiles": "Its tiles, in the order in which the network gets them",
    "patches": "Its patches",
    "whole": "The whole picture at half its side",
    "other": "Another picture",
    "places": "The same with its own colours, in which places are to be recognised",
}


def method_views(
    name: str, picture: Tensor, partner: Tensor, others: Tensor, turned: dict[str, Any], seed: int
) -> list[Panel]:
    """The views of a method with its default settings, drawn a few times.

    Args:
        picture: (3, S, S) in [0, 1].
        partner: the same thing in another picture, for methods that compare two.
        others: (K, 3, S, S), pictures that share the batch, for methods that mix some.
        turned: view settings that are to be others than the method's.

    Raises:
        UserError: if the method cannot work on pictures of this size, or the settings do not fit together.
    """
    images = torch.cat([picture[None], others])
    known = torch.arange(len(images))
    batch = Batch(images, known, known, torch.cat([partner[None], others]))
    method = _network(name, picture.shape[-1], len(images), tuple(turned.items()))
    generator = torch.Generator().manual_seed(seed)
    patch = getattr(method.encoder, "patch_size", 1)
    found: dict[str, list[Tensor]] = defaultdict(list)  # pictures by title
    for _ in range(DRAWS):
        with torch.no_grad():
            drawn = method.views(batch, generator)
        for part, views in _parts(drawn, len(images)).items():
            of = f"{get_method(part).card.title}: " if part else ""
            for title, pictures in _pictures(part or name, views, patch):
                found[of + title].append(pictures)
    return [_panel(title, torch.cat(pictures)) for title, pictures in found.items()]


@lru_cache(maxsize=16)
def _network(name: str, side: int, classes: int, turned: tuple[tuple[str, Any], ...]) -> Method:
    return initialised(RunSettings.build(name, **dict(turned)), InputInfo(3, side, classes, COUNT))


def _panel(title: str, pictures: Tensor) -> Panel:
    """Puzzles are shown larger than single pictures."""
    return Panel(title, pictures, large=title.endswith((TITLES["tiles"], TITLES["patches"])))


def _parts(drawn: Views, count: int) -> dict[str, Views]:
    """The rows of the first of N images, for every part of a method that is a sum of others."""
    parts: dict[str, Views] = defaultdict(dict)
    for key, values in drawn.items():
        part, _, name = key.rpartition(".")
        if len(values) % count == 0:  # (k * N, ...); what has another length does not belong to images
            parts[part][name] = values.unflatten(0, (-1, count))[:, 0]
    return parts


def _pictures(method: str, views: Views, patch: int) -> list[tuple[str, Tensor]]:
    """All pictures among the views, (k, 3, h, w) each, and what is hidden of them."""
    shown = {name: rows for name, rows in views.items() if rows.ndim >= 4 and rows.shape[-3] == 3}
    titles = {name: TITLES.get(name, name.capitalize()) for name in shown}
    found = [(TITLES.get(f"{method}.{name}", titles[name]), _laid_out(rows)) for name, rows in shown.items()]
    return found + _hidden(views, patch)


def _laid_out(rows: Tensor) -> Tensor:
    """Pictures (k, 3, h, w), tiles (k, T, 3, t, t) put together where they make a square."""
    if rows.ndim == 4:
        return rows
    return untile(rows, gap=2) if isqrt(rows.shape[1]) ** 2 == rows.shape[1] else rows.flatten(0, 1)


def _hidden(views: Views, patch: int) -> list[tuple[str, Tensor]]:
    """What is left of pictures of which a part is hidden, and which part is asked for."""
    base = views.get("images", views.get("view1"))
    left = "What is left of it"
    if "hole" in views:
        return [(left, base.masked_fill(views["hole"], GREY))]
    if "mask" in views:
        return [(left, cover(base, views["mask"], patch))]
    shown = views.get("keep", views.get("context"))
    if shown is None:
        return []
    everything = torch.ones(len(base), (base.shape[-1] // patch) ** 2, dtype=torch.bool)
    found = [(left, cover(base, everything.scatter(1, shown, False), patch))]
    if "targets" in views:
        blocks = everything[:, None].expand(-1, views["targets"].shape[1], -1)
        hidden = blocks.scatter(2, views["targets"], False).flatten(0, 1)
        repeated = base.repeat_interleave(views["targets"].shape[1], 0)
        found.append(("What is to be told from it, block by block", cover(repeated, hidden, patch)))
    return found
