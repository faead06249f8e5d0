"""Gradients of the losses that ``test_properties`` does not cover, against finite differences.

Some losses have their check beside their closed forms.
"""

import pytest
import torch
from torch import Tensor

from sslcore import losses


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def unit(*shape: int, seed: int = 0) -> Tensor:
    return torch.nn.functional.normalize(normal(*shape, seed=seed), dim=-1)


IMAGE = (2, 3, 4, 4)
HOLE = (normal(2, 1, 4, 4, seed=2) > 0).double()
HIDDEN = torch.tensor([[True, False, True, False, False], [False, True, True, False, False]])
CODE = normal(4, 3, seed=2).softmax(1)

# the loss, and its arguments that learn
CASES = {
    "supervised_contrastive": (
        lambda z: losses.supervised_contrastive(z, torch.tensor([0, 1, 0, 2, 1, 0]), temperature=0.3),
        [normal(6, 3)],
    ),
    "instance_discrimination": (
        lambda z: losses.instance_discrimination(
            z, unit(7, 3, seed=1), torch.tensor([0, 3, 5, 6]), temperature=0.3
        ),
        [normal(4, 3)],
    ),
    "cpc": (losses.cpc, [normal(2, 4, 3), normal(2, 4, 3, seed=1)]),
    "clip with a learned scale": (
        lambda a, b, scale: losses.clip(a, b, logit_scale=scale),
        [normal(4, 3), normal(4, 3, seed=1), torch.tensor(5.0, dtype=torch.float64)],
    ),
    "swapped_prediction": (lambda s: losses.swapped_prediction(s, CODE, temperature=0.3), [unit(4, 3)]),
    "mean_entropy_gap": (lambda s: losses.mean_entropy_gap(s.softmax(1)), [normal(4, 3)]),
    "shrinking and partial whitening": (
        lambda a, b: losses.w_mse(a, b, epsilon=0.1, sub_batch=6),
        [normal(12, 3), normal(12, 3, seed=1)],
    ),
    "masked_patch_mse": (
        lambda y: losses.masked_patch_mse(y, normal(2, 5, 4, seed=1), HIDDEN),
        [normal(2, 5, 4)],
    ),
    "masked_pixel_mse": (
        lambda y: losses.masked_pixel_mse(y, normal(*IMAGE, seed=1), HOLE),
        [normal(*IMAGE)],
    ),
    "soft_cross_entropy": (
        lambda s: losses.soft_cross_entropy(s, normal(*IMAGE, seed=1).softmax(1), weight=HOLE[:, 0]),
        [normal(*IMAGE)],
    ),
    "discriminator_loss": (losses.discriminator_loss, [normal(5), normal(5, seed=1)]),
    "fooling": (losses.fooling, [normal(5)]),
    "latent_regression": (
        lambda y: losses.latent_regression(y, normal(2, 5, 3, seed=1), beta=1.0),
        [normal(2, 5, 3)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_finite_differences(name):
    loss, learning = CASES[name]
    assert torch.autograd.gradcheck(loss, [argument.clone().requires_grad_() for argument in learning])
