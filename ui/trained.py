"""Networks as their runs left them, for pages that ask a trained network for its opinion."""

from pathlib import Path

import streamlit as st
import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.data import ImageData
from sslcore.data.resize import resize
from sslcore.methods.base import Method
from sslcore.pixels import as_floats
from sslcore.runs import RunFolder
from sslcore.runs import checkpoint as checkpoints
from sslcore.settings import RunSettings
from sslcore.training.build import build_method, load_weights
from ui.datasets import images_of
from ui.records import Record, records

OTHERS = 64  # images to compare with


def newest_checkpoint(folder: RunFolder) -> int | None:
    """The step of the newest checkpoint."""
    steps = [int(file.stem) for file in folder.checkpoint.glob("*.json")]
    return max(steps, default=None)


def trained_method(folder: RunFolder) -> tuple[Method, ImageData, int]:
    """A run's method as its newest checkpoint left it, in evaluation mode, its images, and the steps it has made.

    Raises:
        UserError: if there is no checkpoint, or the images are not here.
    """
    state = checkpoints.load(folder.checkpoint)
    settings = RunSettings.from_json(state["settings"])
    data = images_of(settings, folder)
    method = build_method(settings, data)
    load_weights(method, state["method"])
    return method.eval(), data, state["step"]


def runs_with_weights(root: Path) -> dict[str, Record]:
    """Runs that are over and have left their weights, by id, newest first."""
    over = [r for r in records(root) if r.state in ("finished", "stopped")]
    return {r.id: r for r in over if newest_checkpoint(RunFolder(root / r.id)) is not None}


def similarity(folder: Path, image: Tensor, views: Tensor) -> tuple[list[float], float]:
    """Cosine of each view to the image in a run's representation, and the mean cosine of other images to it.

    Representations are centred by the mean of the other images.

    Args:
        image: uint8 (3, S, S).
        views: float (N, 3, h, w) in [0, 1]; resized to what the run has learned from.

    Raises:
        UserError: if the weights or the images of the run are gone.
    """
    method, size, others = _judge(folder, newest_checkpoint(RunFolder(folder)) or 0)
    seen = F.interpolate(views, (size, size), mode="bilinear", antialias=True, align_corners=False)
    batch = torch.cat([as_floats(resize(image[None], size)), seen, as_floats(others)])
    with torch.no_grad():
        features = method.encode(batch).float()
    # centred, as the probes do: representations after a ReLU all point into one corner
    features = F.normalize(features - features[1 + len(views) :].mean(0), dim=1)
    cosine = features[1:] @ features[0]
    return cosine[: len(views)].tolist(), float(cosine[len(views) :].mean())


@st.cache_resource(max_entries=4, show_spinner=False)
def _judge(folder: Path, step: int) -> tuple[Method, int, Tensor]:
    """A run's method, the side of its images, and some of those images.

    Args:
        step: of its newest checkpoint, so that a run that went on is read again.
    """
    method, data, _ = trained_method(RunFolder(folder))
    return method, data.size, data.test.images[:OTHERS]
