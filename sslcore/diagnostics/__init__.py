"""Collapse and geometry of embeddings: the figures, a report of one look, and the lamp that watches a run.

The same seen as energy: how pairs that belong together are told from others.
"""

from sslcore.diagnostics.energy import EnergyReport, energy_report, pair_energies
from sslcore.diagnostics.figures import (
    alpha_req,
    lidar,
    mean_cosine,
    normalized_std,
    participation_ratio,
    rank_me,
    raw_std,
    spectrum,
)
from sslcore.diagnostics.gradients import gradient_norms
from sslcore.diagnostics.lamp import CollapseLamp
from sslcore.diagnostics.landscape import Landscape, train_landscape
from sslcore.diagnostics.prototypes import PrototypeUsage, prototype_usage
from sslcore.diagnostics.report import VERDICTS, CollapseReport, collapse_report
from sslcore.diagnostics.toys import COPY, CURVES, PULL, TOYS, plain_of
from sslcore.losses import alignment, uniformity

__all__ = [
    "COPY",
    "CURVES",
    "PULL",
    "TOYS",
    "VERDICTS",
    "CollapseLamp",
    "CollapseReport",
    "EnergyReport",
    "Landscape",
    "PrototypeUsage",
    "alignment",
    "alpha_req",
    "collapse_report",
    "energy_report",
    "gradient_norms",
    "lidar",
    "mean_cosine",
    "normalized_std",
    "pair_energies",
    "participation_ratio",
    "plain_of",
    "prototype_usage",
    "rank_me",
    "raw_std",
    "spectrum",
    "train_landscape",
    "uniformity",
]
