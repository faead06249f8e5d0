"""The collapse lamp: what the readings of a whole run say, judged against its own beginning."""

from typing import Any

from sslcore.diagnostics.report import PARTIAL_RANK_FRACTION, CollapseReport, looks_complete

PATIENCE = 3  # complete readings in a row, so that one odd evaluation does not light the lamp
FALL = 0.5  # of the step-0 spread: an untrained ReLU network already points all images one way
RANK_FALL = 0.75  # of the step-0 rank: an untrained network also spans few dimensions


class CollapseLamp:
    """Feed it the reports of one run in order, the first one before step 0; read ``verdict`` and ``reasons``.

    - **complete**: in three readings in a row all embeddings point the same way (spread below 0.1 and mean
      cosine above 0.9), and the spread is below half of what it was before training. Collapse is something
      training does: a deep ReLU network starts with a mean cosine above 0.9, and a method that never touches
      that (an autoencoder judged on its representation) has not collapsed.
    - **partial**: not (yet) complete, but the embeddings span few dimensions and fewer than before training:
      the effective rank is below a quarter of what is possible (or below classes - 1, the fewest
      dimensions that separate the classes linearly) and below three quarters of its step-0 value. A complete
      reading that still waits for confirmation counts as partial as well.
    - **healthy**: anything else. The lamp goes back when the embeddings recover.
    - **unknown**: nothing could be measured yet. Later unreadable reports (one row, nan) change nothing.

    The loss plays no part: collapse is the global minimum of BYOL's, SimSiam's and every regression's loss.

    Args:
        classes: number of classes of the data set if known.
    """

    def __init__(self, *, classes: int | None = None) -> None:
        self.classes = classes
        self.verdict = "unknown"
        self.reasons: tuple[str, ...] = ("No embeddings have been measured yet.",)
        self._first: tuple[float, float] | None = None  # spread and rank before training
        self._streak = 0  # complete readings in a row

    def update(self, report: CollapseReport) -> str:
        """Take the next reading and return the verdict on the run so far."""
        if report.verdict == "unknown":
            self.reasons = report.reasons
            return self.verdict
        if self._first is None:
            self._first = (report.std, report.rank_me)
        std, rank = self._first
        fallen = looks_complete(report.std, report.cosine) and report.std < FALL * std
        narrow = report.rank_me < self._fewest(report) and report.rank_me < RANK_FALL * rank
        self._streak = self._streak + 1 if fallen else 0
        if self._streak >= PATIENCE:
            self.verdict = "complete"
        else:
            self.verdict = "partial" if fallen or narrow else "healthy"
        self.reasons = self._explain(report, fallen)
        return self.verdict

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs, as plain JSON values."""
        first = list(self._first) if self._first else None
        return {
            "first": first,
            "streak": self._streak,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where :meth:`state_dict` left off."""
        self._first = tuple(state["first"]) if state["first"] else None
        self._streak = state["streak"]
        self.verdict = state["verdict"]
        self.reasons = tuple(state["reasons"])

    def _fewest(self, report: CollapseReport) -> float:
        most = min(report.samples, report.dimensions)
        # In an embedding of few dimensions even a healthy one may have no room for classes - 1.
        separable = min((self.classes or 1) - 1, most / 2)
        return max(PARTIAL_RANK_FRACTION * most, separable)

    def _explain(self, report: CollapseReport, fallen: bool) -> tuple[str, ...]:
        std, rank = self._first
        spread = f"spread {report.std:.2f}, {std:.2f} before training; mean cosine {report.cosine:.3f}"
        span = f"{report.rank_me:.1f} of {report.dimensions} dimensions, {rank:.1f} before training"
        if self.verdict == "complete":
            return (f"All embeddings point the same way: {spread}.", f"They span {span}.")
        if fallen:
            waiting = f"{self._streak} of {PATIENCE} readings in a row"
            return (f"All embeddings point the same way, {waiting}: {spread}.", f"They span {span}.")
        if self.verdict == "partial":
            return (f"The embeddings span only {span}.", f"Their directions differ: {spread}.")
        return (f"The embeddings point in different directions: {spread}.", f"They span {span}.")
