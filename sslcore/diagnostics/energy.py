"""The energy of pairs: low where two things belong together, high where they do not.

A joint embedding gives every pair (x, y) an energy, here the cosine distance of its embeddings,

    E(x, y) = 1 - cos(z_x, z_y)   in [0, 2].

Training has to lower it for compatible pairs, two views of one image, and to keep it from falling for all others:
a collapsed network finds everything compatible. LeCun, Chopra, Hadsell, Ranzato, Huang 2006, "A Tutorial on
Energy-Based Learning", section 2; for joint embeddings Balestriero et al. 2023, arXiv 2304.12210.
InfoNCE is the negative log-likelihood of the model p(y|x) = exp(-E(x, y) / t) / Z, with Z summed over the batch.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.diagnostics.figures import prepare
from sslcore.errors import UserError

HIGHEST = 2.0
BINS = 40
DECIMALS = 6  # finer differences are rounding


@dataclass(frozen=True)
class EnergyReport:
    """The energies of compatible and incompatible pairs, and how well they are told apart.

    Attributes:
        compatible, incompatible: mean energy of each kind. Unrelated directions have 1 on average.
        gap: incompatible - compatible; 0 at collapse.
        margin: the gap in units of the spread, the root mean square of both standard deviations; 0 at collapse,
            inf where neither kind varies.
        auc: probability that a compatible pair has less energy than an incompatible one, ties counted half:
            0.5 at collapse, 1 if no two pairs are confused.
        overlap: area that the two histograms share: 1 at collapse, 0 where they are apart.
        compatible_histogram, incompatible_histogram: shares of the pairs in ``BINS`` equal bins of [0, 2].
    """

    compatible: float
    incompatible: float
    gap: float
    margin: float
    auc: float
    overlap: float
    compatible_histogram: tuple[float, ...]
    incompatible_histogram: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, shares rounded: it is kept with every reading of a run."""
        plain = asdict(self)
        for name in ("compatible_histogram", "incompatible_histogram"):
            plain[name] = tuple(round(share, DECIMALS) for share in plain[name])
        return plain


def pair_energies(z1: Tensor, z2: Tensor) -> Tensor:
    """The energy of every row of one embedding with every row of another.

    Args:
        z1, z2: (N, d) and (M, d), of any length, float type and device.

    Returns:
        (N, M) float64 on the CPU, in [0, 2]: 0 for equal directions, 1 for orthogonal ones, 2 for opposite ones.

    Raises:
        UserError: if they are not matrices of equal width.
    """
    z1, z2 = prepare(z1), prepare(z2)
    if z1.shape[1] != z2.shape[1]:
        raise UserError(
            f"Only embeddings of equal width can be compared, got {z1.shape[1]} and {z2.shape[1]} dimensions."
        )
    cosine = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T
    return (1 - cosine).clamp(0, HIGHEST)


def energy_report(z1: Tensor, z2: Tensor) -> EnergyReport | None:
    """Compare the energies of the pairs of one image (rows i and i) with those of two images (rows i and j).

    Costs a few milliseconds for 256 images.

    Args:
        z1, z2: (N, d), row i of both shows the same image.

    Returns:
        None where there is nothing to measure: fewer than two images, or numbers that are not finite.

    Raises:
        UserError: if the shapes do not fit.
    """
    if z1.shape != z2.shape:
        raise UserError(f"Pairs need embeddings of one shape, got {tuple(z1.shape)} and {tuple(z2.shape)}.")
    return report_energies(pair_energies(z1, z2))


def report_energies(energies: Tensor) -> EnergyReport | None:
    """Compare energies (N, N) in [0, 2]: those on the diagonal, of pairs that belong together, with the others.

    Returns:
        None where there is nothing to measure: fewer than two pairs, or numbers that are not finite.
    """
    energies = energies.double().round(decimals=DECIMALS)
    if len(energies) < 2 or not energies.isfinite().all():
        return None
    other = ~torch.eye(len(energies), dtype=torch.bool)
    low, high = energies.diagonal(), energies[other]
    gap = (high.mean() - low.mean()).item()
    spread = ((low.var(correction=0) + high.var(correction=0)) / 2).sqrt().item()
    first, second = _histogram(low), _histogram(high)
    return EnergyReport(
        compatible=low.mean().item(),
        incompatible=high.mean().item(),
        gap=gap,
        margin=gap / spread if spread else math.copysign(math.inf, gap) if gap else 0.0,
        auc=_auc(low, high),
        overlap=torch.minimum(first, second).sum().item(),
        compatible_histogram=tuple(first.tolist()),
        incompatible_histogram=tuple(second.tolist()),
    )


def _auc(low: Tensor, high: Tensor) -> float:
    """P(low < high) + P(low = high) / 2."""
    low = low.sort().values
    below = torch.searchsorted(low, high) + torch.searchsorted(low, high, right=True)
    return below.double().mean().item() / (2 * len(low))


def _histogram(energies: Tensor) -> Tensor:
    return torch.histc(energies, BINS, 0, HIGHEST) / len(energies)
