"""Do our losses say what public libraries say? Values and gradients on the same random inputs, in double precision.

    python -m benchmarks.agreement --python /path/to/an/environment/with/both/bin/python

Lightly and pytorch-metric-learning are run in another environment (``pip install lightly pytorch-metric-learning``);
solo-learn's losses are written out as equations. Where a convention differs, the conversion is stated and applied;
where a library means something else by the name, the table says what.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.agreement_equations import EQUATIONS
from benchmarks.agreement_inputs import TEMPERATURE, Inputs, Loss, Taken, draw, take
from benchmarks.common import command, write_table
from sslcore import losses as ours
from sslcore.views import patchify

EQUAL = 1e-5
LIGHTLY, METRIC, SOLO = "Lightly", "pytorch-metric-learning", "solo-learn"


@dataclass(frozen=True)
class Case:
    """A loss of ours beside one of a library: ours = factor * theirs + offset."""

    loss: str  # names in sslcore.losses
    library: str
    theirs: str  # a key of what was taken there
    take: Loss
    factor: float = 1.0
    offset: float = 0.0
    conversion: str = ""  # what has to be done for both to be equal
    reason: str = ""  # why they are not


def moco(x) -> Tensor:
    return ours.moco_info_nce(x.z1, x.z2, x.queue.detach(), temperature=x.temperature)


def dcl(x, sigma: float | None = None) -> Tensor:
    return ours.decoupled_contrastive(x.z1, x.z2, temperature=x.temperature, weight_sigma=sigma)


def one_dino(x, student: Tensor, teacher: Tensor) -> Tensor:
    temperatures = {
        "student_temperature": x.student_temperature,
        "teacher_temperature": x.teacher_temperature,
    }
    return ours.dino(student, teacher, center=x.center, **temperatures)


def dino(x) -> Tensor:
    return (one_dino(x, x.student2, x.teacher1) + one_dino(x, x.student1, x.teacher2)) / 2


def msn(x) -> Tensor:
    prototypes = F.normalize(x.prototypes)
    student, teacher = (F.normalize(z) @ prototypes.T for z in (x.z1, x.z2))
    sharp = {
        "student_temperature": x.student_temperature,
        "teacher_temperature": x.sharpening * x.student_temperature,
    }
    spread = ours.mean_entropy_gap((student / x.student_temperature).softmax(1))
    return ours.dino(student, teacher, center=0.0, **sharp) + spread


def hypersphere(x) -> Tensor:
    spread = ours.uniformity(x.z1, t=x.uniformity) + ours.uniformity(x.z2, t=x.uniformity)
    return ours.alignment(x.z1, x.z2) + spread / 2


def vicreg(x, variance_weight: float = 25.0) -> Tensor:
    return torch.stack(list(ours.vicreg(x.z1, x.z2, variance_weight=variance_weight).values())).sum()


def sinkhorn(x) -> Tensor:
    return ours.sinkhorn(x.scores1, epsilon=x.epsilon, iterations=x.iterations)


def swav(x) -> Tensor:
    how = {"temperature": x.temperature, "epsilon": x.epsilon, "iterations": x.iterations}
    return ours.swav(x.scores1, x.scores2, **how)


def barlow(x) -> Tensor:
    return ours.barlow_twins(x.z1, x.z2, redundancy_weight=x.redundancy)


def mae(x) -> Tensor:
    """The rebuilt patches hold their values in solo-learn's order (y, x, c); ours is (c, y, x)."""
    rebuilt = x.rebuilt.unflatten(2, (x.patch, x.patch, 3)).permute(0, 1, 4, 2, 3).flatten(2)
    return ours.masked_patch_mse(rebuilt, ours.normalize_patches(patchify(x.images, x.patch)), x.mask)


def nt_xent(x) -> Tensor:
    return ours.nt_xent(x.z1, x.z2, temperature=x.temperature)


def info_nce(x) -> Tensor:
    return ours.info_nce(x.z1, x.z2, temperature=x.temperature)


def nnclr(x) -> Tensor:
    return ours.nnclr(x.z1, x.z2, temperature=x.temperature)


def clip(x) -> Tensor:
    return ours.clip(x.z1, x.z2, logit_scale=1 / x.temperature)


def supcon(x) -> Tensor:
    return ours.supervised_contrastive(x.z1, x.labels, temperature=x.temperature)


