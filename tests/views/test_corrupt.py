import pytest
import torch

from sslcore.errors import UserError
from sslcore.views import corrupt
from tests.views.helpers import seeded

GRAY = torch.full((8, 3, 64, 64), 0.5)


def test_gaussian_corruption_adds_noise_of_the_given_deviation():
    noisy = corrupt(GRAY, "gaussian", 0.1, generator=seeded())
    assert (noisy - GRAY).std().item() == pytest.approx(0.1, rel=0.02)
    assert abs((noisy - GRAY).mean().item()) < 0.002


def test_masking_blackens_whole_pixels():
    damaged = corrupt(GRAY, "masking", 0.3, generator=seeded())
    assert set(damaged.unique().tolist()) == {0.0, 0.5}
    assert (damaged == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert torch.equal(damaged[:, 0], damaged[:, 2])


def test_salt_and_pepper_are_equally_many():
    damaged = corrupt(GRAY, "salt_and_pepper", 0.4, generator=seeded())
    assert (damaged == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert (damaged == 1).float().mean().item() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper"])
def test_strength_zero_changes_nothing_and_seeds_decide(kind):
    assert torch.equal(corrupt(GRAY, kind, 0.0, generator=seeded()), GRAY)
    first = corrupt(GRAY, kind, 0.2, generator=seeded(1))
    assert torch.equal(first, corrupt(GRAY, kind, 0.2, generator=seeded(1)))
    assert not torch.equal(first, corrupt(GRAY, kind, 0.2, generator=seeded(2)))


def test_an_unknown_corruption_is_refused():
    with pytest.raises(UserError, match="choose one of gaussian, masking, salt_and_pepper"):
        corrupt(GRAY, "coffee", 0.2, generator=seeded())
