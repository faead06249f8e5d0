"""Networks that turn images into representations, and the heads that sit on top of them."""

from sslcore.encoders.base import Encoder, InputInfo
from sslcore.encoders.build import build_encoder
from sslcore.encoders.heads import Prototypes, cosines, mlp, predictor
from sslcore.encoders.vision_transformer import VisionTransformer

__all__ = [
    "Encoder",
    "InputInfo",
    "Prototypes",
    "VisionTransformer",
    "build_encoder",
    "cosines",
    "mlp",
    "predictor",
]
