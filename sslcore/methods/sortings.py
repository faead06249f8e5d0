"""Sortings: the clusters into which all training images were last sorted, as labels to learn from."""

import torch
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.methods.base import Panel
from sslcore.methods.groups import check_clusters, effective, show_usage
from sslcore.methods.kmeans import kmeans


class Sortings(nn.Module):
    """The cluster of every training image in each of H independent sortings, and how much it counts there.

    Attributes, all buffers:
        target: (n, H) int64.
        weight: (n, H), 1 on average; one over the size of the image's cluster if clusters count alike; 0 for images
            that are not sorted.
        centroids: (H, K, d).
        agreement: normalised mutual information of this sorting and the one before it, 0 at first.

    Raises:
        UserError: if there are more clusters than images.
    """

    def __init__(self, count: int, sortings: int, clusters: int, width: int) -> None:
        super().__init__()
        check_clusters(count, clusters)
        self.register_buffer("target", torch.zeros(count, sortings, dtype=torch.long))
        self.register_buffer("weight", torch.ones(count, sortings))
        self.register_buffer("centroids", F.normalize(torch.randn(sortings, clusters, width), dim=2))
        self.register_buffer("agreement", torch.zeros(()))
        self.register_buffer("done", torch.zeros((), dtype=torch.bool))

    def sizes(self) -> Tensor:
        """How many images each cluster has in each sorting: (H, K)."""
        clusters, count = self.centroids.shape[1], self.weight[:, 0].count_nonzero()
        return torch.stack([which.bincount(minlength=clusters) for which in self.target[:count].T])

    def figures(self) -> dict[str, Tensor]:
        """What a method may tell of its latest sorting: its agreement with the one before, and how many clusters are
        in use, on average over the sortings side by side."""
        return {"agreement": self.agreement.clone(), "clusters_in_use": effective(self.sizes()).mean()}

    def panels(self) -> list[Panel]:
        """How evenly the clusters of the first sorting are used; nothing before the images have been sorted."""
        told = "Sizes of the clusters of all training images, in the first sorting."
        return [show_usage(self.sizes()[0], told)] if self.done else []

    @torch.no_grad()
    def sort(self, rows: Tensor, *, uniform: bool, generator: torch.Generator, **how) -> None:
        """Sort all rows (n, d) anew; ``how`` are the other arguments of :func:`kmeans`.

        Rows are of the first images: where a run learns from fewer, the others stay as they were.
        """
        count, clusters = len(rows), self.centroids.shape[1]
        check_clusters(count, clusters)
        self.weight[count:] = 0.0
        before = self.target[:count].clone()
        for h in range(len(self.centroids)):
            self.centroids[h], which = kmeans(rows, clusters, generator=generator, **how)
            size = which.bincount(minlength=clusters)
            self.target[:count, h] = which
            self.weight[:count, h] = count / (size.count_nonzero() * size[which]) if uniform else 1.0
        if self.done:
            pairs = zip(before.T.cpu().numpy(), self.target[:count].T.cpu().numpy(), strict=True)
            scores = [normalized_mutual_info_score(old, new) for old, new in pairs]
            self.agreement.fill_(sum(scores) / len(scores))
        self.done.fill_(True)
