"""SimMIM: mask large squares, keep a token in their place, and read the pixels off with one linear layer."""

from math import pi, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.methods.base import Losses, Panel, Views
from sslcore.methods.masked_tokens import MaskedTokens, MaskRatioSettings, hidden
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import random_token_mask


class SimMIMSettings(MaskRatioSettings):
    mask_unit: int = knob(
        8,
        2,
        64,
        unit="px",
        help="Side of the hidden squares. As small as a patch: neighbours give them away.",
    )


@register
class SimMIM(MaskedTokens):
    """Xie, Zhang, Cao, Lin, Bao, Yao, Dai, Hu, CVPR 2022, arXiv 2111.09886."""

    card = Card(
        id="simmim",
        title="SimMIM",
        family="masked",
        year=2022,
        paper="Xie, Zhang, Cao et al. · CVPR 2022",
        arxiv="2111.09886",
        idea="Masked image modelling at its simplest: hide half of an image in large squares, and predict the raw "
        "pixels. No tokenizer, no decoder: a single linear layer reads them off the tokens in the hidden places.",
        formula=r"\frac{1}{\Omega(m)}\sum_{p}m_p\,\lvert\hat x_p-x_p\rvert",
        sees="The whole image, with a learned token in the place of every hidden patch.",
        target="The pixels of the hidden patches, in units of their standard deviation.",
        # the mean absolute value of a standard normal: pixels are standardised, but not quite normal
        chance=lambda s: sqrt(2 / pi),
        collapse=lambda s: sqrt(2 / pi),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"mask_unit": 4, "mask_ratio": 0.1},
                "Few and small holes are filled in from around them: the loss is low and little is learned.",
            ),
            Switch(
                {"mask_ratio": 0.95}, "Almost nothing is left to see: the answers blur into the mean image."
            ),
        ),
        notes=(
            "The lines of chance and collapse hold for normally distributed pixels and are near for pictures.",
        ),
    )
    Settings = SimMIMSettings

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        if info.size % self.knobs.mask_unit or info.size == self.knobs.mask_unit:
            raise UserError(
                f"Squares of {self.knobs.mask_unit} px do not divide an image of {info.size} px into several: "
                f"set mask_unit to {self.encoder.patch_size}, the side of a patch, or another such divisor."
            )
        self.pixels = nn.Linear(self.encoder.feature_dim, info.channels * self.encoder.patch_size**2)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        if settings["mask_unit"] % settings["patch_size"]:
            raise UserError(
                f"Squares of {settings['mask_unit']} px cannot be made of patches of {settings['patch_size']} px: "
                "set mask_unit to a multiple of patch_size."
            )

    def draw_mask(self, count: int, generator: torch.Generator) -> Tensor:
        patches = self.knobs.mask_unit // self.encoder.patch_size
        side = round(self.encoder.token_count**0.5) // patches
        ratio = min(self.knobs.mask_ratio, 1 - 1 / side**2)
        mask, _ = random_token_mask(count, side**2, ratio, generator=generator)
        squares = mask.view(count, side, side)
        return squares.repeat_interleave(patches, 1).repeat_interleave(patches, 2).flatten(1)

    def loss(self, views: Views) -> Losses:
        answer = self.pixels(hidden(self.see(views), views["mask"])).float()
        return Losses(
            {"masked_pixels": F.l1_loss(answer, hidden(self.patches(views["images"]), views["mask"]))}
        )

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        sees, truth = super().preview(views)
        answer = self.pixels(self.see(views)).float()
        filled = torch.where(views["mask"][..., None], answer, self.patches(views["images"]))
        return [sees, Panel("What it imagines", self.picture(filled)), truth]
