"""Energy landscapes: what a loss makes of a plane in which only the pairs (x, y) on a curve belong together.

The energy of a toy can be seen whole, over the plane: a groove along the curve if something held the rest up, a plain
if nothing did.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sslcore.diagnostics.energy import EnergyReport, report_energies
from sslcore.diagnostics.toys import CURVES, TOYS, Toy
from sslcore.errors import UserError

REACH = 1.25  # the plane goes from -REACH to REACH both ways
BATCH, RATE = 256, 5e-3
DECAY = 1e-3  # of the weights: what y tells exactly about x survives a pull, but only until something else shrinks it
WAY = 21  # places along the straight way between two points of the curve


@dataclass(frozen=True)
class Landscape:
    """What a loss has made of the plane.

    Attributes:
        side: (G,) the places of the grid, the same for x and y.
        energy: (G, G) in [0, 2], rows are y and columns x.
        curve: (N, 2) where the energy should be low, in order along the curve.
        report: energies of pairs on the curve, and of x and y from different pairs.
        relief: standard deviation of the energy over the grid; 0 for a plain.
        barrier: how far the energy rises on the straight way between two points of the curve, above the higher of
            both, on average; 0 for a plain.
    """

    side: Tensor
    energy: Tensor
    curve: Tensor
    report: EnergyReport
    relief: float
    barrier: float


def train_landscape(
    loss: str, *, curve: str = "parabola", steps: int = 400, seed: int = 0, resolution: int = 61
) -> Landscape:
    """Train a toy under a loss and survey the plane; a second or two on one core.

    The same arguments give the same landscape; torch's own generator is left alone.

    Args:
        loss: a key of ``TOYS``.
        curve: a key of ``CURVES``.
        steps: gradient steps, each on fresh points of the curve.
        resolution: places of the grid along each side.

    Raises:
        UserError: if there is no such loss or curve.
    """
    for name, known in ((loss, TOYS), (curve, CURVES)):
        if name not in known:
            raise UserError(f"There is no landscape of '{name}': choose one of {', '.join(known)}.")
    generator = torch.Generator().manual_seed(seed)
    toy = TOYS[loss](generator)
    optimiser = torch.optim.Adam(toy.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(steps):
        points = CURVES[curve](torch.rand(BATCH, generator=generator))
        optimiser.zero_grad()
        toy.loss(points, generator).backward()
        optimiser.step()
    return _survey(toy, CURVES[curve](torch.linspace(0, 1, BATCH)), resolution)


@torch.no_grad()
def _survey(toy: Toy, curve: Tensor, resolution: int) -> Landscape:
    side = torch.linspace(-REACH, REACH, resolution)
    energy = _over(toy, side, side).T
    report = report_energies(_over(toy, *curve.unbind(1)))
    return Landscape(side, energy, curve, report, energy.std().item(), _barrier(toy, curve))


def _over(toy: Toy, x: Tensor, y: Tensor) -> Tensor:
    """The energy of every x (N,) with every y (M,): (N, M)."""
    return toy.energy(torch.cartesian_prod(x, y)).view(len(x), len(y))


def _barrier(toy: Toy, curve: Tensor) -> float:
    """The mean barrier between every point and the one half the curve further."""
    there = curve.roll(len(curve) // 2, 0)
    ways = torch.lerp(curve, there, torch.linspace(0, 1, WAY)[:, None, None])
    energy = toy.energy(ways.flatten(0, 1)).view(WAY, len(curve))
    return (energy.max(0).values - torch.maximum(energy[0], energy[-1])).mean().item()
