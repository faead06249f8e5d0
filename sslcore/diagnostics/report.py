"""One look at a set of embeddings: are they collapsed?"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from sslcore.diagnostics import figures
from sslcore.losses import alignment

#: What a report or a lamp can say. "unknown": there was nothing to measure (one row, or not finite).
VERDICTS = ("healthy", "partial", "complete", "unknown")

# Heuristics, not constants of the literature: a spread of 0.1 is a mean cosine of 0.99, all images within
# about 8 degrees; an isotropic embedding has a rank fraction above 0.9, and below a quarter most
# dimensions carry less than their share.
COMPLETE_STD, COMPLETE_COSINE, PARTIAL_RANK_FRACTION = 0.1, 0.9, 0.25
LINE_RANK, LINE_PARTICIPATION, LINE_ROOM = 3.2, 1.75, 8


@dataclass(frozen=True)
class CollapseReport:
    """The figures of :func:`collapse_report`. A figure that could not be measured is nan.

    Attributes:
        std: spread of directions, 1 on the whole sphere, 0 at collapse.
        raw_std: spread before the rows are normalised, in the embedding's own scale. For a run it is best
            measured as the loss sees it, by the statistics of the batch.
        cosine: mean cosine of two different images, 0 on the whole sphere, 1 at collapse.
        rank_me: effective number of dimensions used, from 1.
        rank_fraction: ``rank_me`` over the most it can be, min(n, d).
        participation_ratio: directions that share the variance.
        alignment: mean squared distance of two views of an image, or None if there was one view.
        uniformity: -4 at best, 0 at collapse.
        spectrum: eigenvalues of the covariance, largest first.
        samples, dimensions: n and d.
        verdict: "healthy", "partial", "complete" or "unknown", by absolute thresholds. An untrained network
            may well look collapsed; :class:`CollapseLamp` judges a run against its own beginning.
        reasons: the verdict in plain sentences.
    """

    std: float
    raw_std: float
    cosine: float
    rank_me: float
    rank_fraction: float
    participation_ratio: float
    alignment: float | None
    uniformity: float
    spectrum: tuple[float, ...]
    samples: int
    dimensions: int
    verdict: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values: numbers that are not finite become None, tuples lists."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def collapse_report(z1: Tensor, z2: Tensor | None = None) -> CollapseReport:
    """Measure embeddings (n, d) of n different images, and how near a second view of them lies.

    Use a few hundred images that stay the same through a run, n at least 4d where possible, and the
    embedding the loss acts on (the projector's output). Costs a few milliseconds for 256 images.

    Args:
        z1: (n, d), one row for each image; any float type, any device.
        z2: (n, d), other views of the same images.

    Raises:
        UserError: if an input is not a matrix or the shapes differ.
    """
    z = figures.prepare(z1)
    samples, dimensions = z.shape
    aligned = None if z2 is None or not samples else float(alignment(z, figures.prepare(z2)))
    rank = figures.rank_me(z)
    measured = {
        "std": figures.normalized_std(z),
        "raw_std": figures.raw_std(z),
        "cosine": figures.mean_cosine(z),
        "rank_me": rank,
        "rank_fraction": rank / max(1, min(samples, dimensions)),
        "participation_ratio": figures.participation_ratio(z),
        "alignment": aligned,
        "uniformity": figures.uniformity(z),
        "spectrum": figures.spectrum(z),
    }
    verdict, reasons = _judge(measured, samples, dimensions)
    return CollapseReport(
        **measured, samples=samples, dimensions=dimensions, verdict=verdict, reasons=reasons
    )


def looks_bunched(std: float, cosine: float) -> bool:
    """All embeddings point the same way. (A small spread alone can also mean few dimensions of many.)"""
    return std < COMPLETE_STD and cosine > COMPLETE_COSINE


def looks_like_a_line(report: CollapseReport) -> bool:
    """One direction has most of the variance and hardly a third has any, though there is room for many."""
    room = min(report.samples, report.dimensions) >= LINE_ROOM
    return room and report.rank_me < LINE_RANK and report.participation_ratio < LINE_PARTICIPATION


def _judge(measured: dict[str, Any], samples: int, dimensions: int) -> tuple[str, tuple[str, ...]]:
    if samples < 2:
        return "unknown", ("There are fewer than two embeddings to compare.",)
    if math.isnan(measured["std"]):
        return "unknown", ("The embeddings are not finite.",)
    cosine, rank = (
        f"mean cosine {measured['cosine']:.3f}",
        f"{measured['rank_me']:.1f} of {dimensions} dimensions",
    )
    if looks_bunched(measured["std"], measured["cosine"]):
        return "complete", (f"All embeddings point the same way: {cosine}.", f"They span {rank}.")
    if measured["rank_fraction"] < PARTIAL_RANK_FRACTION:
        return "partial", (f"The embeddings span only {rank}.", f"Their directions differ: {cosine}.")
    return "healthy", (f"The embeddings point in different directions: {cosine}.", f"They span {rank}.")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
