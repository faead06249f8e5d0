"""Are all prototypes (clusters, output units of a DINO head) in use, and is each sample sure of its own?"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sslcore.diagnostics.figures import prepare


@dataclass(frozen=True)
class PrototypeUsage:
    """How n samples spread over K prototypes. Entropies and information are divided by log K: in [0, 1].

    Both collapses of self-distillation have ``information`` 0: one prototype takes all (both entropies 0),
    or every sample is undecided (both 1). Healthy: ``usage`` above 0.8 and ``uncertainty`` well below it.

    Attributes:
        usage: entropy of the mean assignment; 1 if all prototypes get the same share.
        uncertainty: mean entropy of a sample's own assignment; 0 if every sample is sure.
        information: usage minus uncertainty, the mutual information of sample and prototype.
        active: fraction of prototypes that are the first choice of at least one sample.
        perplexity: effective number of prototypes in use, 1 to K.
    """

    usage: float
    uncertainty: float
    information: float
    active: float
    perplexity: float


def prototype_usage(probabilities: Tensor) -> PrototypeUsage:
    """Usage of prototypes from soft assignments (n, K) whose rows sum to 1; n at least 10 K reads well.

    Raises:
        UserError: if they are not a matrix.
    """
    p = prepare(probabilities)
    scale = math.log(max(2, p.shape[1]))
    usage = torch.special.entr(p.mean(0)).sum().item()
    uncertainty = torch.special.entr(p).sum(1).mean().item()
    return PrototypeUsage(
        usage=usage / scale,
        uncertainty=uncertainty / scale,
        information=(usage - uncertainty) / scale,
        active=len(p.argmax(1).unique()) / p.shape[1],
        perplexity=math.exp(usage),
    )
