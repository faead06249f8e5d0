"""What a run came to, in one flat record."""

from typing import Any

from sslcore.runs.folder import finite
from sslcore.runs.history import RunView
from sslcore.settings import RunSettings


def summary(settings: RunSettings, view: RunView, **machine: Any) -> dict[str, Any]:
    """The figures that every command, table and benchmark quotes.

    Args:
        settings: what was asked.
        view: what happened.
        machine: entries to add, such as ``device``, ``precision`` and ``run``.

    Returns:
        JSON-ready; accuracies are shares in [0, 1] on held-out images, None where there are no labels.
    """
    newest = {name: float(curve.value[-1]) for name, curve in view.curves.items()}  # means of thinned curves
    terms = {name.removeprefix("term/"): value for name, value in newest.items() if "term/" in name}
    metrics = {name.removeprefix("metric/"): value for name, value in newest.items() if "metric/" in name}
    collapse: dict[str, Any] = {"verdict": view.verdict}
    if view.diagnoses:
        collapse.update(view.diagnoses[-1]["figures"], reasons=list(view.diagnoses[-1]["reasons"]))
    record = {
        "method": settings.method,
        "data": settings.data.data,
        "seed": settings.machine.seed,
        **{key: machine.pop(key, None) for key in ("device", "precision")},
        "steps": view.step,
        "seconds": round(view.seconds, 2),
        "images_per_second": round(view.images_per_second, 1),
        "loss": newest.get("loss"),
        "terms": terms,
        "metrics": metrics,
        "knn": view.latest("knn"),
        "linear": view.latest("linear"),
        "baselines": {
            name: view.baselines.get(name) for name in ("pixels_knn", "random_knn", "random_linear")
        },
        "collapse": collapse,
        "ended": view.finished["reason"] if view.finished else None,
        "message": view.finished["message"] if view.finished else "",
        **machine,
    }
    return finite(record)
