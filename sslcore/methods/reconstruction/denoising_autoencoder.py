"""Denoising autoencoder: rebuild the clean image from a damaged one."""

import torch
from torch.nn import functional as F

from sslcore.encoders import Decoder, InputInfo
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.corrupt import Corruption, corrupt


class DenoisingSettings(KnobModel):
    noise_kind: Corruption = knob(
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
        # answering with the mean colour everywhere costs the variance, which standardising makes about 1
        chance=lambda s: 1.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"noise_level": 0.0},
                "Nothing to repair: a plain autoencoder, which only has to fit what it sees into its code.",
            ),
            Switch({"noise_level": 0.95}, "Too little is left to see: the answers blur into the mean image."),
        ),
    )
    Settings = DenoisingSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
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
        pictures = self.encoder.as_pictures(rebuilt)
        return [
            Panel("Damaged", views["damaged"]),
            Panel("Rebuilt from the code alone", pictures),
            Panel("The truth", views["clean"]),
        ]
