"""Two-view methods with a second network that follows the first as a moving average."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcore.encoders import InputInfo, predictor
from sslcore.knobs import knob
from sslcore.methods.base import Progress, TwoView, TwoViewSettings
from sslcore.methods.ema import momentum_at, target_of, update_target
from sslcore.settings import RunSettings


class MomentumSettings(TwoViewSettings):
    """Knobs of methods with a momentum network."""

    momentum: float = knob(
        0.99, 0.0, 1.0, help="How slowly the target follows. 0: it is a copy. 1: it never moves.", live=True
    )


class MomentumTwoView(TwoView):
    """``target`` maps images to projections as the network did on average over the last steps.

    It gets no gradient: target <- momentum * target + (1 - momentum) * network, after every step.
    """

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.target = target_of(nn.Sequential(self.encoder, self.projector))

    def momentum(self, progress: Progress) -> float:
        """The momentum of this step; constant unless a method lets it rise."""
        return self.knobs.momentum

    def after_step(self, progress: Progress) -> None:
        online = nn.Sequential(self.encoder, self.projector)
        update_target(self.target, online, self.momentum(progress))


class RisingMomentumTwoView(MomentumTwoView):
    """The same with a target that comes to rest at the end of the run."""

    def momentum(self, progress: Progress) -> float:
        return momentum_at(self.knobs.momentum, progress.fraction)


class PredictorSettings(TwoViewSettings):
    """Knobs of methods that predict their target."""

    predictor: bool = knob(
        True,
        help="The extra network on the student's side. Off: all images may meet at one point or on one line.",
    )
    predictor_hidden: int = knob(256, 2, 4096, help="Width of the predictor's hidden layer.", advanced=True)
    predictor_rate: float = knob(
        4.0,
        0.01,
        100.0,
        help="The predictor's learning rate as a multiple of the network's: it has to keep up with what it follows.",
        advanced=True,
    )


class PredictsTarget(MomentumTwoView):
    """Methods whose online side ends in a predictor, an identity if it is switched off.

    A norm on the projections (as in MoCo v3, arXiv 2104.02057) makes a short run use twice the dimensions.
    """

    final_norm = True

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        width, hidden = self.knobs.projector_output, self.knobs.predictor_hidden
        self.predictor = predictor(width, hidden, bias=False) if self.knobs.predictor else nn.Identity()

    def parameter_groups(self) -> list[dict]:
        network = [*self.encoder.parameters(), *self.projector.parameters()]
        ahead = list(self.predictor.parameters())
        return [{"params": network}, {"params": ahead, "rate": self.knobs.predictor_rate}]


def in_groups(network: Callable[[Tensor], Tensor], images: Tensor, lot: Tensor, groups: int) -> Tensor:
    """A network applied to parts of a batch one after the other, so that batch norm sees one part at a time.

    Where query and key share a part, its statistics tell them from the keys of other parts and from those in a
    queue: MoCo shuffles (arXiv 1911.05722, section 3.3).

    Args:
        network: maps images to rows.
        images: (N, C, H, W).
        lot: (N,) random numbers that deal the images out.
        groups: how many parts; fewer if they would have less than two images.

    Returns:
        One row for each image, in the order of the images.
    """
    groups = max(1, min(groups, len(images) // 2))
    if groups == 1:
        return network(images)
    order = lot.argsort()
    rows = torch.cat([network(part) for part in images[order].tensor_split(groups)])
    return rows[order.argsort()]
