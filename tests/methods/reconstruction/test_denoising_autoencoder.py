import pytest
import torch

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


def test_the_undamaged_image_is_what_is_asked_for():
    method = make("denoising_autoencoder")
    views = views_of(method, batch_of(4))
    method.decoder.forward = lambda code: method.encoder.standardise(views["clean"])
    assert method.loss(views).total == 0
