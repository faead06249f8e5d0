"""What the network sees: random views, crops, tiles, masks, rotations and corruptions of image batches."""

from sslcore.views.augment import apply, multi_crop, random_views
from sslcore.views.corrupt import corrupt
from sslcore.views.draws import Draws, draw
from sslcore.views.hog import hog, hog_picture
from sslcore.views.masks import (
    block_mask,
    context_and_targets,
    cover,
    patchify,
    random_token_mask,
    unpatchify,
)
from sslcore.views.rotations import all_rotations, rotate90
from sslcore.views.settings import ViewSettings
from sslcore.views.tiles import (
    apply_permutation,
    inverse_permutation,
    normalise_tiles,
    permutation_set,
    tiles,
    untile,
)
from sslcore.views.torchvision_code import torchvision_code

__all__ = [
    "Draws",
    "ViewSettings",
    "all_rotations",
    "apply",
    "apply_permutation",
    "block_mask",
    "context_and_targets",
    "corrupt",
    "cover",
    "draw",
    "hog",
    "hog_picture",
    "inverse_permutation",
    "multi_crop",
    "normalise_tiles",
    "patchify",
    "permutation_set",
    "random_token_mask",
    "random_views",
    "rotate90",
    "tiles",
    "torchvision_code",
    "unpatchify",
    "untile",
]
