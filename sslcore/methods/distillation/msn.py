"""MSN: sort an image of which patches are missing into the same group as the whole image."""

from math import log

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo, Prototypes
from sslcore.knobs import knob
from sslcore.losses import dino, mean_entropy_gap
from sslcore.methods.attention import where_it_looks
from sslcore.methods.base import Batch, Losses, Panel, Views
from sslcore.methods.ema import RisingMomentumSettings
from sslcore.methods.groups import groups_in_use, show_groups
from sslcore.methods.masked_tokens import MaskRatioSettings, NeedsTransformer
from sslcore.methods.momentum import RisingMomentumTwoView
from sslcore.methods.multi_crop import MultiCrop, MultiCropSettings
from sslcore.methods.teacher import TeacherSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import cover, random_token_mask


class MSNSettings(TeacherSettings, MaskRatioSettings, RisingMomentumSettings, MultiCropSettings):
    spread_weight: float = knob(
        10.0,
        0.0,
        100.0,
        help="Push that makes all groups be used alike. 0: one or two groups take all; 1, as in the paper, holds back "
        "too little in a minute.",
        live=True,
    )


@register
class MSN(NeedsTransformer, RisingMomentumTwoView, MultiCrop):
    """Masked siamese networks. Assran, Caron, Misra et al., ECCV 2022, arXiv 2204.07141.

    The teacher's sharpening, p^(1/T) of a softmax at the student's temperature, is a softmax at T times that
    temperature: ``teacher_temperature``.
    """

    card = Card(
        id="msn",
        title="MSN",
        family="distillation",
        year=2022,
        paper="Assran, Caron, Misra et al. · ECCV 2022",
        arxiv="2204.07141",
        idea="Drop half the patches of one view; the network must still sort it as its teacher sorts another view that "
        "is whole. Nothing is reconstructed: what is missing must not matter. So that not all images end in one "
        "group, the average answer is pushed to use all groups alike.",
        formula=r"\frac1{M}\sum_{m}-\frac1N\sum_{i,k}p^{+}_{ik}\log p_{i,m,k}+\lambda\big(\ln K-H(\bar p)\big),\quad "
        r"p=\mathrm{softmax}\big(\bar z\,\bar q^\top/\tau\big),\;"
        r"p^{+}=\mathrm{softmax}\big(\bar z^{+}\bar q^\top/\tau^{+}\big)",
        sees="One view without many of its patches, and small views if asked for; the teacher sees another view whole.",
        target="From each of them: the group into which the teacher sorts the whole view.",
        chance=lambda s: log(s["prototypes"]),
        collapse=lambda s: min(1.0, s["spread_weight"]) * log(s["prototypes"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"spread_weight": 0.0},
                "Nothing spreads the images: nearly all end in one or two groups, and the loss falls to nothing.",
            ),
            Switch(
                {"teacher_temperature": 1.0},
                "A teacher less sure than the student: every image comes to lie equally in all groups.",
            ),
        ),
        notes=(
            "q are the groups' prototypes; z⁺ is the teacher's and τ⁺ its temperature; p̄ is the mean answer.",
            "If one group takes all images, the spread term is highest; if each lies in all groups, the other one.",
            "The paper's code also evens out the teacher's answers (Sinkhorn); here the spread term has to do.",
        ),
    )
    Settings = MSNSettings
    # a norm on the output spreads the first embeddings: otherwise the sharp teacher sends all to few groups
    final_norm = True
    defaults = {
        **NeedsTransformer.defaults,
        "prototypes": 64,
        "teacher_temperature": 0.025,
    }

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.prototypes = Prototypes(self.knobs.projector_output, self.knobs.prototypes)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Crops: ``view1`` is masked, ``view2`` is the teacher's; ``keep`` (N, K), the patches left of the first."""
        seen = super().views(batch, generator)
        tokens = (seen["view1"].shape[-1] // self.encoder.patch_size) ** 2
        ratio = min(self.knobs.mask_ratio, 1 - 1 / tokens)
        _, keep = random_token_mask(len(seen["view1"]), tokens, ratio, generator=generator)
        return {**seen, "keep": keep.to(seen["view1"].device)}

    def anchors(self, views: Views) -> list[Tensor]:
        """What the student makes of the masked view and of the small ones: logits (N, K) each."""
        masked = self.encoder.tokens(self.encoder.standardise(views["view1"]), views["keep"]).mean(1)
        rows = [self.projector(masked)]
        if "locals" in views:
            rows += self.project(views["locals"]).chunk(self.knobs.local_crops)
        return [self.prototypes(z) for z in rows]

    def loss(self, views: Views) -> Losses:
        knobs, anchors = self.knobs, self.anchors(views)
        with torch.no_grad():
            teacher = self.prototypes(self.target(views["view2"]))
        each = [  # DINO's cross-entropy without a centre is H(p+, p)
            dino(
                student, teacher, center=0.0,
                student_temperature=knobs.student_temperature,
                teacher_temperature=knobs.teacher_temperature,
            )
            for student in anchors
        ]  # fmt: skip
        answers = torch.cat([gather(student) for student in anchors])
        answers = (answers / knobs.student_temperature).softmax(1)
        spread = knobs.spread_weight * mean_entropy_gap(answers)
        terms = {"cross_entropy": torch.stack(each).mean(), "spread": spread}
        return Losses(terms, {"groups": groups_in_use(answers)})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        patch, count = self.encoder.patch_size, (views["view1"].shape[-1] // self.encoder.patch_size) ** 2
        everything = torch.ones(len(views["keep"]), count, dtype=torch.bool, device=views["keep"].device)
        seen = cover(views["view1"], everything.scatter(1, views["keep"], False), patch)
        student, teacher = self.anchors(views)[0], self.prototypes(self.target(views["view2"]))
        first, second = (F.softmax(s / self.knobs.student_temperature, 1) for s in (student, teacher))
        return [
            *show_groups({"view1": seen, "view2": views["view2"]}, first, second),
            *where_it_looks(self.encoder, views["view2"]),
            *self.small_views(views),
        ]
