"""The layout process: UMAP and t-SNE away from training, one map at a time.

    python -m sslcore.projection.umap_worker

It speaks the messages of :mod:`sslcore.projection.messages` on stdin and stdout and ends when stdin does.
It exists because numba holds Python's global lock in bursts: in a thread of the training process UMAP slows
training to a crawl, even with a core to itself.
"""

import os
import sys
import warnings
from typing import BinaryIO

import numpy as np

from sslcore.projection.messages import receive, send
from sslcore.projection.pca import align, as_matrix, pca

NEIGHBORS, MIN_DIST = 15, 0.1
FIRST_EPOCHS, NEXT_EPOCHS = 200, 30  # a layout that starts from the previous one needs little
NICE = 5  # a layout takes a second longer, and training hardly notices it
FEWEST = 8  # samples; below this a map of neighbourhoods means nothing and PCA stands in


def layout(features: np.ndarray, previous: np.ndarray | None = None, method: str = "umap") -> np.ndarray:
    """A map (N, 2) of features (N, d), aligned with the previous one; "umap" or "tsne"."""
    x = as_matrix(features)
    if previous is not None and previous.shape != (len(x), 2):
        previous = None
    if len(x) < FEWEST or not x.std(0).any():
        return pca(x, previous)
    return align(_tsne(x, previous) if method == "tsne" else _umap(x, previous), previous)


def _umap(x: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    from umap import UMAP  # two seconds to import, so only here

    reducer = UMAP(
        n_neighbors=min(NEIGHBORS, len(x) - 1),
        min_dist=MIN_DIST,
        # UMAP's own coordinates span about ten units; maps arrive scaled to radius 1.
        init="pca" if previous is None else 5 * previous.astype(np.float32),
        n_epochs=FIRST_EPOCHS if previous is None else NEXT_EPOCHS,
        random_state=0,
        n_jobs=1,
    )
    return reducer.fit_transform(x)


def _tsne(x: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    from sklearn.manifold import TSNE

    start = pca(x) if previous is None else previous
    reducer = TSNE(
        perplexity=min(30, (len(x) - 1) / 3),
        init=1e-4 * start.astype(np.float32),  # the size at which t-SNE's early phase expects to start
        max_iter=500 if previous is None else 250,
        random_state=0,
        n_jobs=1,
    )
    return reducer.fit_transform(x)


def warm_up() -> None:
    """Compile UMAP for both ways of starting before anyone waits for it (about ten seconds)."""
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    layout(x, layout(x))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until there are no more. The first message says that the process is ready."""
    try:
        warm_up()
    except Exception as error:  # not installed, or a cache that cannot be written: the other side has to know
        send(replies, error=f"UMAP cannot start: {type(error).__name__}: {error}")
        return
    if hasattr(os, "nice"):
        os.nice(NICE)
    send(replies, ready=1)
    while (message := receive(requests)) is not None:
        try:
            xy = layout(message["features"], message.get("previous"), str(message["method"]))
        except Exception as error:  # one bad request must not end the process
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            xy = pca(message["features"], message.get("previous"))
        send(replies, xy=xy)


def main() -> None:
    """Keep the real stdout for messages and send everything anybody prints to stderr."""
    warnings.filterwarnings("ignore")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, replies)
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the parent has gone; there is nobody left to tell


if __name__ == "__main__":
    main()
