"""Losses that ask for what was hidden: pixels, or what another network makes of them."""

from math import erf, exp, pi, sqrt

import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_positive


@full_precision
def masked_patch_mse(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """MAE's loss: squared error per pixel, averaged over the masked patches only.

        L = sum_nl m_nl mean_p (y_nlp - x_nlp)^2 / sum_nl m_nl

    He et al. 2022, arXiv 2111.06377, section 3.

    Args:
        prediction, target: (N, L, P), L patches of P values.
        mask: (N, L), true or 1 where the patch was hidden from the encoder.

    Values: 0 at the optimum; the variance within patches when every patch is predicted as its mean, which
    is 1 - 1/P on patches from :func:`normalize_patches`. Nothing masked gives 0.

    Raises:
        UserError: if the shapes do not fit.
    """
    if prediction.shape != target.shape or mask.shape != target.shape[:-1]:
        raise UserError(
            f"Prediction and target need the same shape (N, L, P) and the mask (N, L), "
            f"got {tuple(prediction.shape)}, {tuple(target.shape)} and {tuple(mask.shape)}."
        )
    error = (prediction - target).pow(2).mean(-1)
    mask = mask.to(error.dtype)
    return (error * mask).sum() / mask.sum().clamp_min(1)


@full_precision
def normalize_patches(patches: Tensor) -> Tensor:
    """Each patch minus its mean, divided by its standard deviation (unbiased variance + 1e-6).

    The target that made MAE's features better: structure without brightness and contrast.
    He et al. 2022, arXiv 2111.06377 ("norm_pix").

    Args:
        patches: (..., P), P at least 2.

    Returns:
        The same shape; the mean square of a patch that is not flat is 1 - 1/P, of a flat one 0.
    """
    centred = patches - patches.mean(-1, keepdim=True)
    return centred / (patches.var(-1, keepdim=True) + 1e-6).sqrt()


@full_precision
def masked_pixel_mse(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Squared error of the pixels that count, for example those in a hole.

        L = 1/N sum_n ( sum_hw w_nhw mean_c (y_nchw - x_nchw)^2 / sum_hw w_nhw )

    Pathak et al. 2016, arXiv 1604.07379, eq. 1, per pixel, every image counting alike.

    Args:
        prediction, target: (N, C, H, W).
        weight: (N, 1, H, W), not negative; 0 where the pixel does not count.

    Values: 0 at the optimum; the variance of the pixels when each is predicted as their mean. An image without
    weight costs nothing.

    Raises:
        UserError: if the shapes do not fit.
    """
    if prediction.shape != target.shape or weight.shape != target[:, :1].shape:
        raise UserError(
            f"Prediction and target need the same shape (N, C, H, W) and the weight (N, 1, H, W), "
            f"got {tuple(prediction.shape)}, {tuple(target.shape)} and {tuple(weight.shape)}."
        )
    error = (prediction - target).square().mean(1, keepdim=True)
    weight = weight.to(error.dtype)
    return ((error * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)).mean()


@full_precision
def soft_cross_entropy(logits: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy against a distribution at every pixel; pixels may count differently.

        L = mean_nhw v_nhw ( -sum_q Z_nqhw log softmax(logits)_nqhw )

    Zhang, Isola, Efros 2016, arXiv 1603.08511, eq. 2 (there the sum over pixels; v the weight of the true colour).

    Args:
        logits: (N, Q, h, w).
        target: (N, Q, h, w), distributions over Q.
        weight: (N, h, w), v, not negative, with mean 1; None counts all pixels alike.

    Values: log Q for the uniform answer; the entropy of the targets at the optimum.

    Raises:
        UserError: if the shapes do not fit.
    """
    if logits.shape != target.shape or (weight is not None and weight.shape != target[:, 0].shape):
        raise UserError(
            f"Logits and target need the same shape (N, Q, h, w) and the weight (N, h, w), "
            f"got {tuple(logits.shape)}, {tuple(target.shape)}"
            + (f" and {tuple(weight.shape)}." if weight is not None else ".")
        )
    entropy = -(target * logits.log_softmax(1)).sum(1)
    return entropy.mean() if weight is None else (entropy * weight).mean()


@full_precision
def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator pays for its verdicts: -mean log D(x) - mean log(1 - D(G)), from logits.

    Goodfellow et al. 2014, arXiv 1406.2661, eq. 1, as a cost.

    Args:
        real, fake: logits of any shape, above 0 for "real". Whether gradients reach what made the fake ones is the
            method's business.

    Values: 2 log 2 when it cannot tell; 0 when it is sure and right.
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


@full_precision
def fooling(fake: Tensor) -> Tensor:
    """What a generator pays for being found out: -mean log D(G), the form that does not saturate.

    Goodfellow et al. 2014, arXiv 1406.2661, section 3.

    Args:
        fake: logits of any shape from a discriminator whose own weights get no gradient.

    Values: log 2 when the discriminator cannot tell; 0 when it is fooled.
    """
    return F.softplus(-fake).mean()


@full_precision
def latent_regression(prediction: Tensor, target: Tensor, *, beta: float) -> Tensor:
    """I-JEPA's and data2vec's loss: smooth L1, x^2 / (2 beta) below beta and |x| - beta / 2 above; mean over all.

    The targets are to be standardised: over each token's dimensions (layer norm), or each dimension over the tokens
    (instance norm).
    Gradients flow into both arguments: the stop-gradient is the method's business.
    Baevski et al. 2022, arXiv 2202.03555, eq. 3 (beta 2 for images). Assran et al. 2023, arXiv 2301.08243, section 3,
    write a squared distance; their published code has this one with beta 1.

    Args:
        prediction, target: the same shape: (N, M, d) in data2vec, (N, T, B, d) in I-JEPA.
        beta: above 0; where the square gives way to the absolute value.

    Values: 0 at the optimum and at collapse; about :func:`answering_nothing` for an answer of 0.

    Raises:
        UserError: if the shapes differ or beta is not above 0.
    """
    require_positive("beta", beta)
    if prediction.shape != target.shape:
        raise UserError(
            f"Prediction and target need the same shape, got {tuple(prediction.shape)} and {tuple(target.shape)}."
        )
    return F.smooth_l1_loss(prediction, target, beta=beta)


def answering_nothing(beta: float) -> float:
    """What an answer of 0 costs in :func:`latent_regression` when targets are standard normal: 0.4247 for beta 1."""
    density, inside = exp(-(beta**2) / 2) / sqrt(2 * pi), erf(beta / sqrt(2))
    return (inside - 2 * beta * density) / (2 * beta) + 2 * density - beta / 2 * (1 - inside)
