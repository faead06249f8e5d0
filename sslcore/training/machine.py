"""What this machine can do: device, precision, and which precision is faster here."""

import json
import os
import platform
import time
from contextlib import suppress
from functools import cache

import torch
from torch import nn

from sslcore.data.cache import cache_root
from sslcore.distributed import processes
from sslcore.errors import UserError


def pick_device(name: str) -> torch.device:
    """``auto`` takes CUDA, then MPS, then the CPU. ``cuda`` is the GPU of this process or thread: under torchrun
    every process has one to itself, and so has every worker of a ``JobManager``; ``cuda:1`` is the second of all.

    Raises:
        UserError: if the device asked for is not here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": _has_mps(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, present in here.items() if present)
    kind, _, number = name.partition(":")
    if not here[kind]:
        raise UserError(f"This machine has no {kind} device: set device to auto or cpu.")
    if kind != "cuda":
        return torch.device(kind)
    gpus, wanted = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if wanted > gpus:
        raise UserError(
            f"{wanted} processes need as many GPUs and there are {gpus}: use --nproc-per-node={gpus}."
        )
    if number and wanted > 1:
        raise UserError(
            f"{wanted} processes cannot share {name}: set device to cuda, which gives each its own."
        )
    if number and int(number) >= gpus:
        raise UserError(f"This machine has no {name}: set device to auto or cuda:{gpus - 1}, its last GPU.")
    return torch.device("cuda", int(number or os.environ.get("LOCAL_RANK") or torch.cuda.current_device()))


def _has_mps() -> bool:
    return torch.backends.mps.is_available() and processes() == 1  # processes cannot exchange tensors there


def pick_precision(device: torch.device, name: str) -> str:
    """``bf16`` or ``fp32``; ``auto`` takes what trains faster here, measured once and remembered."""
    if name != "auto":
        return name
    if device.type == "mps":
        return "fp32"
    if device.type == "cuda":
        with torch.cuda.device(device):  # older ones only emulate it
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return _measured()


@cache
def _measured() -> str:
    """Remembered on disk: a choice that flips between runs would make them irreproducible."""
    machine = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} torch {torch.__version__}"
    file = cache_root() / "precision.json"
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = json.loads(file.read_text())
    if machine in known:
        return known[machine]
    choice = "bf16" if 1.2 * _seconds(torch.bfloat16) < _seconds(None) else "fp32"
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**known, machine: choice}))
    return choice


def _seconds(dtype: torch.dtype | None) -> float:
    net = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1)).to(
        memory_format=torch.channels_last
    )
    images = torch.zeros(256, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            out = net(images)
        out.float().square().mean().backward()
        best = min(best, time.perf_counter() - start)
    return best
