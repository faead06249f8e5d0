"""Loss functions, pure and named as in the literature.

Rows are samples. Hyperparameters are keywords. bfloat16 and float16 inputs are computed in float32.
"""

from sslcore.losses.clustering import iic, mean_entropy_gap, sinkhorn, swav
from sslcore.losses.contrastive import (
    clip,
    decoupled_contrastive,
    info_nce,
    moco_info_nce,
    nnclr,
    nt_xent,
    supervised_contrastive,
    triplet,
)
from sslcore.losses.distillation import dino, negative_cosine, normalized_mse
from sslcore.losses.gaussian import coding_rate, sigreg
from sslcore.losses.geometry import alignment, uniformity
from sslcore.losses.reconstruction import (
    answering_nothing,
    latent_regression,
    masked_patch_mse,
    normalize_patches,
)
from sslcore.losses.redundancy import barlow_twins, cross_correlation, vicreg, w_mse

__all__ = [
    "alignment",
    "answering_nothing",
    "barlow_twins",
    "clip",
    "coding_rate",
    "cross_correlation",
    "decoupled_contrastive",
    "dino",
    "iic",
    "info_nce",
    "latent_regression",
    "masked_patch_mse",
    "mean_entropy_gap",
    "moco_info_nce",
    "negative_cosine",
    "nnclr",
    "normalize_patches",
    "normalized_mse",
    "nt_xent",
    "sigreg",
    "sinkhorn",
    "supervised_contrastive",
    "swav",
    "triplet",
    "uniformity",
    "vicreg",
    "w_mse",
]
