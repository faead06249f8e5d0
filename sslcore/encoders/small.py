"""The default on a laptop: a three-stage residual network small enough to learn in a minute."""

from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders.base import Encoder, InputInfo


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al., arXiv 1512.03385, figure 2).

    A block that halves the resolution averages before it convolves, as ResNet-D's shortcut does (He et al.,
    arXiv 1812.01187, section 4.2): nothing is skipped, and it is faster than a convolution with a stride.
    """

    def __init__(self, inputs: int, outputs: int, *, halve: bool = False) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2, ceil_mode=True) if halve else nn.Identity()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(x))


class SmallResNet(Encoder):
    """Stem, three residual blocks of width w, 3w, 8w, global average: 8w numbers per image.

    The last stage works on few pixels, where width is cheap and the representation is read off.

    Args:
        info: the images.
        width: channels of the first stage.
        stem_stride: 1 keeps the full resolution in the first stage, 2 halves it (about four times faster).
    """

    def __init__(self, info: InputInfo, width: int = 16, stem_stride: int = 2) -> None:
        super().__init__(info)
        self.stem = nn.Sequential(
            nn.Conv2d(info.channels, width, 3, stem_stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.stages = nn.Sequential(
            ResidualBlock(width, width),
            ResidualBlock(width, 3 * width, halve=True),
            ResidualBlock(3 * width, 8 * width, halve=True),
        )
        self.map_dims = (width, 3 * width, 8 * width)
        self.feature_dim = 8 * width

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        maps = [self.stem(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]
