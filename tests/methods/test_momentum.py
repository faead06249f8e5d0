import pytest
import torch

from sslcore.methods.momentum import in_groups


def test_groups_do_not_change_what_a_network_without_batch_statistics_says():
    images, lot = torch.rand(10, 3, 4, 4), torch.rand(10)
    assert torch.equal(in_groups(lambda x: x.flatten(1), images, lot, 3), images.flatten(1))


def test_batch_norm_sees_one_group_at_a_time():
    norm = torch.nn.BatchNorm1d(1)
    rows, lot = torch.tensor([[0.0], [10.0], [2.0], [14.0]]), torch.tensor([0.1, 0.9, 0.2, 0.8])
    together = in_groups(norm, rows, lot, 2).flatten()
    assert torch.allclose(together, torch.tensor([-1.0, -1.0, 1.0, 1.0]), atol=1e-4)


@pytest.mark.parametrize(("count", "groups", "sizes"), [(2, 16, [2]), (33, 4, [9, 8, 8, 8]), (5, 4, [3, 2])])
def test_no_group_has_a_single_image(count, groups, sizes):
    seen = []

    def network(part: torch.Tensor) -> torch.Tensor:
        seen.append(len(part))
        return part

    in_groups(network, torch.rand(count, 1), torch.rand(count), groups)
    assert seen == sizes
