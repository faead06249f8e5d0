"""What a method learns from: images, and for the probes also labels and known factors."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

CHANNELS = 3  # of every dataset: gray images are repeated
PROBE_SIZE, TEST_SIZE = 10_000, 2_000
MAX_MEMORY = 2 * 2**30  # bytes of all images at the chosen size


@dataclass(frozen=True)
class Split:
    """Some images.

    Attributes:
        images: uint8 (N, 3, S, S), on the CPU.
        labels: int64 (N,) indices into the classes, None when unlabelled.
        factors: what else is known of every image, float32 or int64 (N,) each; only generated data has them.
        bags: int64 (N,), equal for images of the same thing (see ``data.bags``), None where that is not known.
    """

    images: Tensor
    labels: Tensor | None = None
    factors: dict[str, Tensor] = field(default_factory=dict)
    bags: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Tensor) -> "Split":
        """The split with these images only, in this order."""
        labels, bags = (None if rows is None else rows[indices] for rows in (self.labels, self.bags))
        factors = {name: f[indices] for name, f in self.factors.items()}
        return Split(self.images[indices], labels, factors, bags)


@dataclass(frozen=True)
class ImageData:
    """A dataset of square colour images, ready to learn from and to be measured on.

    Attributes:
        name: as given on the command line: "toybox", "cifar10", "folder:PATH".
        title: its name for people.
        classes: names of the classes, () when unlabelled.
        train: what the network learns from; its labels are used by supervised training and probes only.
        probe: the labelled bank from which kNN and the linear probe are fitted: the training images
            themselves (the textbook protocol), at most ``PROBE_SIZE``, balanced over the classes.
        test: held-out images on which both are measured, at most ``TEST_SIZE``.
        factor_names: for every factor the names of its values, None for one without names.
        notes: sentences to show the user.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: Split
    probe: Split
    test: Split
    factor_names: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.train.images.shape[-1]

    @property
    def channels(self) -> int:
        """Always ``CHANNELS``."""
        return self.train.images.shape[1]

    @property
    def labelled(self) -> bool:
        """Whether accuracy (kNN, linear probe) can be measured."""
        return bool(self.classes)

    @cached_property
    def coloured(self) -> bool:
        """Whether training images have colours, by a look at the first ones."""
        red, green, blue = self.train.images[:1000].unbind(1)
        return not (torch.equal(red, green) and torch.equal(green, blue))

    @cached_property
    def mean(self) -> Tensor:
        """Mean of the training images per channel, float32 (3,) in [0, 1]."""
        return self._moments[0]

    @cached_property
    def std(self) -> Tensor:
        """Standard deviation of the training images per channel, float32 (3,) in [0, 1].

        At least one of the 256 levels, so that a channel that never varies can be divided by it.
        """
        return self._moments[1].clamp(min=1 / 255)

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of all images and labels, by which the same data are known again; computed once."""
        digest = hashlib.blake2b(repr(self.classes).encode(), digest_size=8)
        for split in (self.train, self.test, *([] if self.probe is self.train else [self.probe])):
            for rows in (split.images, split.labels):
                digest.update(b"none" if rows is None else str(tuple(rows.shape)).encode())
                digest.update(b"" if rows is None else rows.contiguous().numpy())
        return digest.hexdigest()

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        # Counts of the 256 values are exact and need no float copy of the images.
        channels = self.train.images.transpose(0, 1)
        counts = torch.stack([torch.bincount(c.flatten(), minlength=256) for c in channels]).double()
        levels = torch.arange(256, dtype=torch.float64) / 255
        weights = counts / counts.sum(1, keepdim=True)
        mean = weights @ levels
        std = (weights @ levels.square() - mean.square()).clamp(min=0).sqrt()
        return mean.float(), std.float()


def assemble(
    name: str,
    title: str,
    classes: tuple[str, ...],
    train: Split,
    test: Split,
    *,
    factor_names: dict[str, tuple[str, ...] | None] | None = None,
    notes: tuple[str, ...] = (),
) -> ImageData:
    """An ImageData whose probe bank and test set are fixed balanced choices of the given splits.

    Training images with a label below zero are learned from but never used as a bank.
    """
    bank, held_out = (
        balanced(train.labels, len(train), PROBE_SIZE),
        balanced(test.labels, len(test), TEST_SIZE),
    )
    probe = train if len(bank) == len(train) else train.take(bank)
    test = test if len(held_out) == len(test) else test.take(held_out)
    return ImageData(name, title, classes, train, probe, test, factor_names or {}, notes)


def shuffled(split: Split, seed: int = 0) -> Split:
    """A split in an order that depends on nothing but its length and the seed.

    Files are read class by class, and previews, the map and the collapse lamp look at the first images.
    """
    return split.take(torch.randperm(len(split), generator=torch.Generator().manual_seed(seed)))


def balanced(labels: Tensor | None, total: int, limit: int, seed: int = 0) -> Tensor:
    """Indices, in order, of at most ``limit`` of ``total`` images, as many of each class as possible.

    The choice depends on nothing but the arguments. Labels below zero are never chosen.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(total, generator=generator)
    if labels is not None:
        order = order[labels[order] >= 0]
        # Take the first of every class, then the second of every class, and so on.
        by_class = order[labels[order].sort(stable=True).indices]
        ends = labels[by_class].bincount().cumsum(0)
        rank = torch.arange(len(by_class)) - torch.cat([ends.new_zeros(1), ends])[labels[by_class]]
        order = by_class[rank.sort(stable=True).indices]
    return order[:limit].sort().values


def stratified(labels: Tensor | None, total: int, fraction: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Indices of a training part and of a held-out part with ``fraction`` of every class, at least one of it
    where the class has two images."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(total, generator=generator)
    groups = [order] if labels is None else [order[labels[order] == value] for value in labels.unique()]
    counts = [min(max(round(fraction * len(group)), 1), len(group) - 1) for group in groups]
    held_out = torch.cat([group[:count] for group, count in zip(groups, counts, strict=True)])
    train = torch.cat([group[count:] for group, count in zip(groups, counts, strict=True)])
    return train.sort().values, held_out.sort().values
