"""iBOT: name the teacher's group for the whole image, and for every patch that is hidden."""

from math import log

import torch
from torch import Tensor, nn

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.knobs import knob
from sslcore.methods.attention import where_it_looks
from sslcore.methods.base import Batch, Losses, Panel, TwoViewSettings, Views
from sslcore.methods.ema import RisingMomentumSettings
from sslcore.methods.groups import group_map, groups_in_use, show_groups
from sslcore.methods.masked_tokens import MaskRatioSettings, NeedsTransformer
from sslcore.methods.teacher import Center, CenteredTeacher, CenteredTeacherSettings, entropy
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import block_mask, cover


class IBOTSettings(CenteredTeacherSettings, MaskRatioSettings, RisingMomentumSettings, TwoViewSettings):
    image_weight: float = knob(1.0, 0.0, 100.0, help="How much the group of a view counts.", live=True)
    patch_weight: float = knob(1.0, 0.0, 100.0, help="How much those of hidden patches count.", live=True)


@register
class IBOT(NeedsTransformer, CenteredTeacher):
    """Image BERT with an online tokenizer. Zhou, Wei, Wang, Shen, Xie, Yuille, Kong, ICLR 2022, arXiv 2111.07832.

    The mean of the tokens, which is the representation here, takes the place of the paper's class token. Patches
    are hidden in one of the two views, where the paper leaves every view whole half of the time. There are no small
    views.
    """

    card = Card(
        id="ibot",
        title="iBOT",
        family="distillation",
        year=2022,
        paper="Zhou, Wei, Wang, Shen, Xie, Yuille, Kong · ICLR 2022",
        arxiv="2111.07832",
        idea="DINO and BERT in one: the student names the teacher's group for another view of the image, and for each "
        "patch that is hidden from it the group that the teacher, who sees it, puts the patch in. The teacher is "
        "a tokenizer that learns along.",
        formula=r"\tfrac{\lambda_1}{2}\sum_{v\ne q}H\big(P_t(u_q),P_s(\hat u_v)\big)+"
        r"\frac{\lambda_2}{\lvert\mathcal M\rvert}\sum_{l\in\mathcal M}H\big(P_t(u_{1,l}),P_s(\hat u_{1,l})\big),\quad "
        r"H(p,q)=-\sum_k p_k\log q_k",
        sees="Two augmented views of every image, in the first some blocks of patches hidden; the teacher sees all.",
        target="The teacher's answer to the other view, and to every hidden patch.",
        chance=lambda s: (s["image_weight"] + s["patch_weight"]) * log(s["prototypes"]),
        collapse=lambda s: (
            (s["image_weight"] + s["patch_weight"]) * log(s["prototypes"]) if s["centering"] else 0.0
        ),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"centering": False, "head_norm": False},
                "One group wins for all images and one for all patches: the loss falls to nothing.",
                collapses=True,
            ),
            Switch(
                {"teacher_temperature": 1.0},
                "A teacher less sure than the student: all groups become equally likely, and the loss stays put.",
            ),
            Switch(
                {"image_weight": 0.0},
                "Patches alone: groups of colours and textures, which say little about what is shown.",
            ),
        ),
        notes=(
            "Each loss is the teacher's entropy plus what the student misses: it is low if one group takes all, too.",
        ),
    )
    Settings = IBOTSettings
    term_weights = ("image_weight", "patch_weight")
    defaults = {**NeedsTransformer.defaults, "mask_ratio": 0.3}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.mask_token = nn.Parameter(torch.randn(self.encoder.feature_dim) * 0.02)
        self.image_center, self.patch_center = (Center(self.knobs.prototypes) for _ in range(2))

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Two views, and ``mask`` (N, L): the patches of the first that are hidden from the student."""
        seen = super().views(batch, generator)
        count, side = len(seen["view1"]), seen["view1"].shape[-1] // self.encoder.patch_size
        ratio = max(self.knobs.mask_ratio, 1 / side**2)
        mask = block_mask(count, side, ratio, generator=generator)
        return {**seen, "mask": mask.to(batch.images.device)}

    def network(self, teacher: bool) -> tuple[nn.Module, nn.Module]:
        """Encoder and head of the teacher, or of the student."""
        return tuple(self.target) if teacher else (self.encoder, self.projector)

    def tokens(self, views: Views, *, teacher: bool) -> Tensor:
        """Tokens (2N, L, width) of both views; patches are hidden from the student only."""
        encoder, _ = self.network(teacher)
        images = encoder.standardise(torch.cat([views["view1"], views["view2"]]))
        mask = None if teacher else torch.cat([views["mask"], torch.zeros_like(views["mask"])])
        return encoder.tokens(images, mask=mask, mask_token=self.mask_token)

    def answers(self, views: Views, *, teacher: bool) -> tuple[Tensor, Tensor]:
        """Logits of both views (2N, K), and of the hidden patches of the first (N M, K)."""
        tokens, (_, head) = self.tokens(views, teacher=teacher), self.network(teacher)
        patches = tokens[: len(tokens) // 2][views["mask"]]
        # at once, so that batch norm has the same statistics for both, now and in evaluation
        return head(torch.cat([tokens.mean(1), patches])).split([len(tokens), len(patches)])

    def loss(self, views: Views) -> Losses:
        knobs = self.knobs
        image, patches = self.answers(views, teacher=False)
        with torch.no_grad():
            image_target, patch_target = self.answers(views, teacher=True)
        first, second = image_target.chunk(2)
        crossed = torch.cat([second, first])  # each view has to say what the teacher says of the other
        self.image_center.waiting, self.patch_center.waiting = image_target, patch_target
        terms = {  # cross-entropies, the teacher centred and sharpened
            "image": knobs.image_weight * self.compare(image, crossed, self.image_center),
            "patches": knobs.patch_weight * self.compare(patches, patch_target, self.patch_center),
        }
        sorted_images = self.image_center.assign(image_target, knobs)
        sorted_patches = self.patch_center.assign(patch_target, knobs)
        used = (groups_in_use(gather(rows)) for rows in (sorted_images, sorted_patches))
        groups = dict(zip(("groups", "patch_groups"), used, strict=True))
        return Losses(terms, {"teacher_entropy": entropy(sorted_images), **groups})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        image, _ = self.answers(views, teacher=True)
        student, teacher = (self.patch_groups(views, teacher=who) for who in (False, True))
        covered = cover(views["view1"], views["mask"], self.encoder.patch_size)
        text = "One colour for each group of patches."
        return [
            *show_groups(views, *self.image_center.assign(image, self.knobs).chunk(2)),
            Panel("What the student sees of the first view", covered),
            Panel("The groups it names for all patches", group_map(student), text=text),
            Panel("The teacher's groups", group_map(teacher), text=text),
            *where_it_looks(self.encoder, views["view1"]),
        ]

    def patch_groups(self, views: Views, *, teacher: bool) -> Tensor:
        """The likeliest group of every patch of the first view, hidden or not: (N, L)."""
        _, head = self.network(teacher)
        first, _ = self.tokens(views, teacher=teacher).chunk(2)
        logits = head(first.flatten(0, 1)).unflatten(0, first.shape[:2])
        return (logits - self.patch_center.of(self.knobs)).argmax(2)
