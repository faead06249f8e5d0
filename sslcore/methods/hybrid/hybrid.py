"""Hybrid: any weighted sum of methods, all teaching one encoder."""

from math import nan

from torch import Tensor

from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob, knobs_of
from sslcore.methods.base import Method
from sslcore.methods.hybrid.mix import check_encoders, read_mix, read_part_knobs
from sslcore.methods.several import Several, settings_of_part
from sslcore.registry import Card, Reference, Switch, get_method, register
from sslcore.settings import RunSettings


class HybridSettings(KnobModel):
    mix: str = knob(
        "simclr:1,rotation:0.5",
        help="Methods and their weights, with commas between them. The first lends its representation and its "
        "projector to probes and lamps. During a run weights may change, methods may not; one of weight 0 waits, "
        "but the data must suit it.",
        live=True,
    )
    part_knobs: str = knob(
        "",
        help="The methods' own knobs, such as simclr.temperature=0.2,rotation.watermark=on. Without a method's "
        "name, of all that have the knob. What is not named is as in the method alone.",
        live=True,
    )


def parts_of(settings: RunSettings) -> dict[str, RunSettings]:
    """The settings of every method of the mix.

    Raises:
        UserError: one sentence on what does not go together.
    """
    weights = read_mix(settings["mix"])
    own = read_part_knobs(settings["part_knobs"], weights)
    check_encoders(weights)
    return {name: settings_of_part(name, settings, "mix", **own[name]) for name in weights}


def of_parts(reference: str) -> Reference:
    """A reference value of the sum, from those of its parts; nan where a part has none."""

    def value(settings: RunSettings) -> float:
        weights, total = read_mix(settings["mix"]), 0.0
        for name, part in parts_of(settings).items():
            known = getattr(get_method(name).card, reference)
            if weights[name]:
                total += weights[name] * known(part) if known else nan
        return total

    return value


@register
class Hybrid(Several):
    """A weighted sum of losses; Piergiovanni, Angelova, Ryoo, CVPR 2020, arXiv 2002.12177, let weights evolve.

    The sum itself is ``Several.loss``, which multi-task learning shares.
    """

    card = Card(
        id="hybrid",
        title="Hybrid",
        family="hybrid",
        year=2020,
        paper="any methods together · weights: Piergiovanni, Angelova, Ryoo · CVPR 2020",
        arxiv="2002.12177",
        idea="What one method overlooks another may insist on: views that agree say nothing about which way is up, "
        "turned images nothing about colour. Add up their losses and let one encoder please them all.",
        formula=r"\mathcal L(\theta,\phi)=\sum_{m} w_m\,\mathcal L_m\big(f_\theta,\,h_{\phi_m}\big)",
        sees="What each of its methods shows: for each its own views of the same images.",
        target="What each of its methods asks, from a head of its own.",
        chance=of_parts("chance"),
        collapse=of_parts("collapse"),
        best=of_parts("best"),
        switches=(
            Switch(
                {"mix": "simclr:0,rotation:1"},
                "The contrastive part falls silent: what is left is rotation prediction alone.",
            ),
            Switch(
                {"rotation": 180.0},
                "Images already turned have no right way up: rotation stays at chance and only disturbs the other.",
            ),
            Switch(
                {"part_knobs": "rotation.watermark=on"},
                "The mark gives the turn away: that term vanishes and adds nothing to the other.",
            ),
        ),
        notes=(
            "Losses have no common unit: look at the gradient norms, and turn weights until each part pulls.",
            "Data, encoder, augmentations and optimiser are the run's, for all parts alike; so are the encoder's "
            "batch-norm statistics, which mix what all parts see.",
            "A part of weight 0 still decides which images there are (exemplar: 1,000), whether batches are of bags "
            "(micle) and what stays frozen; a first part of weight 0 lends an untrained projector.",
        ),
    )
    Settings = HybridSettings
    listed = "mix"
    defaults = {"batch_size": 128}

    @classmethod
    def settings_of_parts(cls, settings: RunSettings) -> dict[str, RunSettings]:
        return parts_of(settings)

    @classmethod
    def check_turn(cls, before: RunSettings, after: RunSettings) -> None:
        old, new = parts_of(before), parts_of(after)
        if list(old) != list(new):
            raise UserError(
                "A run goes on with the methods it began with, in the same order: change weights only, or start a "
                "new run."
            )
        for name, part in new.items():
            for knob_name, known in knobs_of(get_method(name).Settings).items():
                if part[knob_name] != old[name][knob_name] and not known.live:
                    raise UserError(
                        f"{name}.{knob_name} cannot change while a run is going: stop it and start a new one."
                    )

    def weights(self) -> dict[str, float]:
        return read_mix(self.knobs.mix)

    @property
    def first(self) -> Method:
        """The part whose representation and projection are judged."""
        return next(iter(self.parts.values()))

    @property
    def compares_views(self) -> bool:
        return self.first.compares_views

    def encode(self, images: Tensor) -> Tensor:
        return self.first.encode(images)

    def project(self, images: Tensor) -> Tensor:
        return self.first.project(images)
