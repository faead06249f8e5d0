"""W-MSE: whiten the embeddings of a batch, then pull the two views of an image together."""

from sslcore.distributed import gather
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.losses import w_mse
from sslcore.methods.base import Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings

LEAST = 3e-7  # shrinkage for each dimension that lets any embedding be whitened; less drowns in rounding


class WMSESettings(TwoViewSettings):
    sub_batch: int = knob(
        128,
        2,
        8192,
        unit="images",
        help="Images whitened together: at least twice as many as there are dimensions; fewer make whitening noisy.",
        advanced=True,
    )
    shrinkage: float = knob(
        1e-4,
        0.0,
        1.0,
        help="How far the covariance is moved towards the identity before it is undone. 1: no whitening at all, and "
        "0.01 is already so much that an embedding near a line pleases the loss.",
        live=True,
    )


@register
class WMSE(TwoView):
    """Ermolov, Siarohin, Sangineto, Sebe, ICML 2021, arXiv 2007.06346."""

    card = Card(
        id="w_mse",
        title="W-MSE",
        family="redundancy",
        year=2021,
        paper="Ermolov, Siarohin, Sangineto, Sebe · ICML 2021",
        arxiv="2007.06346",
        idea="Turn and stretch the embeddings of a batch until all dimensions vary equally and none repeats another, "
        "and only then pull the two views of each image together. Whitened points are spread out by "
        "construction, so no negatives are needed.",
        formula=r"\frac1N\sum_i\Big(2-2\cos\big(W(z_i-\mu),\,W'(z'_i-\mu')\big)\Big),\quad "
        r"W^\top W=\big((1-\epsilon)\Sigma+\epsilon I\big)^{-1}",
        sees="Two augmented views of every image.",
        target="Equal whitened embeddings of both views.",
        chance=lambda s: 2.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"shrinkage": 1.0},
                "Nothing is whitened: a few directions are enough to please the loss, and the rank falls.",
            ),
            Switch(
                {"sub_batch": 16},
                "A covariance guessed from fewer images than dimensions: the whitening is mostly noise.",
            ),
        ),
        notes=(
            "A constant embedding cannot be whitened: without shrinkage the run ends with a sentence saying so.",
        ),
    )
    Settings = WMSESettings
    # the norm on the output leaves whitened embeddings as they are, and makes shrinkage a matter of proportion
    final_norm = True
    defaults = {"projector_output": 32}

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        together, outputs = min(settings["sub_batch"], settings["batch_size"]), settings["projector_output"]
        least = LEAST * outputs
        if settings["shrinkage"] >= least:
            return
        if together <= outputs:
            raise UserError(
                f"Whitening {outputs} dimensions needs more than {together} images together: set sub_batch and "
                f"batch_size higher, projector_output lower, or shrinkage to {2 * least:.1g} or more."
            )
        if settings["projector_hidden"] < outputs:
            raise UserError(
                f"Whitening {outputs} dimensions needs a hidden layer that is as wide: set projector_hidden to "
                f"{outputs} or more, or shrinkage to {2 * least:.1g} or more."
            )

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        together = min(self.knobs.sub_batch, len(z1))
        return Losses({"whitened_mse": w_mse(z1, z2, sub_batch=together, epsilon=self.knobs.shrinkage)})
