"""What the network sees: random views, crops, tiles, masks, rotations and corruptions of image batches."""

from sslcore.views.augment import apply, check_local_crops, multi_crop, random_views
from sslcore.views.colour_bins import (
    annealed_mean,
    gamut_bins,
    nearest_bin,
    rebalancing_weights,
    soft_bins,
)
from sslcore.views.corrupt import corrupt
from sslcore.views.downsample import halve
from sslcore.views.draws import Draws, draw
from sslcore.views.hog import hog, hog_picture
from sslcore.views.lab import lab_to_rgb, lightness, rgb_to_lab
from sslcore.views.lens import chromatic_aberration, drop_colours, project_colours
from sslcore.views.masks import (
    block_mask,
    context_and_targets,
    cover,
    patchify,
    random_squares,
    random_token_mask,
    unpatchify,
)
from sslcore.views.rotations import all_rotations
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
    "annealed_mean",
    "apply",
    "apply_permutation",
    "block_mask",
    "check_local_crops",
    "chromatic_aberration",
    "context_and_targets",
    "corrupt",
    "cover",
    "draw",
    "drop_colours",
    "gamut_bins",
    "halve",
    "hog",
    "hog_picture",
    "inverse_permutation",
    "lab_to_rgb",
    "lightness",
    "multi_crop",
    "nearest_bin",
    "normalise_tiles",
    "patchify",
    "permutation_set",
    "project_colours",
    "random_squares",
    "random_token_mask",
    "random_views",
    "rebalancing_weights",
    "rgb_to_lab",
    "soft_bins",
    "tiles",
    "torchvision_code",
    "unpatchify",
    "untile",
]
