"""Properties that every loss on two views must have, whatever its formula."""

import pytest
import torch

from sslcore import losses
from sslcore.errors import UserError

one_class = torch.zeros(8)  # whatever the order of the images

LOSSES = {
    "nt_xent": lambda a, b: losses.nt_xent(a, b, temperature=0.3),
    "info_nce": lambda a, b: losses.info_nce(a, b, temperature=0.3),
    "negative_cosine": losses.negative_cosine,
    "normalized_mse": losses.normalized_mse,
    "alignment": losses.alignment,
    "uniformity": lambda a, b: losses.uniformity(a) + losses.uniformity(b),
    "vicreg": lambda a, b: sum(losses.vicreg(a, b).values()),
    "barlow_twins": lambda a, b: losses.barlow_twins(a, b, redundancy_weight=0.1),
    "decoupled_contrastive": lambda a, b: losses.decoupled_contrastive(a, b, temperature=0.3),
    "nnclr": lambda a, b: losses.nnclr(a, b, temperature=0.3),
    "clip": lambda a, b: losses.clip(a, b, logit_scale=5.0),
    "moco_info_nce": lambda a, b: losses.moco_info_nce(a, b, a.new_ones(5, 3).tril(), temperature=0.3),
    "mean_shift": lambda a, b: losses.mean_shift(a, b, a.new_ones(5, 3).tril(), neighbours=2),
    "supervised_contrastive": lambda a, b: losses.supervised_contrastive(
        torch.cat([a, b]), one_class, temperature=0.3
    ),
    "coupling": lambda a, b: losses.coupling(a, b, temperature=0.3).mean(),
    "triplet": lambda a, b: losses.triplet(a, b, -b, margin=1.0),
    "dino": lambda a, b: losses.dino(
        a, b.detach(), student_temperature=0.5, teacher_temperature=0.3, center=0.1
    ),
    "iic": lambda a, b: losses.iic(
        *(v.to(torch.promote_types(v.dtype, torch.float32)).softmax(1) for v in (a, b))
    ),
    "swav": lambda a, b: losses.swav(a, b.detach(), temperature=0.5),
}
ONE_WAY = {"info_nce", "nnclr", "moco_info_nce", "mean_shift", "triplet", "dino"}
NOT_ON_THE_SPHERE = {"vicreg", "barlow_twins", "dino", "iic", "swav"}
TAUGHT = {"swav", "dino"}  # targets depend on an input without a gradient: finite differences see more
PAIRED = [name for name in LOSSES if name not in ("uniformity", "iic", "supervised_contrastive")]
SYMMETRIC = [name for name in LOSSES if name not in ONE_WAY]
ON_THE_SPHERE = [name for name in LOSSES if name not in NOT_ON_THE_SPHERE]
SMOOTH = [name for name in LOSSES if name not in TAUGHT]


@pytest.mark.parametrize("name", SMOOTH)
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


@pytest.mark.parametrize("name", ["vicreg", "barlow_twins", "decoupled_contrastive"])
def test_statistics_of_a_single_image_are_refused(name):
    with pytest.raises(UserError, match="at least 2 images in a batch"):
        LOSSES[name](torch.ones(1, 3), torch.ones(1, 3))


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("shape", [(4, 2, 3), (0, 3), (3,)])
def test_views_that_are_no_rows_are_refused(name, shape):
    with pytest.raises(UserError, match="same shape"):
        LOSSES[name](torch.ones(shape), torch.ones(shape))
