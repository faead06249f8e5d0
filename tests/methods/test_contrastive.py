"""What the contrastive methods do beyond the contract of all methods."""

import math

import pytest
import torch
from torch.nn import functional as F

from sslcore.errors import UserError
from sslcore.losses import normalized_mse, nt_xent
from sslcore.methods.base import Progress
from sslcore.methods.contrastive.cpc import Context, by_rows
from sslcore.registry import get_method
from sslcore.runs import checkpoint
from sslcore.training import Step, Trainer
from tests.conftest import tiny_settings
from tests.methods.test_closed_forms import collapse_to_a_point, silence
from tests.methods.test_conformance import batch_of, make, views_of


def test_the_hardest_negative_is_the_nearest_view_of_another_image():
    angles = torch.tensor([0.0, 0.3, 1.0, 3.0, 0.0, 0.3, 1.0, 2.2])  # four images, first and second views
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    found = make("triplet", mining="hardest").negatives(circle, torch.rand(4))
    assert (found % 4).tolist() == [1, 0, 1, 2, 1, 0, 1, 2]
    assert found[3] in (2, 6) and found[2] in (1, 5)


def test_semihard_negatives_lie_beyond_the_positive_where_there_are_any():
    method = make("triplet", mining="semihard")
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(30, 4, generator=generator)
    z = F.normalize(torch.cat([base, base + torch.randn(30, 4, generator=generator)]), dim=1)
    squared = torch.cdist(z, z).square()
    rows = torch.arange(60)
    own = squared[rows, (rows + 30) % 60]
    chosen = method.negatives(z, torch.rand(30))
    assert (chosen % 30 != rows % 30).all()
    for i in range(60):
        others = torch.tensor([squared[i, j] for j in range(60) if j % 30 != i % 30])
        beyond = others[others > own[i]]
        expected = beyond.min() if len(beyond) else others.max()
        assert squared[i, chosen[i]].item() == pytest.approx(expected.item(), abs=1e-5)


def test_random_negatives_are_other_images_each_once():
    method = make("triplet", mining="random")
    chosen = method.negatives(torch.randn(20, 4), torch.rand(10))
    assert (chosen % 10 != torch.arange(20) % 10).all()
    assert sorted(chosen.tolist()) == list(range(20))


def test_a_class_for_every_image_makes_simclr_of_supcon():
    method = make("supcon")
    views = {**views_of(method, batch_of(8)), "labels": torch.arange(8)}
    expected = nt_xent(*method.project_both(views), temperature=method.knobs.temperature)
    assert torch.allclose(method.loss(views).total, expected, atol=1e-5)


def test_a_bank_entry_moves_towards_its_image_and_keeps_unit_length():
    method = make("instance_discrimination", bank_momentum=0.25)
    views = views_of(method, batch_of(4))
    z = F.normalize(method.project(views["view"]).detach(), dim=1)
    before = method.bank.clone()
    method.loss(views)
    assert torch.equal(method.bank, before)
    method.after_step(Progress(1, 0.0))
    expected = F.normalize(0.25 * before[:4] + 0.75 * z, dim=1)
    assert torch.allclose(method.bank[:4], expected, atol=1e-5)
    assert torch.equal(method.bank[4:], before[4:])
    assert not method.bank.requires_grad


def test_instance_discrimination_at_collapse_is_log_of_the_images():
    method = make("instance_discrimination")
    collapse_to_a_point(method)
    method.bank.copy_(torch.eye(method.bank.shape[1])[0])
    loss = method.loss(views_of(method, batch_of(8))).total
    assert loss.item() == pytest.approx(math.log(64), abs=1e-5)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_every_version_of_moco_at_collapse(version):
    method = make("moco", version=version, batch_size=8, temperature=0.5)
    collapse_to_a_point(method)
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    expected = 4 * 0.5 * math.log(8) if version == "v3" else math.log(1 + method.knobs.queue_size)
    assert loss == pytest.approx(expected, abs=1e-4)
    assert method.card.collapse(method.settings) == pytest.approx(expected)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_every_version_of_moco_steps(version):
    method = make("moco", version=version, bn_groups=2)
    losses = method.loss(views_of(method, batch_of(8)))
    losses.total.backward()
    method.after_step(Progress(1, 0.5))
    assert losses.total.isfinite() and method.preview(views_of(method, batch_of(8)))


