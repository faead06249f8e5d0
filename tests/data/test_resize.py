import torch

from sslcore.data.resize import resize


def test_constant_images_stay_constant():
    images = torch.tensor([0, 7, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(5, 3, 28, 28)
    assert torch.equal(resize(images, 32), images[:, :, :1, :1].expand(5, 3, 32, 32))


def test_the_same_size_returns_the_same_pixels():
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(resize(images, 16), images)


def test_chunks_make_no_difference():
    images = torch.randint(0, 256, (7, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(resize(images, 12, chunk=2), resize(images, 12))
