import pytest
import torch

from tests.methods.test_closed_forms import silence
from tests.methods.test_conformance import batch_of, make, views_of


@pytest.mark.parametrize("norm, axis", [("instance", 1), ("layer", 2), ("off", None)])
def test_targets_are_standardised_means_of_the_last_blocks(norm, axis):
    def standardised(tokens, axis):
        if axis is None:
            return tokens
        return (tokens - tokens.mean(axis, keepdim=True)) / tokens.std(axis, correction=0, keepdim=True)

    method = make("data2vec", depth=3, target_layers=2, target_norm=norm)
    images = batch_of(4).images
    target = method.target(images)
    tokens, outputs = method.teacher.embed_patches(method.teacher.standardise(images)), []
    for block in method.teacher.blocks:
        tokens = block(tokens)
        outputs.append(standardised(tokens, axis))
    expected = standardised((outputs[1] + outputs[2]) / 2, axis and 2)  # features of the mean, in any case
    assert torch.allclose(target, expected, atol=1e-3) and not target.requires_grad


def test_the_teacher_sees_what_is_hidden_from_the_student():
    method = make("data2vec").eval()
    views = views_of(method, batch_of(4))
    hidden = views["mask"].view(4, 1, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    changed = {**views, "images": torch.where(hidden, 0.0, views["images"])}
    assert torch.allclose(method.see(views), method.see(changed))
    assert not torch.allclose(method.target(views["images"]), method.target(changed["images"]))


def test_an_answer_of_zero_is_at_chance_for_normal_targets():
    method = make("data2vec")
    silence(method.head)
    noise = torch.randn(64, 64, 16, generator=torch.Generator().manual_seed(0))
    method.target = lambda images: noise
    loss = method.loss(views_of(method, batch_of(64))).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), abs=0.01)


def test_equal_answers_for_all_cost_nothing():
    method = make("data2vec")
    silence(method.head)
    method.target = lambda images: torch.zeros(len(images), 64, 16)
    losses = method.loss(views_of(method, batch_of(8)))
    assert losses.total.item() == method.card.collapse(method.settings) == 0
    assert losses.metrics["target_spread"] == 0
