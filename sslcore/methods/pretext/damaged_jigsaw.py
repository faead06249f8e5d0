"""Damaged jigsaw: put gray tiles in order, paint the missing one, and colour the rest."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders import InputInfo, PlaceDecoder, mlp
from sslcore.knobs import knob
from sslcore.losses import soft_cross_entropy
from sslcore.methods.base import Batch, Losses, Panel, Views, classification, tile_maps
from sslcore.methods.pretext.jigsaw import Jigsaw, JigsawSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.colour_bins import annealed_mean, gamut_bins, soft_bins
from sslcore.views.lab import lab_to_rgb, lightness, rgb_to_lab
from sslcore.views.tiles import apply_permutation, inverse_permutation, untile


class DamagedJigsawSettings(JigsawSettings):
    order_weight: float = knob(1.0, 0.0, 10.0, help="Weight of telling the order of the tiles.", live=True)
    missing_weight: float = knob(1.0, 0.0, 10.0, help="Weight of painting the missing tile.", live=True)
    colour_weight: float = knob(0.3, 0.0, 10.0, help="Weight of colouring the gray tiles.", live=True)
    bin_size: int = knob(
        20, 10, 50, help="Side of a bin of colours on the a and b axes; 20 makes 76 bins.", advanced=True
    )


@register
class DamagedJigsaw(Jigsaw):
    """Kim, Cho, Yoo, Kweon, WACV 2018, arXiv 1802.01880."""

    card = Card(
        id="damaged_jigsaw",
        title="Damaged jigsaw puzzle",
        family="pretext",
        year=2018,
        paper="Kim, Cho, Yoo, Kweon · WACV 2018",
        arxiv="1802.01880",
        idea="A jigsaw puzzle in gray with one tile lost. Putting it in order, painting the lost tile and colouring "
        "the others take different kinds of knowledge; the encoder must hold them all.",
        formula=r"\alpha\,\mathrm{CE}(\ell,y)+\beta\,\tfrac{1}{Ct^2}\lVert\hat t_m-t_m\rVert_2^2"
        r"+\gamma\,\mathrm{CE}_{\mathrm{pix}}(\hat c,c)",
        sees="The tiles of every image in gray and in a shuffled order, one of them blank.",
        target="The order, the pixels of the blank tile, and the colours of the others.",
        # the missing pixels are answered with the mean colour, which costs the variance: about 1, standardised
        chance=lambda s: (
            s["order_weight"] * log(s["permutations"])
            + s["missing_weight"]
            + s["colour_weight"] * log(len(gamut_bins(s["bin_size"])))
        ),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"order_weight": 0.0, "colour_weight": 0.0},
                "Only painting is left: the lost tile is a blurry mean, and little is learned.",
            ),
            Switch(
                {"gap": 0, "tile_jitter": False, "tile_norm": False},
                "Edges and brightness fit exactly: the puzzle becomes easy and what is learned becomes worse.",
            ),
        ),
        notes=(
            "The best value of 0 is out of reach: sharing a colour out over neighbouring bins costs 1.1 to 1.4 "
            "times colour_weight.",
        ),
    )
    Settings = DamagedJigsawSettings
    term_weights = ("order_weight", "missing_weight", "colour_weight")
    defaults = {**Jigsaw.defaults, "grayscale": 0.0}
    needs_colour = True

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        side, width = info.size // self.knobs.grid - self.knobs.gap, self.encoder.feature_dim
        self.painter = nn.Sequential(
            mlp(self.shown(settings) * width, 256, info.channels * side**2),
            nn.Unflatten(1, (info.channels, side, side)),
        )
        self.register_buffer("bins", gamut_bins(self.knobs.bin_size))
        self.colour_side = max(1, side // 4)
        self.colourer = PlaceDecoder(width, len(self.bins), self.colour_side)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        views = super().views(batch, generator)
        truth = views.pop("tiles")
        missing = torch.randint(truth.shape[1], (len(truth), 1), generator=generator).to(truth.device)
        blank = torch.zeros(truth.shape[:2], dtype=torch.bool, device=truth.device).scatter(1, missing, True)
        gray = lightness(truth.flatten(0, 1)).view_as(truth)
        seen = torch.where(blank[:, :, None, None, None], self.encoder.mean.mean(), gray)
        return {**views, "seen": seen, "truth": truth, "blank": blank}

    def answers(self, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the order (N, P), the standardised missing tile (N, C, t, t), colours (N * T, Q, h, w)."""
        maps = tile_maps(self.encoder, seen, normalise=self.knobs.tile_norm)
        features = maps.mean((3, 4)).flatten(1)
        return self.head(features), self.painter(features).float(), self.colourer(maps.flatten(0, 1))

    def loss(self, views: Views) -> Losses:
        knobs, blank, truth = self.knobs, views["blank"], views["truth"]
        order, painted, coloured = self.answers(views["seen"])
        lost = (truth * blank[:, :, None, None, None]).sum(1)
        ab = F.adaptive_avg_pool2d(rgb_to_lab(truth.flatten(0, 1))[:, 1:], self.colour_side)
        present = (~blank).float() / (~blank).float().mean()
        weight = present.flatten()[:, None, None].expand(-1, *ab.shape[2:])
        codes = soft_bins(ab, self.bins, sigma=knobs.bin_size / 2)
        puzzle = classification(order, views["target"])
        return Losses(
            {
                "order": knobs.order_weight * puzzle.terms["cross_entropy"],
                "missing": knobs.missing_weight * F.mse_loss(painted, self.encoder.standardise(lost)),
                "colours": knobs.colour_weight * soft_cross_entropy(coloured, codes, weight=weight),
            },
            puzzle.metrics,
        )

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(lightness(images))

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        seen, truth, blank = views["seen"], views["truth"], views["blank"][:, :, None, None, None]
        order, painted, coloured = self.answers(seen)
        ab = F.interpolate(annealed_mean(coloured, self.bins, temperature=0.38), size=seen.shape[-2:])
        light = 100 * seen.flatten(0, 1)[:, :1]
        tiles = lab_to_rgb(torch.cat([light, ab], 1)).unflatten(0, seen.shape[:2])
        lost = self.encoder.as_pictures(painted)
        guess = order.float().argmax(1)
        solved = apply_permutation(
            torch.where(blank, lost[:, None], tiles), inverse_permutation(self.permutation_set[guess])
        )
        solution = apply_permutation(truth, inverse_permutation(self.permutation_set[views["target"]]))
        captions = tuple("solved ✓" if hit else "wrong ✗" for hit in (guess == views["target"]).tolist())
        return [
            Panel("The puzzle", untile(seen)),
            Panel("In order, completed and coloured", untile(solved), captions),
            Panel("The truth", untile(solution)),
        ]
