"""Losses of whole methods at chance and at collapse, against what their cards promise."""

from math import exp, log, tanh

import pytest
import torch

from sslcore.methods.base import TwoView
from sslcore.registry import methods
from tests.conftest import tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of


def silence(layer: torch.nn.Module) -> None:
    """Make a network answer the same for every input."""
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()


class Says(torch.nn.Module):
    """A network with a given answer, whatever it is asked."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, question: torch.Tensor) -> torch.Tensor:
        return self.answer


class Always(torch.nn.Module):
    """A network with one answer for all images."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.answer = torch.eye(width)[0]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.answer.expand(len(images), -1)


def collapse_to_a_point(method: TwoView) -> None:
    """Projector, predictor, target, queue and centroids of a method all say the same."""
    always = Always(method.knobs.projector_output)
    method.project = always.forward
    if hasattr(method, "predictor"):
        method.predictor = torch.nn.Identity()
    if hasattr(method, "target") and isinstance(method.target, torch.nn.Module):
        method.target = always
    if getattr(method, "queue", None) is not None:
        method.queue.rows.copy_(always.answer)
    if hasattr(method, "sortings"):
        method.sortings.centroids.copy_(always.answer.expand_as(method.sortings.centroids))


@pytest.mark.parametrize("name", ["rotation", "jigsaw", "exemplar", "context_prediction"])
def test_a_silent_classifier_is_at_chance(name):
    method = make(name)
    silence(method.head)
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-5)


def test_a_silent_classifier_names_one_answer_for_all():
    method = make("rotation")
    silence(method.head)
    assert method.loss(views_of(method, batch_of(8))).metrics["pretext_accuracy"] == 0.25


def test_a_silent_supervised_network_costs_log_of_the_classes():
    method = make("supervised")
    silence(method.head)
    assert method.loss(views_of(method, batch_of(8))).total.item() == pytest.approx(log(4), abs=1e-6)


SIMPLEX = torch.eye(8) - 1 / 8  # eight images as far apart as can be


@pytest.mark.parametrize("name", ["simclr", "micle", "decoupled", "nnclr"])
def test_images_on_a_simplex_are_the_best_there_is(name):
    method = make(name, batch_size=8, projector_output=8, temperature=1.0)
    method.project_both = lambda views: (SIMPLEX, SIMPLEX)
    method.predictor = torch.nn.Identity()
    if name == "nnclr":
        method.queue.rows.copy_(
            torch.nn.functional.normalize(SIMPLEX, dim=1).repeat(len(method.queue.rows) // 8, 1)
        )
    expected = {"decoupled": log(14) - 8 / 7, "nnclr": log(1 + 7 * exp(-8 / 7))}
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(expected.get(name, log(1 + 14 * exp(-8 / 7))), abs=1e-4)
    assert loss == pytest.approx(method.card.best(method.settings), abs=1e-4)


def test_classes_on_a_simplex_are_the_best_for_supervised_contrast():
    """ln((M - 1) + (2N - M) exp(-(1 + 1 / (C - 1)) / t)) of 2N views, M of each of C classes."""
    method = make("supcon", batch_size=32, temperature=1.0)
    corners = (torch.eye(4) - 1 / 4)[torch.arange(32) % 4]
    method.project_both = lambda views: (corners, corners)
    loss = method.loss(views_of(method, batch_of(32))).total.item()
    assert loss == pytest.approx(log(15 + 48 * exp(-4 / 3)), abs=1e-4)


def test_the_proximal_term_is_the_squared_distance_to_the_bank():
    method = make("instance_discrimination", proximal_weight=1.0, projector_output=64)
    method.project = lambda images: torch.eye(64)[: len(images)]
    method.bank.copy_(torch.eye(64)[63].expand_as(method.bank))
    terms = method.loss(views_of(method, batch_of(8))).terms
    assert terms["instance"].item() == pytest.approx(log(64), abs=1e-5)  # all entries are alike
    assert terms["proximal"].item() == pytest.approx(2, abs=1e-6)


def test_amdim_bends_scores_and_fines_what_they_were():
    method = make("amdim", score_clip=20.0)
    ones = torch.ones(4, 16)
    cost, size = method.cost(5 * ones, 5 * ones[:, None].expand(4, 3, 16))  # every score is 25 sqrt(16) = 100
    assert size.item() == pytest.approx(100.0**2) and cost.item() == pytest.approx(log(1 + 3 * 3), abs=1e-5)
    method = make("amdim", score_clip=1.0)
    apart = torch.full((2, 1, 16), -(0.125**0.5))
    apart[0] = 0.125**0.5
    cost, _ = method.cost(apart[:, 0], apart)  # 0.5 where it belongs and -0.5 elsewhere, bent to +-tanh 0.5
    assert cost.item() == pytest.approx(log(1 + exp(-2 * tanh(0.5))), abs=1e-6)


@pytest.mark.parametrize("name", ["byol", "simsiam", "mean_shift"])
def test_views_at_right_angles_are_at_chance(name):
    method, axes = make(name, projector_output=64), torch.eye(64)
    method.project = lambda images: axes[: len(images)]
    method.predictor = torch.nn.Identity()
    if name == "mean_shift":
        method.queue.rows.copy_(axes[48])
    if name != "simsiam":  # whose target is the other projection
        method.target = Says(axes[32:48] if name == "byol" else axes[32:40])
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-6)


