"""Denoising autoencoder: rebuild the clean image from a damaged one."""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.corrupt import corrupt


class DenoisingSettings(KnobModel):
    noise_kind: Literal["masking", "gaussian", "salt_and_pepper"] = knob(
        "masking",
        help="masking: pixels go black; gaussian: grain; salt_and_pepper: pixels go black or white.",
    )
    noise_level: float = knob(
        0.5, 0.0, 0.95, help="Share of pixels destroyed, or standard deviation of the grain.", live=True
    )


@register
class DenoisingAutoencoder(Method):
    """Vincent, Larochelle, Bengio, Manzagol, ICML 2008."""

    card = Card(
        id="denoising_autoencoder",
        title="Denoising autoencoder",
        family="reconstruction",
        year=2008,
        paper="Vincent, Larochelle, Bengio, Manzagol · ICML 2008",
        idea="Squeeze a damaged image through a narrow code and rebuild the undamaged one. Only what is typical "
        "of images survives the damage, so that is what the code must hold.",
        formula=r"\frac{1}{NCHW}\lVert x-g(f(\tilde x))\rVert_2^2,\quad \tilde x\sim q(\tilde x\mid x)",
        sees="Images in which pixels were destroyed, freshly at every step.",
        target="The undamaged pixels, in units of their standard deviation.",
        # answering with the mean image everywhere costs the variance, which standardising makes about 1
        chance=lambda s: 1.0,
        collapse=lambda s: 1.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"noise_level": 0.0},
                "Nothing to repair: a plain autoencoder, which may copy without understanding.",
            ),
            Switch({"noise_level": 0.95}, "Too little is left to see: the answers blur into the mean image."),
        ),
    )
    Settings = DenoisingSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        if info.size % 8:
            raise UserError(f"The decoder doubles a side three times: {info.size} px is not a multiple of 8.")
        self.decoder = Decoder(self.encoder.feature_dim, info)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        clean = one_view(batch, self.settings, generator)
        damaged = corrupt(clean, self.knobs.noise_kind, self.knobs.noise_level, generator=generator)
        return {"damaged": damaged, "clean": clean}

    def loss(self, views: Views) -> Losses:
        rebuilt = self.decoder(self.encode(views["damaged"])).float()
        return Losses({"squared_error": F.mse_loss(rebuilt, self.encoder.standardise(views["clean"]))})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        rebuilt = self.decoder(self.encode(views["damaged"])).float()
        pictures = (rebuilt * self.encoder.std + self.encoder.mean).clamp(0, 1)
        return [
            Panel("Damaged", views["damaged"]),
            Panel("Rebuilt from the code alone", pictures),
            Panel("The truth", views["clean"]),
        ]


class Decoder(nn.Sequential):
    """A code (N, d) to a standardised image (N, C, S, S): one linear layer, then three doublings of the side."""

    def __init__(self, code: int, info: InputInfo, width: int = 64) -> None:
        side = info.size // 8
        super().__init__(
            nn.Linear(code, width * side**2),
            nn.Unflatten(1, (width, side, side)),
            *self.double(width, width // 2),
            *self.double(width // 2, width // 4),
            nn.BatchNorm2d(width // 4),
            nn.ReLU(),
            nn.ConvTranspose2d(width // 4, info.channels, 4, 2, 1),
        )

    @staticmethod
    def double(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(inputs), nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
