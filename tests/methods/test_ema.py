import pytest
import torch

from sslcore.methods.ema import momentum_at, target_of, update_target


def test_moving_average_is_the_weighted_mean():
    online = torch.nn.Linear(2, 2)
    target = target_of(online)
    with torch.no_grad():
        online.weight.add_(1.0)
    update_target(target, online, 0.75)
    assert torch.allclose(target.weight, online.weight - 0.75)
    assert not any(p.requires_grad for p in target.parameters())
    assert momentum_at(0.9, 0.0) == pytest.approx(0.9) and momentum_at(0.9, 1.0) == pytest.approx(1.0)
