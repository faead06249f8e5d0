"""I-JEPA: from one large block of an image, predict what a teacher makes of several others."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders import InputInfo
from sslcore.encoders.vision_transformer import initialise, sincos_positions, transformer
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.losses import latent_regression
from sslcore.methods.base import Batch, Losses, Panel, Progress, Views, one_view
from sslcore.methods.ema import momentum_at, target_of, update_target
from sslcore.methods.masked_tokens import (
    LatentTargetSettings,
    MaskedTokens,
    NeedsTransformer,
    at,
    check_width,
    guessing,
    spread_of,
    standardised,
)
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import context_and_targets, cover


class IJEPASettings(LatentTargetSettings):
    target_blocks: int = knob(4, 1, 8, help="Blocks of an image whose features are asked for.")
    target_min: float = knob(0.15, 0.02, 0.5, help="Smallest such block, as a share of the image.", live=True)
    target_max: float = knob(
        0.2, 0.02, 0.5, help="Largest such block. Small ones ask for details only.", live=True
    )
    stop_gradient: bool = knob(
        True, help="The target side gets no gradient. Off: one answer for all images.", live=True
    )
    predictor_width: int = knob(48, 16, 512, help="Width of the predictor's tokens.", advanced=True)
    predictor_depth: int = knob(2, 1, 8, help="Transformer blocks of the predictor.", advanced=True)


@register
class IJEPA(NeedsTransformer):
    """Assran, Duval, Misra, Bojanowski, Vincent, Rabbat, LeCun, Ballas, CVPR 2023, arXiv 2301.08243."""

    card = Card(
        id="ijepa",
        title="I-JEPA",
        family="masked",
        year=2023,
        paper="Assran, Duval, Misra et al. · CVPR 2023",
        arxiv="2301.08243",
        idea="Look at one part of an image and say, for other places in it, not what the pixels are but what a "
        "teacher's features are. Details that nobody could guess never enter the features, so what can be guessed, "
        "the meaning, is what is learned; no view has to be distorted by hand.",
        formula=r"\frac1{T}\sum_{i=1}^{T}\frac1{\lvert B_i\rvert}\sum_{l\in B_i}\mathrm{smoothL1}\Big("
        r"g_\phi\big(f_\theta(x_{\mathrm{ctx}}),m_l\big),\;\mathrm{IN}\big(f_\xi(x)\big)_l\Big),\quad "
        r"\xi\leftarrow m\,\xi+(1-m)\,\theta",
        sees="A large block of every image without the places that are asked for; the teacher sees all.",
        target="In several blocks: the teacher's features, from their places alone.",
        chance=lambda s: guessing(s, 1.0),
        collapse=lambda s: 0.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"stop_gradient": False},
                "The teacher is the student itself and learns to be easy to predict: the same for every image.",
                collapses=True,
            ),
            Switch({"momentum": 1.0}, "The teacher stays random: its features are all there is to learn."),
            Switch(
                {"target_min": 0.02, "target_max": 0.02},
                "Targets of a patch or two: what lies around them is enough to guess them.",
            ),
        ),
        notes=(
            "A loss of 0 is both perfect and collapsed: only the spread of the embedding tells which.",
            "The authors standardise targets over features (target_norm layer); here that makes all places alike.",
        ),
    )
    Settings = IJEPASettings
    least_grid = 4  # on a smaller one the context would hold what is asked for
    defaults = {**MaskedTokens.defaults, "learning_rate": 1e-3, "crop_min": 0.6, "momentum": 0.995}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        outer, width = self.encoder.feature_dim, self.knobs.predictor_width
        self.teacher = target_of(self.encoder)
        self.narrow, self.widen = nn.Linear(outer, width), nn.Linear(width, outer)
        self.predictor = transformer(width, self.knobs.predictor_depth)
        self.mask_token = nn.Parameter(torch.randn(width) * 0.02)
        self.register_buffer("positions", sincos_positions(info.size // self.encoder.patch_size, width))
        nn.ModuleList((self.narrow, self.widen, self.predictor)).apply(initialise)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        check_width(settings, "predictor_width")
        if settings["target_min"] > settings["target_max"]:
            raise UserError("target_min must not be larger than target_max: swap them or make them equal.")
        if settings["target_blocks"] * settings["target_max"] > 1:
            raise UserError("Such blocks leave little to see: set target_blocks or target_max lower.")

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Images, and indices of patches: ``context`` (N, K) and ``targets`` (N, T, B)."""
        images, side = one_view(batch, self.settings, generator), round(self.encoder.token_count**0.5)
        count, area = self.knobs.target_blocks, (self.knobs.target_min, self.knobs.target_max)
        context, targets = context_and_targets(
            len(images), side, generator=generator, targets=count, target_area=area
        )
        return {"images": images, "context": context.to(images.device), "targets": targets.to(images.device)}

    def predict(self, views: Views) -> Tensor:
        """For each target block on its own: features (N, T, B, d) of its places, from the context."""
        context, (count, blocks, size) = views["context"], views["targets"].shape
        seen = self.narrow(self.encoder.tokens(self.encoder.standardise(views["images"]), context))
        seen = (seen + self.positions[context]).repeat_interleave(blocks, 0)
        asked = self.mask_token + self.positions[views["targets"].flatten(0, 1)]
        tokens = self.predictor(torch.cat([seen, asked.to(seen.dtype)], 1))
        return self.widen(tokens[:, -size:]).float().view(count, blocks, size, -1)

    def target(self, views: Views) -> Tensor:
        """What the teacher, who sees all, makes of every place: (N, L, d)."""
        teacher = self.teacher if self.knobs.stop_gradient else self.encoder
        with torch.set_grad_enabled(not self.knobs.stop_gradient and torch.is_grad_enabled()):
            tokens = teacher.tokens(teacher.standardise(views["images"])).float()
            return standardised(tokens, self.knobs.target_norm)

    def loss(self, views: Views) -> Losses:
        target = self.target(views)
        loss = latent_regression(self.predict(views), at(target, views["targets"]), beta=1.0)
        return Losses({"regression": loss}, {"target_spread": spread_of(target.detach())})

    def after_step(self, progress: Progress) -> None:
        update_target(self.teacher, self.encoder, momentum_at(self.knobs.momentum, progress.fraction))

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        images, patch = views["images"], self.encoder.patch_size
        hidden = torch.ones(len(images), self.encoder.token_count, dtype=torch.bool, device=images.device)
        context = cover(images, hidden.scatter(1, views["context"], False), patch)
        asked = cover(images, hidden.scatter(1, views["targets"].flatten(1), False), patch)
        guess, tokens = self.predict(views), self.target(views)
        own, other = (
            F.cosine_similarity(guess, at(rows, views["targets"]), dim=3).mean((1, 2)).tolist()
            for rows in (tokens, tokens.roll(1, 0))
        )
        captions = tuple(f"{pair[0]:.2f}, not {pair[1]:.2f}" for pair in zip(own, other, strict=True))
        text = "Cosine of what is predicted with the teacher's features, and with those of another image."
        return [Panel("What it sees", context), Panel("What it is asked for", asked, captions, text)]