def triplet(x) -> Tensor:
    return ours.triplet(x.z1, x.z2, x.negative, margin=x.margin)


def instances(x) -> Tensor:
    return ours.instance_discrimination(x.z1, x.queue, x.index, temperature=x.temperature)


def negative_cosine(x) -> Tensor:
    return ours.negative_cosine(x.z1, x.z2)


def normalized_mse(x) -> Tensor:
    return ours.normalized_mse(x.z1, x.z2)


def w_mse(x) -> Tensor:
    return ours.w_mse(x.z1, x.z2)


HALF = (
    "the paper's sum of the variance term over both views, where ours is the mean: variance_weight 50 for 25"
)
CASES = [
    Case("nt_xent", LIGHTLY, "NTXentLoss", nt_xent),
    Case("moco_info_nce", LIGHTLY, "NTXentLoss with a memory bank", moco),
    Case("nnclr", LIGHTLY, "NTXentLoss", nnclr, reason="NT-Xent has 2N-1 candidates, eq. 3 of NNCLR has N"),
    Case("decoupled_contrastive", LIGHTLY, "DCLLoss", dcl),
    Case("decoupled_contrastive", LIGHTLY, "DCLWLoss", lambda x: dcl(x, x.sigma), conversion="weight_sigma 0.5"),
    Case("negative_cosine", LIGHTLY, "NegativeCosineSimilarity", negative_cosine),
    Case("normalized_mse", LIGHTLY, "NegativeCosineSimilarity", normalized_mse, 2.0, 2.0, "2 + 2 x theirs"),
    Case("barlow_twins", LIGHTLY, "BarlowTwinsLoss", barlow),
    Case("vicreg", LIGHTLY, "VICRegLoss", vicreg),
    Case("w_mse", LIGHTLY, "WMSELoss", w_mse),
    Case("sinkhorn", LIGHTLY, "sinkhorn", sinkhorn),
    Case("swav", LIGHTLY, "SwaVLoss", swav),
    Case("dino", LIGHTLY, "DINOLoss", dino, conversion="the mean of both pairs of views"),
    Case("dino", LIGHTLY, "IBOTPatchLoss", lambda x: one_dino(x, x.student1, x.teacher1),
         conversion="patches as rows, equally many hidden in each image"),
    Case("dino + mean_entropy_gap", LIGHTLY, "MSNLoss", msn,
         conversion="temperature of the teacher = sharpening x that of the student"),
    Case("alignment + uniformity", LIGHTLY, "HypersphereLoss", hypersphere,
         conversion="uniformity as the mean of both views"),
    Case("coding_rate", LIGHTLY, "tcr_loss", lambda x: ours.coding_rate(x.z1, epsilon=x.coding),
         conversion="theirs of unit rows; EMPSSLLoss adds it, the paper and emp_ssl here subtract it"),
    Case("sigreg", LIGHTLY, "SIGReg", lambda x: ours.sigreg(x.z1, directions=x.directions),
         conversion="the same directions for both"),
    Case("nt_xent", METRIC, "NTXentLoss", nt_xent),
    Case("info_nce", METRIC, "NTXentLoss, not symmetric", info_nce),
    Case("nnclr", METRIC, "NTXentLoss, not symmetric", nnclr),
    Case("clip", METRIC, "NTXentLoss, both ways", clip, conversion="logit_scale = 1 / temperature"),
    Case("moco_info_nce", METRIC, "NTXentLoss of named pairs", moco),
    Case("instance_discrimination", METRIC, "NTXentLoss with references", instances),
    Case("cpc", METRIC, "NTXentLoss of dot products", lambda x: ours.cpc(x.predicted, x.candidates),
         conversion="temperature 1, the mean over groups"),
    Case("supervised_contrastive", METRIC, "SupConLoss", supcon),
    Case("triplet", METRIC, "TripletMarginLoss", triplet,
         conversion="their distance squared, their mean over all triplets"),
    Case("vicreg", METRIC, "VICRegLoss", vicreg),
    Case("nt_xent", SOLO, "simclr_loss_func", nt_xent),
    Case("supervised_contrastive", SOLO, "simclr_loss_func of labels", supcon,
         reason="positives are summed inside of the logarithm; ours is SupCon's L_out, their mean outside"),
    Case("info_nce", SOLO, "mocov3_loss_func", info_nce, 1 / (2 * TEMPERATURE), conversion="theirs / (2 temperature)"),
    Case("nnclr", SOLO, "nnclr_loss_func", nnclr),
    Case("moco_info_nce", SOLO, "mocov2plus_loss_func", moco, conversion="theirs of unit rows"),
    Case("normalized_mse", SOLO, "byol_loss_func",
         lambda x: ours.normalized_mse(x.z1, x.z2.detach()), conversion="target detached by the caller"),
    Case("negative_cosine", SOLO, "simsiam_loss_func",
         lambda x: ours.negative_cosine(x.z1, x.z2.detach()), conversion="target detached by the caller"),
    Case("mean_shift", SOLO, "mean_shift_loss_func",
         lambda x: ours.mean_shift(x.z1, x.z2, x.queue, neighbours=x.neighbours)),
    Case("barlow_twins", SOLO, "barlow_loss_func", barlow, 40.0, conversion="theirs / 0.025"),
    Case("vicreg", SOLO, "vicreg_loss_func", lambda x: vicreg(x, 50.0), conversion=HALF),
    Case("w_mse", SOLO, "wmse_loss_func", w_mse),
    Case("sinkhorn", SOLO, "SinkhornKnopp", sinkhorn),
    Case("swav", SOLO, "swav_loss_func", swav),
    Case("dino", SOLO, "DINOLoss", dino, conversion="the mean of both pairs of views"),
    Case("masked_patch_mse + normalize_patches", SOLO, "mae_loss_func", mae,
         conversion="values of a patch in the order (c, y, x)"),
]  # fmt: skip


