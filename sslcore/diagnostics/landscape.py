"""Energy landscapes: what a loss makes of a plane in which only the pairs (x, y) on a curve belong together.

The smallest joint embedding there is: one network maps the number x to z_x, another maps y to z_y, and a two-view
loss compares them. What came out can be seen whole, as the energy 1 - cos(z_x, z_y) over the plane: a groove along
the curve if something held the rest up, a plain if nothing did. After LeCun, Chopra, Hadsell, Ranzato, Huang 2006,
"A Tutorial on Energy-Based Learning", section 2, where y = x^2 is learned the same way.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from sslcore.diagnostics.energy import EnergyReport, energy_report, pair_energies
from sslcore.errors import UserError
from sslcore.losses import alignment, nt_xent, triplet, uniformity, vicreg

PULL = "pull"
REACH = 1.25  # the plane goes from -REACH to REACH both ways
HIDDEN, WIDTH, BATCH, RATE = 64, 8, 256, 5e-3
DECAY = 1e-3  # of the weights: what y tells exactly about x survives a pull, but only until something else shrinks it

#: Losses by the method they are of, with its usual hyperparameters, as functions of z1, z2 (N, d).
#: ``PULL`` only lowers the energy of what belongs together.
TOY_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "simclr": lambda z1, z2: nt_xent(z1, z2, temperature=0.2),
    "triplet": lambda z1, z2: triplet(z1, z2, z2.roll(1, 0), margin=0.5),
    "align_uniform": lambda z1, z2: alignment(z1, z2) + (uniformity(z1) + uniformity(z2)) / 2,
    "vicreg": lambda z1, z2: torch.stack(list(vicreg(z1, z2).values())).sum(),
    PULL: alignment,
}

#: Curves in the square from -1 to 1, as functions of a position (N,) in [0, 1): points (N, 2).
CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "parabola": lambda t: torch.stack([2 * t - 1, 2 * (2 * t - 1).square() - 1], dim=1),
    "circle": lambda t: torch.stack([(2 * math.pi * t).cos(), (2 * math.pi * t).sin()], dim=1),
}


@dataclass(frozen=True)
class Landscape:
    """What a loss has made of the plane.

    Attributes:
        side: (G,) the places of the grid, the same for x and y.
        energy: (G, G) in [0, 2], rows are y and columns x.
        curve: (N, 2) where the energy should be low, in order along the curve.
        report: energies of pairs on the curve, and of x and y from different pairs.
        relief: standard deviation of the energy over the grid; 0 for a plain.
    """

    side: Tensor
    energy: Tensor
    curve: Tensor
    report: EnergyReport
    relief: float


def train_landscape(
    loss: str, *, curve: str = "parabola", steps: int = 400, seed: int = 0, resolution: int = 61
) -> Landscape:
    """Train two tiny networks under a loss and survey the plane; a second or two on one core.

    The same arguments give the same landscape; torch's own generator is left alone.

    Args:
        loss: a key of ``TOY_LOSSES``.
        curve: a key of ``CURVES``.
        steps: gradient steps, each on fresh points of the curve.
        resolution: places of the grid along each side.

    Raises:
        UserError: if there is no such loss or curve.
    """
    for name, known in ((loss, TOY_LOSSES), (curve, CURVES)):
        if name not in known:
            raise UserError(f"There is no landscape of '{name}': choose one of {', '.join(known)}.")
    generator = torch.Generator().manual_seed(seed)
    of_x, of_y = _network(generator), _network(generator)
    parameters = [*of_x.parameters(), *of_y.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=RATE, weight_decay=DECAY)
    for _ in range(steps):
        x, y = CURVES[curve](torch.rand(BATCH, generator=generator)).split(1, dim=1)
        optimiser.zero_grad()
        TOY_LOSSES[loss](of_x(x), of_y(y)).backward()
        optimiser.step()
    return _survey(of_x, of_y, CURVES[curve], resolution)


@torch.no_grad()
def _survey(
    of_x: nn.Module, of_y: nn.Module, curve: Callable[[Tensor], Tensor], resolution: int
) -> Landscape:
    side = torch.linspace(-REACH, REACH, resolution)
    energy = pair_energies(of_y(side[:, None]), of_x(side[:, None]))
    points = curve(torch.linspace(0, 1, BATCH))
    x, y = points.split(1, dim=1)
    return Landscape(side, energy, points, energy_report(of_x(x), of_y(y)), energy.std().item())


def _network(generator: torch.Generator) -> nn.Module:
    """A number (N, 1) to an embedding (N, WIDTH). Only the given generator is used."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((1, HIDDEN, HIDDEN, WIDTH)):
        layer = skip_init(nn.Linear, inputs, outputs)
        # torch's own range, but for the first layer, whose bends must lie all over the plane
        bound = 3.0 if inputs == 1 else inputs**-0.5
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])
