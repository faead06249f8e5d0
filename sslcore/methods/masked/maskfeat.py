"""MaskFeat: predict the edges of hidden patches, not their pixels."""

import torch
from torch import Tensor, nn

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.methods.base import Batch, Losses, Panel, Views
from sslcore.methods.masked_tokens import MaskedTokens, MaskedTokensSettings, hidden
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import hog, hog_picture, patchify, unpatchify


class MaskFeatSettings(MaskedTokensSettings):
    hog_cell: int = knob(
        4, 2, 32, unit="px", help="Side of the cells whose edges are counted.", advanced=True
    )
    hog_bins: int = knob(9, 2, 36, help="Directions that edges are sorted into.", advanced=True)
    hog_norm: bool = knob(
        True, help="Every cell's histogram gets length 1. Off: only the strongest edges of the batch matter."
    )


@register
class MaskFeat(MaskedTokens):
    """Wei, Fan, Xie, Wu, Yuille, Feichtenhofer, CVPR 2022, arXiv 2112.09133."""

    card = Card(
        id="maskfeat",
        title="MaskFeat",
        family="masked",
        year=2022,
        paper="Wei, Fan, Xie, Wu, Yuille, Feichtenhofer · CVPR 2022",
        arxiv="2112.09133",
        idea="Hide patches of an image and ask which way the edges in them run: histograms of oriented gradients, a "
        "feature drawn up by hand long before deep learning. Exact colours and brightness, which nobody could "
        "guess, are not asked for.",
        formula=r"\frac1{\lvert\mathcal M\rvert D}\sum_{l\in\mathcal M}\lVert\hat y_l-\mathrm{HOG}_l(x)\rVert_2^2",
        sees="The whole image, with a learned token in the place of every hidden patch.",
        target="The edge histograms of the hidden patches.",
        # answering 0 costs the mean square of a histogram of length 1
        chance=lambda s: 1 / s["hog_bins"],
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"hog_norm": False},
                "A few strong edges make up the loss and all others are ignored: the paper's key ablation.",
            ),
            Switch(
                {"mask_ratio": 0.9, "mask_blocks": True},
                "Edges cannot be followed where all around is hidden too: the mean histogram is the answer.",
            ),
        ),
        notes=(
            "Guessing starts at an answer of 0; the mean histogram is a better guess, somewhat below that line.",
            "Cells without any edge cost nothing, so empty images start lower.",
            "The paper hides blocks; in so small a picture they hide what its edges could be guessed from, and less is "
            "learned.",
        ),
    )
    Settings = MaskFeatSettings
    defaults = {**MaskedTokens.defaults, "learning_rate": 1e-3, "mask_ratio": 0.4, "mask_blocks": False}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        outputs = self.cells**2 * self.knobs.hog_bins * info.channels
        self.head = nn.Linear(self.encoder.feature_dim, outputs)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        if settings["patch_size"] % settings["hog_cell"]:
            raise UserError(
                f"Cells of {settings['hog_cell']} px do not divide a patch of {settings['patch_size']} px: "
                "set hog_cell to a divisor of patch_size."
            )

    @property
    def cells(self) -> int:
        """Cells along a patch."""
        return self.encoder.patch_size // self.knobs.hog_cell

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Images, masks, and ``target`` (N, L, D): what every patch's histograms are."""
        seen, knobs = super().views(batch, generator), self.knobs
        edges = hog(seen["images"], knobs.hog_cell, bins=knobs.hog_bins, normalise=knobs.hog_norm)
        return {**seen, "target": patchify(edges, self.cells)}

    def project(self, images: Tensor) -> Tensor:
        """What sets the token of the middle place apart from the mean, in which images hardly differ in their edges."""
        tokens = self.encoder.tokens(self.encoder.standardise(images))
        side = round(tokens.shape[1] ** 0.5)
        return tokens[:, side // 2 * (side + 1)] - tokens.mean(1)

    def loss(self, views: Views) -> Losses:
        answer = self.head(hidden(self.see(views), views["mask"])).float()
        return Losses({"edges": (answer - hidden(views["target"], views["mask"])).square().mean()})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        sees, truth = super().preview(views)
        answer = self.head(self.see(views)).float()
        filled = torch.where(views["mask"][..., None], answer, views["target"])
        drawn = (
            hog_picture(unpatchify(p, self.cells), bins=self.knobs.hog_bins)
            for p in (filled, views["target"])
        )
        return [sees, *map(Panel, ("The edges it imagines", "The edges there are"), drawn), truth]
