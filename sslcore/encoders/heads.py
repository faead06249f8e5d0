"""Projectors and predictors: the small networks between a representation and a loss."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslcore.errors import UserError

HEAVIEST = 100_000_000  # weights of a layer; with gradients and AdamW's two averages 1.6 GB


def linear(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """A linear layer.

    Raises:
        UserError: if it would have too many weights.
    """
    if inputs * outputs > HEAVIEST:
        raise UserError(
            f"A layer from {inputs:,} to {outputs:,} features would have "
            f"{inputs * outputs / 1e6:,.0f} million weights: make it or the encoder narrower, or take smaller images."
        )
    return nn.Linear(inputs, outputs, bias)


def mlp(*widths: int, norm: bool = True, final_norm: bool = False, final_bias: bool = True) -> nn.Sequential:
    """Linear layers with batch norm and ReLU between them.

    Args:
        widths: input, hidden..., output. Two widths make one linear layer.
        norm: batch norm after every hidden layer.
        final_norm: batch norm without scale and shift on the output (SimSiam, Barlow Twins, MoCo v3).
        final_bias: whether the last linear layer has a bias; dropped if a norm follows, which would undo it.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers += [linear(inputs, outputs, bias=not norm)]
        layers += [nn.BatchNorm1d(outputs)] if norm else []
        layers += [nn.ReLU(inplace=True)]
    layers.append(linear(widths[-2], widths[-1], bias=final_bias and not final_norm))
    if final_norm:
        layers.append(nn.BatchNorm1d(widths[-1], affine=False))
    return nn.Sequential(*layers)


def predictor(width: int, hidden: int, *, norm: bool = True, bias: bool = True) -> nn.Sequential:
    """The network that guesses the target's projection from the online one: width -> hidden -> width."""
    return mlp(width, hidden, width, norm=norm, final_bias=bias)


def cosines(rows: Tensor, anchors: Tensor) -> Tensor:
    """Cosines of rows (..., d) and anchors (K, d): (..., K), in float32 whatever autocast says."""
    with torch.autocast(rows.device.type, enabled=False):
        return F.linear(F.normalize(rows.float(), dim=-1), F.normalize(anchors.float(), dim=-1))


class Prototypes(nn.Linear):
    """Cosines of embeddings (..., d) and K learned prototypes: (..., K).

    SwAV's and MSN's prototypes, and the last layer of DINO, a weight-normalised one of gain 1 on unit rows.
    Only the direction of a prototype counts, so its length is never corrected.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__(width, count, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        return cosines(z, self.weight)
