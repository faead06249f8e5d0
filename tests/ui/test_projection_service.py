import numpy as np
import pytest

from sslcore.projection.umap_worker import layout
from ui.projection_service import ProjectionService

FEATURES = np.random.default_rng(0).normal(size=(40, 8))


class Layouts:
    """A layout process whose answers come when the test says so."""

    error = ""

    def __init__(self) -> None:
        self.asked: list = []
        self.answers: list = []

    def request(self, key, features, previous=None) -> bool:
        self.asked.append((key, previous))
        return True

    def poll(self):
        return self.answers.pop(0) if self.answers else None


def test_pca_is_there_at_once_and_umap_follows():
    layouts = Layouts()
    service = ProjectionService(layouts)
    assert service.latest("a", 0, FEATURES).kind == "PCA"
    layouts.answers.append((("a", 0, "UMAP"), np.ones((40, 2), dtype=np.float32)))
    assert service.behind("a", 0)
    found = service.latest("a", 0, FEATURES)
    assert (found.kind, found.step) == ("UMAP", 0)
    assert not service.behind("a", 0) and service.behind("a", 10)


def test_requests_are_rare_and_start_from_the_last_map():
    layouts = Layouts()
    patient, eager = ProjectionService(layouts, pause=60.0), ProjectionService(layouts, pause=0.0)
    for step in (0, 1, 2):
        patient.latest("a", step, FEATURES)
    assert len(layouts.asked) == 1
    layouts.answers.append((("b", 0, "UMAP"), np.full((40, 2), 7.0)))
    eager.latest("b", 5, FEATURES)
    assert layouts.asked[-1][0] == ("b", 5, "UMAP") and (layouts.asked[-1][1] == 7.0).all()


def test_an_old_map_is_shown_until_the_new_one_comes():
    layouts = Layouts()
    service = ProjectionService(layouts)
    layouts.answers.append((("a", 0, "UMAP"), np.zeros((40, 2))))
    found = service.latest("a", 3, FEATURES)
    assert (found.kind, found.step) == ("UMAP", 0)


def test_maps_of_steps_that_a_resumed_run_has_taken_back_are_not_shown():
    layouts = Layouts()
    service = ProjectionService(layouts, pause=0.0)
    layouts.answers.append((("a", 9, "UMAP"), np.zeros((40, 2))))
    assert service.latest("a", 9, FEATURES).step == 9
    assert service.latest("a", 7, FEATURES).kind == "PCA" and layouts.asked[-1][0] == ("a", 7, "UMAP")


def test_pca_on_request_ignores_the_layouts():
    layouts = Layouts()
    assert ProjectionService(layouts).latest("a", 0, FEATURES, "PCA").kind == "PCA"
    assert not layouts.asked


@pytest.mark.parametrize("look", ["latest", "at"])
def test_a_map_of_one_image_is_not_waited_for_in_vain(look):
    layouts = Layouts()
    service = ProjectionService(layouts)
    getattr(service, look)("a", 0, FEATURES[:1])
    ((key, previous),) = layouts.asked
    layouts.answers.append((key, layout(FEATURES[:1], previous)))
    assert getattr(service, look)("a", 0, FEATURES[:1]).kind == "UMAP" and not service.behind("a", 0)
