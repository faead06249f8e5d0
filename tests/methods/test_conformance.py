"""One contract for every method in the registry."""

import copy
from dataclasses import replace
from math import isfinite, log

import pytest
import torch

from sslcore.diagnostics import energy_report
from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.methods.base import Batch, Progress
from sslcore.registry import FAMILIES, get_method, methods
from sslcore.training import Diagnosis, Step, Trainer
from sslcore.training.build import build_method
from tests.conftest import make_data, tiny_settings

ALL = list(methods())
LEARNING = [name for name in ALL if name != "random"]
# knobs that make another network or another loss of a method
VARIANTS = [
    ("jigsaw", {"grid": 3}),
    ("jigsaw_extra", {"grid": 3}),
    ("jigsaw_extra", {"extra_tiles": 2}),
    ("damaged_jigsaw", {"grid": 3}),
    ("colorization", {"colour_loss": "l2"}),
    ("context_encoder", {"hole": "centre", "overlap": 2}),
    ("context_encoder", {"adversarial_weight": 0.0}),
    ("triplet", {"mining": "random"}),
    ("triplet", {"mining": "hardest"}),
    ("instance_discrimination", {"proximal_weight": 1.0}),
    ("decoupled", {"weight_sigma": 0.5}),
    ("moco", {"version": "v1"}),
    ("moco", {"version": "v3"}),
    ("cpc", {"version": "v2"}),
    ("deep_infomax", {"estimator": "info_nce"}),
    ("deepcluster", {"version": "v1"}),
    ("simsiam", {"stop_gradient": False}),
    ("deep_infomax", {"prior_weight": 0.0}),
    ("swav", {"local_crops": 2}),
    ("dino", {"local_crops": 2}),
    ("maskfeat", {"mask_blocks": True}),
    ("mae", {"norm_pix": False}),
]


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


def teacher_of(method) -> torch.nn.Module | None:
    """The network whose weights follow the method's own at a distance."""
    found = [getattr(method, name, None) for name in ("target", "teacher")]
    return next((part for part in found if isinstance(part, torch.nn.Module)), None)


def check_learning(method, batch: Batch) -> None:
    """The loss is finite and pulls at the encoder, from its last layer back to its first."""
    losses = method.loss(views_of(method, batch))
    assert losses.total.ndim == 0 and losses.total.isfinite()
    losses.total.backward()
    reached = [p.grad for p in method.encoder.parameters() if p.grad is not None]
    assert all(grad.isfinite().all() for grad in reached)
    assert next(method.encoder.parameters()).grad.abs().sum() > 0
    assert not any(buffer.requires_grad for buffer in method.buffers()), "queues, banks and codes are given"


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


@pytest.mark.parametrize(("name", "knobs"), [(name, {}) for name in LEARNING] + VARIANTS)
@pytest.mark.parametrize("count", [2, 33])
def test_finite_loss_and_gradients_that_reach_the_encoder(name, knobs, count):
    check_learning(make(name, **knobs), batch_of(count))


@pytest.mark.parametrize("name", [name for name in LEARNING if not get_method(name).needs_labels])
def test_labels_are_not_looked_at(name):
    batch = batch_of(8)
    seen, blind = (views_of(make(name), which) for which in (batch, replace(batch, labels=None)))
    assert seen.keys() == blind.keys()
    assert all(torch.equal(seen[key], blind[key]) for key in seen)


@pytest.mark.parametrize("encoder", ["small", "vit"])
@pytest.mark.parametrize("name", LEARNING)
def test_either_kind_of_encoder_learns_or_is_refused(name, encoder):
    try:
        method = make(name, encoder=encoder)
    except UserError as error:
        assert "set encoder to" in str(error) or "view_scale" in str(error)
    else:
        check_learning(method, batch_of(4))


