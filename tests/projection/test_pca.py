import math

import numpy as np
import pytest
import torch

from sslcore.errors import UserError
from sslcore.projection import align, pca


def features(count=50, width=8, seed=0):
    scale = np.linspace(3, 0.5, width)
    return (np.random.default_rng(seed).normal(size=(count, width)) * scale + 4).astype(np.float32)


def rms_radius(xy):
    return np.sqrt((xy.astype(float) ** 2).sum(1).mean())


@pytest.mark.parametrize(("count", "width"), [(50, 8), (8, 50), (30, 2)])
def test_the_axes_are_the_first_singular_vectors(count, width):
    x = features(count, width)
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    expected = u[:, :2] * s[:2]
    expected /= rms_radius(expected)
    xy = pca(x)
    assert xy.dtype == np.float32
    assert np.abs(xy) == pytest.approx(np.abs(expected), abs=1e-4)


def test_a_map_is_centred_with_unit_radius():
    xy = pca(features())
    assert xy.mean(0) == pytest.approx([0, 0], abs=1e-6)
    assert rms_radius(xy) == pytest.approx(1)


def test_the_sign_is_settled():
    assert pca(features()) == pytest.approx(pca(features()[:, ::-1]), abs=1e-4)
    assert (pca(features())[np.abs(pca(features())).argmax(0), [0, 1]] > 0).all()


@pytest.mark.parametrize("mirror", [1, -1])
def test_alignment_recovers_a_turned_and_mirrored_copy(mirror):
    old = pca(features())
    turn = np.array([[math.cos(2), -math.sin(2)], [math.sin(2), math.cos(2)]]) * [1, mirror]
    assert align(7 * old @ turn + 3, old) == pytest.approx(old, abs=1e-5)


def test_alignment_neither_bends_nor_stretches():
    new, old = pca(features(seed=1)), pca(features(seed=2))
    aligned = align(new, old)
    gaps = [np.linalg.norm(xy[:, None] - xy[None], axis=-1) for xy in (new, aligned)]
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-5)
    assert ((aligned - old) ** 2).sum() <= ((new - old) ** 2).sum()


def test_pca_stays_near_the_previous_map():
    x = features()
    turned = pca(x)[:, ::-1] * [1, -1]
    assert pca(x, turned) == pytest.approx(turned, abs=1e-4)


def test_a_map_of_other_samples_is_ignored():
    assert pca(features(), np.ones((3, 2))) == pytest.approx(pca(features()))


@pytest.mark.parametrize(
    "x", [np.ones((5, 3)), np.full((5, 3), 0.1), np.zeros((1, 3)), np.full((4, 2), np.nan)]
)
def test_where_nothing_varies_all_points_coincide(x):
    assert pca(x).tolist() == [[0, 0]] * len(x)


def test_one_dimension_is_drawn_on_a_line():
    xy = pca(np.arange(5.0)[:, None])
    assert xy[:, 1].tolist() == [0] * 5
    assert rms_radius(xy) == pytest.approx(1)


def test_no_samples_make_an_empty_map():
    assert pca(np.ones((0, 4))).shape == (0, 2)


def test_tensors_of_any_float_type_are_welcome():
    x = torch.from_numpy(features()).requires_grad_()
    assert pca(x) == pytest.approx(pca(features()))
    assert pca(x.bfloat16()) == pytest.approx(pca(features()), abs=0.05)


def test_images_are_refused():
    with pytest.raises(UserError, match="shape"):
        pca(np.ones((2, 3, 4)))
