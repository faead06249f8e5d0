"""The losses of solo-learn as equations, written out from what it documents, term by term and without our code.

da Costa, Fini, Nabi, Sebe, Ricci, solo-learn: a library of self-supervised methods for visual representation
learning, JMLR 23 (2022), and the definitions in ``solo/losses`` of github.com/vturrisi/solo-learn. Loops are plain on
purpose: what is compared with should be checked by reading.
"""

import torch
from torch import Tensor

from benchmarks.agreement_inputs import Loss


def unit(z: Tensor) -> Tensor:
    return z / z.square().sum(-1, keepdim=True).sqrt()


def surprise(scores: Tensor, right: list[int], others: list[int]) -> Tensor:
    """-log of the share of the right ones among right and others, each counting exp(score)."""
    wanted = scores[right].exp().sum()
    return -(wanted / (wanted + scores[others].exp().sum())).log()


def simclr(x, z: Tensor, labels: list[int]) -> Tensor:
    """``simclr_loss_func``: all samples with the same label are right at once, inside of the logarithm."""
    scores, everybody = unit(z) @ unit(z).T / x.temperature, range(len(z))
    each = []
    for i in everybody:
        right = [j for j in everybody if labels[j] == labels[i] and j != i]
        each.append(surprise(scores[i], right, [j for j in everybody if labels[j] != labels[i]]))
    return torch.stack(each).mean()


def two_views(x) -> Tensor:
    return simclr(x, torch.cat([x.z1, x.z2]), [*range(len(x.z1)), *range(len(x.z2))])


def one_way(x) -> Tensor:
    """``nnclr_loss_func``: each row of the first finds its partner among all rows of the second."""
    scores, everybody = unit(x.z1) @ unit(x.z2).T / x.temperature, range(len(x.z1))
    return torch.stack([surprise(scores[i], [i], [j for j in everybody if j != i]) for i in everybody]).mean()


def moco_v3(x) -> Tensor:
    """``mocov3_loss_func``: the same times twice the temperature."""
    return 2 * x.temperature * one_way(x)


def moco_v2(x) -> Tensor:
    """``mocov2plus_loss_func``, whose caller has normalised everything."""
    queries, keys, queue = unit(x.z1), unit(x.z2), unit(x.queue.detach())
    each = []
    for query, key in zip(queries, keys, strict=True):
        scores = torch.cat([key[None], queue]) @ query / x.temperature
        each.append(surprise(scores, [0], list(range(1, len(scores)))))
    return torch.stack(each).mean()


def byol(x) -> Tensor:
    """``byol_loss_func``: 2 - 2 cos, the target without gradient."""
    return 2 - 2 * (unit(x.z1) * unit(x.z2.detach())).sum(1).mean()


def simsiam(x) -> Tensor:
    """``simsiam_loss_func``: -cos, the target without gradient."""
    return -(unit(x.z1) * unit(x.z2.detach())).sum(1).mean()


def mean_shift(x) -> Tensor:
    """``mean_shift_loss_func``: 2 - 2 cos of the prediction and the target's nearest neighbours in the queue."""
    predictions, queue = unit(x.z1), unit(x.queue.detach())
    each = []
    for prediction, target in zip(predictions, unit(x.z2.detach()), strict=True):
        nearest = (queue @ target).argsort(descending=True)[: x.neighbours]
        each.append(2 - 2 * (queue[nearest] @ prediction).mean())
    return torch.stack(each).mean()


def barlow(x) -> Tensor:
    """``barlow_loss_func`` with its ``scale_loss`` of 0.025; batch norm has epsilon 1e-5."""

    def standard(z: Tensor) -> Tensor:
        centred = z - z.mean(0)
        return centred / (centred.square().mean(0) + 1e-5).sqrt()

    correlation = standard(x.z1).T @ standard(x.z2) / len(x.z1)
    same = torch.eye(len(correlation), dtype=torch.bool)
    return 0.025 * ((correlation[same] - 1).square().sum() + x.redundancy * correlation[~same].square().sum())


