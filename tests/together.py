"""What test_distributed.py starts with torchrun: a few steps of several methods, kept by the first process.

torchrun --nproc-per-node=2 -m tests.together FILE METHOD...
"""

import sys
from unittest.mock import patch

import torch
import torch.distributed as dist

from sslcore.distributed import first_goes_ahead, leads, team
from sslcore.errors import UserError
from sslcore.training import Evaluation, Finished, Step, Trainer
from tests.conftest import make_data, tiny_settings

# plain steps: adaptive ones blow rounding up to full size where a gradient is zero
STEADY = {"steps": 3, "optimiser": "sgd", "learning_rate": 0.05, "warmup": 0.0, "schedule": "constant"}
MORE = {"swav": {"local_crops": 2}, "dino": {"local_crops": 2}}  # several views of each image in one tensor
HOT = {"steps": 200, "optimiser": "sgd", "learning_rate": 100, "gradient_clip": 0}


def in_double(method) -> None:
    """Let a method compute in float64: in float32 rounding tips a ReLU now and then, and runs drift apart."""
    loss = method.double().loss

    def wide(views):
        views = {name: rows.double() if rows.is_floating_point() else rows for name, rows in views.items()}
        with patch.object(torch.Tensor, "float", torch.Tensor.double):
            return loss(views)

    method.loss = wide


def train(method: str, **values) -> dict:
    """Parameters and buffers after the run, and what its events said."""
    trainer = Trainer(tiny_settings(method, **values), make_data())
    in_double(trainer.method)
    events = list(trainer)
    steps = [e for e in events if isinstance(e, Step)]
    return {
        "parameters": trainer.method.state_dict(),
        "losses": [e.loss for e in steps],
        "metrics": [e.metrics for e in steps],
        "norms": [e.gradient_norm for e in steps],
        "term_norms": [e.gradient_norms for e in events if isinstance(e, Evaluation)],
        "ended": [(e.reason, e.step) for e in events if isinstance(e, Finished)],
    }


def blunder() -> list[str]:
    """What each process says when the batch cannot be shared evenly."""
    try:
        with first_goes_ahead():
            Trainer(tiny_settings(batch_size=15), make_data())
    except UserError as error:
        said = str(error)
    except SystemExit as silence:
        said = f"exit {silence.code}"
    everybody = [None] * dist.get_world_size()
    dist.all_gather_object(everybody, said)
    return everybody


if __name__ == "__main__":
    file, *names = sys.argv[1:]
    with team():
        results = {name: train(name, **STEADY | MORE.get(name, {})) for name in names}
        results["diverged"] = train("denoising_autoencoder", **HOT)
        results["seconds"] = train("rotation", steps=0, seconds=0.3)
        results["blunder"] = blunder()
        if leads():
            torch.save(results, file)
