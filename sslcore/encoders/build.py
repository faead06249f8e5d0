"""From settings to an encoder."""

from typing import TYPE_CHECKING

from sslcore.encoders.base import Encoder, InputInfo
from sslcore.encoders.resnet import ResNet18
from sslcore.encoders.small import SmallResNet
from sslcore.encoders.vision_transformer import VisionTransformer

if TYPE_CHECKING:
    from sslcore.settings import EncoderSettings


def build_encoder(settings: "EncoderSettings", info: InputInfo) -> Encoder:
    """The encoder that the settings describe, freshly initialised from torch's global generator.

    Raises:
        UserError: if its sizes do not fit the images.
    """
    if settings.encoder == "resnet18":
        return ResNet18(info)
    if settings.encoder == "vit":
        return VisionTransformer(
            info, settings.patch_size, settings.token_width, settings.depth, settings.heads
        )
    return SmallResNet(info, settings.width, settings.stem_stride)
