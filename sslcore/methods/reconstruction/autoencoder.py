"""Autoencoder: squeeze an image through a narrow code and rebuild it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders import HEAVIEST, Decoder, InputInfo, map_side
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class AutoencoderSettings(KnobModel):
    bottleneck: int = knob(
        64, 1, 4096, help="Numbers that an image must be squeezed into; few force it to leave things out."
    )


@register
class Autoencoder(Method):
    """Hinton, Salakhutdinov, Science 313, 2006; trained in one piece, without its layer-by-layer start."""

    card = Card(
        id="autoencoder",
        title="Autoencoder",
        family="reconstruction",
        year=2006,
        paper="Hinton, Salakhutdinov · Science 2006",
        idea="Describe an image by a few numbers from which it can be rebuilt. What recurs from image to image is "
        "cheap to describe, so a narrow code must find it.",
        formula=r"\frac{1}{NCHW}\lVert x-g(f(x))\rVert_2^2,\quad f(x)\in\mathbb R^{k}",
        sees="A random crop of every image, sometimes mirrored, in its own colours.",
        target="The same images, in units of their standard deviation.",
        # answering with the mean colour everywhere costs the variance, which standardising makes about 1
        chance=lambda s: 1.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"bottleneck": 1}, "One number per image: it says little more than how bright the image is."
            ),
            Switch(
                {"bottleneck": 4096},
                "The code hardly limits any more: more detail comes back, and less need be understood.",
            ),
        ),
        notes=(
            "Probes judge the average of the encoder's map, not the code, which is made from the whole map.",
            "With linear encoder and decoder it would find the principal components.",
            "Every pixel counts alike, so the background, which is large, comes before the object.",
        ),
    )
    Settings = AutoencoderSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        places = map_side(self.encoder, info) ** 2
        inputs = places * self.encoder.feature_dim
        if inputs * self.knobs.bottleneck > HEAVIEST:
            raise UserError(
                f"Squeezing {inputs:,} features into {self.knobs.bottleneck:,} takes "
                f"{inputs * self.knobs.bottleneck / 1e6:,.0f} million weights: set bottleneck to "
                f"{HEAVIEST // inputs:,} or less, or take larger patches or smaller images."
            )
        self.squeeze = nn.Linear(inputs, self.knobs.bottleneck)
        self.decoder = Decoder(self.knobs.bottleneck, info)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        return {"images": one_view(batch, self.settings, generator)}

    def project(self, images: Tensor) -> Tensor:
        """The code (N, bottleneck)."""
        return self.squeeze(self.encoder.feature_map(self.encoder.standardise(images)).flatten(1))

    def loss(self, views: Views) -> Losses:
        rebuilt = self.decoder(self.project(views["images"])).float()
        return Losses({"squared_error": F.mse_loss(rebuilt, self.encoder.standardise(views["images"]))})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        code = self.project(views["images"])
        first, last = code[:1], code[1 % len(code)][None]
        between = first + torch.linspace(0, 1, 8, device=code.device)[:, None] * (last - first)
        return [
            Panel("The images", views["images"]),
            Panel("Rebuilt from the code alone", self.picture(code)),
            Panel(
                "Halfway codes",
                self.picture(between),
                text="The first image's code turned step by step into the second's.",
            ),
        ]

    def picture(self, code: Tensor) -> Tensor:
        """What a code stands for, as an image in [0, 1]."""
        return self.encoder.as_pictures(self.decoder(code).float())
