import pytest
import torch


@pytest.fixture
def views():
    """Two views of a small batch in float64: (4, 3) each, far from degenerate."""
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(2, 4, 3, dtype=torch.float64, generator=generator))
