"""Sortings: the clusters into which all training images were last sorted, as labels to learn from."""

import torch
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.errors import UserError
from sslcore.methods.kmeans import kmeans


class Sortings(nn.Module):
    """The cluster of every training image in each of H independent sortings, and how much it counts there.

    Attributes, all buffers:
        target: (n, H) int64.
        weight: (n, H), 1 on average; one over the size of the image's cluster if clusters count alike.
        centroids: (H, K, d).
        agreement: normalised mutual information of this sorting and the one before it, 0 at first.
        in_use: effective number of clusters, 1 to K: the perplexity of their sizes.

    Raises:
        UserError: if there are more clusters than images.
    """

    def __init__(self, count: int, sortings: int, clusters: int, width: int) -> None:
        super().__init__()
        if clusters > count:
            raise UserError(
                f"{count:,} training images cannot make {clusters:,} clusters: set clusters to {count} or less."
            )
        self.register_buffer("target", torch.zeros(count, sortings, dtype=torch.long))
        self.register_buffer("weight", torch.ones(count, sortings))
        self.register_buffer("centroids", F.normalize(torch.randn(sortings, clusters, width), dim=2))
        self.register_buffer("agreement", torch.zeros(()))
        self.register_buffer("in_use", torch.full((), float(clusters)))
        self.register_buffer("done", torch.zeros((), dtype=torch.bool))

    def sizes(self) -> Tensor:
        """How many images each cluster (K,) of the first sorting has."""
        return self.target[:, 0].bincount(minlength=self.centroids.shape[1])

    def figures(self) -> dict[str, Tensor]:
        """What a method may tell of its latest sorting."""
        return {"agreement": self.agreement.clone(), "clusters_in_use": self.in_use.clone()}

    @torch.no_grad()
    def sort(self, rows: Tensor, *, uniform: bool, generator: torch.Generator, **how) -> None:
        """Sort all rows (n, d) anew; ``how`` are the other arguments of :func:`kmeans`.

        Rows are of the first images: where a run learns from fewer, the others stay as they were.
        """
        count, clusters, used = len(rows), self.centroids.shape[1], []
        before = self.target[:count].clone()
        for h in range(len(self.centroids)):
            self.centroids[h], which = kmeans(rows, clusters, generator=generator, **how)
            size = which.bincount(minlength=clusters)
            used.append(torch.special.entr(size / count).sum().exp())
            self.target[:count, h] = which
            self.weight[:count, h] = count / (size.count_nonzero() * size[which]) if uniform else 1.0
        self.in_use.copy_(torch.stack(used).mean())
        if self.done:
            pairs = zip(before.T.cpu().numpy(), self.target[:count].T.cpu().numpy(), strict=True)
            scores = [normalized_mutual_info_score(old, new) for old, new in pairs]
            self.agreement.fill_(sum(scores) / len(scores))
        self.done.fill_(True)
