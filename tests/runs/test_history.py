import json
import threading
from contextlib import suppress

import numpy as np
import pytest

from sslcore.runs import RunFolder
from sslcore.runs.history import KEPT, POINTS, ROWS, FolderHistory, History, Series


class Slow(RunFolder):
    """A folder whose readers meet in the middle, if they can."""

    meeting = threading.Barrier(2)

    def rows(self, start: int = 0):
        with suppress(threading.BrokenBarrierError):
            self.meeting.wait(0.3)
        return super().rows(start)


def test_two_who_look_at_once_do_not_read_everything_twice(tmp_path):
    rows = [{"event": "evaluation", "step": i, "seconds": i, "knn": None, "linear": None} for i in range(5)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    history = FolderHistory(Slow(tmp_path))
    readers = [threading.Thread(target=history.view) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [row["step"] for row in history.view().evaluations] == [0, 1, 2, 3, 4]


def test_rows_that_were_taken_back_and_made_anew_are_read_anew(tmp_path):
    def write(knns: list[float]) -> None:
        rows = [
            {"event": "evaluation", "step": i, "seconds": i, "knn": k, "linear": None}
            for i, k in enumerate(knns)
        ]
        (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    history = FolderHistory(RunFolder(tmp_path))
    for knns in (
        [0.1, 0.25, 0.3],
        [0.1],
        [0.1, 0.5],
        [0.1, 0.2345, 0.5, 0.6],
    ):  # the last one is longer at once
        write(knns)
        assert [row["knn"] for row in history.view().evaluations] == knns


def series(steps: int) -> Series:
    """The values are the steps themselves, so a mean tells over which steps it was taken."""
    made = Series()
    for step in range(1, steps + 1):
        made.put(step, float(step))
    return made


@pytest.mark.parametrize("steps", [1, 2, POINTS, POINTS + 1, 1003, KEPT, KEPT + 1, 3 * KEPT + 17])
def test_a_curve_of_any_length_is_made_of_means_over_neighbouring_steps(steps):
    made = series(steps)
    curve = made.curve()
    assert len(made.ends) <= KEPT and len(curve.step) <= POINTS and curve.step[-1] == steps
    begins = np.concatenate([[1], curve.step[:-1] + 1])
    assert curve.value == pytest.approx((begins + curve.step) / 2)  # no step is left out, none counts twice
    assert set((curve.step - begins + 1)[1:-1].tolist()) <= {curve.stride}


def test_the_newest_point_of_a_curve_is_never_a_single_noisy_step():
    curve = series(KEPT + 1).curve()  # the last mean in memory has just begun
    assert curve.stride // 2 < curve.step[-1] - curve.step[-2] <= curve.stride


def diagnosis(step: int) -> dict:
    return {"event": "diagnosis", "step": step, "seconds": step, "verdict": str(step)}


def evaluation(step: int, linear: float | None = None) -> dict:
    return {"event": "evaluation", "step": step, "seconds": step, "knn": 0.5, "linear": linear}


def test_few_evaluations_and_diagnoses_are_all_kept():
    kept = History()
    for step in range(ROWS):
        kept.append(diagnosis(step))
        kept.append(evaluation(step))
    assert [row["step"] for row in kept.view().diagnoses] == list(range(ROWS))
    assert [row["step"] for row in kept.view().evaluations] == list(range(ROWS))


def test_the_network_before_the_first_step_is_not_the_result_of_a_run():
    kept = History()
    kept.append(evaluation(0))
    assert kept.view().latest("knn") == 0.5
    kept.append({"event": "step", "step": 1, "seconds": 1, "loss": 1.0, "gradient_norm": 1.0, "learning_rate": 1.0,
                 "terms": {}, "metrics": {}})  # fmt: skip
    assert kept.view().latest("knn") is None and len(kept.view().evaluations) == 1
    kept.append(evaluation(1))
    assert kept.view().latest("knn") == 0.5


def test_of_many_an_even_choice_with_both_ends_and_the_linear_probes_is_kept():
    kept, many = History(), 7 * ROWS + 3
    for step in range(many):
        kept.append(diagnosis(step))
        kept.append(evaluation(step, linear=0.25 if step == 1001 else None))
    view = kept.view()
    for rows in (view.diagnoses, view.evaluations):
        steps = [row["step"] for row in rows]
        assert len(steps) <= ROWS and steps[0] == 0 and steps[-1] == many - 1
        assert set(np.diff(steps[:60]).tolist()) == {16} and max(np.diff(steps)) == 16
    assert view.latest("linear") == 0.25 and view.version == 2 * many
