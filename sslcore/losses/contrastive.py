"""Contrastive losses: tell the partner of a sample from the other samples.

Rows are samples. Inputs need no normalisation: every loss here projects rows on the unit sphere itself,
so it is invariant to their length. Gradients flow into every input; a caller that wants a stop-gradient
passes a detached tensor.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_pairs, require_positive


@full_precision
def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """SimCLR's normalised-temperature cross-entropy over the 2N views of N images.

        L = 1/(2N) sum_i -log( exp(z_i.z_j(i) / t) / sum_{k != i} exp(z_i.z_k / t) )

    j(i) is the other view of the same image; the denominator has 2N-1 terms including the positive.
    Chen, Kornblith, Norouzi, Hinton 2020, arXiv 2002.05709, eq. 1.

    Args:
        z1, z2: (N, d), row i of both shows the same image.
        temperature: above 0.

    Values: log(2N-1) at collapse, for any temperature. Positives identical and everything else orthogonal:
    log(exp(1/t) + 2N-2) - 1/t. The optimum, a regular simplex of images:
    log(1 + (2N-2) exp(-(1 + 1/(N-1)) / t)).

    Raises:
        UserError: if the shapes differ or the temperature is not above 0.
    """
    require_pairs(z1, z2)
    require_positive("temperature", temperature)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z), device=z.device).roll(len(z1))
    return F.cross_entropy(logits, partner)


@full_precision
def info_nce(query: Tensor, key: Tensor, *, temperature: float) -> Tensor:
    """InfoNCE, one way: find the key of each query among the keys of the batch.

        L = -1/N sum_i log( exp(q_i.k_i / t) / sum_j exp(q_i.k_j / t) )

    log N - L is a lower bound of the mutual information of query and key.
    van den Oord, Li, Vinyals 2018, arXiv 1807.03748, eq. 4.

    Args:
        query, key: (N, d), row i of both belongs together.
        temperature: above 0.

    Values: log N at collapse, for any temperature; 0 at the optimum as t goes to 0.

    Raises:
        UserError: if the shapes differ or the temperature is not above 0.
    """
    require_pairs(query, key)
    require_positive("temperature", temperature)
    logits = F.normalize(query, dim=1) @ F.normalize(key, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(query), device=query.device))


@full_precision
def moco_info_nce(query: Tensor, key: Tensor, queue: Tensor, *, temperature: float) -> Tensor:
    """MoCo's InfoNCE: find the key of each query among that key and a queue of past keys.

        L = -1/N sum_i log( exp(q_i.k_i / t) / (exp(q_i.k_i / t) + sum_j exp(q_i.Q_j / t)) )

    He, Fan, Wu, Xie, Girshick 2020, arXiv 1911.05722, eq. 1. MoCo passes keys and queue without gradient.

    Args:
        query, key: (N, d), row i of both shows the same image.
        queue: (K, d), keys of other images, K at least 1.
        temperature: above 0.

    Values: log(1 + K) at collapse, for any temperature; 0 at the optimum as t goes to 0.

    Raises:
        UserError: if the shapes do not fit or the temperature is not above 0.
    """
    require_pairs(query, key)
    require_positive("temperature", temperature)
    if queue.ndim != 2 or queue.shape[1] != query.shape[1] or len(queue) == 0:
        raise UserError(
            f"The queue needs shape (K, {query.shape[1]}), K at least 1, got {tuple(queue.shape)}."
        )
    query, key, queue = (F.normalize(rows, dim=1) for rows in (query, key, queue))
    positive = (query * key).sum(1, keepdim=True)
    logits = torch.cat([positive, query @ queue.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long, device=query.device))


@full_precision
def nnclr(nearest: Tensor, prediction: Tensor, *, temperature: float) -> Tensor:
    """NNCLR in one direction: InfoNCE whose query is the nearest neighbour of a view instead of the view.

        L = -1/N sum_i log( exp(n_i.p_i / t) / sum_k exp(n_i.p_k / t) )

    Dwibedi, Aytar, Tompson, Sermanet, Zisserman 2021, arXiv 2104.14548, eq. 3. The method averages both
    directions and takes the neighbours from a support queue, without gradient.

    Args:
        nearest: (N, d), row i the neighbour of the first view of image i.
        prediction: (N, d), row i the predictor's output for the second view.
        temperature: above 0.

    Values: log N at collapse, also when all rows have the same neighbour.

    Raises:
        UserError: if the shapes differ or the temperature is not above 0.
    """
    return info_nce(nearest, prediction, temperature=temperature)


@full_precision
def decoupled_contrastive(
    z1: Tensor, z2: Tensor, *, temperature: float, weight_sigma: float | None = None
) -> Tensor:
    """NT-Xent without the positive in the denominator, which keeps gradients alive in small batches.

        L = 1/(2N) sum_i ( -w_i z_i.z_j(i) / t + log sum_{k not in {i, j(i)}} exp(z_i.z_k / t) )

    Yeh, Hong, Hsu, Liu, Chen, LeCun 2022, arXiv 2110.06848, eq. 6 and 7. For each anchor
    NT-Xent = softplus(DCL).

    Args:
        z1, z2: (N, d), N at least 2, row i of both shows the same image.
        temperature: above 0.
        weight_sigma: None for w_i = 1 (DCL); 0.5 in the paper for DCLW, which turns to hard positives with
            w_i = 2 - exp(z_i.z_j(i) / sigma) / mean_k exp(z_k.z_j(k) / sigma), mean 1, without gradient.

    Values: log(2N-2) at collapse, for any temperature. May be negative.

    Raises:
        UserError: if the shapes differ, N is 1, or a hyperparameter is not above 0.
    """
    require_pairs(z1, z2)
    require_positive("temperature", temperature)
    if len(z1) < 2:
        raise UserError(
            "The decoupled contrastive loss needs at least 2 images in a batch to have negatives."
        )
    z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    z, cosine = torch.cat([z1, z2]), (z1 * z2).sum(1)
    same_image = torch.eye(len(z1), dtype=torch.bool, device=z.device).repeat(2, 2)
    negatives = (z @ z.T / temperature).masked_fill(same_image, float("-inf")).logsumexp(1)
    weight = torch.ones_like(cosine)
    if weight_sigma is not None:
        require_positive("weight_sigma", weight_sigma)
        weight = 2 - len(cosine) * (cosine.detach() / weight_sigma).softmax(0)
    return negatives.mean() - (weight * cosine).mean() / temperature


@full_precision
def coupling(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """How much of each anchor's gradient NT-Xent lets through: one minus the softmax weight of its partner.

        q_i = 1 - exp(z_i.z_j(i) / t) / sum_{k != i} exp(z_i.z_k / t)

    NT-Xent's gradient is the decoupled loss's times q_i: an easy positive silences its negatives.
    Yeh et al. 2022, arXiv 2110.06848, proposition 1.

    Args:
        z1, z2: (N, d), N at least 2, row i of both shows the same image.
        temperature: above 0.

    Returns:
        (2N,) in [0, 1]: (2N-2) / (2N-1) at collapse, 0 once every partner is certain.

    Raises:
        UserError: if the shapes differ or the temperature is not above 0.
    """
    require_pairs(z1, z2)
    require_positive("temperature", temperature)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    weight = (z @ z.T / temperature).masked_fill(itself, float("-inf")).softmax(1)
    return 1 - torch.cat([weight.diagonal(len(z1)), weight.diagonal(-len(z1))])


@full_precision
def supervised_contrastive(z: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """SupCon: every sample of the same class is a positive ("L_out", the mean outside the logarithm).

        L = 1/M sum_i -1/|P(i)| sum_{p in P(i)} log( exp(z_i.z_p / t) / sum_{a != i} exp(z_i.z_a / t) )

    Anchors without a positive count as 0. Khosla et al. 2020, arXiv 2004.11362, eq. 2. The authors' code
    multiplies by temperature / 0.07; this does not.

    Args:
        z: (M, d), M at least 2, for example both views of a batch one after the other.
        labels: (M,) integers. The index of the image as label gives NT-Xent.
        temperature: above 0.

    Values: log(M-1) at collapse, for any temperature. The optimum is a simplex of classes.

    Raises:
        UserError: if there is not one label for each row, M is 1, or the temperature is not above 0.
    """
    require_positive("temperature", temperature)
    if z.ndim != 2 or labels.shape != z.shape[:1] or len(z) < 2:
        raise UserError(
            f"Supervised contrast needs (M, d) with M at least 2 and one label each, "
            f"got {tuple(z.shape)} and {tuple(labels.shape)}."
        )
    z = F.normalize(z, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    log_p = (z @ z.T / temperature).masked_fill(itself, float("-inf")).log_softmax(1)
    positive = (labels[:, None] == labels) & ~itself
    return -(log_p.masked_fill(~positive, 0).sum(1) / positive.sum(1).clamp_min(1)).mean()


@full_precision
def triplet(anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float) -> Tensor:
    """The anchor shall be nearer to its positive than to its negative, by a margin.

        L = 1/N sum_i max(0, ||a_i - p_i||^2 - ||a_i - n_i||^2 + margin)

    Squared distances of unit rows, in [0, 4]. Schroff, Kalenichenko, Philbin 2015, arXiv 1503.03832, eq. 2.

    Args:
        anchor, positive, negative: (N, d), row i of all three is one triplet.
        margin: 0.2 in the paper.

    Values: the margin at collapse; 0 once every triplet is satisfied.

    Raises:
        UserError: if the shapes differ.
    """
    require_pairs(anchor, positive)
    require_pairs(anchor, negative)
    anchor, positive, negative = (F.normalize(rows, dim=1) for rows in (anchor, positive, negative))
    nearer = (anchor - positive).pow(2).sum(1) - (anchor - negative).pow(2).sum(1)
    return (nearer + margin).relu().mean()


@full_precision
def clip(image: Tensor, text: Tensor, *, logit_scale: float | Tensor) -> Tensor:
    """CLIP's symmetric InfoNCE: find the caption of each image and the image of each caption.

        L = 1/2 (CE(s I T^T, diagonal) + CE(s T I^T, diagonal))

    Radford et al. 2021, arXiv 2103.00020, figure 3.

    Args:
        image, text: (N, d), row i of both belongs together.
        logit_scale: the multiplier s itself, one over the temperature. CLIP learns log s, starts at
            log(1 / 0.07) and keeps s at most 100; pass ``log_scale.exp()``.

    Values: log N at collapse, for any scale; 0 at the optimum for a large one.

    Raises:
        UserError: if the shapes differ or the scale is not above 0.
    """
    require_pairs(image, text)
    require_positive("logit_scale", logit_scale)
    logits = logit_scale * F.normalize(image, dim=1) @ F.normalize(text, dim=1).T
    own = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
