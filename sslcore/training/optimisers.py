"""Optimisers, weight-decay groups and the learning-rate schedule."""

from math import cos, pi

import torch
from torch.optim import SGD, AdamW, Optimizer

from sslcore.methods.base import Method
from sslcore.settings import OptimiserSettings


def build_optimiser(method: Method, settings: OptimiserSettings, device: torch.device) -> Optimizer:
    """AdamW or SGD with momentum 0.9; vectors (biases, norms) are exempt from weight decay."""
    groups = []
    for group in method.parameter_groups():
        parameters = group.pop("params")
        vectors = [p for p in parameters if p.ndim < 2]
        matrices = [p for p in parameters if p.ndim >= 2]
        groups.append({"weight_decay": settings.weight_decay, **group, "params": matrices})
        groups.append({**group, "params": vectors, "weight_decay": 0.0})
    groups = [{"constant_rate": False, "rate": 1.0, **group} for group in groups if group["params"]]
    fused = device.type in ("cpu", "cuda")
    if settings.optimiser == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=0.9, fused=fused)
    return AdamW(groups, lr=settings.learning_rate, betas=(0.9, settings.beta2), fused=fused)


def rate(settings: OptimiserSettings, fraction: float) -> float:
    """Learning rate at a fraction of the budget: linear warm-up, then cosine to zero or constant."""
    if fraction < settings.warmup:
        return settings.learning_rate * max(fraction / settings.warmup, 0.01)
    if settings.schedule == "constant":
        return settings.learning_rate
    done = (fraction - settings.warmup) / (1 - settings.warmup)
    return settings.learning_rate * 0.5 * (1 + cos(pi * min(done, 1.0)))


def set_rate(optimiser: Optimizer, settings: OptimiserSettings, fraction: float) -> float:
    """Set every group's rate for the coming step; returns the scheduled one."""
    now = rate(settings, fraction)
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * (settings.learning_rate if group["constant_rate"] else now)
    return now


def load_optimiser(optimiser: Optimizer, state: dict) -> None:
    """Load a state that may come from disk, where tensors lose their memory layout.

    Fused kernels walk parameters and moments in memory order, so both must be laid out alike.
    """
    optimiser.load_state_dict(state)
    for parameter, moments in optimiser.state.items():
        for name, moment in moments.items():
            if torch.is_tensor(moment) and moment.shape == parameter.shape:
                moments[name] = torch.empty_like(parameter).copy_(moment)
