"""Settings that are legal one by one and cannot work together: one sentence that names the problem and the remedy."""

from dataclasses import replace

import pytest
import torch

from sslcore.data import Split
from sslcore.errors import UserError
from sslcore.training import Evaluation, Finished, Step, Trainer
from tests.conftest import tiny_settings
from tests.methods.test_conformance import make

AT_ONCE = [
    ("context_encoder", {"hole_size": 1.2}, r"hole_size.* at most 0\.9"),
    ("cpc", {"nearest_row": 8}, "Rows 8 to 3 .* set nearest_row to 6 and farthest_row to 6"),
    ("cpc", {"farthest_row": 7}, "grid of 7 rows: set nearest_row to 2 and farthest_row to 6"),
    ("moco", {"queue_size": 40}, "queue of 40 .* whole batches of 16 embeddings: set queue_size to 32"),
    ("moco", {"version": "v1", "batch_size": 100}, "whole batches of 100 embeddings: set queue_size to 2000"),
    ("nnclr", {"queue_size": 17}, "set queue_size to 16"),
    ("mean_shift", {"queue_size": 40}, "set queue_size to 32"),
    ("swav", {"queue_size": 80}, "whole batches of 32 embeddings: set queue_size to 64"),
    (
        "hybrid",
        {"mix": "moco,rotation", "batch_size": 100},
        "^MoCo: A queue of 2048 .* leave moco out of mix",
    ),
    (
        "vicreg",
        dict.fromkeys(("invariance_weight", "variance_weight", "covariance_weight"), 0),
        "set invariance_w",
    ),
    (
        "deep_infomax",
        {"local_weight": 0, "prior_weight": 0},
        "nothing would be learned: set global_weight or",
    ),
    ("damaged_jigsaw", dict.fromkeys(("order_weight", "missing_weight", "colour_weight"), 0), "above 0"),
    ("ijepa", {"target_blocks": 8}, "set target_blocks or target_max lower"),
    ("w_mse", {"shrinkage": 1e-8}, r"more than 16 images together: .* shrinkage to 2e-05 or more"),
    (
        "w_mse",
        {"shrinkage": 0.0, "projector_hidden": 8, "sub_batch": 64, "batch_size": 64},
        "set projector_hidden to 32 or more",
    ),
    (
        "multitask",
        {"tasks": "exemplar", "batch_size": 2048},
        r"^Exemplar-CNN: .*; or leave exemplar out of tasks\.$",
    ),
    (
        "hybrid",
        {"mix": "simclr,exemplar", "batch_size": 2048},
        r"^Exemplar-CNN: .*; or leave exemplar out of mix\.$",
    ),
]

WITH_THE_IMAGES = [
    (
        "simclr",
        {"encoder": "vit", "token_width": 18},
        32,
        "token_width must be a multiple of 4 .* set it to 16",
    ),
    ("simclr", {"encoder": "vit", "heads": 5}, 32, "of the 5 attention heads, got 16: set it to 20"),
    ("simclr", {"encoder": "vit", "heads": 6}, 32, "got 16: set it to 24"),
    ("simclr", {"encoder": "vit"}, 31, "images of 31 px evenly: set image_size to a multiple of 4"),
    ("ijepa", {"patch_size": 16}, 32, r"4 x 4 patches at least.* set patch_size to 8\.$"),
    ("ibot", {"patch_size": 8, "view_scale": 0.25}, 32, "set patch_size to 4 or view_scale higher"),
    (
        "msn",
        {"patch_size": 16, "view_scale": 0.5},
        32,
        "picture of 16 px .* set patch_size to 8 or view_scale higher",
    ),
    (
        "context_encoder",
        {"encoder": "vit", "patch_size": 2},
        128,
        "268 million weights between them: take larger patches",
    ),
    (
        "deep_infomax",
        {"encoder": "resnet18", "critic_hidden": 4096},
        64,
        "from 32,768 to 8,192 features would have 268 million weights: make it or the encoder narrower",
    ),
    (
        "deepcluster",
        {"clusters": 65},
        32,
        "64 training images cannot make 65 clusters: set clusters to 64 or less",
    ),
    ("iic", {"clusters": 65}, 32, "cannot make 65 clusters: set clusters to 64 or less"),
    ("iic", {"extra_clusters": 100}, 32, "set extra_clusters to 64 or less"),
    ("multitask", {"tasks": "jigsaw"}, 8, "^Jigsaw puzzle: .*; or leave jigsaw out of tasks"),
]


