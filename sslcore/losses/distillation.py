"""Losses that regress one network's output on another's.

Their global minimum includes collapse, so a low value is never evidence of learning. None of them detaches
its target: the stop-gradient is the method's business, and the switch that breaks it.
"""

import torch.nn.functional as F
from torch import Tensor

from sslcore.losses._common import full_precision, require_pairs


@full_precision
def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """SimSiam's loss in one direction: -mean cos(p, z), in [-1, 1].

    Gradients flow into both arguments; SimSiam passes ``target.detach()``.
    Chen, He 2021, arXiv 2011.10566, eq. 1.

    Args:
        prediction, target: (N, d), row i of both shows the same image.

    Values: -1 at the optimum and at collapse; about 0 for independent rows.

    Raises:
        UserError: if the shapes differ.
    """
    require_pairs(prediction, target)
    return -(F.normalize(prediction, dim=1) * F.normalize(target, dim=1)).sum(1).mean()


@full_precision
def normalized_mse(prediction: Tensor, target: Tensor) -> Tensor:
    """BYOL's regression in one direction: mean ||p - z||^2 of unit rows = 2 - 2 cos(p, z), in [0, 4].

    Gradients flow into both arguments; BYOL's target comes from the momentum network without gradient,
    and its loss is the sum of both directions (0 to 8). Grill et al. 2020, arXiv 2006.07733, eq. 2.

    Args:
        prediction, target: (N, d), row i of both shows the same image.

    Values: 0 at the optimum and at collapse, 2 for orthogonal rows, 4 for opposite ones.

    Raises:
        UserError: if the shapes differ.
    """
    return 2 + 2 * negative_cosine(prediction, target)
