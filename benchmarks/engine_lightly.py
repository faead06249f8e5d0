"""Runs in an environment with lightly: SimCLR as its documentation sets it up, on tensors given as a file.

python engine_lightly.py FOLDER SECONDS
"""

import json
import sys
import time
from pathlib import Path

import lightly
import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_pil_image

sys.path.insert(0, str(Path(__file__).parents[1]))
from sslcore.encoders import InputInfo
from sslcore.encoders.small import SmallResNet


class Images(Dataset):
    def __init__(self, images: torch.Tensor) -> None:
        self.images = [to_pil_image(image) for image in images]
        self.transform = SimCLRTransform(input_size=32, cj_strength=0.5, gaussian_blur=0.0, min_scale=0.4)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.transform(self.images[index])


def speed(images: torch.Tensor, seconds: float, workers: int) -> float:
    loader = DataLoader(
        Images(images), batch_size=256, shuffle=True, drop_last=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    network = torch.nn.Sequential(SmallResNet(InputInfo()), SimCLRProjectionHead(128, 256, 64))
    criterion, optimiser = NTXentLoss(temperature=0.1), torch.optim.AdamW(network.parameters(), lr=4e-3)
    start, seen = None, 0
    while True:
        for views in loader:
            loss = criterion(*(network(view) for view in views[:2]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if start is None:  # workers have started and the first batch is through
                start = time.perf_counter()
                continue
            seen += 256
            if time.perf_counter() - start > seconds:
                return seen / (time.perf_counter() - start)


if __name__ == "__main__":
    tensors = torch.load(Path(sys.argv[1]) / "images.pt")
    found = {workers: speed(tensors, float(sys.argv[2]) / 2, workers) for workers in (0, 2)}
    workers = max(found, key=found.get)
    print(json.dumps({"speed": found[workers], "workers": workers, "version": lightly.__version__}))
