"""Colorization: what colours had this gray picture?"""

from math import log
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import average
from sslcore.encoders import InputInfo, PlaceDecoder
from sslcore.knobs import KnobModel, knob
from sslcore.losses import soft_cross_entropy
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.colour_bins import annealed_mean, gamut_bins, rebalancing_weights, soft_bins
from sslcore.views.lab import lab_to_rgb, lightness, rgb_to_lab

SLOWEST = 0.01  # the frequencies of colours follow the last hundred batches


class ColorizationSettings(KnobModel):
    colour_loss: Literal["classes", "l2"] = knob(
        "classes",
        help="classes: a distribution over bins of colours. l2: one colour, the mean of all it may be.",
    )
    bin_size: int = knob(
        20, 10, 50, help="Side of a bin of colours on the a and b axes; 20 makes 76 bins.", advanced=True
    )
    uniform_share: float = knob(
        0.5,
        0.0,
        1.0,
        help="0: rare colours count as much as common ones; those never seen count for nothing. 1: every "
        "pixel counts alike.",
        live=True,
    )
    annealing: float = knob(
        0.38, 0.02, 1.0, help="How a colour is read off: towards 0 the likeliest, at 1 the mean.", live=True
    )


@register
class Colorization(Method):
    """Zhang, Isola, Efros, ECCV 2016, arXiv 1603.08511."""

    card = Card(
        id="colorization",
        title="Colorization",
        family="reconstruction",
        year=2016,
        paper="Zhang, Isola, Efros · ECCV 2016",
        arxiv="1603.08511",
        idea="Grass is green and the sky is blue: to colour a gray picture, a network must recognise what is in it. "
        "As many things come in several colours, the answer is a distribution over colours.",
        formula=r"-\frac1{NHW}\sum_{n,h,w}v(Z_{hw})\sum_q Z_{hwq}\log\hat Z_{hwq},\quad "
        r"v(Z)\propto\Big((1-\lambda)\,\tilde p_{q^*}+\tfrac{\lambda}{Q}\Big)^{-1}",
        sees="The lightness of every image: a gray picture.",
        target="The colour of every place, at a quarter of the resolution: one of Q bins of the a-b plane.",
        # the l2 variant is measured in units of the colours' variance, which answering their mean costs
        chance=lambda s: log(len(gamut_bins(s["bin_size"]))) if s["colour_loss"] == "classes" else 1.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"colour_loss": "l2"}, "A shirt may be red or green: the mean of both is a grayish brown."
            ),
            Switch({"uniform_share": 1.0}, "Backgrounds outnumber objects: the colours turn dull."),
        ),
        notes=(
            "The encoder never sees a colour, so probes see gray pictures too.",
            "How common a colour is follows the images of this run; the paper smooths a count over ImageNet. "
            "Bins without a sample weigh nothing.",
            "With classes a loss of 0 is out of reach: sharing targets out over neighbouring bins costs 1.1 to 1.4.",
        ),
    )
    Settings = ColorizationSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}
    needs_colour = True

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.register_buffer("bins", gamut_bins(self.knobs.bin_size))
        self.register_buffer("prior", torch.full((len(self.bins),), 1 / len(self.bins)))
        self.register_buffer("moments", torch.stack([self.bins.mean(0), self.bins.square().mean(0)]))
        self.register_buffer("batches", torch.zeros(()))
        self.side = max(1, info.size // 4)
        answers = len(self.bins) if self.knobs.colour_loss == "classes" else 2
        self.head = PlaceDecoder(self.encoder.feature_dim, answers, self.side)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        images = one_view(batch, self.settings, generator)
        ab = F.adaptive_avg_pool2d(rgb_to_lab(images)[:, 1:], self.side)  # averaged before it is binned
        codes = soft_bins(ab, self.bins, sigma=self.knobs.bin_size / 2)
        return {"gray": lightness(images), "ab": ab, "codes": codes, "images": images}

    def answer(self, gray: Tensor) -> Tensor:
        """Gray images to logits over bins (N, Q, h, w), or to a and b in units of 110 (N, 2, h, w)."""
        return self.head(self.encoder.feature_map(self.encoder.standardise(gray))).float()

    def loss(self, views: Views) -> Losses:
        answer, codes, ab = self.answer(views["gray"]), views["codes"], views["ab"]
        if self.knobs.colour_loss == "l2":
            self.follow(self.moments, torch.stack([ab.mean((0, 2, 3)), ab.square().mean((0, 2, 3))]))
            mean, square = self.moments
            # where all is gray, a just visible difference
            variance = (square - mean.square()).mean().clamp(min=1)
            return Losses({"squared_error": F.mse_loss(110 * answer, ab) / variance})
        self.follow(self.prior, codes.mean((0, 2, 3)))
        weights = rebalancing_weights(self.prior, uniform_share=self.knobs.uniform_share)
        weight = weights[codes.argmax(1)]  # eq. 3
        # not in the paper: every batch weighs 1, so that the loss starts at chance
        weight = weight / average({"mean": weight.mean()})["mean"]
        hits = (answer.argmax(1) == codes.argmax(1)).float().mean()
        return Losses(
            {"colours": soft_cross_entropy(answer, codes, weight=weight)}, {"pretext_accuracy": hits}
        )

    @torch.no_grad()
    def follow(self, running: Tensor, seen: Tensor) -> None:
        """Let prior or moments, whichever the loss uses, follow the batches: a running mean, as in batch norm."""
        if self.training:
            self.batches += 1
            running.lerp_(average({"seen": seen})["seen"], (1 / self.batches).clamp(min=SLOWEST))

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(lightness(images))

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        answer, images = self.answer(views["gray"]), views["images"]
        if self.knobs.colour_loss == "l2":
            ab = answer * 110
        else:
            ab = annealed_mean(answer, self.bins, temperature=self.knobs.annealing)
        return [
            Panel("What it sees", views["gray"]),
            Panel("Its colours", paint(images, ab)),
            Panel("The truth, as coarse", paint(images, views["ab"])),
            Panel("The truth", images),
        ]


def paint(images: Tensor, ab: Tensor) -> Tensor:
    """The lightness of images (N, C, H, W) with coarse colours (N, 2, h, w) laid over it: (N, 3, H, W)."""
    colours = F.interpolate(ab, size=images.shape[-2:], mode="bilinear")
    return lab_to_rgb(torch.cat([rgb_to_lab(images)[:, :1], colours], 1))
