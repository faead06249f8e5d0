"""data2vec: predict, in hidden places, what a teacher that sees everything makes of them."""

import torch
from torch import Tensor, nn

from sslcore.encoders import InputInfo
from sslcore.knobs import knob
from sslcore.losses import latent_regression
from sslcore.methods.base import Losses, Panel, Progress, Views
from sslcore.methods.ema import momentum_at, target_of, update_target
from sslcore.methods.masked_tokens import (
    LatentTargetSettings,
    MaskedTokens,
    MaskedTokensSettings,
    as_colours,
    guessing,
    hidden,
    spread_of,
    standardised,
)
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class Data2VecSettings(LatentTargetSettings, MaskedTokensSettings):
    target_layers: int = knob(
        2, 1, 12, help="How many of the teacher's last blocks are averaged into the target; at most all."
    )
    smooth_l1_beta: float = knob(
        2.0, 0.01, 10.0, help="Errors below it are squared, larger ones count as they are.", advanced=True
    )


@register
class Data2Vec(MaskedTokens):
    """Baevski, Hsu, Xu, Babu, Gu, Auli, ICML 2022, arXiv 2202.03555."""

    card = Card(
        id="data2vec",
        title="data2vec",
        family="masked",
        year=2022,
        paper="Baevski, Hsu, Xu, Babu, Gu, Auli · ICML 2022",
        arxiv="2202.03555",
        idea="Hide part of the image, but do not ask for pixels: ask what a teacher, a slow average of the "
        "student that sees the whole image, thinks of the hidden places. Its answers take in the context, so they "
        "mean more than a patch does; the same recipe serves speech and text.",
        formula=r"\mathrm{smoothL1}_\beta\big(\hat y_l,\;y_l\big),\;l\in\mathcal M,\quad "
        r"y=\mathrm{LN}\Big(\tfrac1K\sum_{k}\mathrm{IN}\big(a^{(k)}_\xi(x)\big)\Big),\quad "
        r"\xi\leftarrow m\,\xi+(1-m)\,\theta",
        sees="The whole image, with a learned token in the place of every hidden patch; the teacher sees all.",
        target="In every hidden place: the mean of the teacher's last layers.",
        chance=lambda s: guessing(s, s["smooth_l1_beta"]),
        collapse=lambda s: 0.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"target_norm": "off", "momentum": 0.0},
                "A teacher that follows at once and may shrink: both agree on less and less.",
            ),
            Switch(
                {"target_norm": "layer"},
                "All places of an image become alike, which is easily guessed: features end worse than they began.",
            ),
            Switch({"momentum": 1.0}, "The teacher stays random: its features are all there is to learn."),
        ),
        notes=(
            "A loss of 0 is both perfect and collapsed: only the spread of the embedding tells which.",
            "Targets are standardised as in data2vec 2.0 (arXiv 2212.07525); the first paper's images take layer norm.",
        ),
    )
    Settings = Data2VecSettings
    defaults = {**MaskedTokens.defaults, "momentum": 0.98}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.head = nn.Linear(self.encoder.feature_dim, self.encoder.feature_dim)
        self.teacher = target_of(self.encoder)

    @torch.no_grad()
    def target(self, images: Tensor) -> Tensor:
        """What the teacher makes of every patch, (N, L, width): its last blocks, averaged."""
        tokens, outputs = self.teacher.embed_patches(self.teacher.standardise(images)), []
        for block in self.teacher.blocks:
            tokens = block(tokens)
            outputs.append(tokens.float())
        norm, last = self.knobs.target_norm, outputs[-self.knobs.target_layers :]
        mean = torch.stack([standardised(layer, norm) for layer in last]).mean(0)
        return standardised(mean, "off" if norm == "off" else "layer")

    def loss(self, views: Views) -> Losses:
        whole = self.target(views["images"])
        target = hidden(whole, views["mask"])
        answer = self.head(hidden(self.see(views), views["mask"])).float()
        loss = latent_regression(answer, target, beta=self.knobs.smooth_l1_beta)
        return Losses({"regression": loss}, {"target_spread": spread_of(whole)})

    def after_step(self, progress: Progress) -> None:
        update_target(self.teacher, self.encoder, momentum_at(self.knobs.momentum, progress.fraction))

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        sees, truth = super().preview(views)
        answer, target = self.head(self.see(views)).float(), self.target(views["images"])
        filled = torch.where(views["mask"][..., None], answer, target)
        names = ("The features it imagines", "The teacher's features")
        text = "The three strongest directions of the teacher's features as red, green and blue."
        return [
            sees,
            *(Panel(n, p, text=text) for n, p in zip(names, as_colours(filled, target), strict=True)),
            truth,
        ]