def test_the_queue_gets_this_steps_keys_after_the_step():
    method = make("moco")
    before = method.queue.rows.clone()
    method.loss(views_of(method, batch_of(8)))
    assert torch.equal(method.queue.rows, before)
    method.after_step(Progress(1, 0.0))
    assert method.queue.place == 8 and torch.equal(method.queue.rows[8:], before[8:])
    assert (method.queue.rows[:8] != before[:8]).any(1).all()


@pytest.mark.parametrize("name", ["moco", "nnclr", "mean_shift", "swav"])
def test_a_batch_that_does_not_divide_the_queue_goes_round(name):
    method, entering = make(name, queue_size=20, batch_size=10), 16 if name == "swav" else 8
    for step in range(1, 4):
        losses = method.loss(views_of(method, batch_of(8), seed=step))
        method.after_step(Progress(step, 0.0))
        assert losses.total.isfinite() and method.queue.place == entering * step % 20
    assert len(method.queue.rows) == 20


@pytest.mark.parametrize(("shuffle", "alike"), [(False, True), (True, False)])
def test_shuffling_parts_query_and_key(shuffle, alike):
    method = make("moco", bn_groups=4, shuffle_bn=shuffle)
    groups = []

    def record(images):
        groups.append(frozenset(images.mean((1, 2, 3)).tolist()))
        return images.flatten(1)[:, : method.knobs.projector_output]

    views = views_of(method, batch_of(16))
    views["view2"] = views["view1"]
    method.project = record
    del method.target
    method.target = record
    method.loss(views)
    assert (set(groups[:4]) == set(groups[4:])) == alike


def test_moco_v3_leaves_the_patches_of_a_transformer_random():
    method = make("moco", version="v3", encoder="vit")
    assert not any(p.requires_grad for p in method.encoder.patch_embedding.parameters())
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert method.encoder.patch_embedding.weight.grad is None


def test_nnclr_with_a_queue_of_one_cannot_beat_chance():
    method = make("nnclr", queue_size=1, batch_size=8)
    for _ in range(3):
        loss = method.loss(views_of(method, batch_of(8))).total.item()
        method.after_step(Progress(1, 0.0))
        assert loss >= math.log(8) - 1e-5


def test_nnclr_stores_projections_of_the_first_view():
    method = make("nnclr")
    views = views_of(method, batch_of(8))
    z1, _ = method.project_both(views)
    method.loss(views)
    method.after_step(Progress(1, 0.0))
    assert torch.allclose(method.queue.rows[:8], F.normalize(z1, dim=1), atol=1e-5)


def test_the_weak_view_of_mean_shift_is_cropped_and_flipped_only():
    method = make("mean_shift", crop_min=1, crop_max=1, flip=0, view_scale=1.0, rotation=90, noise=0.2)
    batch = batch_of(4)
    assert torch.allclose(views_of(method, batch)["view2"], batch.images, atol=1e-5)


def test_mean_shift_with_one_neighbour_is_byol_in_one_direction():
    method = make("mean_shift", neighbours=1)
    views = views_of(method, batch_of(8))
    prediction = method.predictor(method.project(views["view1"]))
    expected = normalized_mse(prediction, method.target(views["view2"]))
    assert torch.allclose(method.loss(views).total, expected, atol=1e-5)


def test_the_weak_view_keeps_its_colours():
    method = make("mean_shift", crop_min=1, flip=0, view_scale=1.0)
    batch = batch_of(8)
    views = views_of(method, batch)
    assert torch.allclose(views["view2"], batch.images, atol=1e-6)
    assert not torch.allclose(views["view1"], batch.images, atol=0.05)


def test_more_neighbours_than_there_are_embeddings_are_refused():
    with pytest.raises(UserError, match="set neighbours lower"):
        tiny_settings("mean_shift", neighbours=40, queue_size=10)


def test_decoupled_switches_between_dcl_and_dclw():
    views = views_of(make("decoupled"), batch_of(8))
    plain, weighted = (make("decoupled", weight_sigma=sigma).loss(views).total for sigma in (0.0, 0.5))
    assert not torch.allclose(plain, weighted)


