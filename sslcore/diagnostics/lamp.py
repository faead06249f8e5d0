"""The collapse lamp: what the readings of a whole run say, judged against the run itself."""

from typing import Any

from sslcore.diagnostics.report import (
    COMPLETE_COSINE,
    PARTIAL_RANK_FRACTION,
    CollapseReport,
    looks_bunched,
    looks_like_a_line,
)

PATIENCE = 4  # complete readings in a row, shrunk ones twice, so that one odd reading does not light the lamp
FALL = 0.5  # of the widest spread or rank so far
LINE_FALL = 0.3  # of the widest rank so far
SAME = 0.1  # relative change of spread and rank that is not worth speaking of
SHRUNK = 0.1  # of the widest spread before normalisation so far


class CollapseLamp:
    """Feed it the reports of one run in order, the first before step 0; read ``verdict`` and ``reasons``.

    Collapse is something training does, so every rule asks for a bad reading and for a fall from the widest
    reading of this run. A deep ReLU network starts with a mean cosine above 0.9 and a low rank; it, and a
    method that never changes that (an autoencoder judged on its representation), has not collapsed.

    - **complete**, in four readings in a row: all embeddings point the same way (spread below 0.1, mean
      cosine above 0.9, spread below half of the widest); or they lie on one line (one direction has most of
      the variance, effective rank below 3.2 and below 0.3 of the widest). Or, in two readings: they have
      shrunk to one point (their spread before normalisation is below a tenth of the widest).
      The line is what collapse looks like behind a final batch norm, which forbids a point.
    - **partial**: a complete reading that waits for confirmation; or an effective rank below half of the
      widest and below a quarter of what is possible (or classes - 1, which the means of as many classes
      span in general position, but at most half of what is possible).
    - **healthy**: anything else. The lamp goes back when the embeddings recover.
    - **unknown**: nothing could be measured yet. Later unreadable reports (one row, nan) change nothing.

    Two classes are separated by a line, and few dimensions may be filled by one, so with ``classes=2`` or
    fewer than 8 dimensions a line means nothing. The loss plays no part: collapse is the global minimum of
    SimSiam's, BYOL's and every regression's loss.

    Args:
        classes: number of classes of the data set if known.
    """

    def __init__(self, *, classes: int | None = None) -> None:
        self.classes = classes
        self.verdict = "unknown"
        self.reasons: tuple[str, ...] = ("No embeddings have been measured yet.",)
        self._first: tuple[float, float] | None = None  # spread and rank before training
        self._widest = (0.0, 0.0, 0.0)  # the largest spread, rank and spread before normalisation so far
        self._streak = 0  # complete readings in a row, shrunk ones twice

    def update(self, report: CollapseReport) -> str:
        """Take the next reading and return the verdict on the run so far."""
        if report.verdict == "unknown":
            self.reasons = report.reasons
            return self.verdict
        self._first = self._first or (report.std, report.rank_me)
        readings = report.std, report.rank_me, report.raw_std
        self._widest = tuple(map(max, self._widest, readings))
        std, rank, raw_std = self._widest

        point = looks_bunched(report.std, report.cosine) and report.std < FALL * std
        line = self.classes != 2 and looks_like_a_line(report) and report.rank_me < LINE_FALL * rank
        narrow = report.rank_me < self._fewest(report) and report.rank_me < FALL * rank
        shrunk = report.raw_std < SHRUNK * raw_std
        complete = point or shrunk or line
        # that spread, taken without running statistics, is a smooth curve; the others jump while those settle
        self._streak = self._streak + (2 if shrunk else 1) if complete else 0
        if self._streak >= PATIENCE:
            self.verdict = "complete"
        else:
            self.verdict = "partial" if complete or narrow else "healthy"
        self.reasons = self._explain(report, point, shrunk, line)
        return self.verdict

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs, as plain JSON values."""
        return {
            "first": list(self._first) if self._first else None,
            "widest": list(self._widest),
            "streak": self._streak,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where :meth:`state_dict` left off."""
        self._first = tuple(state["first"]) if state["first"] else None
        self._widest = tuple(state["widest"])
        self._streak = state["streak"]
        self.verdict = state["verdict"]
        self.reasons = tuple(state["reasons"])

    def _fewest(self, report: CollapseReport) -> float:
        most = min(report.samples, report.dimensions)
        # In an embedding of few dimensions even a healthy one may have no room for classes - 1.
        separable = min((self.classes or 1) - 1, most / 2)
        return max(PARTIAL_RANK_FRACTION * most, separable)

    def _explain(self, report: CollapseReport, point: bool, shrunk: bool, line: bool) -> tuple[str, ...]:
        std, rank = self._first
        spread = f"spread {report.std:.2f}, {std:.2f} before training; mean cosine {report.cosine:.3f}"
        share = report.raw_std / max(self._widest[2], 1e-12)
        span = f"{report.rank_me:.1f} of {report.dimensions} dimensions, {rank:.1f} before training"
        if point:
            headline = f"All embeddings point the same way: {spread}."
        elif shrunk:
            headline = f"All embeddings have shrunk to one point, with {share:.1%} of their widest spread."
        elif line:
            headline = f"The embeddings lie on a single line: {spread}."
        elif self.verdict == "partial":
            headline = f"The embeddings have lost most of their dimensions: {spread}."
        elif abs(report.std - std) <= SAME * std and abs(report.rank_me - rank) <= SAME * rank:
            headline = f"As before training, a fresh network starts like this: {spread}."
        elif report.cosine > COMPLETE_COSINE:
            headline = f"The embeddings point in similar directions, but have not fallen together: {spread}."
        else:
            headline = f"The embeddings point in different directions: {spread}."
        return (headline, f"They span {span}.")
