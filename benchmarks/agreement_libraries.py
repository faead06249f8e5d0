"""Runs in an environment with lightly and pytorch-metric-learning: takes their losses on inputs given as a file.

python -m benchmarks.agreement_libraries FOLDER
"""

import json
import sys
from pathlib import Path

import lightly
import pytorch_metric_learning
import torch
import torch.nn.functional as F
from lightly import loss as ll
from lightly.loss import emp_ssl_loss, hypersphere_loss, swav_loss
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning.distances import DotProductSimilarity, LpDistance
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor

from benchmarks.agreement_inputs import Loss, take


def lightly_moco(x) -> Tensor:
    loss = ll.NTXentLoss(temperature=x.temperature, memory_bank_size=tuple(x.queue.shape))
    loss.memory_bank.bank = F.normalize(x.queue.detach(), dim=1)
    return loss(x.z1, x.z2)


def lightly_w_mse(x) -> Tensor:
    rows, width = x.z1.shape
    loss = ll.WMSELoss(embedding_dim=width, w_size=rows, track_running_stats=False)
    return loss(torch.cat([x.z1, x.z2]))


def lightly_dino(x) -> Tensor:
    loss = ll.DINOLoss(
        output_dim=len(x.center), teacher_temp=x.teacher_temperature, student_temp=x.student_temperature
    )
    loss.center = x.center[None, None]
    return loss([x.teacher1.detach(), x.teacher2.detach()], [x.student1, x.student2])


def lightly_ibot(x) -> Tensor:
    """The rows as the masked patches of four images, equally many in each."""
    loss = ll.IBOTPatchLoss(
        output_dim=len(x.center), teacher_temp=x.teacher_temperature, student_temp=x.student_temperature
    )
    loss.center.center = x.center[None]
    mask = (torch.arange(16) < len(x.student1) // 4).view(1, 4, 4).repeat(4, 1, 1)
    return loss(x.teacher1.detach(), x.student1, mask)


def lightly_msn(x) -> Tensor:
    loss = ll.MSNLoss(temperature=x.student_temperature, sinkhorn_iterations=0)
    return loss(x.z1, x.z2, x.prototypes, target_sharpen_temperature=x.sharpening)


def lightly_sigreg(x) -> Tensor:
    loss = ll.SIGReg().double()
    loss._generate_unit_vectors = lambda *_: x.directions.T  # those of the comparison, not fresh ones
    return loss(x.z1)


def metric_moco(x) -> Tensor:
    """The queue as further references; its pairs are named one by one, as other keys are no negatives in MoCo."""
    rows, stored = len(x.z1), len(x.queue)
    own = torch.arange(rows)
    anchors = own.repeat_interleave(stored)
    queued = rows + torch.arange(stored).repeat(rows)
    loss = pml.NTXentLoss(temperature=x.temperature)
    references = torch.cat([x.z2, x.queue.detach()])
    return loss(x.z1, indices_tuple=(own, own, anchors, queued), ref_emb=references)


def metric_triplet(x) -> Tensor:
    rows = torch.arange(len(x.z1))
    loss = pml.TripletMarginLoss(margin=x.margin, distance=LpDistance(power=2), reducer=MeanReducer())
    triplets = (rows, rows + len(rows), rows + 2 * len(rows))
    return loss(torch.cat([x.z1, x.z2, x.negative]), indices_tuple=triplets)


def metric_instances(x) -> Tensor:
    loss = pml.NTXentLoss(temperature=x.temperature)
    return loss(x.z1, x.index, ref_emb=x.queue, ref_labels=torch.arange(len(x.queue)))


def metric_cpc(x) -> Tensor:
    loss = pml.NTXentLoss(temperature=1.0, distance=DotProductSimilarity(normalize_embeddings=False))
    one_way = pml.SelfSupervisedLoss(loss, symmetric=False)
    return torch.stack([one_way(p, z) for p, z in zip(x.predicted, x.candidates, strict=True)]).mean()


def metric_one_way(x, query: Tensor, key: Tensor) -> Tensor:
    return pml.SelfSupervisedLoss(pml.NTXentLoss(temperature=x.temperature), symmetric=False)(query, key)


LOSSES: dict[str, dict[str, Loss]] = {
    "Lightly": {
        "NTXentLoss": lambda x: ll.NTXentLoss(temperature=x.temperature)(x.z1, x.z2),
        "NTXentLoss with a memory bank": lightly_moco,
        "DCLLoss": lambda x: ll.DCLLoss(temperature=x.temperature)(x.z1, x.z2),
        "DCLWLoss": lambda x: ll.DCLWLoss(temperature=x.temperature, sigma=x.sigma)(x.z1, x.z2),
        "NegativeCosineSimilarity": lambda x: ll.NegativeCosineSimilarity()(x.z1, x.z2),
        "BarlowTwinsLoss": lambda x: ll.BarlowTwinsLoss(lambda_param=x.redundancy)(x.z1, x.z2),
        "VICRegLoss": lambda x: ll.VICRegLoss()(x.z1, x.z2),
        "WMSELoss": lightly_w_mse,
        "sinkhorn": lambda x: swav_loss.sinkhorn(x.scores1, iterations=x.iterations, epsilon=x.epsilon),
        "SwaVLoss": lambda x: ll.SwaVLoss(
            temperature=x.temperature, sinkhorn_iterations=x.iterations, sinkhorn_epsilon=x.epsilon
        )([x.scores1, x.scores2], []),
        "DINOLoss": lightly_dino,
        "IBOTPatchLoss": lightly_ibot,
        "MSNLoss": lightly_msn,
        "HypersphereLoss": lambda x: hypersphere_loss.HypersphereLoss(t=x.uniformity)(x.z1, x.z2),
        "tcr_loss": lambda x: emp_ssl_loss.tcr_loss(F.normalize(x.z1)[None], eps=x.coding),
        "SIGReg": lightly_sigreg,
    },
    "pytorch-metric-learning": {
        "NTXentLoss": lambda x: pml.SelfSupervisedLoss(pml.NTXentLoss(temperature=x.temperature))(x.z1, x.z2),
        "NTXentLoss, not symmetric": lambda x: metric_one_way(x, x.z1, x.z2),
        "NTXentLoss, both ways": lambda x: (
            (metric_one_way(x, x.z1, x.z2) + metric_one_way(x, x.z2, x.z1)) / 2
        ),
        "NTXentLoss of named pairs": metric_moco,
        "NTXentLoss with references": metric_instances,
        "NTXentLoss of dot products": metric_cpc,
        "SupConLoss": lambda x: pml.SupConLoss(temperature=x.temperature)(x.z1, x.labels),
        "TripletMarginLoss": metric_triplet,
        "VICRegLoss": lambda x: pml.VICRegLoss()(x.z1, ref_emb=x.z2),
    },
}
VERSIONS = {
    "Lightly": lightly.__version__,
    "pytorch-metric-learning": pytorch_metric_learning.__version__,
}


def main(folder: Path) -> None:
    # plain torch.eye and torch.tensor in a library follow the default
    torch.set_default_dtype(torch.float64)
    inputs = torch.load(folder / "inputs.pt")
    taken = {
        library: {name: take(loss, inputs) for name, loss in losses.items()}
        for library, losses in LOSSES.items()
    }
    torch.save(taken, folder / "libraries.pt")
    print(json.dumps(VERSIONS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