def test_the_best_value_of_alignment_and_uniformity_is_reached_on_a_simplex():
    method = make("align_uniform", batch_size=8, projector_output=8)
    corners = torch.eye(8) - 1 / 8
    method.project_both = lambda views: (corners, corners)
    loss = method.loss({}).total.item()
    assert loss == pytest.approx(method.card.best(method.settings), abs=1e-5)


def test_on_the_circle_all_views_are_drawn_on_the_circle():
    method = make("align_uniform", projector_output=2)
    disc = method.preview(views_of(method, batch_of(8)))[-1].images[0, 0]
    drawn = disc.nonzero().float() / 63 * 2 - 1
    assert len(drawn) and torch.allclose(drawn.norm(dim=1), torch.ones(len(drawn)), atol=0.05)


def test_supervised_contrast_uses_the_labels():
    method = make("supcon")
    views = views_of(method, batch_of(8))
    other = {**views, "labels": views["labels"].flip(0).clamp(max=2)}
    assert not torch.allclose(method.loss(views).total, method.loss(other).total)
    assert get_method("supcon").needs_labels


@pytest.mark.parametrize("weights", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
@pytest.mark.parametrize("estimator", ["jsd", "info_nce"])
def test_every_part_of_deep_infomax_reaches_the_encoder(weights, estimator):
    names = ("global_weight", "local_weight", "prior_weight")
    method = make("deep_infomax", estimator=estimator, **dict(zip(names, weights, strict=True)))
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert sum(p.grad.abs().sum() for p in method.encoder.parameters() if p.grad is not None) > 0


@pytest.mark.parametrize("estimator", ["jsd", "info_nce"])
def test_deep_infomax_without_information_guesses(estimator):
    method = make("deep_infomax", estimator=estimator, global_weight=0.5, batch_size=8)
    for part in (method.global_query, method.local_query, method.discriminator):
        silence(part)
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-5)


def test_deep_infomax_does_not_guess_how_many_places_an_odd_image_has():
    chance, odd = make("deep_infomax").card.chance, {"estimator": "info_nce", "image_size": 40}
    assert math.isnan(chance(tiny_settings("deep_infomax", **odd)))
    assert chance(tiny_settings("deep_infomax", **odd, local_weight=0, global_weight=1)) > math.log(2)


@pytest.mark.parametrize("encoder", ["small", "resnet18"])
def test_places_of_deep_infomax_have_not_seen_the_whole_image(encoder):
    method = make("deep_infomax", encoder=encoder).eval()
    views = views_of(method, batch_of(2))
    views["places"].requires_grad_()
    method.scores(views)[2][0, 0, 0].backward()  # of the place in the upper left corner
    seen = views["places"].grad[0].abs().sum(0) > 0
    assert seen[:8, :8].any() and not seen[16:].any() and not seen[:, 16:].any()


def test_only_the_summary_of_deep_infomax_sees_other_colours():
    still = {"crop_min": 1, "crop_max": 1, "flip": 0}
    batch = batch_of(6)
    views = views_of(make("deep_infomax", jitter=1, **still), batch)
    assert torch.allclose(views["places"], batch.images, atol=1e-5)
    assert (views["images"] - batch.images).abs().amax((1, 2, 3)).min() > 0.01
    views = views_of(make("deep_infomax", jitter=0, grayscale=0, **still), batch)
    assert torch.allclose(views["images"], batch.images, atol=1e-5)


@pytest.mark.parametrize("name", ["deep_infomax", "amdim"])
def test_methods_of_feature_maps_refuse_a_transformer(name):
    with pytest.raises(UserError, match="set encoder to small or resnet18"):
        tiny_settings(name, encoder="vit")
    method = make(name, encoder="resnet18")
    assert method.loss(views_of(method, batch_of(2))).total.isfinite()


def test_amdim_without_information_counts_the_places_of_other_images():
    method = make("amdim", view_scale=1.0)
    for part in (method.projector, method.coarse_projector, method.fine_projector):
        silence(part)
    losses = method.loss(views_of(method, batch_of(8)))
    coarse, fine = math.log(1 + 7 * 4 * 4), math.log(1 + 7 * 8 * 8)
    assert losses.total.item() == pytest.approx((2 * coarse + fine) / 3, abs=1e-5)
    assert losses.terms["score_penalty"] == 0


