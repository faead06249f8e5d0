"""Contrastive losses: tell the partner of a sample from the other samples.

Rows are samples. Inputs need no normalisation: every loss here projects rows on the unit sphere itself,
so it is invariant to their length. Gradients flow into every input; a caller that wants a stop-gradient
passes a detached tensor.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.losses._common import full_precision, require_pairs, require_positive


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
