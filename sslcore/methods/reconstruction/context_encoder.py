"""Context encoder: what was in the hole?"""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from sslcore.encoders import ChannelwiseLinear, InputInfo, VisionTransformer, doublings, map_side
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.losses import discriminator_loss, fooling, masked_pixel_mse
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.masks import random_squares

RIM_WEIGHT = 10  # of pixels that are in plain sight
JUDGE_RATE = 0.1  # the discriminator's learning rate as a multiple of the network's, as in the paper


class ContextEncoderSettings(KnobModel):
    hole: Literal["random", "centre"] = knob(
        "random", help="random: four squares of half the size, anywhere. centre: one, always in the middle."
    )
    hole_size: float = knob(0.5, 0.1, 0.9, help="Side of the hole, as a fraction of the image's.")
    overlap: int = knob(0, 0, 8, unit="px", help="Rim of the hole that is asked for as well.", advanced=True)
    adversarial_weight: float = knob(
        0.01, 0.0, 0.99, help="Share of fooling a discriminator; 0: squared error only.", live=True
    )


def guess(s: RunSettings) -> float:
    """Loss of who answers with the mean colour, and of a discriminator that cannot tell."""
    w = s["adversarial_weight"]
    return (1 - w) + (w * log(2) + 2 * log(2) if w else 0.0)


@register
class ContextEncoder(Method):
    """Pathak, Krähenbühl, Donahue, Darrell, Efros, CVPR 2016, arXiv 1604.07379."""

    card = Card(
        id="context_encoder",
        title="Context encoder",
        family="reconstruction",
        year=2016,
        paper="Pathak, Krähenbühl, Donahue, Darrell, Efros · CVPR 2016",
        arxiv="1604.07379",
        idea="Cut a hole into an image and ask what was there. The squared error wants a safe, blurry mean of all that "
        "could have been; a discriminator insists on something that looks real.",
        formula=r"(1-\lambda)\,\lVert \hat M\odot(x-F((1-\hat M)\odot x))\rVert_2^2"
        r"-\lambda\log D(\hat M\odot F)\;;\quad D:\;-\log D(\hat M\odot x)-\log(1-D(\hat M\odot F))",
        sees="Images with a hole, filled with the mean colour.",
        target="The pixels in the hole.",
        chance=guess,
        best=lambda s: guess(s) - (1 - s["adversarial_weight"]),
        switches=(
            Switch(
                {"adversarial_weight": 0.0}, "Squared error alone: the hole is filled with a blurry mean."
            ),
            Switch({"adversarial_weight": 0.99}, "Plausible pixels that have little to do with the image."),
            Switch(
                {"hole": "centre"}, "Always the same hole: only what lies around the middle is looked at."
            ),
        ),
        notes=(
            "The discriminator sees the hole alone: with its surroundings it would only look for seams.",
            "At the best line the hole is right and the discriminator can only guess; while it wins, the loss may be "
            "lower.",
        ),
    )
    Settings = ContextEncoderSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        width, side = self.encoder.feature_dim, map_side(self.encoder, info)
        times = (info.size // side).bit_length() - 1
        if side << times != info.size:
            patchy = isinstance(self.encoder, VisionTransformer)
            remedy = "patch_size to a power of two" if patchy else "image_size to 32, 48 or 64"
            raise UserError(f"{info.size} px cannot be reached by doubling {side}: set {remedy}.")
        self.spread = ChannelwiseLinear(width, side)
        self.decoder = nn.Sequential(nn.Conv2d(width, 64, 1, bias=False), doublings(64, info.channels, times))
        self.discriminator = nn.Sequential(
            nn.Conv2d(info.channels, 16, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 1, 4, 2, 1),
        )  # fmt: skip

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        images = one_view(batch, self.settings, generator)
        count, size = len(images), images.shape[-1]
        side = max(2, round(self.knobs.hole_size * size))
        if self.knobs.hole == "random":
            hole = random_squares(count, size, side=max(1, side // 2), squares=4, generator=generator)
        else:
            hole = torch.zeros(count, 1, size, size, dtype=torch.bool)
            start = (size - side) // 2
            hole[..., start : start + side, start : start + side] = True
        return {"images": images, "hole": hole.to(images.device)}

    def rebuild(self, views: Views) -> tuple[Tensor, Tensor]:
        """The standardised images, and what is made of them without the holes: (N, C, S, S) each."""
        truth = self.encoder.standardise(views["images"])
        seen = truth.masked_fill(views["hole"], 0.0)  # standardised, the mean colour is 0
        return truth, self.decoder(self.spread(self.encoder.feature_map(seen))).float()

    def loss(self, views: Views) -> Losses:
        hole, w = views["hole"].float(), self.knobs.adversarial_weight
        truth, rebuilt = self.rebuild(views)
        reach = self.knobs.overlap
        rim = F.max_pool2d(hole, 2 * reach + 1, 1, reach) - hole
        terms = {"reconstruction": (1 - w) * masked_pixel_mse(rebuilt, truth, hole + RIM_WEIGHT * rim)}
        if w == 0:
            return Losses(terms)
        real, fake = truth * hole, rebuilt * hole
        verdicts = self.discriminator(torch.cat([real, fake.detach()])).float().chunk(2)
        # the same discriminator with its weights held still: this term moves the generator only
        still = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        terms["fooling"] = w * fooling(functional_call(self.discriminator, still, (fake,)))
        terms["discriminator"] = discriminator_loss(*verdicts)
        told = ((verdicts[0] > 0).float().mean() + (verdicts[1] < 0).float().mean()) / 2
        return Losses(terms, {"discriminator_accuracy": told})

    def parameter_groups(self) -> list[dict]:
        generator = [*self.encoder.parameters(), *self.spread.parameters(), *self.decoder.parameters()]
        judge = {"params": list(self.discriminator.parameters()), "rate": JUDGE_RATE}
        return [{"params": generator}, judge]

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        images, hole = views["images"], views["hole"]
        _, rebuilt = self.rebuild(views)
        painted = self.encoder.as_pictures(rebuilt)
        return [
            Panel("What it sees", torch.where(hole, self.encoder.mean, images)),
            Panel("What it imagines", torch.where(hole, painted, images)),
            Panel("The truth", images),
        ]
