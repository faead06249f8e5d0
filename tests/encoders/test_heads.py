import torch

from sslcore.encoders import Prototypes


def test_only_directions_of_embeddings_and_prototypes_count():
    prototypes, z = Prototypes(6, 9), torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    answer = prototypes(z)
    assert answer.shape == (5, 9) and answer.abs().max() <= 1 + 1e-6
    assert torch.allclose(prototypes(7 * z), answer, atol=1e-6)
    with torch.no_grad():
        prototypes.weight.mul_(3)
    assert torch.allclose(prototypes(z), answer, atol=1e-6)
