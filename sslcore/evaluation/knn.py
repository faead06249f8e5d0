"""Weighted k-nearest-neighbour classification: how well do neighbours in feature space share a class?

Nothing is trained, so it reads a representation as it is. Wu et al. 2018, arXiv 1805.01978, section 3.4.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.evaluation._check import as_features, as_labels, require_same_width

_SIMILARITIES_AT_ONCE = 2**23  # bounds the memory of one block of the similarity matrix to 32 MiB


def knn_accuracy(
    train_features: Any,
    train_labels: Any,
    test_features: Any,
    test_labels: Any,
    *,
    k: int = 20,
    temperature: float = 0.1,
) -> float:
    """Share of test samples whose neighbours vote for the right class, in [0, 1].

    The arguments are those of :func:`knn_predict`; ``test_labels`` is (m,).
    Chance is :func:`sslcore.evaluation.chance` of the labels.
    """
    predicted = knn_predict(train_features, train_labels, test_features, k=k, temperature=temperature)
    correct = predicted == as_labels("test", test_labels, predicted)
    return int(correct.sum()) / len(correct)


def knn_predict(
    train_features: Any, train_labels: Any, test_features: Any, *, k: int = 20, temperature: float = 0.1
) -> Tensor:
    """The class each test sample's k nearest training samples vote for, (m,) int64.

    A neighbour at cosine s votes with weight exp(s / temperature). Features are centred by the training
    mean first: representations after a ReLU all point into one corner, and cosine is blind there.
    Ties go to the smaller class number.

    Args:
        train_features: (n, d), the bank; any float type, tensor or array.
        train_labels: (n,) integers from 0.
        test_features: (m, d).
        k: neighbours that vote, at least 1; all of them if the bank is smaller.
        temperature: above 0; small values trust the nearest neighbour, large ones count heads.

    Raises:
        UserError: if shapes do not fit, a label is negative, or a hyperparameter is out of range.
    """
    if not temperature > 0:
        raise UserError(f"temperature must be above 0, got {temperature}.")
    train = as_features("training", train_features)
    labels = as_labels("training", train_labels, train)
    similarity, index = nearest(train, test_features, k=k)
    votes = similarity.new_zeros(len(similarity), int(labels.max()) + 1)
    # Subtracting the best similarity of each row changes no vote and keeps exp finite at any temperature.
    votes.scatter_add_(1, labels[index], ((similarity - similarity[:, :1]) / temperature).exp())
    return votes.argmax(1)


def nearest(bank: Any, queries: Any, *, k: int = 20) -> tuple[Tensor, Tensor]:
    """The k most similar rows of the bank for each query, by cosine on features centred by the bank's mean.

    Args:
        bank: (n, d). A query that is itself in the bank finds itself first.
        queries: (m, d).
        k: at least 1; reduced to n if the bank is smaller.

    Returns:
        Similarities in [-1, 1] and row numbers, both (m, k), most similar first, on the bank's device.

    Raises:
        UserError: if the widths differ, a side is empty, or k is below 1.
    """
    if k < 1:
        raise UserError(f"k must be at least 1, got {k}.")
    bank = as_features("training", bank)
    queries = as_features("test", queries, bank.device).to(bank.dtype)
    require_same_width(bank, queries)
    centre = bank.mean(0)
    bank, queries = F.normalize(bank - centre, dim=1), F.normalize(queries - centre, dim=1)
    blocks = queries.split(max(1, _SIMILARITIES_AT_ONCE // len(bank)))
    found = [(block @ bank.T).topk(min(k, len(bank)), dim=1) for block in blocks]
    return torch.cat([block.values for block in found]), torch.cat([block.indices for block in found])
