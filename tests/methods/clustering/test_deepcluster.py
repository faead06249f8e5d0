import math

import pytest
import torch

from sslcore.methods.base import Epoch
from tests.conftest import make_data
from tests.methods.test_conformance import batch_of, make, views_of


def epoch(step=0, seed=0):
    return Epoch(step, make_data(64).train.images, torch.Generator().manual_seed(seed))


@pytest.fixture(params=["v1", "v2"])
def method(request):
    return make("deepcluster", version=request.param, clusters=8, clusterings=2, recluster_every=50)


def sort(method, step=0, seed=0):
    with torch.no_grad():
        method.on_epoch(epoch(step, seed))


def test_every_image_gets_a_cluster_in_every_sorting(method):
    sort(method)
    target = method.sortings.target
    assert target.shape == (64, 2) and target.unique().tolist() == list(range(8))
    assert not torch.equal(target[:, 0], target[:, 1])
    views = views_of(method, batch_of(10))
    assert torch.equal(views["target"], target[:10])
    assert ("view2" in views) == (method.knobs.version == "v2")


def test_images_of_a_colour_share_a_cluster():
    """Four colours and eight clusters: even with random features hardly any cluster mixes colours."""
    method = make("deepcluster", version="v2", clusters=8, clusterings=2)
    sort(method)
    colour = make_data(64).train.labels
    mixed = [colour[method.sortings.target[:, 0] == c].unique().numel() > 1 for c in range(8)]
    assert sum(mixed) <= 2


def test_sorting_waits_for_its_time(method):
    sort(method)
    first = method.sortings.target.clone()
    sort(method, step=49, seed=1)
    assert torch.equal(method.sortings.target, first) and method.sorted_at == 0
    sort(method, step=50, seed=1)
    assert not torch.equal(method.sortings.target, first) and method.sorted_at == 50
    assert 0 < method.sortings.agreement <= 1


def test_images_of_large_clusters_count_less(method):
    sort(method)
    views = views_of(method, batch_of(10))
    lone = torch.zeros_like(views["weight"])
    lone[3, 1] = 20.0  # of ten images in two sortings the only one that counts
    logits = method.answer(torch.cat([views[name] for name in ("view1", "view2") if name in views]))
    own = logits[3::10, 1].log_softmax(1)[:, views["target"][3, 1]]
    assert method.loss({**views, "weight": lone}).total.item() == pytest.approx(-own.mean().item(), rel=1e-4)


def test_one_cluster_for_all_costs_v1_nothing():
    method = make("deepcluster", version="v1", clusters=8, clusterings=1)
    method.sortings.target.fill_(3)
    with torch.no_grad():
        method.classifier.weight.zero_()
        method.classifier.bias.zero_()[3] = 50.0
    loss = method.loss(views_of(method, batch_of(10))).total.item()
    assert loss == pytest.approx(method.card.collapse(method.settings), abs=1e-6)


def test_looking_at_all_images_leaves_batch_norm_alone(method):
    before = {key: value.clone() for key, value in method.encoder.state_dict().items()}
    sort(method)
    assert all(torch.equal(value, before[key]) for key, value in method.encoder.state_dict().items())
    assert method.training


def test_v1_starts_its_classifier_anew():
    method = make("deepcluster", version="v1", clusters=8, recluster_every=1)
    sort(method)
    first = method.classifier.weight.clone()
    sort(method, step=1, seed=1)
    assert not torch.equal(method.classifier.weight, first) and method.classifier.weight.requires_grad
    assert method.classifier.weight.std().item() == pytest.approx(0.01, rel=0.3)
    assert method.classifier.bias.abs().max() == 0


def test_v2_knows_its_own_centroids():
    method = make("deepcluster", version="v2", clusters=8, clusterings=2)
    sort(method)
    rows = method.features(make_data(64).train.images)
    logits = rows @ method.sortings.centroids.flatten(0, 1).T
    assert torch.equal(logits.view(64, 2, 8).argmax(2), method.sortings.target)


def test_silence_is_at_chance(method):
    sort(method)
    method.answer = lambda images: torch.zeros(len(images), 2, 8)
    views = views_of(method, batch_of(64))  # the whole training set: weights are 1 on average
    assert method.loss(views).total.item() == pytest.approx(math.log(8), abs=1e-4)
    assert method.card.chance(method.settings) == pytest.approx(math.log(8))
