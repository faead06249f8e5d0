"""What each method shows an untrained network, on a few scenes drawn for the purpose."""

import streamlit as st
import torch

from sslcore.data import ImageData
from sslcore.data.toybox.dataset import generate, toybox
from sslcore.methods.base import Epoch, Panel, first_images
from sslcore.settings import RunSettings
from sslcore.training.build import build_method

SHOWN = 8
SCENES = 60  # enough for the mean and spread of the pixels and for a cluster each, drawn in a blink


@st.cache_resource(max_entries=200, show_spinner=False)
def untrained_panels(name: str, batch: int) -> tuple[Panel, ...]:
    """The panels of a method with its default settings on the scenes of this batch.

    Raises:
        UserError: if the method cannot work on them.
    """
    data = _scenes(batch)
    method = build_method(RunSettings.build(name), data).eval()
    generator = torch.Generator().manual_seed(batch)
    with torch.no_grad():
        method.on_epoch(Epoch(0, data.train.images, generator))  # what is prepared before the first step
        seen = method.views(first_images(data.test, SHOWN), generator)
        return tuple(method.preview(seen))


@st.cache_resource(max_entries=4, show_spinner=False)
def _scenes(seed: int) -> ImageData:
    return toybox(*generate(seed=seed, train_size=SCENES, test_size=SCENES))
