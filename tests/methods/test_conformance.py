"""One contract for every method in the registry."""

import copy
from math import isfinite, log

import pytest
import torch

from sslcore.encoders import InputInfo
from sslcore.methods.base import Batch, Progress
from sslcore.registry import FAMILIES, get_method, methods
from sslcore.training import Trainer
from sslcore.training.build import build_method
from tests.conftest import make_data, tiny_settings

ALL = list(methods())
LEARNING = [name for name in ALL if name != "random"]


def make(name: str, size: int = 32, channels: int = 3, **knobs):
    settings = tiny_settings(name, **knobs)
    moments = {"mean": (0.5,) * channels, "std": (0.25,) * channels}
    torch.manual_seed(0)
    return get_method(name)(settings, InputInfo(channels, size, 4, 64, **moments)).train()


def batch_of(count: int, size: int = 32, channels: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, channels, size, size, generator=generator)
    return Batch(images, torch.arange(count) % 4, torch.arange(count))


def views_of(method, batch: Batch, seed: int = 0):
    with torch.no_grad():
        return method.views(batch, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ALL)
def test_the_card_is_complete(name):
    card = get_method(name).card
    assert card.id == name and card.family in FAMILIES and 1980 < card.year < 2030
    assert all((card.title, card.paper, card.idea, card.formula, card.sees, card.target))
    assert card.family == "baselines" or card.switches, "no way to break it"


@pytest.mark.parametrize("name", ALL)
def test_reference_values_are_numbers_in_order(name):
    settings = tiny_settings(name)
    card = get_method(name).card
    chance, best = (f(settings) if f else None for f in (card.chance, card.best))
    assert all(v is None or isfinite(v) for v in (chance, best))
    if chance is not None and best is not None:
        assert best < chance


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("count", [2, 33])
def test_finite_loss_and_gradients_that_reach_the_encoder(name, count):
    method = make(name)
    losses = method.loss(views_of(method, batch_of(count)))
    assert losses.total.ndim == 0 and losses.total.isfinite()
    losses.total.backward()
    reached = [p.grad.abs().sum() for p in method.encoder.parameters() if p.grad is not None]
    assert reached and torch.stack(reached).isfinite().all() and torch.stack(reached).sum() > 0


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize(("size", "channels"), [(32, 1), (48, 3), (64, 3)])
def test_other_image_shapes(name, size, channels):
    method = make(name, size, channels)
    losses = method.loss(views_of(method, batch_of(4, size, channels)))
    assert losses.total.isfinite()


@pytest.mark.parametrize("name", ALL)
def test_parts_that_must_not_learn_get_no_gradient(name):
    method = make(name)
    frozen = {key for key, p in method.named_parameters() if not p.requires_grad}
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert all(p.grad is None for key, p in method.named_parameters() if key in frozen)
    grouped = {id(p) for group in method.parameter_groups() for p in group["params"]}
    assert grouped == {id(p) for p in method.parameters() if p.requires_grad}


@pytest.mark.parametrize("name", ALL)
def test_views_are_made_without_the_global_generator(name):
    method, batch = make(name), batch_of(6)
    torch.manual_seed(1)
    first = views_of(method, batch, seed=5)
    torch.manual_seed(2)
    again = views_of(method, batch, seed=5)
    other = views_of(method, batch, seed=6)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert name == "random" or any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_images_does_not_matter(name):
    method = make(name)
    views = views_of(method, batch_of(8))
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    shuffled = {
        key: value.view(-1, 8, *value.shape[1:])[:, order].reshape(value.shape)
        for key, value in views.items()
    }
    first, second = method.loss(views).total, method.loss(shuffled).total
    assert torch.allclose(first, second, atol=1e-4)


SYMMETRIC = ["simclr", "simsiam", "byol", "vicreg", "barlow_twins", "w_mse", "iic", "swav", "dino"]


@pytest.mark.parametrize("name", SYMMETRIC)
def test_swapping_the_views_changes_nothing(name):
    method = make(name)
    views = views_of(method, batch_of(8))
    swapped = {**views, "view1": views["view2"], "view2": views["view1"]}
    assert torch.allclose(method.loss(views).total, method.loss(swapped).total, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_same_seed_same_ten_steps(name, tiny):
    def curve():
        trainer = Trainer(tiny_settings(name, steps=10), tiny)
        return [event.loss for event in trainer if type(event).__name__ == "Step"]

    first = curve()
    torch.manual_seed(123)
    assert len(first) == 10 and curve() == first


@pytest.mark.parametrize("name", ALL)
def test_a_copied_state_continues_alike(name):
    method = make(name)
    views = views_of(method, batch_of(8))
    twin = copy.deepcopy(method)
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(1.0)
    twin.load_state_dict(method.state_dict())
    assert torch.equal(method.loss(views).total, twin.loss(views).total)


OF_THEIR_OWN = {
    "beit": {"vocabulary": 8},  # the images are noise, of which more words tell more
    "w_mse": {"noise": 0.2},  # agreement is all it asks for, and equal views have that from the start
    "emp_ssl": {"patch_area": 1.0},
    "micle": {"use_bags": False},  # a partner would be another picture every time
    "moco": {"learning_rate": 0.003},  # faster, and the keys in its queue are those of another network
}


# what depends on the data: of 64 views 15 others show the same of four classes, and share the softmax
LOWEST = {"supcon": log(15)}


@pytest.mark.parametrize("name", LEARNING)
def test_it_overfits_a_few_images(name):
    data = make_data(32)
    # the same views every time: only then can a few images be learned by heart
    calm = {"jitter": 0, "grayscale": 0, "crop_min": 1, "flip": 0}
    knobs = {"steps": 60, "batch_size": 32, "learning_rate": 0.01, "schedule": "constant", "width": 8}
    knobs |= calm | OF_THEIR_OWN.get(name, {})
    if tiny_settings(name).flat().get("queue_size", 0) > 32:
        knobs["queue_size"] = 32  # one batch: in a longer queue most negatives would show the same image
    trainer = Trainer(tiny_settings(name, **knobs, evaluations=1), data)
    losses = [event.loss for event in trainer if type(event).__name__ == "Step"]
    reference = trainer.method.card.best
    best = reference(trainer.settings) if reference else LOWEST[name]
    start = max(losses[:5])  # a queue that is still random is told from the batch all too easily
    assert min(losses[-5:]) - best < 0.8 * (start - best)


@pytest.mark.parametrize("name", ALL)
def test_preview_draws_pictures(name):
    method = make(name)
    panels = method.preview(views_of(method, batch_of(8)))
    assert name == "random" or panels
    for panel in panels:
        assert panel.images.ndim == 4 and (len(panel.images) or panel.text)
        assert ((panel.images >= 0) & (panel.images <= 1)).all()
        assert len(panel.captions) in (0, len(panel.images))


@pytest.mark.parametrize("name", ALL)
def test_representation_has_the_promised_width(name, tiny):
    method = build_method(tiny_settings(name), tiny).eval()
    features = method.encode(torch.rand(3, 3, 32, 32))
    assert features.shape == (3, method.encoder.feature_dim)
    assert method.project(torch.rand(3, 3, 32, 32)).shape[0] == 3
    method.after_step(Progress(1, 0.5))
