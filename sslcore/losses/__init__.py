"""Loss functions, pure and named as in the literature.

Rows are samples. Hyperparameters are keywords. bfloat16 and float16 inputs are computed in float32.
"""

from sslcore.losses.contrastive import info_nce, nt_xent
from sslcore.losses.distillation import negative_cosine, normalized_mse
from sslcore.losses.geometry import alignment, uniformity
from sslcore.losses.reconstruction import masked_patch_mse, normalize_patches
from sslcore.losses.redundancy import vicreg

__all__ = [
    "alignment",
    "info_nce",
    "masked_patch_mse",
    "negative_cosine",
    "normalize_patches",
    "normalized_mse",
    "nt_xent",
    "uniformity",
    "vicreg",
]
