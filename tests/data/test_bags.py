import torch

from sslcore.data.bags import Bags

NUMBERS = torch.tensor([7, 3, 7, 9, 3, 7])  # bags of three, two and one


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_epoch_has_one_image_of_every_bag():
    bags = Bags(NUMBERS)
    assert len(bags) == 3
    for seed in range(20):
        assert sorted(NUMBERS[bags.one_of_each(seeded(seed))].tolist()) == [3, 7, 9]


def test_every_image_and_every_order_comes_up():
    bags, generator = Bags(NUMBERS), seeded()
    drawn = [tuple(bags.one_of_each(generator).tolist()) for _ in range(500)]
    assert {image for images in drawn for image in images} == set(range(6))
    assert {tuple(NUMBERS[list(images)].tolist()) for images in drawn} == {
        (3, 7, 9), (3, 9, 7), (7, 3, 9), (7, 9, 3), (9, 3, 7), (9, 7, 3)
    }  # fmt: skip


def test_partners_are_other_images_of_the_same_bag_all_alike_often():
    bags, generator = Bags(NUMBERS), seeded()
    index = torch.tensor([0, 1, 3])
    drawn = torch.stack([bags.partners(index, generator) for _ in range(1000)])
    assert set(drawn[:, 0].tolist()) == {2, 5}
    assert set(drawn[:, 1].tolist()) == {4}
    assert set(drawn[:, 2].tolist()) == {3}  # alone in its bag
    assert abs((drawn[:, 0] == 2).double().mean().item() - 0.5) < 4 * 0.5 / 1000**0.5


def test_going_ahead_comes_round():
    bags, index = Bags(NUMBERS), torch.arange(6)
    assert bags.ahead(index).tolist() == [2, 4, 5, 3, 1, 0]
    assert torch.equal(bags.ahead(index, bags.sizes[bags.bag]), index)


def test_the_same_generator_draws_the_same():
    bags, index = Bags(NUMBERS), torch.arange(6)
    assert torch.equal(bags.partners(index, seeded(3)), bags.partners(index, seeded(3)))
    assert torch.equal(bags.one_of_each(seeded(3)), bags.one_of_each(seeded(3)))
