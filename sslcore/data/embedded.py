"""Real images that come with scikit-learn, so they are there without a download."""

import numpy as np
import torch
from torch import Tensor

from sslcore.data.images import ImageData, Split, assemble, stratified
from sslcore.data.resize import resize


def digits(size: int = 32) -> ImageData:
    """1,797 handwritten digits of 8 x 8 pixels, enlarged; a fixed fifth of every digit is the test set."""
    from sklearn.datasets import load_digits  # takes a second, so only when it is wanted

    bunch = load_digits()
    gray = torch.from_numpy(np.round(bunch.images * (255 / 16)).astype(np.uint8))
    images = resize(gray[:, None].expand(-1, 3, -1, -1), size)
    labels = torch.from_numpy(bunch.target).long()
    whole = Split(images, labels)
    train, test = (whole.take(part) for part in stratified(labels, len(whole), 0.2))
    return assemble("digits", "Digits", tuple(str(digit) for digit in range(10)), train, test)


def sample_photos() -> dict[str, Tensor]:
    """Two photographs by name, "china" and "flower": uint8 (3, 427, 640)."""
    from sklearn.datasets import load_sample_image

    names = ("china", "flower")
    return {
        name: torch.from_numpy(load_sample_image(f"{name}.jpg").copy()).permute(2, 0, 1) for name in names
    }