@pytest.mark.parametrize("knobs", [{"patch_size": 2}, {}, {"patch_size": 8}, {"norm_pix": False}])
def test_a_silent_masked_autoencoder_is_at_chance(knobs):
    method = make("mae", **knobs)
    silence(method.pixels)
    views = views_of(method, batch_of(64))
    # noise that is normal once it is standardised
    views["images"] = 0.5 + 0.25 * torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    loss = method.loss(views).total.item()
    exact = method.knobs.norm_pix
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-4 if exact else 1e-2)


@pytest.mark.parametrize(("norm_pix", "cost"), [(True, 1.0), (False, 0.0016)])
def test_the_mean_of_a_patch_is_most_of_the_answer_unless_it_is_taken_out(norm_pix, cost):
    method, generator = make("mae", norm_pix=norm_pix), torch.Generator().manual_seed(0)
    patches = torch.rand(16, 1, 8, 8, generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    images = (patches + 0.01 * torch.randn(16, 1, 32, 32, generator=generator)).expand(-1, 3, -1, -1)
    views = {**views_of(method, batch_of(16)), "images": images}
    truth = method.patches(images)
    means = truth.mean(2, keepdim=True).expand_as(truth)  # all that is known of a patch
    method.rebuild = lambda views: 0 * means if norm_pix else means
    # the grain left within patches, (0.01 / 0.25)^2 once it is standardised
    assert method.loss(views).total.item() == pytest.approx(cost, rel=0.1)


IN_THEIR_OWN_TESTS = {
    "barlow_twins", "emp_ssl", "lejepa", "iic", "swav", "dino", "ibot", "msn", "data2vec", "ijepa", "simmim",
    "hybrid",
}  # fmt: skip
COLLAPSING = [n for n, m in methods().items() if m.card.collapse and n not in IN_THEIR_OWN_TESTS]


@pytest.mark.parametrize("name", COLLAPSING)
def test_collapse_value_of_the_card(name):
    method = make(name, batch_size=8)
    views = views_of(method, batch_of(8))
    if isinstance(method, TwoView):
        collapse_to_a_point(method)
    elif name == "mae":
        silence(method.pixels)
    elif name == "cpc":
        silence(method.predict)
    else:
        silence(method.head)
    expected = method.card.collapse(method.settings)
    assert method.loss(views).total.item() == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("name", ["autoencoder", "denoising_autoencoder"])
def test_a_silent_decoder_is_at_chance(name):
    method = make(name)
    silence(method.decoder)
    views = views_of(method, batch_of(8))
    truth = "clean" if "clean" in views else "images"
    # noise that is normal once it is standardised
    noise = torch.randn(views[truth].shape, generator=torch.Generator().manual_seed(0))
    loss = method.loss({**views, truth: 0.5 + 0.25 * noise}).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), abs=2e-2)


def test_simsiam_switch_lets_gradient_through_the_target():
    stopped, open_ = make("simsiam"), make("simsiam", stop_gradient=False)
    z = torch.rand(4, 64, requires_grad=True)
    assert not stopped.target(z).requires_grad and open_.target(z).requires_grad


def test_mae_cannot_see_hidden_patches():
    method = make("mae").eval()
    views = views_of(method, batch_of(4))
    hidden = views["mask"].view(4, 1, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    changed = {**views, "images": torch.where(hidden, 0.0, views["images"])}
    assert torch.allclose(method.rebuild(views), method.rebuild(changed))
    assert views["mask"].sum(1).tolist() == [48] * 4


def test_jigsaw_tiles_go_back_in_place():
    method = make("jigsaw", gap=0, tile_jitter=False, jitter=0, crop_min=1, flip=0)
    batch = batch_of(4)
    views = views_of(method, batch)
    from sslcore.views.tiles import apply_permutation, inverse_permutation, untile

    solved = apply_permutation(views["tiles"], inverse_permutation(method.permutation_set[views["target"]]))
    assert torch.allclose(untile(solved), batch.images, atol=1e-6)


@pytest.mark.parametrize("weight_decay", [0.0, 1.0])
def test_random_never_changes(weight_decay, tiny):
    from sslcore.training import Trainer

    trainer = Trainer(tiny_settings("random", steps=3, weight_decay=weight_decay), tiny)
    before = {key: value.clone() for key, value in trainer.method.state_dict().items()}
    list(trainer)
    after = trainer.method.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
