import pytest
import torch

from sslcore.views.corrupt import corrupt
from tests.methods.test_conformance import batch_of, make, views_of

KINDS = ["masking", "gaussian", "salt_and_pepper"]


@pytest.mark.parametrize("kind", KINDS)
def test_without_noise_nothing_is_damaged(kind):
    views = views_of(make("denoising_autoencoder", noise_kind=kind, noise_level=0.0), batch_of(3))
    assert torch.equal(views["damaged"], views["clean"])


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_seen_is_damaged(kind):
    whole = views_of(make("denoising_autoencoder", noise_level=0.0), batch_of(3))["clean"]
    views = views_of(make("denoising_autoencoder", noise_kind=kind, noise_level=0.5), batch_of(3))
    assert torch.equal(views["clean"], whole)
    changed = (views["damaged"] != whole).any(1).float().mean().item()
    assert changed > 0.9 if kind == "gaussian" else changed == pytest.approx(0.5, abs=0.05)


def test_the_best_linear_denoiser_of_grain_shrinks():
    """Of values with variance s^2 under grain of variance n^2, s^2 / (s^2 + n^2) of what is seen is the best answer
    and leaves s^2 n^2 / (s^2 + n^2)."""
    method = make("denoising_autoencoder", noise_kind="gaussian", noise_level=0.1)
    views = views_of(method, batch_of(32))
    generator = torch.Generator().manual_seed(0)
    views["clean"] = 0.5 + 0.1 * torch.randn(32, 3, 32, 32, generator=generator)
    views["damaged"] = corrupt(views["clean"], "gaussian", 0.1, generator=generator)
    losses = {}
    for share in (0.4, 0.5, 0.6):
        answer = share * method.encoder.standardise(views["damaged"])
        method.decoder.forward = lambda code, answer=answer: answer
        losses[share] = method.loss(views).total.item()
    assert losses[0.5] == pytest.approx(0.5 * (0.1 / 0.25) ** 2, rel=0.02)
    assert losses[0.5] < min(losses[0.4], losses[0.6])


def test_the_undamaged_image_is_what_is_asked_for():
    method = make("denoising_autoencoder")
    views = views_of(method, batch_of(4))
    method.decoder.forward = lambda code: method.encoder.standardise(views["clean"])
    assert method.loss(views).total == 0