@pytest.mark.parametrize(("name", "knobs", "sentence"), AT_ONCE)
def test_refused_at_once(name, knobs, sentence):
    with pytest.raises(UserError, match=sentence):
        tiny_settings(name, **knobs)


@pytest.mark.parametrize(
    ("name", "knobs"),
    [("nnclr", {"queue_size": 1}), ("swav", {"queue_size": 0}), ("moco", {"version": "v3"})],
)
def test_a_queue_may_be_less_than_a_batch_or_none(name, knobs):
    assert tiny_settings(name, batch_size=100, **knobs)["batch_size"] == 100


@pytest.mark.parametrize(("name", "knobs", "size", "sentence"), WITH_THE_IMAGES)
def test_refused_when_the_images_are_known(name, knobs, size, sentence):
    with pytest.raises(UserError, match=sentence):
        make(name, size, **knobs)


@pytest.mark.parametrize("mix", ["simclr:1,jigsaw:1", "simclr:1,jigsaw:0"])
def test_parts_of_a_sum_are_looked_at_before_they_weigh_anything(mix, tiny):
    knobs = {"mix": mix, "encoder": "vit", "part_knobs": "jigsaw.gap=3"}
    with pytest.raises(
        UserError,
        match=r"Jigsaw puzzle: .* 13 px evenly: set encoder to small.* leave jigsaw out of mix",
    ):
        Trainer(tiny_settings("hybrid", **knobs), tiny)


def test_more_clusters_than_the_images_that_a_sum_uses(tiny):
    knobs = {"mix": "deepcluster,exemplar", "part_knobs": "clusters=40,exemplars=32"}
    with pytest.raises(UserError, match="32 training images cannot make 40 clusters"):
        list(Trainer(tiny_settings("hybrid", **knobs), tiny))


def test_weights_cannot_be_turned_to_nothing_while_a_run_goes_on(tiny):
    trainer = Trainer(tiny_settings("align_uniform"), tiny)
    trainer.update(align_weight=0.0)
    with pytest.raises(UserError, match="set align_weight or uniform_weight above 0"):
        trainer.update(uniform_weight=0.0)


def test_a_patch_that_fits_views_and_images_may_be_larger():
    with pytest.raises(UserError, match="set patch_size to 5"):
        make("simclr", 45, encoder="vit", patch_size=3).encoder.check_side("views", 10)


def test_bags_are_counted_where_only_some_images_are_used(tiny):
    knobs = {"mix": "micle:1,exemplar:1", "part_knobs": "exemplar.exemplars=17"}
    bags = replace(tiny.train, bags=torch.arange(64) // 2)
    with pytest.raises(UserError, match="A batch of 16 does not fit 9 bags: set batch_size to 9 or less"):
        Trainer(tiny_settings("hybrid", **knobs), replace(tiny, train=bags))


def test_a_single_training_image_is_too_few(tiny):
    one = Split(tiny.train.images[:1], tiny.train.labels[:1])
    with pytest.raises(UserError, match="does not fit 1 training images: training takes at least two"):
        Trainer(tiny_settings(batch_size=2), replace(tiny, train=one))


def test_a_single_held_out_image_is_enough_to_train(tiny):
    one = Split(tiny.test.images[:1], tiny.test.labels[:1])
    events = list(Trainer(tiny_settings(), replace(tiny, test=one)))
    assert isinstance(events[-1], Finished) and events[-1].reason == "budget"


def test_an_exploding_run_is_said_to_diverge_even_if_it_is_probed_first(tiny):
    knobs = {"learning_rate": 100.0, "optimiser": "sgd", "gradient_clip": 0.0, "steps": 40, "evaluations": 40}
    events = list(Trainer(tiny_settings("rotation", **knobs, schedule="constant", warmup=0.0), tiny))
    assert events[-1].reason == "diverged"


def test_gradient_norms_appear_when_a_second_term_is_turned_up(tiny):
    knobs = {"proximal_weight": 0.0, "steps": 8, "evaluations": 8}
    trainer = Trainer(tiny_settings("instance_discrimination", **knobs), tiny)
    norms = {}
    for event in trainer:
        if isinstance(event, Step) and event.step == 4:
            trainer.update(proximal_weight=1.0)
        if isinstance(event, Evaluation):
            norms[event.step] = event.gradient_norms
    assert not norms[2] and len(norms[8]) == 2
