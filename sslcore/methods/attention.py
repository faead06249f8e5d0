"""Where a transformer looks, as pictures."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.encoders import Encoder, VisionTransformer
from sslcore.methods.base import Panel

DARK = 0.15  # brightness of the place that the tokens attend to least


@torch.no_grad()
def where_it_looks(encoder: Encoder, images: Tensor) -> list[Panel]:
    """Images (N, C, H, W) in [0, 1], bright where the last block looks; nothing if there is no transformer."""
    if not isinstance(encoder, VisionTransformer):
        return []
    given = encoder.attention_map(encoder.standardise(images))
    low, high = given.amin((1, 2), keepdim=True), given.amax((1, 2), keepdim=True)
    light = F.interpolate(((given - low) / (high - low).clamp_min(1e-9))[:, None], size=images.shape[-2:])
    text = "Attention in the last block, mean over heads. Bright: the places that the tokens attend to most."
    return [Panel("Where it looks", images * (DARK + (1 - DARK) * light), text=text)]