def vicreg(x) -> Tensor:
    """``vicreg_loss_func`` with weights 25, 25, 1: the variance term is a sum over both views."""
    variance = covariance = 0.0
    for z in (x.z1, x.z2):
        centred = z - z.mean(0)
        matrix = centred.T @ centred / (len(z) - 1)
        same = torch.eye(len(matrix), dtype=torch.bool)
        variance = variance + (1 - (matrix[same] + 1e-4).sqrt()).clamp(min=0).mean()
        covariance = covariance + matrix[~same].square().sum() / len(matrix)
    return 25 * (x.z1 - x.z2).square().mean() + 25 * variance + covariance


def sinkhorn(x, scores: Tensor) -> Tensor:
    """``SinkhornKnopp``: prototypes get 1/K of everything in turn with samples getting 1/B."""
    with torch.no_grad():
        plan = (scores / x.epsilon).exp()
        samples, prototypes = plan.shape
        for _ in range(x.iterations):
            plan = plan / plan.sum(0, keepdim=True) / prototypes
            plan = plan / plan.sum(1, keepdim=True) / samples
        return samples * plan


def swav(x) -> Tensor:
    """``swav_loss_func``: the mean over ordered pairs of two views."""
    first = (sinkhorn(x, x.scores2) * (x.scores1 / x.temperature).log_softmax(1)).sum(1)
    second = (sinkhorn(x, x.scores1) * (x.scores2 / x.temperature).log_softmax(1)).sum(1)
    return (-first.mean() - second.mean()) / 2


def dino(x) -> Tensor:
    """``DINOLoss``: the mean over both pairs of a teacher's view and the student's other one."""
    total = 0.0
    for teacher, student in ((x.teacher1, x.student2), (x.teacher2, x.student1)):
        target = ((teacher - x.center) / x.teacher_temperature).softmax(1).detach()
        total = total - (target * (student / x.student_temperature).log_softmax(1)).sum(1).mean()
    return total / 2


def w_mse(x) -> Tensor:
    """``Whitening2d`` and ``wmse_loss_func(simplified=False)``: 2 - 2 cos of views whitened by Cholesky factors."""

    def whiten(z: Tensor) -> Tensor:
        centred = z - z.mean(0)
        factor = torch.linalg.cholesky(centred.T @ centred / (len(z) - 1))
        return centred @ torch.linalg.inv(factor).T

    return 2 - 2 * (unit(whiten(x.z1)) * unit(whiten(x.z2))).sum(1).mean()


def mae(x) -> Tensor:
    """``mae_loss_func``: squared error of the masked patches, each standardised; values in the order (y, x, c)."""
    errors = []
    for image, rebuilt, mask in zip(x.images, x.rebuilt, x.mask, strict=True):
        across = image.shape[-1] // x.patch
        for number in range(len(mask)):
            top, left = number // across * x.patch, number % across * x.patch
            patch = image[:, top : top + x.patch, left : left + x.patch].permute(1, 2, 0).flatten()
            patch = (patch - patch.mean()) / (patch.var() + 1e-6).sqrt()
            if mask[number]:
                errors.append((rebuilt[number] - patch).square().mean())
    return torch.stack(errors).mean()


EQUATIONS: dict[str, Loss] = {
    "simclr_loss_func": two_views,
    "simclr_loss_func of labels": lambda x: simclr(x, x.z1, x.labels.tolist()),
    "nnclr_loss_func": one_way,
    "mocov3_loss_func": moco_v3,
    "mocov2plus_loss_func": moco_v2,
    "byol_loss_func": byol,
    "simsiam_loss_func": simsiam,
    "mean_shift_loss_func": mean_shift,
    "barlow_loss_func": barlow,
    "vicreg_loss_func": vicreg,
    "SinkhornKnopp": lambda x: sinkhorn(x, x.scores1),
    "swav_loss_func": swav,
    "DINOLoss": dino,
    "wmse_loss_func": w_mse,
    "mae_loss_func": mae,
}
