"""Masked autoencoder: encode a quarter of the patches, rebuild the rest."""

import torch
from torch import Tensor, nn

from sslcore.data.images import CHANNELS
from sslcore.encoders import InputInfo
from sslcore.encoders.vision_transformer import initialise, sincos_positions, transformer
from sslcore.knobs import knob
from sslcore.losses import masked_patch_mse, normalize_patches
from sslcore.methods.base import Batch, Losses, Panel, Views, one_view
from sslcore.methods.masked_tokens import MaskedTokens, MaskRatioSettings, NeedsTransformer, check_width
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import random_token_mask


class MAESettings(MaskRatioSettings):
    norm_pix: bool = knob(
        True, help="Targets are standardised per patch: structure counts, brightness does not."
    )
    decoder_width: int = knob(64, 16, 512, help="Width of the decoder's tokens.", advanced=True)
    decoder_depth: int = knob(1, 1, 8, help="Transformer blocks of the decoder.", advanced=True)


def mean_answer(settings: RunSettings) -> float:
    """Loss of answering every patch with the mean of all pixels, or with its own under ``norm_pix``: knowing nothing.

    A standardised patch of n = P^2 C values has the mean square 1 - 1/n, its unbiased variance being 1; a flat
    one, such as the empty paper around a digit, has 0. Without ``norm_pix`` it is the variance of the pixels,
    which standardising makes about 1.
    """
    return 1 - 1 / (CHANNELS * settings["patch_size"] ** 2) if settings["norm_pix"] else 1.0


@register
class MAE(NeedsTransformer):
    """He, Chen, Xie, Li, Dollár, Girshick, CVPR 2022, arXiv 2111.06377."""

    card = Card(
        id="mae",
        title="Masked autoencoder",
        family="masked",
        year=2022,
        paper="He, Chen, Xie, Li, Dollár, Girshick · CVPR 2022",
        arxiv="2111.06377",
        idea="Hide three quarters of an image's patches and ask for their pixels. The encoder works on the visible "
        "patches only, which makes it fast; a small decoder fills in the rest.",
        formula=r"\frac{\sum_{n,l} m_{nl}\,\frac{1}{P^2C}\lVert\hat y_{nl}-y_{nl}\rVert^2}{\sum_{n,l} m_{nl}}",
        sees="A quarter of the patches of every image.",
        target="The pixels of the hidden patches.",
        chance=mean_answer,
        collapse=mean_answer,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"mask_ratio": 0.1},
                "Almost everything is visible: neighbours give the answer away and little is learned.",
            ),
            Switch(
                {"norm_pix": False}, "The mean colour of a patch dominates the loss: details stay blurred."
            ),
        ),
        notes=(
            "Its features suit fine-tuning and linear probes better than nearest neighbours.",
            "Flat patches, such as the empty paper of digits, cost nothing: there guessing starts lower.",
        ),
    )
    Settings = MAESettings
    defaults = {**MaskedTokens.defaults, "mask_ratio": 0.75}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        encoder, width = self.encoder, self.knobs.decoder_width
        self.widen = nn.Linear(encoder.feature_dim, width)
        self.mask_token = nn.Parameter(torch.randn(width) * 0.02)
        self.register_buffer("positions", sincos_positions(info.size // encoder.patch_size, width))
        self.decoder = transformer(width, self.knobs.decoder_depth)
        self.pixels = nn.Linear(width, info.channels * encoder.patch_size**2)
        for part in (self.widen, self.decoder, self.pixels):
            part.apply(initialise)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        check_width(settings, "decoder_width")

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        images = one_view(batch, self.settings, generator)
        tokens = self.encoder.token_count
        ratio = min(self.knobs.mask_ratio, 1 - 1 / tokens)  # one patch at least is seen
        mask, keep = random_token_mask(len(images), tokens, ratio, generator=generator)
        return {"images": images, "mask": mask.to(images.device), "keep": keep.to(images.device)}

    def rebuild(self, views: Views) -> Tensor:
        """Predictions (N, L, P * P * C) for all patches from the visible ones alone."""
        visible = self.widen(self.encoder.tokens(self.encoder.standardise(views["images"]), views["keep"]))
        count, tokens = views["mask"].shape
        index = views["keep"][..., None].expand(-1, -1, visible.shape[2])
        filled = self.mask_token.to(visible.dtype).expand(count, tokens, -1).scatter(1, index, visible)
        return self.pixels(self.decoder(filled + self.positions)).float()

    def loss(self, views: Views) -> Losses:
        target = self.patches(views["images"])
        if self.knobs.norm_pix:
            target = normalize_patches(target)
        return Losses({"masked_pixels": masked_patch_mse(self.rebuild(views), target, views["mask"])})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        truth, mask = self.patches(views["images"]), views["mask"][..., None]
        rebuilt = self.rebuild(views)
        if self.knobs.norm_pix:  # each patch's own mean and spread, for the eye only
            rebuilt = rebuilt * truth.std(2, keepdim=True) + truth.mean(2, keepdim=True)
        return [
            Panel("What it sees", self.picture(truth.masked_fill(mask, 0.0))),
            Panel("What it imagines", self.picture(torch.where(mask, rebuilt, truth))),
            Panel("The truth", views["images"]),
        ]
