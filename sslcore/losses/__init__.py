"""Loss functions, pure and named as in the literature.

Rows are samples. Hyperparameters are keywords. bfloat16 and float16 inputs are computed in float32.
"""

from sslcore.losses.clustering import iic, mean_entropy_gap, sinkhorn, swapped_prediction, swav
from sslcore.losses.contrastive import (
    clip,
    coupling,
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
from sslcore.losses.memory import instance_discrimination, mean_shift
from sslcore.losses.mutual_information import (
    cpc,
    jensen_shannon,
    local_info_nce,
    pair_scores,
    reversed_gradient,
)
from sslcore.losses.pretext import counting
from sslcore.losses.reconstruction import (
    answering_nothing,
    discriminator_loss,
    fooling,
    latent_regression,
    masked_patch_mse,
    masked_pixel_mse,
    normalize_patches,
    soft_cross_entropy,
)
from sslcore.losses.redundancy import (
    barlow_twins,
    cross_correlation,
    vicreg,
    w_mse,
)

__all__ = [
    "alignment",
    "answering_nothing",
    "barlow_twins",
    "clip",
    "coding_rate",
    "counting",
    "coupling",
    "cpc",
    "cross_correlation",
    "decoupled_contrastive",
    "dino",
    "discriminator_loss",
    "fooling",
    "iic",
    "info_nce",
    "instance_discrimination",
    "jensen_shannon",
    "latent_regression",
    "local_info_nce",
    "masked_patch_mse",
    "masked_pixel_mse",
    "mean_entropy_gap",
    "mean_shift",
    "moco_info_nce",
    "negative_cosine",
    "nnclr",
    "normalize_patches",
    "normalized_mse",
    "nt_xent",
    "pair_scores",
    "reversed_gradient",
    "sigreg",
    "sinkhorn",
    "soft_cross_entropy",
    "supervised_contrastive",
    "swapped_prediction",
    "swav",
    "triplet",
    "uniformity",
    "vicreg",
    "w_mse",
]
