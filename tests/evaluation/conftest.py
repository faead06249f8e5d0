import pytest
import torch


@pytest.fixture
def clusters():
    """Overlapping classes: (features (600, 12), labels) to fit on and (200, 12) to score on."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(5, 12, generator=generator)
    labels = torch.randint(5, (800,), generator=generator)
    features = centres[labels] + 1.2 * torch.randn(800, 12, generator=generator) + 3
    return features[:600], labels[:600], features[600:], labels[600:]
