"""Losses whose targets are soft assignments to prototypes or clusters."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_pairs, require_positive


@full_precision
def sinkhorn(scores: Tensor, *, epsilon: float, iterations: int) -> Tensor:
    """Codes that follow the scores but spread the batch evenly over the prototypes. No gradient.

    Sinkhorn-Knopp on exp(scores / epsilon): every iteration gives each prototype the same total, then each
    sample the total 1. In logarithms, so that no score overflows.
    Caron et al. 2020, arXiv 2006.09882, eq. 3 to 5 (there 3 iterations, epsilon 0.05).

    Args:
        scores: (B, K), samples by prototypes.
        epsilon: above 0; large values give uniform codes.
        iterations: at least 1.

    Returns:
        (B, K), rows sum to 1 exactly; columns to B/K as iterations grow.

    Raises:
        UserError: if the scores are not a matrix or a hyperparameter is out of range.
    """
    require_positive("epsilon", epsilon)
    if scores.ndim != 2 or 0 in scores.shape:
        raise UserError(f"Scores must be a matrix (samples, prototypes), got {tuple(scores.shape)}.")
    if iterations < 1:
        raise UserError(f"Sinkhorn needs at least 1 iteration, got {iterations}.")
    with torch.no_grad():
        log_codes = scores.detach() / epsilon
        for _ in range(iterations):
            log_codes = log_codes.log_softmax(0).log_softmax(1)
        return log_codes.exp()


@full_precision
def swav(
    scores1: Tensor, scores2: Tensor, *, temperature: float, epsilon: float = 0.05, iterations: int = 3
) -> Tensor:
    """SwAV's swapped prediction: predict the code of one view from the scores of the other.

        L = -1/2 mean_i sum_k ( q2_ik log softmax(s1_i / t)_k + q1_ik log softmax(s2_i / t)_k )

    with codes q from :func:`sinkhorn`, without gradient. The method averages :func:`swapped_prediction` itself, as it
    may have more than two views. Caron et al. 2020, arXiv 2006.09882, eq. 1 and 2.

    Args:
        scores1, scores2: (N, K), cosines of embeddings and prototypes, row i of both shows the same image.
        temperature: above 0; 0.1 in the paper.
        epsilon, iterations: of the codes.

    Values: log K at collapse, because the codes of equal scores are uniform.

    Raises:
        UserError: if the shapes differ or a hyperparameter is out of range.
    """
    require_pairs(scores1, scores2)
    require_positive("temperature", temperature)
    code1, code2 = (sinkhorn(s, epsilon=epsilon, iterations=iterations) for s in (scores1, scores2))
    first = swapped_prediction(scores1, code2, temperature=temperature)
    return (first + swapped_prediction(scores2, code1, temperature=temperature)) / 2


@full_precision
def swapped_prediction(scores: Tensor, code: Tensor, *, temperature: float) -> Tensor:
    """One term of :func:`swav`: the code of one view, predicted from the scores of another.

        l = -mean_i sum_k q_ik log softmax(s_i / t)_k

    Caron et al. 2020, arXiv 2006.09882, eq. 2. The method averages it over pairs of views, where eq. 6 sums.

    Args:
        scores: (N, K), cosines of embeddings and prototypes.
        code: (N, K), rows that sum to 1, of the same images.
        temperature: above 0; 0.1 in the paper.

    Values: log K for equal scores.
    """
    return F.cross_entropy(scores / temperature, code)


@full_precision
def iic(p1: Tensor, p2: Tensor, *, entropy_weight: float = 1.0) -> Tensor:
    """IIC: minus the mutual information of the cluster assignments of two views.

        P = symmetrised 1/N sum_i p1_i p2_i^T,   L = -sum_cd P_cd (log P_cd - w log P_c - w log P_d)

    Ji, Henriques, Vedaldi 2019, arXiv 1807.06653, eq. 3 (w = 1; above 1 pushes clusters to equal size).

    Args:
        p1, p2: (N, C), rows are probabilities, row i of both shows the same image.
        entropy_weight: w.

    Values (w = 1): -log C for sure, balanced, agreeing clusters; 0 if one cluster takes all or every
    sample is undecided.

    Raises:
        UserError: if the shapes differ.
    """
    require_pairs(p1, p2)
    joint = p1.T @ p2
    joint = (joint + joint.T) / (2 * len(p1))
    # Clamping only inside the logarithm keeps P log P = 0 where nothing falls, and finite gradients.
    smallest = torch.finfo(joint.dtype).eps
    log_joint = joint.clamp_min(smallest).log()
    log_margin = joint.sum(1).clamp_min(smallest).log()
    return -(joint * (log_joint - entropy_weight * (log_margin[:, None] + log_margin))).sum()


@full_precision
def mean_entropy_gap(p: Tensor) -> Tensor:
    """MSN's regulariser: how far the groups are from being used alike, log K - H(1/N sum_i p_i).

    Assran et al. 2022, arXiv 2204.07141, eq. 2 (mean-entropy maximisation). It is silent about how sure each
    sample is of its group.

    Args:
        p: (N, K), rows are probabilities.

    Values: 0 if on average all groups get the same share, log K if one gets all.

    Raises:
        UserError: if p is not a matrix with rows.
    """
    if p.ndim != 2 or 0 in p.shape:
        raise UserError(f"Assignments must be a matrix (samples, groups), got {tuple(p.shape)}.")
    share = p.mean(0)
    # as in iic: clamped inside the logarithm only
    return math.log(p.shape[1]) + (share * share.clamp_min(torch.finfo(share.dtype).eps).log()).sum()
