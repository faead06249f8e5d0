"""A transformer sees all places of an image, a learned token in those that are hidden (BERT, for images)."""

from math import nan
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo, VisionTransformer
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.losses import answering_nothing
from sslcore.methods.base import Batch, Method, Panel, Views, one_view, view_side
from sslcore.methods.ema import RisingMomentumSettings
from sslcore.settings import RunSettings
from sslcore.views import block_mask, cover, patchify, random_token_mask, unpatchify


class MaskRatioSettings(KnobModel):
    mask_ratio: float = knob(
        0.5, 0.05, 0.95, help="Share of patches hidden. Low: neighbours give them away.", live=True
    )


class MaskedTokensSettings(MaskRatioSettings):
    mask_blocks: bool = knob(
        True, help="Hide whole blocks of patches. Off: scattered ones, which neighbours give away.", live=True
    )


class LatentTargetSettings(RisingMomentumSettings):
    """Knobs of methods that ask for what a teacher makes of a place."""

    target_norm: Literal["instance", "layer", "off"] = knob(
        "instance",
        help="instance: each feature is standardised over the places of an image, so that these differ. layer: each "
        "place over its features; all may become alike. off: targets are as the teacher gives them.",
    )


def guessing(settings: RunSettings, beta: float) -> float:
    """What an answer of 0 costs if targets are standardised, and so about normal; unknown otherwise."""
    return nan if settings["target_norm"] == "off" else answering_nothing(beta)


class NeedsTransformer(Method):
    """Methods that take an image apart into patches."""

    defaults = {
        "encoder": "vit",
        "batch_size": 64,  # a transformer is slow: small batches make many steps of a minute
        "learning_rate": 2e-3,
        "weight_decay": 0.05,
        "warmup": 0.1,
        "beta2": 0.95,
    }
    encoder: VisionTransformer
    least_grid: ClassVar[int] = 2  # patches along a side of which some can be hidden and others seen

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        if settings["encoder"] != "vit":
            raise UserError(f"{cls.card.title} hides patches from a transformer: set encoder to vit.")

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        size, patch, least = info.size, self.encoder.patch_size, self.least_grid
        scale = getattr(self.knobs, "view_scale", 1.0)
        if (side := view_side(size, scale, patch)) < least * patch:
            fitting = [p for p in range(2, size) if size % p == 0 and view_side(size, scale, p) >= least * p]
            remedy = f"patch_size to {max(fitting)}" if fitting else "image_size to a multiple of 4"
            larger = " or view_scale higher" if side < size else ""
            raise UserError(
                f"{self.card.title} needs {least} x {least} patches at least, and a picture of {side} px has fewer of "
                f"{patch} px: set {remedy}{larger}."
            )

    def patches(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) as standardised patches (N, L, C * P * P)."""
        return patchify(self.encoder.standardise(images), self.encoder.patch_size)

    def picture(self, patches: Tensor) -> Tensor:
        """Standardised patches (N, L, C * P * P) as images in [0, 1]."""
        return self.encoder.as_pictures(unpatchify(patches, self.encoder.patch_size))


class MaskedTokens(NeedsTransformer):
    """Methods that ask what is in the hidden places.

    Every image hides the same number of patches, so that hidden tokens form a tensor (N, M, ...).
    """

    Settings = MaskedTokensSettings
    # what is hidden must be told from what is seen, so colours stay as they are
    defaults = {**NeedsTransformer.defaults, "jitter": 0.0, "grayscale": 0.0}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.mask_token = nn.Parameter(torch.randn(self.encoder.feature_dim) * 0.02)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """``images``, one random view each, and ``mask`` (N, L), true where a patch is hidden."""
        images = one_view(batch, self.settings, generator)
        return {"images": images, "mask": self.draw_mask(len(images), generator).to(images.device)}

    def draw_mask(self, count: int, generator: torch.Generator) -> Tensor:
        """Which patches to hide, at least one and not all: blocks, or scattered ones."""
        tokens = self.encoder.token_count
        ratio = min(max(self.knobs.mask_ratio, 1 / tokens), 1 - 1 / tokens)
        if self.knobs.mask_blocks:
            return block_mask(count, round(tokens**0.5), ratio, generator=generator)
        return random_token_mask(count, tokens, ratio, generator=generator)[0]

    def see(self, views: Views) -> Tensor:
        """Tokens (N, L, width) of images whose hidden patches are replaced by the mask token."""
        images = self.encoder.standardise(views["images"])
        return self.encoder.tokens(images, mask=views["mask"], mask_token=self.mask_token)

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        covered = cover(views["images"], views["mask"], self.encoder.patch_size)
        return [Panel("What it sees", covered), Panel("The truth", views["images"])]


def check_width(settings: RunSettings, name: str) -> None:
    """Sine-cosine positions and four attention heads need a width that is a multiple of 4.

    Raises:
        UserError: if the knob of this name holds another.
    """
    if settings[name] % 4:
        raise UserError(
            f"{name} must be a multiple of 4, got {settings[name]}: set it to {4 * (settings[name] // 4)}."
        )


def standardised(tokens: Tensor, how: str) -> Tensor:
    """A teacher's tokens (N, L, d) as targets, as the knob ``target_norm`` says: "instance", "layer" or "off".

    Over the places of an image as data2vec does for speech and, in its second version, for images (arXiv 2212.07525);
    over the features of a place as data2vec (arXiv 2202.03555) and the code of I-JEPA (arXiv 2301.08243) do for images.
    """
    match how:
        case "instance":
            return F.instance_norm(tokens.mT).mT
        case "layer":
            return F.layer_norm(tokens, tokens.shape[-1:])
    return tokens


def hidden(rows: Tensor, mask: Tensor) -> Tensor:
    """The rows (N, L, d) of hidden places: (N, M, d); every sample hides the same number."""
    return rows[mask].view(len(rows), -1, rows.shape[2])


def at(tokens: Tensor, places: Tensor) -> Tensor:
    """The tokens (N, L, d) at some places (N, T, B) of each image: (N, T, B, d)."""
    index = places.flatten(1)[..., None].expand(-1, -1, tokens.shape[2])
    return tokens.gather(1, index).view(*places.shape, -1)


def spread_of(targets: Tensor) -> Tensor:
    """How much a teacher's targets (N, L, d) differ from image to image at the same place; 0 at collapse.

    Places may differ all the same, and standardising makes them: over all rows together the spread is 1 by itself.
    """
    return gather(targets).std(0, correction=0).mean()


@torch.no_grad()
def as_colours(*features: Tensor) -> list[Tensor]:
    """Features of patches (N, L, d) as pictures (N, 3, h, w): the last argument's three main directions as colours."""
    last = features[-1].float().flatten(0, 1)
    mean = last.mean(0)
    axes = torch.linalg.svd((last - mean).cpu(), full_matrices=False).Vh[:3].T.to(last.device)
    scale = 2 * ((last - mean) @ axes).std(0).clamp_min(1e-6)
    side = round(features[-1].shape[1] ** 0.5)
    parts = (0.5 + 0.5 * ((rows.float() - mean) @ axes / scale).clamp(-1, 1) for rows in features)
    return [part.mT.unflatten(2, (side, side)) for part in parts]
