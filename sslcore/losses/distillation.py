"""Losses that regress one network's output on another's.

Their global minimum includes collapse, so a low value is never evidence of learning. The regressions do not
detach their target: the stop-gradient is the method's business, and the switch that breaks it.
"""

import torch.nn.functional as F
from torch import Tensor

from sslcore.losses.common import full_precision, require_pairs, require_positive


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


@full_precision
def dino(
    student_logits: Tensor,
    teacher_logits: Tensor,
    *,
    student_temperature: float,
    teacher_temperature: float,
    center: Tensor | float,
) -> Tensor:
    """DINO's loss for one pair of crops: cross-entropy of the student under the centred, sharpened teacher.

        L = -mean_i sum_k softmax((g_t - c) / t_t)_k log softmax(g_s / t_s)_k

    No gradient reaches teacher or centre. Caron et al. 2021, arXiv 2104.14294, eq. 1 and 4. The method
    averages it over all pairs of one teacher crop and another student crop.

    Args:
        student_logits, teacher_logits: (N, K), row i of both shows the same image.
        student_temperature, teacher_temperature: above 0; 0.1 and 0.04 to 0.07 in the paper.
        center: (K,) or (1, K), the running mean of teacher logits; 0 for none.

    Values: log K when both are uniform, 0 when both put everything on one output: the two collapses.
    Otherwise the teacher's entropy plus KL(teacher || student).

    Raises:
        UserError: if the shapes differ or a temperature is not above 0.
    """
    require_pairs(student_logits, teacher_logits)
    require_positive("student_temperature", student_temperature)
    require_positive("teacher_temperature", teacher_temperature)
    target = ((teacher_logits - center) / teacher_temperature).softmax(1).detach()
    return -(target * (student_logits / student_temperature).log_softmax(1)).sum(1).mean()