def compare(case: Case, inputs: Inputs, theirs: Taken) -> dict[str, object]:
    """One line of the table."""
    mine = take(case.take, inputs)
    value = furthest(mine["value"].flatten(), case.factor * theirs["value"].flatten() + case.offset)
    names = {*mine["gradients"], *theirs["gradients"]}
    none = {name: torch.zeros_like(inputs[name]) for name in names}  # detached on one side, say
    first, second = ({**none, **taken["gradients"]} for taken in (mine, theirs))
    gradient = max((furthest(first[name], case.factor * second[name]) for name in names), default=None)
    equal = max(value, gradient or 0.0) <= EQUAL
    return {
        "loss": case.loss,
        "library": case.library,
        "theirs": case.theirs,
        "difference": value,
        "of gradients": "–" if gradient is None else gradient,
        "equal to 1e-5": "yes" if equal else "no" if case.reason else "NO",
        "conversion, or reason": case.reason or case.conversion,
    }


def furthest(first: Tensor, second: Tensor) -> float:
    """The largest difference of two tensors, relative to the largest entry where that is above 1."""
    size = max(1.0, second.abs().max().item())
    return (first - second).abs().max().item() / size


def of_libraries(python: str, inputs: Inputs) -> tuple[dict[str, dict[str, Taken]], dict[str, str]]:
    """What the losses of the other environment come to, and the versions of the libraries."""
    with tempfile.TemporaryDirectory() as folder:
        torch.save(inputs, Path(folder) / "inputs.pt")
        done = subprocess.run(
            [python, "-m", "benchmarks.agreement_libraries", folder],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"The libraries could not be run: {done.stderr.strip().splitlines()[-1]}")
        return torch.load(Path(folder) / "libraries.pt"), json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--python", help="interpreter of an environment with lightly and pytorch-metric-learning"
    )
    args = parser.parse_args()
    inputs = draw()
    taken = {SOLO: {name: take(loss, inputs) for name, loss in EQUATIONS.items()}}
    versions = {}
    if args.python:
        libraries, versions = of_libraries(args.python, inputs)
        taken |= libraries
    there = [case for case in CASES if case.library in taken]
    lines = [compare(case, inputs, taken[case.library][case.theirs]) for case in there]
    compared = {name for case in CASES for name in case.loss.split(" + ")}
    without = ", ".join(f"`{name}`" for name in ours.__all__ if name not in compared)
    notes = (
        f"{', '.join(f'{name} {version}' for name, version in versions.items()) or 'No library was run'}; "
        "solo-learn as equations. The largest difference of values and of gradients with respect to all inputs, "
        f"relative where they are above 1, in float64. Without a counterpart there, or parts of the above: {without}."
    )
    write_table("agreement.md", "Our losses and those of public libraries", command(), lines, notes)
    if any(line["equal to 1e-5"] == "NO" for line in lines):
        sys.exit(1)


if __name__ == "__main__":
    main()
