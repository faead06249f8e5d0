"""Properties that every loss on two views must have, whatever its formula."""

import pytest
import torch

from sslcore import losses
from sslcore.errors import UserError

LOSSES = {
    "nt_xent": lambda a, b: losses.nt_xent(a, b, temperature=0.3),
    "info_nce": lambda a, b: losses.info_nce(a, b, temperature=0.3),
    "negative_cosine": losses.negative_cosine,
    "normalized_mse": losses.normalized_mse,
    "alignment": losses.alignment,
    "uniformity": lambda a, b: losses.uniformity(a) + losses.uniformity(b),
    "vicreg": lambda a, b: sum(losses.vicreg(a, b).values()),
}
PAIRED = [name for name in LOSSES if name != "uniformity"]
SYMMETRIC = [name for name in LOSSES if name != "info_nce"]
ON_THE_SPHERE = [name for name in LOSSES if name != "vicreg"]


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_agree_with_finite_differences(name, views):
    inputs = tuple(v.requires_grad_() for v in views)
    assert torch.autograd.gradcheck(LOSSES[name], inputs)


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_the_batch_does_not_matter(name, views):
    order = torch.tensor([2, 0, 3, 1])
    assert torch.allclose(LOSSES[name](*views), LOSSES[name](*(v[order] for v in views)))


@pytest.mark.parametrize("name", SYMMETRIC)
def test_swapping_the_views_does_not_matter(name, views):
    assert torch.allclose(LOSSES[name](*views), LOSSES[name](*views[::-1]))


@pytest.mark.parametrize("name", ON_THE_SPHERE)
def test_the_length_of_embeddings_does_not_matter(name, views):
    assert torch.allclose(LOSSES[name](*views), LOSSES[name](*(7 * v for v in views)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_inputs_are_computed_in_float32(name, dtype, views):
    narrow = [v.to(dtype).requires_grad_() for v in views]
    value = LOSSES[name](*narrow)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.allclose(value, LOSSES[name](*(v.detach().float() for v in narrow)))
    assert narrow[0].grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_does_not_reach_inside(name, views):
    wide = [v.float() for v in views]
    with torch.autocast("cpu", torch.bfloat16):
        inside = LOSSES[name](*wide)
    assert torch.equal(inside, LOSSES[name](*wide))


@pytest.mark.parametrize("name", LOSSES)
def test_embeddings_of_zero_length_give_finite_numbers(name):
    z = torch.zeros(4, 3, requires_grad=True)
    value = LOSSES[name](z, z)
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("shape", [(5, 3), (4, 2), (0, 3), (3,)])
def test_views_that_do_not_match_are_refused(name, shape, views):
    with pytest.raises(UserError, match="same shape"):
        LOSSES[name](views[0], torch.ones(shape))