def test_amdim_bends_scores_to_stay_within_the_clip():
    method = make("amdim", score_clip=2.0)
    queries, places = 100 * torch.randn(4, 128), torch.randn(4, 3, 128)
    cost, square = method.cost(queries, places)
    assert cost <= math.log(1 + 3 * 3) + 4 and square > 4


def test_the_context_never_looks_down():
    context = Context(6)
    rows = torch.randn(2, 6, 5, 5, requires_grad=True)
    context(rows)[:, :, 2].sum().backward()
    assert rows.grad[:, :, 3:].abs().sum() == 0 and rows.grad[:, :, :3].abs().sum() > 0


def test_patches_overlap_by_half():
    method = make("cpc")
    images = torch.rand(2, 3, 32, 32)
    patches = method.patches(images)
    assert patches.shape == (2, 49, 3, 8, 8)
    assert torch.equal(patches[1, 9], images[1, :, 4:12, 8:16])
    assert torch.equal(patches[:, 0, :, :, 4:], patches[:, 1, :, :, :4])


def test_cpc_counts_how_often_it_picks_the_right_patch():
    method = make("cpc")
    z = F.normalize(torch.randn(2, 200, 7, 7, generator=torch.Generator().manual_seed(0)), dim=1)
    method.embed = lambda patches: z  # a direction for each place
    method.context[0].forward = lambda rows: rows
    for known, accuracy in ((1, 1.0), (0, 1 / 14)):  # the patches of a row of two images
        for k, W_k in zip(method.steps, method.predict[0], strict=True):
            W_k.forward = lambda c, k=k, known=known: known * by_rows(z[:, :, k:])
        found = method.loss({"patches": torch.zeros(1)}).metrics["pretext_accuracy"]
        assert found == pytest.approx(accuracy)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_versions_of_cpc_step(version):
    method = make("cpc", version=version)
    views = views_of(method, batch_of(4))
    losses = method.loss(views)
    losses.total.backward()
    assert losses.total.isfinite() and method.preview(views)
    assert len(method.context) == (4 if version == "v2" else 1)


class NextRow(torch.nn.Module):
    """A context that knows what comes: every place's is the embedding one row below."""

    def forward(self, z):
        self.seen = z
        return z.roll(-1, 2)


def test_cpc_v2_looks_in_four_directions():
    method = make("cpc", version="v2", nearest_row=1, farthest_row=1)
    grid = method.knobs.patch_grid
    z = torch.randn(3, method.encoder.feature_dim, grid, grid, generator=torch.Generator().manual_seed(0))
    z = F.normalize(z, dim=1)
    method.embed = lambda patches: z
    method.context = torch.nn.ModuleList(NextRow() for _ in range(4))
    method.predict = torch.nn.ModuleList(torch.nn.ModuleList([torch.nn.Identity()]) for _ in range(4))
    losses = method.loss({"patches": None})
    assert losses.metrics["pretext_accuracy"] == 1, "what is below in one direction is not in another"
    for turns, context in enumerate(method.context):
        assert torch.equal(context.seen, z.rot90(turns, (2, 3)))


def test_cpc_settings_that_cannot_work():
    with pytest.raises(UserError, match="set nearest_row to 2 and farthest_row to 2"):
        tiny_settings("cpc", patch_grid=3, farthest_row=3)
    with pytest.raises(UserError, match="under 4 px"):
        make("cpc", size=24, patch_grid=12)


@pytest.mark.parametrize("name", ["instance_discrimination", "moco", "nnclr", "mean_shift"])
def test_a_resumed_run_remembers_what_it_stored(name, tiny, tmp_path):
    settings = tiny_settings(name, steps=4)
    whole = Trainer(settings, tiny)
    list(whole)
    half = Trainer(settings, tiny)
    for event in half:
        if isinstance(event, Step) and event.step == 2:
            break
    checkpoint.save(tmp_path, half.state())
    resumed = Trainer(settings, tiny, resume=checkpoint.load(tmp_path))
    list(resumed)
    after = resumed.method.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in whole.method.state_dict().items())
