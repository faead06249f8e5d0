import json

from sslcore.runs import History
from sslcore.runs.summary import summary
from tests.conftest import tiny_settings


def test_a_run_that_exploded_is_summed_up_in_legal_json():
    history = History()
    history.append(
        {
            "event": "step", "step": 1, "seconds": 0.1, "fraction": 0.5, "loss": float("inf"),
            "terms": {"nt_xent": float("nan")}, "metrics": {"accuracy": 0.5}, "learning_rate": 0.1,
            "gradient_norm": float("inf"), "images_per_second": 9.0,
        }
    )  # fmt: skip
    record = json.loads(json.dumps(summary(tiny_settings(), history.view(), run="x"), allow_nan=False))
    assert record["loss"] is None and record["terms"] == {"nt_xent": None}
    assert record["metrics"] == {"accuracy": 0.5} and record["run"] == "x" and record["steps"] == 1


def test_a_run_without_steps_has_no_loss():
    record = summary(tiny_settings(), History().view())
    assert (record["loss"], record["terms"], record["ended"], record["collapse"]) == (
        None,
        {},
        None,
        {"verdict": ""},
    )
