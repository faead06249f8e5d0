"""From a representation back to pixels."""

import torch
from torch import Tensor, nn

from sslcore.encoders.base import Encoder, InputInfo
from sslcore.encoders.heads import HEAVIEST, linear
from sslcore.errors import UserError


class Decoder(nn.Sequential):
    """A code (N, d) to a standardised image (N, C, S, S): one linear layer, then three doublings of the side.

    Raises:
        UserError: if the side is not a multiple of 8, or the layer would have too many weights.
    """

    def __init__(self, code: int, info: InputInfo, width: int = 64) -> None:
        if info.size % 8:
            raise UserError(
                f"The decoder doubles a side three times and {info.size} px is not a multiple of 8: "
                "set image_size to one that is, such as 32."
            )
        side = info.size // 8
        super().__init__(
            linear(code, width * side**2),
            nn.Unflatten(1, (width, side, side)),
            doublings(width, info.channels, 3),
        )


class PlaceDecoder(nn.Sequential):
    """A feature map (N, d, h, w) to an answer at every place of a coarse picture (N, outputs, side, side)."""

    def __init__(self, inputs: int, outputs: int, side: int, width: int = 64) -> None:
        super().__init__(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Upsample(size=(side, side)),  # to the nearest: its gradient is exactly reproducible everywhere
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1),
        )


class ChannelwiseLinear(nn.Module):
    """Every channel's n x n map through its own full linear map: c n^4 weights, where all to all takes c^2 n^4.

    It carries what is seen on one side of a hole to the other (Pathak et al., arXiv 1604.07379, section 3.1).

    Raises:
        UserError: if it would have too many weights.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        if channels * side**4 > HEAVIEST:
            raise UserError(
                f"A map of {side} x {side} places would need {channels * side**4 / 1e6:,.0f} million weights between "
                "them: take larger patches or a stem_stride of 2, a narrower encoder, or smaller images."
            )
        self.weight = nn.Parameter(torch.randn(channels, side**2, side**2) / side)

    def forward(self, maps: Tensor) -> Tensor:
        spread = torch.bmm(maps.flatten(2).transpose(0, 1), self.weight.to(maps.dtype))
        return spread.transpose(0, 1).reshape(maps.shape)


def doublings(width: int, outputs: int, times: int) -> nn.Sequential:
    """Transposed convolutions that double the side `times` times and halve the channels each time."""
    layers: list[nn.Module] = []
    for step in range(times):
        inputs, last = max(8, width >> step), step == times - 1
        layers += [nn.BatchNorm2d(inputs), nn.ReLU()]
        layers += [nn.ConvTranspose2d(inputs, outputs if last else max(8, inputs // 2), 4, 2, 1, bias=last)]
    return nn.Sequential(*layers)


@torch.no_grad()
def map_side(encoder: Encoder, info: InputInfo) -> int:
    """Side of the encoder's feature map for images of this size."""
    training = encoder.training
    side = encoder.eval().feature_map(torch.zeros(1, info.channels, info.size, info.size)).shape[-1]
    encoder.train(training)
    return side
