"""Linear probe: can a linear classifier read the classes off frozen features?

Multinomial logistic regression, fitted to the end. Deterministic, draws no random numbers.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.evaluation._check import as_features, as_labels, require_same_width

REGULARISATIONS = (1e-2, 1e-3, 1e-4)  # strongest first: each fit starts from the one before
HELD_OUT = 5  # every fifth training sample chooses among them
SMALLEST_SPLIT = 100  # below this a held-out slice says nothing


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe and how well it does.

    Attributes:
        accuracy: share of test samples classified correctly, in [0, 1].
        train_accuracy: the same on the training samples; far above ``accuracy`` means too few of them.
        regularisation: the L2 weight that was used.
        weight, bias: (classes, d) and (classes,), on standardised features.
        mean, std: (d,), the standardisation, from the training features.
    """

    accuracy: float
    train_accuracy: float
    regularisation: float
    weight: Tensor = field(repr=False)
    bias: Tensor = field(repr=False)
    mean: Tensor = field(repr=False)
    std: Tensor = field(repr=False)

    def __float__(self) -> float:
        return self.accuracy

    def predict(self, features: Any) -> Tensor:
        """Class numbers (m,) for features (m, d)."""
        features = as_features("given", features, self.mean.device)
        require_same_width(self.mean[None], features)
        return _logits((features - self.mean) / self.std, self.weight, self.bias).argmax(1)


def linear_probe(
    train_features: Any,
    train_labels: Any,
    test_features: Any,
    test_labels: Any,
    *,
    classes: int | None = None,
    regularisation: float | None = None,
    iterations: int = 100,
) -> LinearProbe:
    """Fit on the training features, score on the test features.

        min_{W, b}  1/n sum_i CE(W x_i + b, y_i) + regularisation * ||W||^2

    on features standardised by the training mean and std, by full-batch L-BFGS from zero. No gradient
    reaches the features.

    Args:
        train_features, test_features: (n, d) and (m, d), any float type, tensors or arrays.
        train_labels, test_labels: integers from 0.
        classes: number of classes; the largest training label + 1 if not given.
        regularisation: L2 weight, at least 0. Not given: the one of 1e-2, 1e-3, 1e-4 with the highest
            accuracy on a held-out fifth (1e-2 with fewer than 100 samples), then refitted on all.
        iterations: the most L-BFGS iterations of a fit.

    Raises:
        UserError: if shapes do not fit, features are not finite, or labels are negative or too large.
    """
    train, test = as_features("training", train_features), as_features("test", test_features)
    test = test.to(train.device, train.dtype)
    require_same_width(train, test)
    labels = as_labels("training", train_labels, train)
    test_labels = as_labels("test", test_labels, test)
    classes = classes or int(labels.max()) + 1
    if labels.max() >= classes:
        raise UserError(f"Training labels go up to {int(labels.max())} but there are only {classes} classes.")
    if not train.isfinite().all() or not test.isfinite().all():
        raise UserError("The features contain numbers that are not finite, so there is nothing to probe.")
    # The caller may be in inference mode; fitting needs gradients of its own.
    with torch.inference_mode(False), torch.enable_grad():
        mean, std = train.mean(0), _std(train)
        train, labels = (train - mean) / std, labels.clone()
        chosen = _choose(train, labels, classes, iterations) if regularisation is None else regularisation
        weight, bias = _fit(train, labels, *_zeros(train, classes), chosen, iterations)
    return LinearProbe(
        accuracy=_accuracy((test - mean) / std, test_labels, weight, bias),
        train_accuracy=_accuracy(train, labels, weight, bias),
        regularisation=chosen,
        weight=weight,
        bias=bias,
        mean=mean,
        std=std,
    )


def _choose(x: Tensor, y: Tensor, classes: int, iterations: int) -> float:
    if len(x) < SMALLEST_SPLIT:
        return REGULARISATIONS[0]
    # By position in a fixed shuffle, because a bank may be sorted or dealt out class by class.
    place = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).to(x.device)
    held, kept = place[::HELD_OUT], place[torch.arange(len(x), device=x.device) % HELD_OUT != 0]
    fit, scores = _zeros(x, classes), []
    for strength in REGULARISATIONS:
        fit = _fit(x[kept], y[kept], *fit, strength, iterations)
        scores.append(_accuracy(x[held], y[held], *fit))
    return REGULARISATIONS[scores.index(max(scores))]


def _fit(
    x: Tensor, y: Tensor, weight: Tensor, bias: Tensor, strength: float, iterations: int
) -> tuple[Tensor, Tensor]:
    weight, bias = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    columns = x.T.contiguous()  # samples innermost: a softmax over ten classes runs four times as fast
    optimiser = torch.optim.LBFGS(
        [weight, bias],
        max_iter=iterations,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-5,
        tolerance_change=1e-7,
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        with torch.autocast(x.device.type, enabled=False):
            logits = (weight @ columns + bias[:, None])[None]
            loss = F.cross_entropy(logits, y[None]) + strength * weight.pow(2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach(), bias.detach()


def _zeros(x: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    return x.new_zeros(classes, x.shape[1]), x.new_zeros(classes)


def _std(x: Tensor) -> Tensor:
    """Per dimension; 1 where only rounding noise varies, so that a constant feature stays constant."""
    std = x.std(0, correction=0)
    return torch.where(std > 1e-6 * x.abs().amax(0), std, torch.ones_like(std))


def _logits(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x @ weight.T + bias


def _accuracy(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> float:
    return int((_logits(x, weight, bias).argmax(1) == y).sum()) / len(y)
