"""Bags: images that show the same thing, such as one toy in several scenes or one patient's pictures."""

import torch
from torch import Tensor


class Bags:
    """Who belongs together, ready to be drawn from.

    Args:
        bags: int64 (N,), the bag of every image; any numbers, bags of any size from one.
    """

    def __init__(self, bags: Tensor) -> None:
        _, self.bag, self.sizes = bags.unique(return_inverse=True, return_counts=True)
        self.members = self.bag.argsort(stable=True)  # images, bag after bag
        self.starts = self.sizes.cumsum(0) - self.sizes  # where each bag begins among them
        self.place = torch.empty_like(self.bag)  # of every image within its bag
        self.place[self.members] = torch.arange(len(bags)) - self.starts[self.bag[self.members]]

    def __len__(self) -> int:
        """How many bags there are."""
        return len(self.sizes)

    def one_of_each(self, generator: torch.Generator) -> Tensor:
        """A random image of every bag, the bags in random order: indices (B,)."""
        chosen = self.members[self.starts + _below(self.sizes, generator)]
        return chosen[torch.randperm(len(chosen), generator=generator)]

    def partners(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """For each of these images (n,) another one of its bag at random, itself where it is alone: (n,)."""
        return self.ahead(index, 1 + _below(self.sizes[self.bag[index]] - 1, generator))

    def ahead(self, index: Tensor, steps: Tensor | int = 1) -> Tensor:
        """The images (n,) so many places further on in the bags of these ones, round and round."""
        bag = self.bag[index]
        return self.members[self.starts[bag] + (self.place[index] + steps) % self.sizes[bag]]


def _below(limits: Tensor, generator: torch.Generator) -> Tensor:
    """A random whole number from 0 to below each limit; 0 where that is 0."""
    return (torch.rand(len(limits), generator=generator, dtype=torch.float64) * limits).long()
