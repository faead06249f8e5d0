"""AMDIM: from one view's features at one scale, find the other view's features at another scale."""

import torch
from torch import Tensor, nn

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.losses import local_info_nce, pair_scores
from sslcore.methods.base import Batch, Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class AMDIMSettings(TwoViewSettings):
    score_clip: float = knob(
        20.0, 0.0, 1000.0, help="Scores are bent to stay within ± this; 0 leaves them as they are.", live=True
    )
    score_penalty: float = knob(
        0.05, 0.0, 10.0, help="Cost of large scores, before they are bent.", live=True
    )
    same_view: bool = knob(
        False, help="Both sides see the same view, so that neighbouring features share pixels: trivial."
    )


@register
class AMDIM(TwoView):
    """Augmented multiscale Deep InfoMax. Bachman, Hjelm, Buchwalter, NeurIPS 2019, arXiv 1906.00910."""

    card = Card(
        id="amdim",
        title="AMDIM",
        family="contrastive",
        year=2019,
        paper="Bachman, Hjelm, Buchwalter · NeurIPS 2019",
        arxiv="1906.00910",
        idea="Deep InfoMax across two views and across scales: the summary of one view must recognise every place of "
        "the other among the places of all other images, and single coarse places of one view must do the same.",
        formula=r"-\log\frac{\exp s(a_i,b_{i,l})}{\exp s(a_i,b_{i,l})+\sum_{j\ne i}\sum_m\exp s(a_i,b_{j,m})}"
        r"+\lambda\,\mathbb E\Big[\frac{(\phi_a^\top\phi_b)^2}{d}\Big],"
        r"\quad s=c\,\tanh\!\Big(\frac{\phi_a^\top\phi_b}{c\sqrt d}\Big)",
        sees="Two augmented views of every image, as feature maps of three sizes.",
        target="For the summary and a random place of one view: the places of the other view.",
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"same_view": True},
                "Features of the same picture share pixels and are found without knowing what is in it.",
            ),
            Switch(
                {"score_clip": 0.0, "score_penalty": 0.0},
                "Nothing holds the scores back: they grow without end.",
            ),
        ),
        notes=(
            "Averaged over three pairs of scales and both directions; λ is score_penalty.",
            "Guessing costs ln(1 + (N − 1) L) for each pair of scales, L being the places of the map searched.",
            "Places of the last two maps see most of a view; the paper's encoder, without padding, keeps them apart. "
            "Finer places made features worse here.",
        ),
    )
    Settings = AMDIMSettings
    defaults = {"projector_output": 128, "batch_size": 128}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        *_, fine, coarse = self.encoder.map_dims
        self.fine_projector, self.coarse_projector = self.build_projector(fine), self.build_projector(coarse)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        if settings["encoder"] == "vit":
            raise UserError(
                "AMDIM compares a convnet's maps of several sizes: set encoder to small or resnet18."
            )

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        pair = super().views(batch, generator)
        if self.knobs.same_view:
            pair["view2"] = pair["view1"]
        place = torch.rand(len(batch.images), 2, generator=generator).to(batch.images.device)
        return {**pair, "place": place}

    def scales(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The summary (M, d), the coarse places (M, L, d) and the fine ones, each from its own projector."""
        *_, fine, coarse = self.encoder.feature_maps(self.encoder.standardise(images))

        def places(projector: nn.Module, maps: Tensor) -> Tensor:
            return projector(maps.permute(0, 2, 3, 1).flatten(0, 2)).unflatten(0, (len(maps), -1)).float()

        summary = self.projector(coarse.mean((2, 3))).float()
        return summary, places(self.coarse_projector, coarse), places(self.fine_projector, fine)

    def cost(self, queries: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """InfoNCE of bent scores, and the mean square of the straight ones."""
        straight = pair_scores(gather(queries), gather(places)) / queries.shape[1] ** 0.5
        clip = self.knobs.score_clip
        return local_info_nce(clip * (straight / clip).tanh() if clip else straight), straight.square().mean()

    def loss(self, views: Views) -> Losses:
        both = self.scales(torch.cat([views["view1"], views["view2"]]))
        views1, views2 = zip(*(maps.chunk(2) for maps in both), strict=True)
        costs, squares = [], []
        for here, there, lot in ((views1, views2, 0), (views2, views1, 1)):
            summary, coarse = here[:2]
            place = (views["place"][:, lot] * coarse.shape[1]).long().clamp(max=coarse.shape[1] - 1)
            one = coarse[torch.arange(len(coarse), device=place.device), place]
            pairs = ((summary, there[1]), (summary, there[2]), (one, there[1]))
            found = [self.cost(*pair) for pair in pairs]
            costs.append(torch.stack([cost for cost, _ in found]))
            squares.append(torch.stack([square for _, square in found]))
        names = ("summary_to_coarse", "summary_to_fine", "coarse_to_coarse")
        terms = dict(zip(names, torch.stack(costs).mean(0) / len(names), strict=True))
        size = torch.stack(squares).mean()
        return Losses(
            {**terms, "score_penalty": self.knobs.score_penalty * size}, {"score_size": size.detach().sqrt()}
        )
