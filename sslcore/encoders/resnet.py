"""torchvision's ResNet-18 with the stem that small images need."""

from torch import Tensor, nn
from torchvision.models import resnet18

from sslcore.encoders.base import Encoder, InputInfo


class ResNet18(Encoder):
    """ResNet-18 (arXiv 1512.03385), 512 numbers per image.

    At 64 px and below the 7x7 stride-2 stem and the max-pooling give way to one 3x3 stride-1 convolution,
    as in SimCLR's CIFAR-10 experiments (arXiv 2002.05709, appendix B.9).
    """

    feature_dim = 512
    map_dims = (64, 128, 256, 512)

    def __init__(self, info: InputInfo) -> None:
        super().__init__(info)
        self.trunk = resnet18(weights=None)
        if info.size <= 64:
            self.trunk.conv1 = nn.Conv2d(info.channels, 64, 3, 1, 1, bias=False)
            self.trunk.maxpool = nn.Identity()
        elif info.channels != 3:
            self.trunk.conv1 = nn.Conv2d(info.channels, 64, 7, 2, 3, bias=False)
        self.trunk.fc = nn.Identity()

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        t = self.trunk
        maps = [t.maxpool(t.relu(t.bn1(t.conv1(images))))]
        for stage in (t.layer1, t.layer2, t.layer3, t.layer4):
            maps.append(stage(maps[-1]))
        return maps[1:]
