"""What a trainer tells whoever is listening: a thread, a progress bar, a notebook or a test."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Event:
    """Something that happened after ``step`` optimiser steps and ``seconds`` of training."""

    step: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data with the kind of event: one line of ``metrics.jsonl``."""
        return {"event": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Step(Event):
    """One optimiser step was made."""

    fraction: float  # of the budget, in [0, 1]
    loss: float
    terms: dict[str, float]  # weighted: they add up to the loss
    metrics: dict[str, float]  # pretext accuracy and the like
    learning_rate: float
    gradient_norm: float  # before clipping
    images_per_second: float  # moving average


@dataclass(frozen=True)
class Measuring(Event):
    """A measurement is under way and takes a while; told several times a second, never recorded."""


@dataclass(frozen=True)
class Baselines(Event):
    """What the run is compared with, on the same split and protocol; None where there are no labels."""

    pixels_knn: float | None
    random_knn: float | None
    random_linear: float | None
    chance: float | None


@dataclass(frozen=True)
class Diagnosis(Event):
    """The state of the embedding: has it collapsed?"""

    verdict: str  # healthy, partial or complete
    figures: dict[str, float | None]
    reasons: tuple[str, ...]
    spectrum: tuple[float, ...]  # eigenvalues of the covariance, largest first
    energy: dict[str, Any] | None = None  # of pairs (see EnergyReport), for methods that compare views


@dataclass(frozen=True)
class Evaluation(Event):
    """Accuracy of the representation on held-out images; None where there are no labels."""

    knn: float | None
    linear: float | None  # None too where only the neighbours were asked
    gradient_norms: dict[str, float]  # per loss term, with respect to the encoder; empty if there is but one


@dataclass(frozen=True)
class Snapshot(Event):
    """The held-out images as the network sees them now."""

    features: np.ndarray  # (N, d) float16
    projections: np.ndarray  # (N, p) float16
    predictions: np.ndarray  # (N,) int64 of the neighbours' vote; -1 without labels

    def as_dict(self) -> dict[str, Any]:
        return {"event": "snapshot", "step": self.step, "seconds": self.seconds}


@dataclass(frozen=True)
class Changed(Event):
    """Somebody turned live knobs."""

    values: dict[str, Any]


@dataclass(frozen=True)
class Finished(Event):
    """The run is over."""

    reason: str  # budget, stopped or diverged
    message: str  # one sentence
