import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.evaluation import knn, knn_accuracy, knn_predict, nearest


def slow_predictions(train, labels, test, k, temperature):
    """The definition, one query at a time."""
    centre, predictions = train.mean(0), []
    for query in test - centre:
        cosines = torch.nn.functional.cosine_similarity(query[None], train - centre)
        votes = {}
        for index in cosines.argsort(descending=True)[:k].tolist():
            vote = math.exp(cosines[index].item() / temperature)
            votes[labels[index].item()] = votes.get(labels[index].item(), 0) + vote
        predictions.append(max(votes, key=votes.get))
    return predictions


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (7, 0.1), (20, 0.5), (600, 10.0)])
def test_predictions_agree_with_the_definition(clusters, k, temperature):
    train, labels, test, _ = clusters
    fast = knn_predict(train, labels, test, k=k, temperature=temperature)
    assert fast.tolist() == slow_predictions(train, labels, test, k, temperature)


def test_blocks_do_not_change_the_answer(clusters, monkeypatch):
    train, labels, test, _ = clusters
    whole = knn_predict(train, labels, test)
    monkeypatch.setattr(knn, "_SIMILARITIES_AT_ONCE", 1000)
    assert torch.equal(knn_predict(train, labels, test), whole)


def test_every_sample_is_its_own_nearest_neighbour(clusters):
    train, labels, _, _ = clusters
    assert knn_accuracy(train, labels, train, labels, k=1) == 1
    similarity, index = nearest(train, train, k=3)
    assert torch.equal(index[:, 0], torch.arange(600))
    assert torch.allclose(similarity[:, 0], torch.ones(600))


def test_accuracy_is_the_share_of_right_predictions(clusters):
    train, labels, test, test_labels = clusters
    predictions = knn_predict(train, labels, test)
    assert knn_accuracy(*clusters) == pytest.approx((predictions == test_labels).double().mean().item())


def test_constant_features_are_at_chance(clusters):
    _, labels, _, test_labels = clusters
    accuracy = knn_accuracy(torch.full((600, 4), 0.1), labels, torch.full((200, 4), 0.1), test_labels)
    assert accuracy <= test_labels.bincount().max() / 200


def test_permuted_labels_are_at_chance(clusters):
    train, labels, test, test_labels = clusters
    shuffled = labels[torch.randperm(600, generator=torch.Generator().manual_seed(0))]
    assert knn_accuracy(train, shuffled, test, test_labels) < 0.3


def test_scale_and_offset_of_the_features_do_not_matter(clusters):
    train, labels, test, _ = clusters
    before = knn_predict(train, labels, test)
    assert torch.equal(knn_predict(8 * train + 16, labels, 8 * test + 16), before)


def test_a_bank_smaller_than_k_votes_as_a_whole():
    assert knn_predict(torch.eye(3), [0, 1, 1], torch.eye(3), k=20, temperature=1e6).tolist() == [1, 1, 1]


@pytest.mark.parametrize("temperature", [1e-4, 1e4])
def test_extreme_temperatures_stay_finite(clusters, temperature):
    assert knn_accuracy(*clusters, temperature=temperature) > 0.4


def test_numpy_and_half_precision_are_welcome(clusters):
    train, labels, test, test_labels = clusters
    arrays = [part.numpy() for part in clusters]
    assert knn_accuracy(*arrays) == knn_accuracy(*clusters)
    narrow = knn_accuracy(train.bfloat16(), labels.int(), test.bfloat16(), test_labels)
    assert narrow == pytest.approx(knn_accuracy(*clusters), abs=0.05)


def test_no_gradient_reaches_the_features(clusters):
    train, labels, test, _ = clusters
    similarity, _ = nearest(train.requires_grad_(), test.requires_grad_())
    assert not similarity.requires_grad
    assert not knn_predict(train, labels, test).requires_grad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"train_labels": [0, 1]}, "each needs one"),
        ({"train_labels": [0, -1, 1]}, "negative"),
        ({"test_features": torch.ones(2, 5)}, "same encoder"),
        ({"train_features": torch.ones(0, 4), "train_labels": []}, "at least 1"),
    ],
)
def test_mistakes_are_named(change, message):
    arguments = {"train_features": torch.eye(3, 4), "train_labels": [0, 1, 2]}
    arguments |= {"test_features": torch.eye(2, 4), "test_labels": [0, 1]}
    with pytest.raises(UserError, match=message):
        knn_accuracy(**arguments | change)
