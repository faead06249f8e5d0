import numpy as np

from ui.embedding import embedding_figure
from ui.projection_service import Map

FOUND = Map(np.arange(8, dtype=np.float32).reshape(4, 2), "PCA", 5)


def test_points_are_grouped_by_class_and_keep_their_numbers():
    figure = embedding_figure(FOUND, np.array([1, 0, 1, 0]), ("cat", "dog"))
    assert {trace["name"]: trace["customdata"] for trace in figure.traces} == {"cat": [1, 3], "dog": [0, 2]}
    assert figure.traces[0]["x"] == [2.0, 6.0] and figure.traces[0]["text"] == ["cat", "cat"]


def test_colour_by_correctness_tells_right_from_wrong():
    figure = embedding_figure(FOUND, np.array([1, 0, 1, 0]), ("cat", "dog"), np.array([1, 1, 1, 0]))
    points = {trace["name"]: trace["customdata"] for trace in figure.traces}
    assert points == {"neighbours agree": [0, 2, 3], "neighbours disagree": [1]}
    assert "cat, taken for dog" in figure.traces[1]["text"]


def test_images_without_labels_are_one_group():
    figure = embedding_figure(FOUND, None, ())
    assert len(figure.traces) == 1 and figure.traces[0]["customdata"] == [0, 1, 2, 3]
    assert "step 5" in figure.alt