@pytest.mark.parametrize("name", LEARNING)
def test_it_trains_in_bf16(name, tiny):
    trainer = Trainer(tiny_settings(name, precision="bf16", steps=2, evaluations=1), tiny)
    steps = [event for event in trainer if isinstance(event, Step)]
    assert len(steps) == 2 and all(isfinite(step.loss) for step in steps)
    assert {p.dtype for p in trainer.method.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize(("size", "channels"), [(32, 1), (48, 1), (48, 3), (64, 3)])
def test_other_image_shapes(name, size, channels):
    check_learning(make(name, size, channels), batch_of(4, size, channels))


@pytest.mark.parametrize("name", ALL)
def test_a_single_image_is_no_batch(name):
    with pytest.raises(UserError, match=r"batch_size.* at least 2"):
        tiny_settings(name, batch_size=1)


@pytest.mark.parametrize("name", LEARNING)
def test_what_the_optimiser_moves_is_what_learns(name):
    method = make(name)
    grouped = {id(p) for group in method.parameter_groups() for p in group["params"]}
    assert grouped == {id(p) for p in method.parameters() if p.requires_grad}
    method.loss(views_of(method, batch_of(8))).total.backward()
    idle = {key for key, p in method.named_parameters() if p.requires_grad and p.grad is None}
    assert not idle


TAUGHT = [name for name in ALL if teacher_of(make(name))]


def test_methods_with_a_teacher():
    assert set(TAUGHT) >= {"byol", "moco", "mean_shift", "dino", "ibot", "msn", "data2vec", "ijepa"}


@pytest.mark.parametrize(("name", "knobs"), [(name, {}) for name in TAUGHT] + [("moco", {"version": "v3"})])
def test_teachers_get_no_gradient_even_if_they_could(name, knobs):
    method = make(name, **knobs)
    teacher = teacher_of(method)
    assert not any(p.requires_grad for p in teacher.parameters())
    teacher.requires_grad_(True)
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert all(p.grad is None for p in teacher.parameters())


@pytest.mark.parametrize("name", TAUGHT)
@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_teachers_follow_by_their_momentum(name, momentum):
    method = make(name, momentum=momentum)
    teacher = teacher_of(method)
    before = [p.clone() for p in teacher.parameters()]
    with torch.no_grad():
        for p in method.parameters():
            if p.requires_grad:
                p.add_(1.0)
    method.after_step(Progress(1, 0.0))
    for old, new in zip(before, teacher.parameters(), strict=True):
        followed = old if momentum == 1 else old + (1 - momentum)
        assert torch.allclose(new, followed, atol=0 if momentum in (0, 1) else 1e-5, rtol=0)


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


@pytest.mark.parametrize(("name", "knobs"), [(name, {}) for name in ALL] + VARIANTS)
def test_the_order_of_images_does_not_matter(name, knobs):
    method = make(name, **knobs)
    if name == "deepcluster":  # every image in a group of its own choice
        method.sortings.target.random_(method.knobs.clusters, generator=torch.Generator().manual_seed(2))
    views = views_of(method, batch_of(8))
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    shuffled = {
        key: value.view(-1, 8, *value.shape[1:])[:, order].reshape(value.shape)
        for key, value in views.items()
    }
    first, second = method.loss(views).total, method.loss(shuffled).total
    assert torch.allclose(first, second, atol=1e-4)


SYMMETRIC = {
    "simclr": {}, "simsiam": {}, "byol": {}, "vicreg": {}, "barlow_twins": {}, "w_mse": {}, "iic": {}, "swav": {},
    "dino": {}, "align_uniform": {}, "decoupled": {}, "micle": {"use_bags": False}, "nnclr": {}, "supcon": {},
    "moco": {"version": "v3"}, "deepcluster": {"version": "v2"}, "triplet": {}, "amdim": {},
}  # fmt: skip


# their views cannot be exchanged: masks belong to one of them, or one is for the teacher alone
ONE_WAY = {"ibot", "msn", "mean_shift"}


def test_every_method_of_two_views_is_symmetric_or_known_not_to_be():
    assert set(PAIRED) | {"deepcluster"} == set(SYMMETRIC) | ONE_WAY


@pytest.mark.parametrize(("name", "knobs"), SYMMETRIC.items())
def test_swapping_the_views_changes_nothing(name, knobs):
    method = make(name, **knobs)
    views = views_of(method, batch_of(8))
    swapped = {**views, "view1": views["view2"], "view2": views["view1"]}
    if "place" in views:  # of the first view, of the second
        swapped["place"] = views["place"].flip(1)
    assert torch.allclose(method.loss(views).total, method.loss(swapped).total, atol=1e-4)


# deepcluster compares each view with the group that its image was sorted into
PAIRED = [
    name
    for name in ALL
    if name != "deepcluster" and {"view1", "view2"} <= views_of(make(name), batch_of(2)).keys()
]


# to vicreg and w_mse it matters how wide an embedding is; the projections of iic and dino are answers, surer if longer
OF_LENGTHS = {"vicreg", "w_mse", "iic", "dino"}


@pytest.mark.parametrize("name", PAIRED)
def test_only_directions_count_unless_lengths_are_asked_for(name):
    method = make(name)
    views = views_of(method, batch_of(8))
    before, project = method.loss(views).total.item(), method.project
    method.project = lambda images: 7 * project(images)
    after = method.loss(views).total.item()
    assert (after == pytest.approx(before, rel=1e-3, abs=1e-3)) is (name not in OF_LENGTHS)


@pytest.mark.parametrize("name", PAIRED)
def test_methods_of_two_views_have_energies(name):
    method = make(name)
    z1, z2 = method.project_both(views_of(method, batch_of(8)))
    assert method.compares_views and energy_report(z1, z2) is not None


@pytest.mark.parametrize("name", PAIRED)
def test_the_two_views_of_an_image_are_its_pair(name):
    """Views that equal each other, image by image, cost less than views of which each meets another image's."""
    method = make(name)
    method.predictor = torch.nn.Identity()
    views = views_of(method, batch_of(8))
    views["view2"] = views["view1"]
    if name == "nnclr":  # whose positives come out of what is stored
        rows = method.project(views["view1"]).detach()
        method.queue.rows[: len(rows)] = torch.nn.functional.normalize(rows, dim=1)
    others = {**views, "view2": views["view1"].roll(1, 0)}
    assert method.loss(views).total < method.loss(others).total


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
    # agreement is all it asks for, equal views have that from the start; later it fits all on a line
    "w_mse": {"noise": 0.2, "steps": 50},
    "emp_ssl": {"patch_area": 1.0},
    "context_prediction": {"steps": 200},  # takes longer, as do the next two
    "jigsaw_extra": {"steps": 200},
    "deep_infomax": {"steps": 200},
    # as many groups as the images have classes: all that could tell more of these apart is noise
    "swav": {"prototypes": 4},
    "msn": {"prototypes": 4},
    "iic": {"clusters": 4, "extra_clusters": 4},
    "deepcluster": {"clusters": 4},
    "micle": {"use_bags": False},  # a partner would be another picture every time
    "moco": {"learning_rate": 0.003},  # faster, and the keys in its queue are those of another network
}


