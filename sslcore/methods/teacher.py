"""What methods share whose teacher names a group: its temperatures, its centre, and how sure it is."""

import torch
from torch import Tensor, nn

from sslcore.distributed import gather
from sslcore.encoders import Prototypes, mlp
from sslcore.knobs import KnobModel, knob
from sslcore.losses import dino
from sslcore.methods.base import Progress
from sslcore.methods.momentum import RisingMomentumTwoView


class TeacherSettings(KnobModel):
    """Knobs of methods in which a student names the group that a teacher names."""

    prototypes: int = knob(
        128, 2, 65_536, help="How many groups there are: several times the classes you expect."
    )
    student_temperature: float = knob(
        0.1, 0.01, 5.0, help="Low: the student is sure of its group. High: it wavers.", live=True, log=True
    )
    teacher_temperature: float = knob(
        0.04,
        0.01,
        5.0,
        help="Low: the teacher is sure of its group. It must be surer than the student.",
        live=True,
        log=True,
    )


class CenteredTeacherSettings(TeacherSettings):
    """With the centring that keeps one group from winning for ever."""

    centering: bool = knob(
        True,
        help="The teacher's average answer is taken off. Off, and head_norm too: one group wins for all images.",
        live=True,
    )
    center_momentum: float = knob(
        0.9, 0.0, 1.0, help="How slowly the average answer follows.", live=True, advanced=True
    )
    head_norm: bool = knob(
        True,
        help="Batch norm in the projector. Off, as in the paper: a slow start, and only centring holds a winner back.",
        advanced=True,
    )
    projector_output: int = knob(
        64, 2, 8192, help="Dimensions of the bottleneck before the prototypes.", advanced=True
    )


class Center(nn.Module):
    """The running mean of a teacher's logits (DINO, arXiv 2104.14294, eq. 4).

    Attributes:
        mean: (K,), a buffer without gradient.
        waiting: (N, K) or None, this process's logits of the batch: a loss sets them, and they count after the
            step, so that no answer is centred by itself.
    """

    mean: Tensor

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(groups))
        self.waiting: Tensor | None = None

    def of(self, knobs: CenteredTeacherSettings) -> Tensor | float:
        """What is taken off the logits: the mean, or 0 if centring is off."""
        return self.mean if knobs.centering else 0.0

    def assign(self, logits: Tensor, knobs: CenteredTeacherSettings) -> Tensor:
        """P_t: a teacher's logits (N, K), centred and sharpened."""
        return ((logits - self.of(knobs)) / knobs.teacher_temperature).softmax(1)

    @torch.no_grad()
    def follow(self, momentum: float) -> None:
        """mean <- momentum * mean + (1 - momentum) * the mean of the waiting logits of all processes."""
        if self.waiting is not None:
            self.mean.lerp_(gather(self.waiting).mean(0).to(self.mean.dtype), 1 - momentum)
            self.waiting = None


class CenteredTeacher(RisingMomentumTwoView):
    """Methods with DINO's head, its centres, and a teacher that comes to rest at the end."""

    def build_projector(self, inputs: int) -> nn.Module:
        """Three layers to a bottleneck, and its cosines to the prototypes: the logits."""
        hidden, width = self.knobs.projector_hidden, self.knobs.projector_output
        head = mlp(inputs, hidden, hidden, width, norm=self.knobs.head_norm)
        return nn.Sequential(head, Prototypes(width, self.knobs.prototypes))

    def compare(self, student: Tensor, teacher: Tensor, center: Center) -> Tensor:
        """Cross-entropy of student logits under the centred and sharpened teacher."""
        return dino(
            student, teacher, center=center.of(self.knobs),
            student_temperature=self.knobs.student_temperature,
            teacher_temperature=self.knobs.teacher_temperature,
        )  # fmt: skip

    def after_step(self, progress: Progress) -> None:
        super().after_step(progress)
        for part in self.modules():
            if isinstance(part, Center):
                part.follow(self.knobs.center_momentum)


def entropy(p: Tensor) -> Tensor:
    """Mean entropy of rows of probabilities (N, K), in nats: 0 for sure ones, log K for undecided ones."""
    return torch.special.entr(p).sum(1).mean()
