import pytest
import torch

from sslcore.errors import UserError
from sslcore.training import Trainer
from tests.conftest import make_data, tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of


def test_the_code_has_the_width_asked_for():
    for bottleneck in (1, 7):
        method = make("autoencoder", bottleneck=bottleneck)
        assert method.project(batch_of(3).images).shape == (3, bottleneck)


def test_a_code_layer_that_no_memory_holds_is_refused():
    with pytest.raises(UserError, match=r"set bottleneck to [0-9,]+ or less"):
        make("autoencoder", bottleneck=4096, encoder="vit", patch_size=2, token_width=192)


def test_nothing_but_the_code_reaches_the_decoder():
    method = make("autoencoder", bottleneck=2).eval()
    torch.nn.init.zeros_(method.squeeze.weight)  # the same code for all images
    answers = method.preview(views_of(method, batch_of(4)))[1].images
    assert torch.allclose(answers, answers[:1].expand_as(answers), atol=1e-6)


def test_a_wider_code_rebuilds_better():
    def loss(bottleneck: int) -> float:
        knobs = {"steps": 60, "batch_size": 32, "learning_rate": 0.01, "width": 8, "evaluations": 1}
        still = {"crop_min": 1, "flip": 0}
        trainer = Trainer(
            tiny_settings("autoencoder", bottleneck=bottleneck, **knobs, **still), make_data(32)
        )
        return [event.loss for event in trainer if type(event).__name__ == "Step"][-1]

    assert loss(16) < loss(1)
