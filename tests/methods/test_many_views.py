import pytest
import torch

from tests.methods.test_conformance import batch_of, make, views_of


def test_views_come_draw_after_draw():
    method = make("lejepa", views_per_image=3, jitter=0, grayscale=0, crop_min=1, flip=0, view_scale=1)
    batch = batch_of(5)
    seen = views_of(method, batch)["views"]
    assert torch.allclose(seen.view(3, 5, *batch.images.shape[1:]), batch.images.expand(3, -1, -1, -1, -1))


@pytest.mark.parametrize("name", ["lejepa", "emp_ssl"])
def test_the_order_of_the_views_does_not_matter(name):
    method = make(name)
    views = views_of(method, batch_of(5))
    turned = {
        **views,
        "views": views["views"].roll(5, 0),
    }  # every view of five images in the place of the next
    assert not torch.equal(turned["views"], views["views"])
    assert torch.allclose(method.loss(turned).total, method.loss(views).total, atol=1e-4)


def test_projections_keep_views_and_images_apart():
    method = make("lejepa", views_per_image=3).eval()
    views = views_of(method, batch_of(5))
    z = method.project_all(views)
    assert z.shape == (3, 5, method.knobs.projector_output)
    assert torch.allclose(z[1, 2], method.project(views["views"][7:8])[0], atol=1e-5)
