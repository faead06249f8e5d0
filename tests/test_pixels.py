import torch

from sslcore.pixels import as_floats


def test_bytes_become_the_unit_interval_and_numbers_stay():
    levels = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    assert torch.equal(as_floats(levels), torch.tensor([[0.0, 0.2, 1.0]]))
    assert levels[0, 1] == 51
    numbers = torch.tensor([0.25, 3.0])
    assert torch.equal(as_floats(numbers), numbers)
    assert as_floats(numbers.double()).dtype == torch.float32
