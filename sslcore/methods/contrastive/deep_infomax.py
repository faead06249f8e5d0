"""Deep InfoMax: a summary of an image should tell which places belong to that image."""

from math import log, nan
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo, mlp
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.losses import discriminator_loss, jensen_shannon, local_info_nce, pair_scores, reversed_gradient
from sslcore.methods.base import Batch, Losses, Method, Panel, Views
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import random_views

PLACES = 8  # along each side of the first stage's map, at most: there a place has not seen the whole image
UNCOLOURED = {"jitter": 0.0, "grayscale": 0.0}
OTHER = ("flip", "rotation", "blur", "solarize", "noise", "cutout")
COLOUR_ALONE = {"crop_min": 1.0, "crop_max": 1.0, **dict.fromkeys(OTHER, 0.0)}


class DeepInfoMaxSettings(KnobModel):
    global_weight: float = knob(0.0, 0.0, 100.0, help="Summary against the whole fine map.", live=True)
    local_weight: float = knob(1.0, 0.0, 100.0, help="Summary against places of the fine map.", live=True)
    prior_weight: float = knob(
        0.1, 0.0, 100.0, help="Pull of the summaries towards an even spread.", live=True
    )
    estimator: Literal["jsd", "info_nce"] = knob(
        "jsd", help="jsd judges each pair alone; info_nce makes pairs compete and needs many negatives."
    )
    summary_dim: int = knob(64, 2, 1024, help="Dimensions of the summary.", advanced=True)
    critic_hidden: int = knob(256, 8, 4096, help="Width of the critics that score pairs.", advanced=True)


def guessing(s: RunSettings) -> float:
    """Loss when all pairs have the same score: no information by jsd; by info_nce one answer of so many."""
    others, prior = s["batch_size"] - 1, 2 * log(2) * s["prior_weight"]
    places = nan if s["local_weight"] and s["image_size"] % 32 else PLACES**2  # other sizes have fewer
    guess = s["global_weight"] * log(1 + others) + s["local_weight"] * log(1 + others * places)
    return prior + (guess if s["estimator"] == "info_nce" else 0.0)


@register
class DeepInfoMax(Method):
    """Hjelm, Fedorov, Lavoie-Marchildon, Grewal, Bachman, Trischler, Bengio, ICLR 2019, arXiv 1808.06670."""

    card = Card(
        id="deep_infomax",
        title="Deep InfoMax",
        family="contrastive",
        year=2019,
        paper="Hjelm, Fedorov, Lavoie-Marchildon, Grewal, Bachman, Trischler, Bengio · ICLR 2019",
        arxiv="1808.06670",
        idea="Shown a summary of an image and one place of a feature map, say whether they come from the same image. "
        "A summary that serves all places must hold what the whole image has in common.",
        formula=r"-\alpha\,\hat I(X;Y)-\frac{\beta}{L}\sum_{l}\hat I(C_l;Y)-\gamma\,\hat D_{\mathrm{prior}}(Y),\quad"
        r"\hat I=-\mathbb E_{+}\,\mathrm{sp}(-T)-\mathbb E_{-}\,\mathrm{sp}(T)+2\log 2",
        sees="One crop of every image twice: in its own colours, for its places, and in others, to be summed up.",
        target="High scores for the summary with places of its own image, low ones with those of others.",
        chance=guessing,
        best=lambda s: (
            log(4)
            * (s["prior_weight"] - (s["estimator"] == "jsd") * (s["global_weight"] + s["local_weight"]))
        ),
        switches=(
            Switch(UNCOLOURED, "In the same colours, as in the paper: the light alone gives pairs away."),
            Switch(
                {"local_weight": 0.0, "global_weight": 1.0},
                "The whole map at once is easy to recognise by any detail: the features are worse.",
            ),
        ),
        notes=(
            "Here a summary sees other colours than its places, unlike in the paper, where the light alone would do.",
            "The prior is a game: what tells summaries from uniform noise passes its gradient on reversed.",
        ),
    )
    Settings = DeepInfoMaxSettings
    term_weights = ("global_weight", "local_weight", "prior_weight")
    defaults = {"crop_min": 0.6, "batch_size": 64}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        knobs, hidden = self.knobs, self.knobs.critic_hidden
        fine, coarse = self.eval().maps(torch.zeros(1, info.channels, info.size, info.size))
        self.train()
        self.summary = mlp(coarse.numel(), 2 * hidden, knobs.summary_dim)
        self.global_map = mlp(fine.numel(), hidden, hidden)
        self.global_query = mlp(knobs.summary_dim, hidden, hidden)
        self.local_map = mlp(fine.shape[1], hidden, hidden)
        self.local_query = mlp(knobs.summary_dim, hidden, hidden)
        self.discriminator = mlp(knobs.summary_dim, 4 * knobs.summary_dim, 1, norm=False)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        if settings["encoder"] == "vit":
            raise UserError("Deep InfoMax compares places of a convnet: set encoder to small or resnet18.")

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        uniform = torch.rand(len(batch.images), self.knobs.summary_dim, generator=generator)
        places = random_views(batch.images, self.settings.views.change(**UNCOLOURED), generator=generator)
        images = random_views(places, self.settings.views.change(**COLOUR_ALONE), generator=generator)
        return {"images": images, "places": places, "uniform": uniform.to(images.device)}

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The first stage's map, averaged to few places (N, w, p, p), and the last stage's (N, d, h, h)."""
        fine, *_, coarse = self.encoder.feature_maps(self.encoder.standardise(images))
        return F.avg_pool2d(fine, -(-fine.shape[-1] // PLACES)), coarse

    def project(self, images: Tensor) -> Tensor:
        return self.summary(self.maps(images)[1].flatten(1))

    def scores(self, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """Summaries (N, d), their scores with whole images (N, N, 1) and with places (N, N, L)."""
        maps = self.maps(torch.cat([views["places"], views["images"]]))
        fine, summary = maps[0].chunk(2)[0], self.summary(maps[1].chunk(2)[1].flatten(1))
        places = self.local_map(fine.permute(0, 2, 3, 1).flatten(0, 2)).unflatten(0, (len(fine), -1))
        whole = self.global_map(fine.flatten(1))[:, None]
        with_whole = pair_scores(gather(self.global_query(summary).float()), gather(whole.float()))
        with_places = pair_scores(gather(self.local_query(summary).float()), gather(places.float()))
        return summary.float(), with_whole, with_places

    def loss(self, views: Views) -> Losses:
        knobs, (summary, with_whole, with_places) = self.knobs, self.scores(views)
        information = jensen_shannon if knobs.estimator == "jsd" else local_info_nce
        real = self.discriminator(views["uniform"]).float()
        fake = self.discriminator(reversed_gradient(summary.sigmoid())).float()
        terms = {
            "global": knobs.global_weight * information(with_whole),
            "local": knobs.local_weight * information(with_places),
            "prior": knobs.prior_weight * discriminator_loss(real, fake),  # eq. 7, negated
        }
        fooled = ((fake > 0).float().mean() + (real < 0).float().mean()) / 2
        return Losses(terms, {"discriminator_error": fooled})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        scores = self.scores(views)[2]
        side = round(scores.shape[2] ** 0.5)
        judged = scores.sigmoid() if self.knobs.estimator == "jsd" else scores.softmax(1)
        own, other = (s.diagonal().T.reshape(-1, 1, side, side) for s in (judged, judged.roll(-1, 0)))
        return [
            Panel("The image that is summed up", views["images"]),
            Panel("Places its own summary claims", own, text="Bright: said to be of the same image."),
            Panel("Places the next image's summary claims", other, text="These should be dark."),
        ]
