from dataclasses import replace

import pytest
import torch

from sslcore.data.images import ImageData, Split, assemble, balanced, stratified


def some(count: int, classes: int = 4) -> Split:
    images = torch.arange(count * 3 * 4 * 4).remainder(256).to(torch.uint8).view(count, 3, 4, 4)
    number = torch.arange(count)
    return Split(images, number % classes, {"number": number}, number // 2)


def test_taking_images_takes_their_labels_factors_and_bags_along():
    part = some(10).take(torch.tensor([7, 2]))
    assert part.labels.tolist() == [3, 2]
    assert part.factors["number"].tolist() == [7, 2]
    assert part.bags.tolist() == [3, 1]
    assert torch.equal(part.images[0], some(10).images[7])


def test_the_probe_is_the_training_images_themselves_when_they_are_few():
    train = some(20)
    assert assemble("n", "N", ("a", "b", "c", "d"), train, some(8)).probe is train


def test_the_probe_and_the_test_set_are_bounded_and_balanced():
    data = assemble("n", "N", ("a", "b", "c", "d"), some(12_000), some(3_000))
    assert len(data.train) == 12_000
    assert data.probe.labels.bincount().tolist() == [2_500] * 4
    assert data.test.labels.bincount().tolist() == [500] * 4


def test_a_balanced_choice_takes_all_of_a_rare_class_and_none_without_a_label():
    labels = torch.tensor([0] * 90 + [1] * 5 + [-1] * 50)
    chosen = balanced(labels, len(labels), 20)
    assert labels[chosen].sort().values.tolist() == [0] * 15 + [1] * 5
    assert chosen.tolist() == sorted(set(chosen.tolist()))


def test_a_balanced_choice_depends_on_its_arguments_only():
    torch.manual_seed(1)
    first = balanced(None, 100, 10)
    torch.manual_seed(2)
    assert torch.equal(first, balanced(None, 100, 10))


def test_a_stratified_split_holds_out_the_fraction_of_every_class_and_loses_nothing():
    labels = torch.tensor([0] * 50 + [1] * 10 + [2] * 2 + [3])
    train, held_out = stratified(labels, len(labels), 0.2)
    assert labels[held_out].bincount(minlength=4).tolist() == [10, 2, 1, 0]
    assert sorted(train.tolist() + held_out.tolist()) == list(range(len(labels)))


def test_mean_and_std_are_those_of_the_pixels():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (50, 3, 8, 8), generator=generator, dtype=torch.uint8)
    images[:, 1] //= 3
    data = ImageData("n", "N", (), Split(images), Split(images), Split(images))
    pixels = images.double() / 255
    assert torch.allclose(data.mean.double(), pixels.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(data.std.double(), pixels.std((0, 2, 3), correction=0), atol=1e-6)
    assert (data.size, data.channels, data.labelled) == (8, 3, False)


def test_a_channel_that_never_varies_can_still_be_standardised():
    images = torch.zeros(20, 3, 8, 8, dtype=torch.uint8)
    images[:, 0] = torch.arange(20, dtype=torch.uint8).view(-1, 1, 1) * 12
    data = ImageData("plain", "Plain", (), Split(images), Split(images), Split(images))
    standard = (images / 255 - data.mean.view(3, 1, 1)) / data.std.view(3, 1, 1)
    assert standard.isfinite().all() and (standard[:, 1:] == 0).all()


def test_equal_data_have_one_fingerprint():
    one, other = (assemble("a", "A", tuple("abcd"), some(20), some(8)) for _ in range(2))
    assert one.fingerprint == other.fingerprint == replace(other, name="moved elsewhere").fingerprint


@pytest.mark.parametrize("part", ["train", "probe", "test"])
@pytest.mark.parametrize("rows", ["images", "labels"])
def test_whatever_changes_changes_the_fingerprint(part, rows):
    data = assemble("a", "A", tuple("abcd"), some(20), some(8))
    changed = getattr(getattr(data, part), rows).clone()
    changed.view(-1)[-1] += 1
    others = [replace(getattr(data, part), **{rows: changed}), getattr(data, part).take(torch.arange(7))]
    assert all(replace(data, **{part: other}).fingerprint != data.fingerprint for other in others)
    assert replace(data, classes=tuple("abce")).fingerprint != data.fingerprint


def test_images_without_labels_have_a_fingerprint_too():
    bare = replace(some(20), labels=None)
    data = assemble("a", "A", (), bare, bare)
    assert data.fingerprint != replace(data, train=some(20)).fingerprint
