"""Losses against a memory: stored embeddings of many more images than a batch holds.

Rows are samples and are projected on the unit sphere. The memory is the method's to keep, without gradient.
"""

import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_pairs, require_positive


@full_precision
def instance_discrimination(z: Tensor, bank: Tensor, index: Tensor, *, temperature: float) -> Tensor:
    """Every image is a class of its own, and its stored embedding is the weight vector of that class.

        L = -1/N sum_i log( exp(z_i.M_y(i) / t) / sum_{j=1}^n exp(z_i.M_j / t) )

    Wu, Xiong, Yu, Lin 2018, arXiv 1805.01978, eq. 2 and 5. This is the exact softmax over all n images; the
    paper estimates it from noise samples, as its n is a million.

    Args:
        z: (N, d), embeddings of the batch.
        bank: (n, d), one stored embedding for every image of the training set.
        index: (N,) integers in [0, n), which image each row shows.
        temperature: above 0.

    Values: log n at collapse, for any temperature; 0 at the optimum as t goes to 0.

    Raises:
        UserError: if the shapes do not fit or the temperature is not above 0.
    """
    require_positive("temperature", temperature)
    if z.ndim != 2 or bank.ndim != 2 or z.shape[1] != bank.shape[1] or index.shape != z.shape[:1]:
        raise UserError(
            f"Instance discrimination needs embeddings (N, d), a bank (n, d) and N indices, "
            f"got {tuple(z.shape)}, {tuple(bank.shape)} and {tuple(index.shape)}."
        )
    logits = F.normalize(z, dim=1) @ F.normalize(bank, dim=1).T / temperature
    return F.cross_entropy(logits, index)


@full_precision
def mean_shift(prediction: Tensor, target: Tensor, bank: Tensor, *, neighbours: int) -> Tensor:
    """Move each prediction towards the mean of its target's nearest neighbours.

        L = 1/N sum_i 1/k sum_{j in NN_k(u_i)} (2 - 2 v_i.M_j)

    Koohpayegani, Tejankar, Pirsiavash 2021, arXiv 2105.07269, section 3. The bank should hold the targets
    themselves: then the first neighbour of each is itself and k = 1 is BYOL in one direction.

    Args:
        prediction, target: (N, d), row i of both shows the same image. Only the prediction gets a gradient.
        bank: (K, d), K at least k.
        neighbours: k, at least 1.

    Values: 0 at the optimum and at collapse, 2 for orthogonal rows, 4 for opposite ones.

    Raises:
        UserError: if the shapes do not fit or the bank holds fewer than k rows.
    """
    require_pairs(prediction, target)
    if bank.ndim != 2 or bank.shape[1] != target.shape[1] or not 1 <= neighbours <= len(bank):
        raise UserError(
            f"{neighbours} neighbours need a bank (K, {target.shape[1]}) with K at least that, "
            f"got {tuple(bank.shape)}."
        )
    prediction, target, bank = (F.normalize(rows, dim=1) for rows in (prediction, target, bank))
    bank = bank.detach()
    nearest = (target.detach() @ bank.T).topk(neighbours, dim=1).indices
    return 2 - 2 * (prediction @ bank.T).gather(1, nearest).mean()
