"""Networks that turn images into representations, and the heads that sit on top of them."""

from sslcore.encoders.base import Encoder, InputInfo
from sslcore.encoders.build import build_encoder
from sslcore.encoders.decoders import HEAVIEST, ChannelwiseLinear, Decoder, PlaceDecoder, doublings, map_side
from sslcore.encoders.heads import Prototypes, cosines, mlp, predictor
from sslcore.encoders.vision_transformer import VisionTransformer

__all__ = [
    "HEAVIEST",
    "ChannelwiseLinear",
    "Decoder",
    "Encoder",
    "InputInfo",
    "PlaceDecoder",
    "Prototypes",
    "VisionTransformer",
    "build_encoder",
    "cosines",
    "doublings",
    "map_side",
    "mlp",
    "predictor",
]
