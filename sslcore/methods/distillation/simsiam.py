"""SimSiam: predict the other view's projection; predictor and stop-gradient together prevent collapse."""

import torch
from torch import Tensor, nn

from sslcore.encoders import InputInfo, predictor
from sslcore.knobs import knob
from sslcore.losses import negative_cosine
from sslcore.methods.base import Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class SimSiamSettings(TwoViewSettings):
    stop_gradient: bool = knob(
        True,
        help="The target side gets no gradient. Off: both sides meet at one point or on one line.",
        live=True,
    )
    predictor: bool = knob(
        True, help="The extra network on the side that predicts. Off: both sides meet at one point or line."
    )
    predictor_hidden: int = knob(32, 2, 2048, help="The predictor's bottleneck.", advanced=True)


@register
class SimSiam(TwoView):
    """Chen, He, CVPR 2021, arXiv 2011.10566."""

    card = Card(
        id="simsiam",
        title="SimSiam",
        family="distillation",
        year=2021,
        paper="Chen, He · CVPR 2021",
        arxiv="2011.10566",
        idea="Predict one view's projection from the other's, without negatives, queue or momentum. Nothing in the "
        "loss forbids answering the same for every image; predictor and stop-gradient keep that from happening.",
        formula=r"-\tfrac12\cos\!\big(p_1,\mathrm{sg}[z_2]\big)-\tfrac12\cos\!\big(p_2,\mathrm{sg}[z_1]\big)",
        sees="Two augmented views of every image.",
        target="From each view's prediction: the projection of the other view.",
        chance=lambda s: 0.0,
        collapse=lambda s: -1.0,
        best=lambda s: -1.0,
        switches=(
            Switch(
                {"stop_gradient": False},
                "The loss dives to −1 while the effective rank falls towards 1: "
                "all embeddings end on a single line.",
                collapses=True,
            ),
            Switch(
                {"predictor": False},
                "Without the predictor the stop-gradient does not help: one line for all images.",
                collapses=True,
            ),
        ),
        notes=(
            "A loss of −1 is both perfect and collapsed: only the spread and the rank of the embedding tell.",
        ),
    )
    Settings = SimSiamSettings
    final_norm = True
    defaults = {"projector_output": 128, "learning_rate": 0.01}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        width, hidden = self.knobs.projector_output, self.knobs.predictor_hidden
        self.predictor = predictor(width, hidden) if self.knobs.predictor else nn.Identity()

    def target(self, z: Tensor) -> Tensor:
        """sg[z], unless the switch is thrown."""
        return z.detach() if self.knobs.stop_gradient else z

    def loss(self, views: Views) -> Losses:
        z1, z2 = self.project_both(views)
        p1, p2 = self.predictor(torch.cat([z1, z2])).float().chunk(2)
        cosine = negative_cosine(p1, self.target(z2)) + negative_cosine(p2, self.target(z1))
        return Losses({"negative_cosine": cosine / 2})

    def parameter_groups(self) -> list[dict]:
        # the predictor must keep up with a moving target: its learning rate does not decay (section 4.2)
        network = [*self.encoder.parameters(), *self.projector.parameters()]
        return [{"params": network}, {"params": list(self.predictor.parameters()), "constant_rate": True}]
