"""The gradient of every method's loss against finite differences of that loss, in float64."""

import copy

import pytest
import torch

from sslcore.registry import methods
from tests.methods.test_conformance import VARIANTS, batch_of, make, views_of
from tests.together import in_double

STEP = 1e-7
# whose loss depends on what the optimiser moves by ways that get no gradient on purpose
STOPPED = {
    "simsiam": "the target is the network itself",
    "swav": "so are the codes",
    "msn": "what the teacher says is measured against the prototypes that learn",
    "decoupled, weight_sigma": "the weights of the positives are taken as given",
    "context_encoder": "generator and discriminator work against each other, each with a gradient of its own",
    "context_encoder, hole": "the same",
    "deep_infomax": "encoder and discriminator of the prior do so too",
    "deep_infomax, estimator": "the same",
    "swav, local_crops": "the codes are taken as given",
}
LEARNING = [(name, {}) for name in methods() if name != "random"]


@pytest.mark.parametrize(("name", "knobs"), LEARNING + VARIANTS)
def test_the_gradient_is_the_slope_of_the_loss(name, knobs):
    method = make(name, **knobs)
    views = views_of(method, batch_of(6))
    in_double(method)
    learning = [p for p in method.parameters() if p.requires_grad]
    generator = torch.Generator().manual_seed(3)
    direction = [
        torch.randn(p.shape, generator=generator, dtype=torch.float64) * (p.abs().mean() + 0.1)
        for p in learning
    ]
    state = copy.deepcopy(method.state_dict())

    def loss(step: float) -> torch.Tensor:
        method.load_state_dict(state)  # also buffers that a look changes
        with torch.no_grad():
            for p, d in zip(learning, direction, strict=True):
                p.add_(step * d)
        torch.manual_seed(0)
        return method.loss(views).total

    gradients = torch.autograd.grad(loss(0.0), learning, materialize_grads=True)
    expected = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True)).item()
    with torch.no_grad():
        slope = (loss(STEP) - loss(-STEP)).item() / (2 * STEP)
    assert (expected == pytest.approx(slope, rel=1e-4, abs=1e-7)) != (
        ", ".join([name, *list(knobs)[:1]]) in STOPPED
    )
