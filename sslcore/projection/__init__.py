"""Maps of embeddings: PCA at once, UMAP and t-SNE from a process of their own, all held still over time."""

from sslcore.projection.pca import align, pca
from sslcore.projection.umap_client import UmapProcess

__all__ = ["UmapProcess", "align", "pca"]
