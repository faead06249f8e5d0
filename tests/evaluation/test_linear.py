import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sslcore.errors import UserError
from sslcore.evaluation import linear_probe


@pytest.mark.parametrize("strength", [1e-4, 1e-2])
def test_the_fit_is_scikit_learns(clusters, strength):
    train, labels, test, test_labels = (part.numpy() for part in clusters)
    scaler = StandardScaler().fit(train)
    # scikit-learn minimises C * sum(CE) + ||W||^2 / 2.
    theirs = LogisticRegression(C=1 / (2 * strength * len(train)), max_iter=1000, tol=1e-8)
    theirs.fit(scaler.transform(train), labels)
    ours = linear_probe(train, labels, test, test_labels, regularisation=strength)
    assert ours.accuracy == pytest.approx(theirs.score(scaler.transform(test), test_labels), abs=0.005)
    assert ours.weight.numpy() == pytest.approx(theirs.coef_, abs=0.01)


def test_one_hot_labels_as_features_are_read_perfectly(clusters):
    _, labels, _, test_labels = clusters
    features = [torch.nn.functional.one_hot(part, 5) for part in (labels, test_labels)]
    probe = linear_probe(features[0], labels, features[1], test_labels)
    assert (probe.accuracy, probe.train_accuracy) == (1, 1)


def test_no_iterations_leave_the_blind_classifier(clusters):
    probe = linear_probe(*clusters, iterations=0)
    assert torch.equal(probe.weight, torch.zeros(5, 12))
    assert torch.equal(probe.bias, torch.zeros(5))


def test_permuted_labels_are_at_chance(clusters):
    train, labels, test, test_labels = clusters
    shuffled = labels[torch.randperm(600, generator=torch.Generator().manual_seed(0))]
    assert linear_probe(train, shuffled, test, test_labels).accuracy < 0.3


def test_constant_features_name_the_most_frequent_class(clusters):
    _, labels, _, test_labels = clusters
    probe = linear_probe(torch.full((600, 3), 0.1), labels, torch.full((200, 3), 0.1), test_labels)
    assert probe.accuracy == (test_labels == labels.bincount().argmax()).double().mean().item()


def test_scale_and_offset_of_every_dimension_do_not_matter(clusters):
    train, labels, test, test_labels = clusters
    scale = torch.logspace(-3, 3, 12)
    moved = linear_probe(train * scale + 5 * scale, labels, test * scale + 5 * scale, test_labels)
    assert moved.accuracy == pytest.approx(linear_probe(*clusters).accuracy, abs=0.01)


def test_the_strength_is_chosen_for_unseen_samples():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3000, 400, generator=generator)
    labels = (features[:, :5].sum(1) + torch.randn(3000, generator=generator) > 0).long()
    split = features[:1000], labels[:1000], features[1000:], labels[1000:]
    chosen, weak = linear_probe(*split), linear_probe(*split, regularisation=1e-6)
    assert chosen.regularisation == 1e-2
    assert chosen.accuracy > weak.accuracy


def test_predictions_are_those_that_were_scored(clusters):
    probe = linear_probe(*clusters)
    assert (probe.predict(clusters[2]) == clusters[3]).double().mean().item() == pytest.approx(float(probe))


def test_it_is_deterministic_and_leaves_the_global_generator_alone(clusters):
    state = torch.get_rng_state()
    first, second = linear_probe(*clusters), linear_probe(*clusters)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_fits_inside_a_block_without_gradients(clusters, mode):
    expected = linear_probe(*clusters).accuracy
    with mode():
        assert linear_probe(*(part.clone() for part in clusters)).accuracy == expected


def test_no_gradient_reaches_the_features(clusters):
    train, labels, test, test_labels = clusters
    probe = linear_probe(train.requires_grad_(), labels, test, test_labels)
    assert train.grad is None
    assert not probe.weight.requires_grad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 2}, "only 2 classes"),
        ({"train_features": torch.full((3, 4), math.nan)}, "not finite"),
        ({"test_labels": [0]}, "each needs one"),
        ({"test_features": torch.ones(2, 5)}, "same encoder"),
    ],
)
def test_mistakes_are_named(change, message):
    arguments = {"train_features": torch.eye(3, 4), "train_labels": [0, 1, 2]}
    arguments |= {"test_features": torch.eye(2, 4), "test_labels": [0, 1]}
    with pytest.raises(UserError, match=message):
        linear_probe(**arguments | change)