# what depends on the data: of 64 views 15 others show the same of four classes, and share the softmax;
# the nearest neighbour of an image may be any of the eight of its class
LOWEST = {"supcon": log(15), "nnclr": log(8)}
# the share of the way from chance to the best value that stays before a method, where it is more than a quarter
LEFT = {
    # half of these images is noise: of what is hidden it cannot be known
    "damaged_jigsaw": 0.45, "colorization": 0.4, "cpc": 0.6, "beit": 0.6, "simmim": 0.55,
    "data2vec": 0.5, "mae": 0.4, "maskfeat": 0.35, "ijepa": 0.55,
    # 32 images fill only some of the dimensions that the best value counts on
    "vicreg": 0.75,
    # a single place of such an image hardly tells which image it is
    "amdim": 0.85,
    # would take longer than these few steps
    "multitask": 0.35, "jigsaw_extra": 0.4, "lejepa": 0.4, "deep_infomax": 0.5, "deepcluster": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNING)
def test_it_overfits_a_few_images(name):
    data = make_data(32)
    # the same views every time: only then can a few images be learned by heart
    calm = {"jitter": 0, "grayscale": 0, "crop_min": 1, "flip": 0}
    knobs = {"steps": 100, "batch_size": 32, "learning_rate": 0.01, "schedule": "constant", "width": 8}
    knobs |= calm | OF_THEIR_OWN.get(name, {})
    if tiny_settings(name).flat().get("queue_size", 0) > 32:
        knobs["queue_size"] = 32  # one batch: in a longer queue most negatives would show the same image
    trainer = Trainer(tiny_settings(name, **knobs, evaluations=1), data)
    losses, verdict = [], ""
    for event in trainer:
        if isinstance(event, Step):
            losses.append(event.loss)
        if isinstance(event, Diagnosis):
            verdict = event.verdict
    card = trainer.method.card
    best = LOWEST[name] if name in LOWEST else card.best(trainer.settings)
    chance = card.chance(trainer.settings) if card.chance else losses[0]
    assert sum(losses[-5:]) / 5 - best < LEFT.get(name, 0.25) * (chance - best)
    assert verdict in ("healthy", "partial"), "a collapsed one has its best value too"


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
