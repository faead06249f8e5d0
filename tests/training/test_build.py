import pytest
import torch

from sslcore.errors import UserError
from sslcore.training.build import build_method, load_weights, smaller_batch
from tests.conftest import tiny_settings


def test_the_seed_alone_makes_the_network(tiny):
    torch.manual_seed(1)
    first = build_method(tiny_settings(seed=3), tiny).state_dict()
    torch.manual_seed(2)
    second, other = (build_method(tiny_settings(seed=seed), tiny).state_dict() for seed in (3, 4))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("count", "batch"), [(3, 2), (9, 4), (75, 32), (150, 64), (300, 128)])
def test_few_images_make_a_batch_that_divides_the_usual_queue(count, batch):
    assert smaller_batch(count) == batch
    tiny_settings("moco", batch_size=batch)


def test_weights_of_another_network_are_a_sentence(tiny):
    method = build_method(tiny_settings("simclr"), tiny)
    weights = build_method(tiny_settings("simclr", seed=1), tiny).state_dict()
    load_weights(method, weights)
    assert torch.equal(method.encoder.stem[0].weight, weights["encoder.stem.0.weight"])
    for wrong in ({"width": 8}, {"projector_output": 32}):
        with pytest.raises(UserError, match="another version"):
            load_weights(method, build_method(tiny_settings("simclr", **wrong), tiny).state_dict())
