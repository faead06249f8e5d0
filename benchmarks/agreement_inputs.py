"""The random inputs on which losses are compared, and how a loss is taken on them. Needs nothing but torch."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

Inputs = dict[str, Any]  # tensors and hyperparameters by name
Loss = Callable[[SimpleNamespace], Tensor]
Taken = dict[str, Any]  # "value", and "gradients" by input
TEMPERATURE = 0.2


def draw(seed: int = 0, rows: int = 48, width: int = 16) -> Inputs:
    """Embeddings of two views that resemble each other, and whatever else some loss wants, in double precision."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    z1 = 2 * normal(rows, width) + 0.3 * normal(width)
    directions = normal(64, width)
    return {
        "z1": z1,
        "z2": z1 + normal(rows, width),
        "negative": normal(rows, width),
        "queue": normal(100, width),
        "prototypes": normal(12, width),
        "student1": normal(rows, 24),
        "student2": normal(rows, 24),
        "teacher1": 0.2 * normal(rows, 24),
        "teacher2": 0.2 * normal(rows, 24),
        "scores1": torch.tanh(normal(rows, 12)),
        "scores2": torch.tanh(normal(rows, 12)),
        "predicted": normal(3, 8, width),
        "candidates": normal(3, 8, width),
        "images": torch.rand(6, 3, 16, 16, generator=generator, dtype=torch.float64),
        "rebuilt": normal(6, 16, 48),
        # what gets no gradient from here on, in both
        "fixed": {
            "labels": torch.arange(rows) % 5,
            "index": torch.randperm(100, generator=generator)[:rows],
            "mask": torch.rand(6, 16, generator=generator) < 0.6,
            "center": 0.1 * normal(24),
            "directions": directions / directions.norm(dim=1, keepdim=True),
            "temperature": TEMPERATURE,
            "sigma": 0.5,
            "margin": 0.4,
            "redundancy": 0.005,
            "uniformity": 2.0,
            "epsilon": 0.05,
            "iterations": 3,
            "student_temperature": 0.1,
            "teacher_temperature": 0.04,
            "sharpening": 0.25,
            "coding": 0.2,
            "neighbours": 5,
            "patch": 4,
        },
    }


def take(loss: Loss, inputs: Inputs) -> Taken:
    """The value of a loss on the inputs, and the gradients of its sum with respect to each of them."""
    free = {name: value.clone().requires_grad_() for name, value in inputs.items() if name != "fixed"}
    value = loss(SimpleNamespace(**free, **inputs["fixed"]))
    gradients = {}
    if value.requires_grad:
        found = torch.autograd.grad(value.sum(), list(free.values()), allow_unused=True)
        gradients = {name: g for name, g in zip(free, found, strict=True) if g is not None}
    return {"value": value.detach(), "gradients": gradients}
