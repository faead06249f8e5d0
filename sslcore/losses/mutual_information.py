"""Mutual information from below: estimates that a critic's scores of right and wrong pairs give.

Scores are plain dot products: nothing here projects on the sphere. What is returned is minus the estimate, to
be minimised.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision


@full_precision
def pair_scores(queries: Tensor, places: Tensor) -> Tensor:
    """Dot products of every image's query with every place of every image.

    Args:
        queries: (N, d).
        places: (N, L, d).

    Returns:
        (N, N, L); entry i, j, l for the query of image i and place l of image j.
    """
    return torch.einsum("id,jld->ijl", queries, places)


@full_precision
def jensen_shannon(scores: Tensor) -> Tensor:
    """Deep InfoMax's Jensen-Shannon estimate, negated: pairs of one image score high, others low.

        L = E_i,l sp(-T_iil) + E_{i != j},l sp(T_ijl) - 2 log 2,    sp(x) = log(1 + e^x)

    Hjelm et al. 2019, arXiv 1808.06670, eq. 4, shifted so that knowing nothing costs 0 as in the authors' code.

    Args:
        scores: (N, N, L) with N at least 2; T_ijl between the summary of image i and place l of image j.

    Values: 0 for scores of zero, which is the least that constant features reach; -2 log 2 at the optimum.

    Raises:
        UserError: if the shape is another or N is 1.
    """
    _require_all_pairs(scores)
    right, (count, _, places) = scores.diagonal().T, scores.shape  # (N, L) of them
    # All pairs less the own ones: picking out the others would copy nearly everything, twice in the backward pass.
    wrong = (F.softplus(scores).sum() - F.softplus(right).sum()) / (count * (count - 1) * places)
    return F.softplus(-right).mean() + wrong - 2 * math.log(2)


@full_precision
def local_info_nce(scores: Tensor) -> Tensor:
    """InfoNCE with every place of an image as positive, all places of all other images as negatives.

        L = -1/(N L) sum_i,l log( exp(T_iil) / (exp(T_iil) + sum_{j != i} sum_m exp(T_ijm)) )

    The other places of the same image are neither. Hjelm et al. 2019, arXiv 1808.06670, eq. 5; Bachman, Hjelm,
    Buchwalter 2019, arXiv 1906.00910, eq. 3.

    Args:
        scores: (N, N, L) with N at least 2; T_ijl between the query of image i and place l of image j.

    Values: log(1 + (N-1) L) for constant scores; 0 at the optimum.

    Raises:
        UserError: if the shape is another or N is 1.
    """
    _require_all_pairs(scores)
    right = scores.diagonal().T  # (N, L)
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    wrong = scores.masked_fill(own[..., None], float("-inf")).flatten(1).logsumexp(1, keepdim=True)
    return F.softplus(wrong - right).mean()


@full_precision
def cpc(prediction: Tensor, target: Tensor) -> Tensor:
    """CPC's InfoNCE: find the embedding that was predicted among all candidates of its group.

        L = -1/(G M) sum_g,i log( exp(p_gi.z_gi) / sum_{j=1}^{M} exp(p_gi.z_gj) ),    p = W_k c

    Neither normalised nor divided by a temperature. van den Oord, Li, Vinyals 2018, arXiv 1807.03748, eq. 3, 4.

    Args:
        prediction, target: (G, M, d); row i of both belongs together, the others of the group are negatives.

    Values: log M for constant scores; 0 at the optimum.

    Raises:
        UserError: if the shapes differ or are not (G, M, d).
    """
    if prediction.shape != target.shape or prediction.ndim != 3:
        raise UserError(
            f"CPC compares predictions and targets of the same shape (G, M, d), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}."
        )
    scores = prediction @ target.mT
    return -scores.log_softmax(2).diagonal(dim1=1, dim2=2).mean()


def _require_all_pairs(scores: Tensor) -> None:
    if scores.ndim != 3 or scores.shape[0] != scores.shape[1] or len(scores) < 2:
        raise UserError(
            f"Scores of all pairs of at least 2 images at L places have shape (N, N, L), got {tuple(scores.shape)}."
        )


def reversed_gradient(x: Tensor) -> Tensor:
    """The identity, but the gradient comes back with the other sign: what made ``x`` deceives what follows.

    Ganin, Lempitsky 2015, arXiv 1409.7495, section 3.
    """
    return _Reversed.apply(x)


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient
