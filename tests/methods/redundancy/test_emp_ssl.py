import math

import pytest
import torch

from tests.methods.test_conformance import batch_of, make, views_of


def loss_of(method, z):
    method.project_all = lambda views: z
    return method.loss({}).total.item()


def test_collapse_is_what_the_card_says():
    method = make("emp_ssl")
    loss = loss_of(method, torch.ones(8, 16, method.knobs.projector_output))
    assert loss == pytest.approx(method.card.collapse(method.settings), rel=1e-5)
    assert loss == pytest.approx(-50 - 0.5 * math.log(1 + 64 / 0.2), rel=1e-5)


@pytest.mark.parametrize(("batch_size", "dimensions"), [(8, 8), (16, 8), (4, 8)])
def test_agreeing_patches_in_all_directions_are_the_best(batch_size, dimensions):
    method = make("emp_ssl", batch_size=batch_size, projector_output=dimensions)
    spread = torch.eye(dimensions).repeat(2, 1)[:batch_size].expand(3, -1, -1)
    assert loss_of(method, spread) == pytest.approx(method.card.best(method.settings), rel=1e-5)


@pytest.mark.parametrize("weights", [(2.0, 50.0), (0.5, 10.0), (0.0, 1.0), (1.0, 0.0)])
def test_both_terms_count_as_much_as_they_are_told(weights):
    rate, invariance = weights
    method = make("emp_ssl", rate_weight=rate, invariance_weight=invariance)
    loss = loss_of(method, torch.ones(8, 16, method.knobs.projector_output))
    assert loss == pytest.approx(-invariance - rate / 2 * math.log(1 + 64 / 0.2), rel=1e-5)


def test_patches_have_one_area_whatever_the_crops_of_the_run():
    method = make("emp_ssl", patch_area=0.25, crop_min=1.0)
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, 64).expand(20, 3, 64, 64)
    plain = {"jitter": 0, "grayscale": 0, "crop_aspect": 1}
    method.settings = method.settings.change(**plain)
    batch = batch_of(20)
    seen = views_of(method, type(batch)(ramp, batch.labels, batch.index))["views"]
    spans = seen.amax((1, 2, 3)) - seen.amin((1, 2, 3))
    assert len(seen) == 20 * method.knobs.views_per_image
    assert (spans - 0.5).abs().max() < 0.05  # half a side is a quarter of the area
