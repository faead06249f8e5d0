"""Losses that ask for pixels back."""

from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses._common import full_precision


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
