from math import log

import pytest
import torch

from sslcore.errors import UserError
from tests.conftest import tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of

ALL = "context_prediction,counting,exemplar,jigsaw,rotation,autoencoder,colorization,context_encoder"


def test_one_task_alone_is_that_task():
    alone = make("rotation", jitter=0, grayscale=0)
    multi = make("multitask", tasks="rotation", harmonise=False, balance=False)
    multi.encoder.load_state_dict(alone.encoder.state_dict())
    multi.parts["rotation"].head.load_state_dict(alone.head.state_dict())
    batch = batch_of(8)
    views = views_of(multi, batch)
    own = {key.removeprefix("rotation."): rows for key, rows in views.items()}
    assert torch.equal(multi.loss(views).total, alone.loss(own).total)
    assert multi.card.chance(multi.settings) == pytest.approx(log(4))


def test_any_set_of_tasks_trains_one_encoder():
    method = make("multitask", tasks=ALL)
    losses = method.loss(views_of(method, batch_of(8)))
    assert list(losses.terms) == ALL.split(",")
    weights = [p for p in method.encoder.parameters() if p.requires_grad]
    for term in losses.terms.values():
        pulled = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
        assert all(g is not None and g.isfinite().all() for g in pulled)
    assert method.preview(views_of(method, batch_of(8)))


def test_the_shared_encoder_counts_once():
    method = make("multitask", tasks="rotation,jigsaw")
    assert all(task.encoder is method.encoder for task in method.parts.values())
    assert not any("encoder" in key for key in method.parts.state_dict())
    grouped = [id(p) for group in method.parameter_groups() for p in group["params"]]
    assert len(grouped) == len(set(grouped))


def test_a_task_keeps_its_own_learning_rates():
    method = make("multitask", tasks="rotation,context_encoder")
    assert 0.1 in [group.get("rate") for group in method.parameter_groups()]


def test_balanced_tasks_start_from_one_each():
    method = make("multitask", tasks="rotation,jigsaw,context_prediction")
    with torch.no_grad():
        for p in method.parts.parameters():
            p.zero_()
    losses = method.loss(views_of(method, batch_of(8)))
    assert [term.item() for term in losses.terms.values()] == pytest.approx([1.0] * 3, abs=1e-4)
    assert method.card.chance(method.settings) == 3.0
    raw = make("multitask", tasks="rotation,jigsaw,context_prediction", balance=False)
    with torch.no_grad():
        for p in raw.parts.parameters():
            p.zero_()
    total = raw.loss(views_of(raw, batch_of(8))).total.item()
    assert total == pytest.approx(raw.card.chance(raw.settings), abs=1e-4)


@pytest.mark.parametrize("harmonise", [True, False])
def test_harmonised_tasks_see_gray_and_colour_answers_stay(harmonise):
    method = make("multitask", tasks="rotation,colorization", harmonise=harmonise)
    views = views_of(method, batch_of(4))
    turned = views["rotation.images"]
    assert torch.allclose(turned[:, 0], turned[:, 2]) == harmonise
    assert views["colorization.ab"].abs().max() > 5
    gray = views["colorization.gray"]
    assert torch.allclose(gray[:, 0], gray[:, 2])


def test_tasks_that_drain_their_colours_are_probed_without_colours():
    for harmonise in (True, False):
        method = make("multitask", tasks="colorization", harmonise=harmonise).eval()
        images = batch_of(4).images
        assert torch.equal(method.encode(images), method.parts["colorization"].encode(images))


def test_the_best_value_is_the_sum_of_the_tasks_own():
    for balance in (True, False):
        multi = make("multitask", tasks="rotation,context_encoder", balance=balance)
        part = multi.parts["context_encoder"]
        least, guess = part.card.best(part.settings), part.card.chance(part.settings)
        assert least > 0
        assert multi.card.best(multi.settings) == pytest.approx(least / guess if balance else least)


def test_live_knobs_reach_the_tasks():
    method = make("multitask", tasks="rotation")
    method.settings = method.settings.change(noise=0.3)
    views_of(method, batch_of(2))
    assert method.parts["rotation"].settings["noise"] == 0.3


@pytest.mark.parametrize(
    "tasks", ["", "simclr", "rotation,rotation", "multitask", "split_brain", "rotation;jigsaw"]
)
def test_what_is_no_set_of_tasks_is_refused(tasks):
    with pytest.raises(UserError, match="each once"):
        tiny_settings("multitask", tasks=tasks)


def test_settings_that_a_task_refuses_are_refused():
    with pytest.raises(UserError, match="exemplars"):
        tiny_settings("multitask", tasks="exemplar", batch_size=2000)
