"""The training loop as an iterator of events."""

from sslcore.training.events import (
    Baselines,
    Changed,
    Diagnosis,
    Evaluation,
    Event,
    Finished,
    Measuring,
    Snapshot,
    Step,
)
from sslcore.training.trainer import Trainer

__all__ = [
    "Baselines",
    "Changed",
    "Diagnosis",
    "Evaluation",
    "Event",
    "Finished",
    "Measuring",
    "Snapshot",
    "Step",
    "Trainer",
]
