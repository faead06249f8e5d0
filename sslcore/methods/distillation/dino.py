"""DINO: name the group that a slow copy of oneself names, for whatever crop of the same image."""

from math import log

import torch
from torch import Tensor

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.methods.attention import where_it_looks
from sslcore.methods.base import Losses, Panel, Views
from sslcore.methods.ema import RisingMomentumSettings
from sslcore.methods.groups import groups_in_use, show_groups
from sslcore.methods.multi_crop import MultiCrop, MultiCropSettings
from sslcore.methods.teacher import Center, CenteredTeacher, CenteredTeacherSettings, entropy
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class DINOSettings(CenteredTeacherSettings, RisingMomentumSettings, MultiCropSettings):
    pass


@register
class DINO(CenteredTeacher, MultiCrop):
    """Caron, Touvron, Misra, Jégou, Mairal, Bojanowski, Joulin, ICCV 2021, arXiv 2104.14294."""

    card = Card(
        id="dino",
        title="DINO",
        family="distillation",
        year=2021,
        paper="Caron, Touvron, Misra et al. · ICCV 2021",
        arxiv="2104.14294",
        idea="A student must give its teacher's answer to another crop of the image: one of many groups that nobody "
        "defined. It may see small crops too, the teacher only large ones. Taking off the teacher's average answer and "
        "making it surer than the student keep each other in balance.",
        formula=r"\frac{1}{2(V-1)}\sum_{q\in\{1,2\}}\sum_{v\ne q}-\sum_k P_t^{(q)}\log P_s^{(v)},\quad "
        r"P_t=\mathrm{softmax}\Big(\frac{g_t-c}{\tau_t}\Big),\;P_s=\mathrm{softmax}\Big(\frac{g_s}{\tau_s}\Big),\quad "
        r"c\leftarrow m\,c+(1-m)\,\overline{g_t}",
        sees="Two large augmented views of every image, and small ones if asked for; the teacher only the large ones.",
        target="From each view: the teacher's answer to a large view of the same image.",
        chance=lambda s: log(s["prototypes"]),
        collapse=lambda s: log(s["prototypes"]) if s["centering"] else 0.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"centering": False, "head_norm": False},
                "One group wins for all images: the teacher's entropy and the loss fall to nothing.",
                collapses=True,
            ),
            Switch(
                {"teacher_temperature": 1.0},
                "A teacher less sure than the student: all groups become equally likely, and the loss stays at ln K.",
            ),
            Switch(
                {"local_crops": 4},
                "Small views take time and show scraps, above all of small toys: in a minute less is learned.",
            ),
            Switch(
                {"momentum": 1.0}, "The teacher stays random: what is learned is what it happened to see."
            ),
        ),
        notes=(
            "The loss is the teacher's entropy plus what the student misses; it is low at one of the collapses too.",
            "With batch norm in the projector it starts quickly; without it, as in the paper, only centring keeps one "
            "group from winning.",
            "Unlike in the paper the teacher's temperature does not warm up, the last layer learns from the first step "
            "on, and ReLU takes the place of GELU.",
            "The student's encoder is judged here, as that of every method; the paper judges the teacher's.",
        ),
    )
    Settings = DINOSettings

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.center = Center(self.knobs.prototypes)

    @torch.no_grad()
    def teach(self, views: Views) -> tuple[Tensor, Tensor]:
        """The teacher's logits (N, K) for both large views."""
        return self.target(torch.cat([views["view1"], views["view2"]])).float().chunk(2)

    def loss(self, views: Views) -> Losses:
        teachers, students = self.teach(views), self.project_crops(views)
        pairs = [
            self.compare(student, teacher, self.center)
            for q, teacher in enumerate(teachers)
            for v, student in enumerate(students)
            if v != q
        ]
        loss, answers = torch.stack(pairs).mean(), self.center.assign(torch.cat(teachers), self.knobs)
        self.center.waiting = torch.cat(teachers)
        surprise = loss.detach() - entropy(answers)
        return Losses(
            {"cross_entropy": loss},
            {
                "teacher_entropy": entropy(answers),
                "divergence": surprise,
                "groups": groups_in_use(gather(answers)),
            },
        )

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        answers = (self.center.assign(logits, self.knobs) for logits in self.teach(views))
        looks = where_it_looks(self.encoder, views["view1"])
        return [*show_groups(views, *answers), *looks, *self.small_views(views)]
