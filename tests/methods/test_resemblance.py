import torch

from sslcore.methods.base import resemblance


def test_what_stands_out_is_a_picture():
    panel = resemblance(2 * torch.eye(4) - 1)
    assert torch.equal(panel.images, torch.eye(4)[None, None]) and "diagonal" in panel.text


def test_where_all_look_alike_a_sentence_says_so():
    panel = resemblance(torch.ones(4, 4) - 0.1 * torch.eye(4))
    assert len(panel.images) == 0 and "nearly alike" in panel.text
