"""The smallest networks that give a pair of numbers (x, y) an energy, and the curves on which pairs belong together.

Two kinds. A joint embedding maps x to z_x and y to z_y and finds how far apart they point. A reconstruction squeezes
the pair through a code and finds how far from itself it comes back. Either kind needs something that keeps the energy
of all other pairs up, and has a toy without it. After LeCun, Chopra, Hadsell, Ranzato, Huang 2006, "A Tutorial on
Energy-Based Learning", section 2, where y = x^2 is learned the same way.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from sslcore.diagnostics.energy import HIGHEST
from sslcore.losses import alignment, nt_xent, triplet, uniformity, vicreg

PULL, COPY = "pull", "copy"
HIDDEN, WIDTH = 64, 8
NOISE = 0.2  # of the denoising autoencoder, its standard deviation

#: Curves in the square from -1 to 1, as functions of a position (N,) in [0, 1): points (N, 2).
CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "parabola": lambda t: torch.stack([2 * t - 1, 2 * (2 * t - 1).square() - 1], dim=1),
    "circle": lambda t: torch.stack([(2 * math.pi * t).cos(), (2 * math.pi * t).sin()], dim=1),
}


class JointToy(nn.Module):
    """Two networks under a two-view loss, a function of z1, z2 (N, d); the energy is 1 - cos(z_x, z_y).

    Without anything but a pull (``PULL``) every pair comes to be compatible.
    """

    plain = PULL

    def __init__(self, generator: torch.Generator, between: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.of_x, self.of_y = (network(1, WIDTH, generator) for _ in range(2))
        self.between = between

    def loss(self, points: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of pairs (N, 2) that belong together."""
        return self.between(self.of_x(points[:, :1]), self.of_y(points[:, 1:]))

    def energy(self, points: Tensor) -> Tensor:
        """The energy (N,) in [0, 2] of any pairs (N, 2)."""
        cosine = F.cosine_similarity(self.of_x(points[:, :1]), self.of_y(points[:, 1:]))
        return (1 - cosine).clamp(0, HIGHEST)


class ReconstructionToy(nn.Module):
    """A pair of numbers, through a code, back to itself; the energy is the squared distance between both.

    A code of one number cannot carry every pair: it has room for the curve alone. One that is wide can copy whatever
    comes (``COPY``), unless noise on the pair has to be taken away again.
    """

    plain = COPY

    def __init__(self, generator: torch.Generator, code: int, noise: float = 0.0) -> None:
        super().__init__()
        self.encoder, self.decoder = network(2, code, generator), network(code, 2, generator)
        self.noise = noise

    def loss(self, points: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of pairs (N, 2) that belong together; ``generator`` makes the noise."""
        seen = points + self.noise * torch.randn(points.shape, generator=generator)
        return F.mse_loss(self.decoder(self.encoder(seen)), points)

    def energy(self, points: Tensor) -> Tensor:
        """The energy (N,) of any pairs (N, 2), 2 at most, as for the other kind."""
        return (self.decoder(self.encoder(points)) - points).square().sum(1).clamp(max=HIGHEST)


Toy = JointToy | ReconstructionToy

#: Toys by the method whose loss they learn under, with its usual hyperparameters.
TOYS: dict[str, partial[Toy]] = {
    "simclr": partial(JointToy, between=partial(nt_xent, temperature=0.2)),
    "triplet": partial(JointToy, between=lambda z1, z2: triplet(z1, z2, z2.roll(1, 0), margin=0.5)),
    "align_uniform": partial(
        JointToy, between=lambda z1, z2: alignment(z1, z2) + (uniformity(z1) + uniformity(z2)) / 2
    ),
    "vicreg": partial(JointToy, between=lambda z1, z2: torch.stack(list(vicreg(z1, z2).values())).sum()),
    PULL: partial(JointToy, between=alignment),
    "autoencoder": partial(ReconstructionToy, code=1),
    "denoising_autoencoder": partial(ReconstructionToy, code=WIDTH, noise=NOISE),
    COPY: partial(ReconstructionToy, code=WIDTH),
}


def plain_of(loss: str) -> str:
    """The toy that learns the same way as another, a key of ``TOYS``, but holds nothing up."""
    return TOYS[loss].func.plain


def network(inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """Numbers (N, inputs) to (N, outputs). Only the given generator is used."""
    layers: list[nn.Module] = []
    for before, after in pairwise((inputs, HIDDEN, HIDDEN, outputs)):
        layer = skip_init(nn.Linear, before, after)
        # torch's own range, but for the first layer, whose bends must lie all over the plane
        bound = before**-0.5 if layers else 3 * before**-0.5
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])
