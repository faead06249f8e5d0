"""MICLe: find the other picture of the same individual among all pictures in the batch."""

import torch

from sslcore.knobs import knob
from sslcore.methods.base import Batch, Views
from sslcore.methods.contrastive.simclr import SimCLR, SimCLRSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class MICLeSettings(SimCLRSettings):
    use_bags: bool = knob(
        True, help="Pair two pictures of the same bag. Off: two views of one picture, which is SimCLR."
    )
    wrong_bags: float = knob(
        0.0,
        0.0,
        1.0,
        help="Share of pictures that are paired with one of another bag: what mislabelled patients cost.",
        advanced=True,
        live=True,
    )


@register
class MICLe(SimCLR):
    """Multi-instance contrastive learning. Azizi et al., ICCV 2021, arXiv 2101.05224. The loss is SimCLR's."""

    card = Card(
        id="micle",
        title="MICLe",
        family="contrastive",
        year=2021,
        paper="Azizi, Mustafa, Ryan, Beaver, Freyberg, Deaton et al. · ICCV 2021",
        arxiv="2101.05224",
        idea="A patient is photographed more than once: two different pictures of the same one make the positive "
        "pair. What they share is the thing itself, not its pose or its surroundings, which no augmentation changes.",
        formula=r"-\frac{1}{2N}\sum_{i=1}^{2N}\log\frac{\exp(\bar z_i^\top\bar z_{j(i)}/\tau)}"
        r"{\sum_{k\ne i}\exp(\bar z_i^\top\bar z_k/\tau)},\quad z_i=g(f(t(x))),\ z_{j(i)}=g(f(t'(x'))),"
        r"\quad x\ne x'\in\mathrm{bag}",
        sees="Two different pictures of each bag in the batch, augmented: 2N pictures. Of a bag of one, two views.",
        target="For each, which of the other 2N − 1 comes from the same bag.",
        chance=SimCLR.card.chance,
        collapse=SimCLR.card.collapse,
        best=SimCLR.card.best,
        switches=(
            Switch(
                {"use_bags": False},
                "SimCLR on the same pictures: other scenes of a toy are pushed away like any other picture.",
            ),
            Switch(
                {"wrong_bags": 1.0},
                "Every pair shows two different things: the loss stays near chance, there is nothing to find.",
            ),
            Switch(
                {"temperature": 5.0},
                "All negatives count alike: the loss hardly moves and little is learned.",
            ),
        ),
        notes=(
            "A batch holds one pair of a bag at most: another picture of it would be a false negative.",
            "It is told which pictures belong together. That is less than a label and often known anyway: whose "
            "picture it is, not which disease it shows.",
            "On Toybox a bag holds the scenes of one individual; with style = both some are drawn flat, some in ink.",
        ),
    )
    Settings = MICLeSettings

    @classmethod
    def uses_bags(cls, settings: RunSettings) -> bool:
        return settings.knobs.use_bags

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """A random view of every image, and one of its partner: x and x' of the formula."""
        others = batch.partners if self.knobs.use_bags and batch.partners is not None else batch.images
        if self.knobs.wrong_bags:
            wrong = (torch.rand(len(others), generator=generator) < self.knobs.wrong_bags).nonzero().flatten()
            wrong = wrong.to(others.device)  # they exchange partners among themselves: no picture comes twice
            others = others.index_copy(0, wrong, others[wrong.roll(1)])
        view1, view2 = self.draw(torch.cat([batch.images, others]), generator).chunk(2)
        return {"view1": view1, "view2": view2}
