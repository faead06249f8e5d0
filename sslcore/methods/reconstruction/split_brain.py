"""Split-brain autoencoder: each half of the network sees what the other must predict."""

from dataclasses import replace
from math import lcm, log

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.encoders import Encoder, InputInfo, PlaceDecoder, build_encoder
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import EncoderSettings, RunSettings
from sslcore.views.colour_bins import annealed_mean, gamut_bins, nearest_bin
from sslcore.views.lab import lab_to_rgb, rgb_to_lab


class SplitBrainSettings(KnobModel):
    share_inputs: bool = knob(False, help="Both halves see everything: each can simply copy its answer.")
    bin_size: int = knob(
        20, 10, 50, help="Side of a bin of colours on the a and b axes; 20 makes 76 bins.", advanced=True
    )
    lightness_bins: int = knob(50, 2, 100, help="Bins of lightness.", advanced=True)


class TwoHalves(Encoder):
    """Two encoders of half the width: one for lightness, one for the two colour axes. Nothing connects them."""

    def __init__(self, settings: EncoderSettings, info: InputInfo, share_inputs: bool) -> None:
        super().__init__(replace(info, mean=(0.5, 0.0, 0.0), std=(0.25, 0.2, 0.2)))
        # past the knobs' own bounds, which are for whole encoders; ResNet-18 has no width to halve
        half = settings.model_copy(
            update={"width": max(1, settings.width // 2), "token_width": settings.token_width // 2}
        )
        self.slices = (slice(0, 3), slice(0, 3)) if share_inputs else (slice(0, 1), slice(1, 3))
        self.light, self.colour = (
            build_encoder(
                half, replace(info, channels=channels, mean=(0.0,) * channels, std=(1.0,) * channels)
            )
            for channels in ((3, 3) if share_inputs else (1, 2))
        )
        self.feature_dim = self.light.feature_dim + self.colour.feature_dim

    def standardise(self, images: Tensor) -> Tensor:
        """RGB or gray to L / 100, a / 110, b / 110, about standardised: (N, 3, H, W)."""
        lab = rgb_to_lab(images)
        return (lab / lab.new_tensor([100, 110, 110]).view(1, 3, 1, 1) - self.mean) / self.std

    def halves(self, lab: Tensor) -> tuple[Tensor, Tensor]:
        """The feature maps of both halves."""
        light, colour = (lab[:, channels] for channels in self.slices)
        return self.light.feature_map(light), self.colour.feature_map(colour)

    def feature_map(self, images: Tensor) -> Tensor:
        return torch.cat(self.halves(images), 1)


@register
class SplitBrain(Method):
    """Zhang, Isola, Efros, CVPR 2017, arXiv 1611.09842; both halves answer with classes."""

    card = Card(
        id="split_brain",
        title="Split-brain autoencoder",
        family="reconstruction",
        year=2017,
        paper="Zhang, Isola, Efros · CVPR 2017",
        arxiv="1611.09842",
        idea="Cut the network in two. One half sees lightness and predicts colour, the other sees colour and predicts "
        "lightness; together they have seen everything, and neither could copy.",
        formula=r"\mathrm{CE}\big(F_1(X_L),\,q(X_{ab})\big)+\mathrm{CE}\big(F_2(X_{ab}),\,q(X_L)\big)",
        sees="One half the lightness of every image, the other its colours.",
        target="What the other half sees, in bins, at a quarter of the resolution.",
        chance=lambda s: log(len(gamut_bins(s["bin_size"]))) + log(s["lightness_bins"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"share_inputs": True}, "Both halves see what they must predict: an ordinary autoencoder."
            ),
        ),
        notes=(
            "Each half has half the width, so that both together cost no more than one encoder.",
            "ResNet-18 has no width to halve: two of them cost twice as much.",
        ),
    )
    Settings = SplitBrainSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}
    needs_colour = True
    stands_alone = "its encoder consists of two halves"

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        whole, least = settings["token_width"], lcm(8, 2 * settings["heads"])
        if settings["encoder"] == "vit" and whole % least:
            raise UserError(
                f"Each half has half of token_width {whole}: set it to a multiple of {least}, such as "
                f"{least * max(1, whole // least)}."
            )

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.encoder = TwoHalves(settings.encoder, info, self.knobs.share_inputs)
        self.register_buffer("bins", gamut_bins(self.knobs.bin_size))
        self.side = max(1, info.size // 4)
        self.to_colour = PlaceDecoder(self.encoder.light.feature_dim, len(self.bins), self.side)
        self.to_light = PlaceDecoder(self.encoder.colour.feature_dim, self.knobs.lightness_bins, self.side)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        images = one_view(batch, self.settings, generator)
        coarse = F.adaptive_avg_pool2d(rgb_to_lab(images), self.side)
        steps = (coarse[:, 0] * self.knobs.lightness_bins / 100).long()
        return {
            "images": images,
            "colour": nearest_bin(coarse[:, 1:], self.bins),
            "light": steps.clamp(0, self.knobs.lightness_bins - 1),
        }

    def answers(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of colour (N, Q, h, w) from lightness, and of lightness (N, B, h, w) from colour."""
        light, colour = self.encoder.halves(self.encoder.standardise(images))
        return self.to_colour(light).float(), self.to_light(colour).float()

    def loss(self, views: Views) -> Losses:
        colour, light = self.answers(views["images"])
        return Losses(
            {
                "light_to_colour": F.cross_entropy(colour, views["colour"]),
                "colour_to_light": F.cross_entropy(light, views["light"]),
            },
            {"pretext_accuracy": (colour.argmax(1) == views["colour"]).float().mean()},
        )

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        images = views["images"]
        colour, light = self.answers(images)
        lab = rgb_to_lab(images)
        steps = (torch.arange(self.knobs.lightness_bins, device=light.device) + 0.5)[:, None] * (
            100 / self.knobs.lightness_bins
        )
        ab = F.interpolate(annealed_mean(colour, self.bins, temperature=0.38), size=images.shape[-2:])
        shade = F.interpolate(annealed_mean(light, steps, temperature=0.38), size=images.shape[-2:])
        return [
            Panel("Lightness, coloured by the first half", lab_to_rgb(torch.cat([lab[:, :1], ab], 1))),
            Panel("Colour, lit by the second half", lab_to_rgb(torch.cat([shade, lab[:, 1:]], 1))),
            Panel("The truth", images),
        ]
