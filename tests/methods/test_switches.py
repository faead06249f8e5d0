"""Switches of every method that do what they say, in a figure that a page shows. Those that light the lamp are in
``test_collapse``."""

import pytest

from sslcore.data import ImageData
from sslcore.data.toybox.dataset import generate, toybox
from sslcore.registry import get_method, methods
from sslcore.training import Diagnosis, Step, Trainer
from tests.conftest import tiny_settings
from tests.methods.test_collapse import NAMES

SHORT = {"steps": 150, "evaluations": 1, "batch_size": 32, "width": 8}
LATEST = 15  # steps over which a figure of the training is averaged

# method, title of the switch, figure, and by what factor it changes at least. Switches that are not here show nothing
# certain in so few steps
FIGURES = [
    ("exemplar", "crop_min = 1, flip = 0, jitter = 0, grayscale = 0, rotation = 0", "pretext_accuracy", 2.0),
    ("context_prediction", "gap = 0, tile_jitter = off, tile_norm = off", "pretext_accuracy", 1.1),
    ("jigsaw", "permutations = 2", "pretext_accuracy", 1.5),
    ("jigsaw", "gap = 0, tile_jitter = off, tile_norm = off", "alignment", 1.4),
    ("multitask", "harmonise = off", "rotation", 0.5),
    ("multitask", "balance = off", "colorization", 2.5),
    ("damaged_jigsaw", "order_weight = 0, colour_weight = 0", "rank_me", 0.6),
    ("damaged_jigsaw", "gap = 0, tile_jitter = off, tile_norm = off", "missing", 0.85),
    ("jigsaw_extra", "foreign_tiles = 3", "pretext_accuracy", 0.7),
    ("rotation", "watermark = on", "loss", 0.2),
    ("rotation", "rotation = 180", "pretext_accuracy", 0.5),
    ("autoencoder", "bottleneck = 1", "loss", 1.2),
    ("denoising_autoencoder", "noise_level = 0.95", "loss", 1.05),
    ("colorization", "colour_loss = l2", "rank_me", 0.8),
    ("context_encoder", "adversarial_weight = 0.99", "discriminator_accuracy", 0.8),
    ("context_encoder", "adversarial_weight = 0", "loss", 0.5),
    ("split_brain", "share_inputs = on", "pretext_accuracy", 1.2),
    ("triplet", "mining = random", "active", 0.6),
    ("triplet", "margin = 0", "active", 0.1),
    ("cpc", "nearest_row = 1, farthest_row = 1", "loss", 0.7),
    ("instance_discrimination", "bank_momentum = 1", "pretext_accuracy", 0.5),
    ("instance_discrimination", "jitter = 0, grayscale = 0, crop_min = 1, flip = 0", "pretext_accuracy", 3.0),
    ("amdim", "same_view = on", "loss", 0.7),
    ("amdim", "score_clip = 0, score_penalty = 0", "score_size", 1.3),
    ("deep_infomax", "jitter = 0, grayscale = 0", "alignment", 0.5),
    ("align_uniform", "align_weight = 0", "participation_ratio", 1.4),
    ("moco", "momentum = 1", "pretext_accuracy", 0.5),
    ("moco", "momentum = 0", "rank_me", 0.5),
    ("moco", "bn_groups = 16, shuffle_bn = off", "alignment", 1.4),
    ("simclr", "temperature = 5", "rank_me", 0.6),
    ("simclr", "jitter = 0, grayscale = 0", "loss", 0.4),
    ("simclr", "crop_min = 1", "loss", 0.5),
    ("supcon", "temperature = 5", "alignment", 3.0),
    ("mean_shift", "neighbours = 100", "rank_me", 0.8),
    ("micle", "wrong_bags = 1", "std", 0.5),
    ("micle", "use_bags = off", "loss", 0.85),
    ("micle", "temperature = 5", "alignment", 3.0),
    ("nnclr", "queue_size = 1", "neighbour_cosine", 0.3),
    ("nnclr", "jitter = 0, grayscale = 0", "loss", 0.6),
    ("decoupled", "jitter = 0, grayscale = 0", "coupling", 0.5),
    ("decoupled", "temperature = 5", "rank_me", 0.6),
    ("decoupled", "crop_min = 1", "coupling", 0.6),
    ("byol", "momentum = 1", "loss", 1.4),
    ("dino", "teacher_temperature = 1", "divergence", 0.1),
    ("dino", "momentum = 1", "divergence", 2.0),
    ("ibot", "teacher_temperature = 1", "teacher_entropy", 1.25),
    ("ibot", "image_weight = 0", "groups", 0.6),
    ("msn", "spread_weight = 0", "groups", 0.4),
    ("msn", "teacher_temperature = 1", "rank_me", 0.8),
    ("barlow_twins", "redundancy_weight = 0", "rank_me", 0.4),
    ("w_mse", "shrinkage = 1", "rank_me", 0.5),
    ("vicreg", "covariance_weight = 0", "rank_me", 0.3),
    ("vicreg", "invariance_weight = 0", "alignment", 1.3),
    ("emp_ssl", "invariance_weight = 0", "cosine_to_mean", 0.7),
    ("lejepa", "sigreg_weight = 1", "alignment", 1.5),
    ("deepcluster", "recluster_every = 10000000", "agreement", 0.1),
    ("swav", "sinkhorn_epsilon = 10", "rank_me", 0.85),
    ("beit", "vocabulary = 4", "words_in_use", 0.3),
    ("data2vec", "target_norm = layer", "loss", 0.7),
    ("maskfeat", "hog_norm = off", "loss", 1.3),
    ("simmim", "mask_ratio = 0.95", "loss", 1.1),
    ("hybrid", "part_knobs = rotation.watermark=on", "rotation", 0.4),
    ("hybrid", "mix = simclr:0,rotation:1", "loss", 0.3),
    ("hybrid", "rotation = 180", "rotation_pretext_accuracy", 0.6),
]  # fmt: skip
# such a short run shows nothing; that the mean colour of a patch takes over without norm_pix is a closed form
IN_CLOSED_FORM = {"mae"}


def test_every_method_has_a_switch_that_is_tried():
    breakable = {name for name, method in methods().items() if method.card.switches}
    assert {name for name, *_ in FIGURES} | NAMES | IN_CLOSED_FORM == breakable


@pytest.fixture(scope="module")
def scenes() -> ImageData:
    return toybox(*generate(train_size=512, test_size=128))


@pytest.fixture(scope="module")
def unbroken() -> dict[str, dict[str, float]]:
    """What the methods' own settings give, by method: most have several switches."""
    return {}


@pytest.mark.parametrize(("name", "title", "figure", "factor"), FIGURES)
def test_the_switch_shows_in_its_figure(name, title, figure, factor, scenes, unbroken):
    (switch,) = (s for s in get_method(name).card.switches if s.title == title)
    unbroken[name] = unbroken.get(name) or figures(name, scenes)
    whole, thrown = unbroken[name][figure], figures(name, scenes, **switch.values)[figure]
    assert thrown < factor * whole if factor < 1 else thrown > factor * whole


def figures(name: str, data: ImageData, **knobs) -> dict[str, float]:
    """Loss, terms and metrics of the latest steps of a short run, and what the lamp measures at its end."""
    steps, found = [], {}
    for event in Trainer(tiny_settings(name, **SHORT | knobs), data):
        if isinstance(event, Step):
            steps.append({"loss": event.loss, **event.terms, **event.metrics})
        if isinstance(event, Diagnosis):
            found = event.figures
    return found | {key: sum(step[key] for step in steps[-LATEST:]) / LATEST for key in steps[0]}
