"""VICReg: agree between views, keep every dimension alive, and make dimensions different."""

from torch import nn

from sslcore.distributed import gather
from sslcore.encoders import mlp
from sslcore.knobs import knob
from sslcore.losses import vicreg
from sslcore.methods.base import Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register


class VICRegSettings(TwoViewSettings):
    invariance_weight: float = knob(
        25.0, 0.0, 1000.0, help="Pull between the two views of an image.", live=True
    )
    variance_weight: float = knob(
        25.0, 0.0, 1000.0, help="Push that keeps every dimension varying.", live=True
    )
    # A dimension's penalty sums over all others: the paper's 1 is for 8,192 dimensions, here are far fewer.
    covariance_weight: float = knob(
        10.0, 0.0, 1000.0, help="Push that makes dimensions different.", live=True
    )


@register
class VICReg(TwoView):
    """Bardes, Ponce, LeCun, ICLR 2022, arXiv 2105.04906."""

    card = Card(
        id="vicreg",
        title="VICReg",
        family="redundancy",
        year=2022,
        paper="Bardes, Ponce, LeCun · ICLR 2022",
        arxiv="2105.04906",
        idea="Three plain wishes: the two views agree (invariance), every dimension keeps varying over the batch "
        "(variance), and no dimension repeats another (covariance). Each can be switched off to see what it is for.",
        formula=r"\lambda\,\tfrac{1}{Nd}\lVert Z-Z'\rVert^2+\tfrac{\mu}{2}\,[v(Z)+v(Z')]+\nu\,[c(Z)+c(Z')],\quad "
        r"v=\tfrac1d\sum_j\max\!\big(0,1-\sqrt{\mathrm{Var}_j+\epsilon}\big),\;"
        r"c=\tfrac1d\sum_{i\ne j}\mathrm{Cov}_{ij}^2",
        sees="Two augmented views of every image.",
        target="Equal embeddings of both views, with unit spread and no redundancy.",
        collapse=lambda s: 0.99 * s["variance_weight"],
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"variance_weight": 0.0},
                "Nothing keeps the embedding alive: it shrinks to a point.",
                collapses=True,
            ),
            Switch(
                {"covariance_weight": 0.0},
                "Dimensions may copy each other: the spread stays, the rank falls.",
            ),
            Switch({"invariance_weight": 0.0}, "Views need not agree: a fine spread that means nothing."),
        ),
        notes=("Guessing has no value of its own: how far views are apart and vary depends on the network.",),
    )
    Settings = VICRegSettings
    term_weights = ("invariance_weight", "variance_weight", "covariance_weight")
    defaults = {"projector_output": 256, "learning_rate": 0.01}

    def build_projector(self, inputs: int) -> nn.Module:
        """The paper's expander: three layers, no bias at the end."""
        hidden = self.knobs.projector_hidden
        return mlp(inputs, hidden, hidden, self.knobs.projector_output, final_bias=False)

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        k = self.knobs
        weights = {
            name: getattr(k, name) for name in ("invariance_weight", "variance_weight", "covariance_weight")
        }
        return Losses(vicreg(z1, z2, **weights))
