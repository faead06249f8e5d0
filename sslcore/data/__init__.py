"""What is learned from: images as uint8 tensors, with labels and factors where they are known.

    data = load("toybox")
    data.train.images       # uint8 (8000, 3, 32, 32)

Sources: the generated Toybox, images that come with scikit-learn, public datasets, the user's own folder.
"""

from sslcore.data.decode import decode_image
from sslcore.data.embedded import sample_photos
from sslcore.data.folder import from_uploads
from sslcore.data.images import ImageData, Split
from sslcore.data.registry import DatasetCard, dataset_cards, load

__all__ = [
    "DatasetCard",
    "ImageData",
    "Split",
    "dataset_cards",
    "decode_image",
    "from_uploads",
    "load",
    "sample_photos",
]
