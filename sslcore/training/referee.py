"""The referee: judges a method on held-out images, always the same ones, without disturbing training."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import nan

import numpy as np
import torch
from torch import Tensor

from sslcore.data import ImageData
from sslcore.diagnostics import CollapseLamp, collapse_report, energy_report, gradient_norms, raw_std
from sslcore.distributed import alone
from sslcore.errors import UserError
from sslcore.evaluation import chance, knn_accuracy, knn_predict, linear_probe, pixel_knn
from sslcore.methods.base import Method, first_images
from sslcore.pixels import as_floats
from sslcore.settings import RunSettings
from sslcore.training.events import Baselines, Diagnosis, Evaluation, Snapshot
from sslcore.views import random_views

SHOWN = 500  # held-out images in a snapshot: a map of more is a burden to a small machine
DIAGNOSED = 256  # held-out images on which collapse is judged
CHUNK = 1000 * 32**2  # pixels encoded at a time: a thousand small images
PULLED = 256  # training images, at most, on which the terms' gradients are measured


class GivenUpError(Exception):
    """Nobody waits for the measurement any more."""


class Referee:
    """Measures features of one method on one dataset.

    Protocol: the encoder in evaluation mode, images unaugmented; neighbours and probe are fitted on
    ``data.probe`` and scored on ``data.test``.
    """

    def __init__(self, method: Method, data: ImageData, settings: RunSettings, autocast) -> None:
        self.method, self.data, self.settings, self.autocast = method, data, settings, autocast
        self.device = next(method.parameters()).device
        self.given_up = False  # set by whoever does not want to wait for the features of many images
        self.lamp = CollapseLamp(classes=len(data.classes) or None)
        self._encoded: tuple[int, tuple[Tensor, Tensor]] | None = None
        self._single: RunSettings | None = None  # settings by which the loss has but one term
        first = first_images(data.test, DIAGNOSED)
        bags = method.uses_bags(settings) and first.partners is not None
        generator = torch.Generator().manual_seed(0)
        self.pair = [
            random_views(images, settings.views, generator=generator)
            for images in (first.images, first.partners if bags else first.images)
        ]

    def baselines(self, step: int, seconds: float) -> Baselines:
        """Pixels, the untrained encoder and blind guessing; to be called before the first step."""
        if not self.data.labelled:
            return Baselines(step, seconds, None, None, None, None)
        bank, test = self._features(step)
        return Baselines(
            step,
            seconds,
            pixels_knn=pixels_knn(self.data, self._knn()),
            random_knn=self._knn_accuracy(bank, test),
            random_linear=self._linear(bank, test),
            chance=chance(self.data.test.labels),
        )

    def evaluate(self, step: int, seconds: float, linear: bool) -> tuple[Evaluation, Snapshot]:
        """Accuracy now, and the snapshot that the same features make; none of features that are no numbers."""
        norms = self._gradient_norms(step)
        bank, test = self._features(step)
        knn = probe = None
        predictions = torch.full((len(test),), -1)
        if self.data.labelled and bank.isfinite().all() and test.isfinite().all():
            predictions = knn_predict(bank, self.data.probe.labels, test, **self._knn())
            knn = int((predictions == self.data.test.labels).sum()) / len(test)
            probe = self._linear(bank, test) if linear else None
        shown = self.data.test.images[:SHOWN]
        snapshot = Snapshot(
            step,
            seconds,
            features=half(test[:SHOWN]),
            projections=half(self._forward(self.method.project, shown)),
            predictions=predictions[:SHOWN].numpy(),
        )
        return Evaluation(step, seconds, knn, probe, norms), snapshot

    def diagnose(self, step: int, seconds: float) -> Diagnosis:
        """The collapse figures of two augmented views of the same held-out images, and the energy of pairs."""
        z1, z2 = (self._forward(self.method.project, view) for view in self.pair)
        report = replace(collapse_report(z1, z2), raw_std=self._spread())
        figures = {k: v for k, v in report.as_dict().items() if isinstance(v, int | float) or v is None}
        verdict = self.lamp.update(report)
        energy = energy_report(z1, z2) if self.method.compares_views else None
        pairs = energy and energy.as_dict()
        spectrum = report.spectrum[:DIAGNOSED]  # so many images have no more eigenvalues than that
        return Diagnosis(step, seconds, verdict, figures, self.lamp.reasons, spectrum, pairs)

    def _spread(self) -> float:
        """Spread before normalisation, by the statistics of the batch as the loss sees it; nan of a single image.

        Running statistics lag some twenty steps behind: by them an embedding that shrinks seems to grow at first.
        """
        if len(self.pair[0]) < 2:
            return nan
        with alone(), _buffers_kept(self.method):
            return raw_std(self._forward(self.method.project, self.pair[0], training=True))

    def _features(self, step: int) -> tuple[Tensor, Tensor]:
        """Representations of bank and test images; before the first step two figures need the same ones."""
        if self._encoded is None or self._encoded[0] != step:
            self._encoded = step, self._encode()
        return self._encoded[1]

    def _encode(self) -> tuple[Tensor, Tensor]:
        test = self._forward(self.method.encode, self.data.test.images)
        if not self.data.labelled:
            return test[:0], test
        return self._forward(self.method.encode, self.data.probe.images), test

    @torch.no_grad()
    def _forward(self, network, images: Tensor, training: bool = False) -> Tensor:
        """A part of the method applied in evaluation mode, unless told otherwise; float32 on the CPU.

        Raises:
            GivenUpError: if it was given up meanwhile.
        """
        self.method.train(training)
        parts = []
        # statistics of a batch are those of all images
        count = len(images) if training else CHUNK // images.shape[-1] ** 2
        for chunk in images.split(max(1, count)):
            if self.given_up and parts:
                self.method.train()
                raise GivenUpError
            chunk = as_floats(chunk.to(self.device))
            with self.autocast():
                parts.append(network(chunk.contiguous(memory_format=torch.channels_last)).float().cpu())
        self.method.train()
        return torch.cat(parts)

    def _gradient_norms(self, step: int) -> dict[str, float]:
        """Per-term gradient norms at the encoder on a fixed batch; buffers are left as they were."""
        if self._single is self.method.settings:
            return {}
        count = min(self.settings.optimiser.batch_size, PULLED)
        batch = first_images(self.data.train, count, self.device)
        with torch.no_grad():
            views = self.method.views(batch, torch.Generator().manual_seed(step))
        with _buffers_kept(self.method):
            try:
                with alone(), self.autocast():
                    terms = self.method.loss(views).terms
            except UserError:  # a loss may need more images at a time than these
                return {}
            if len(terms) == 1:
                self._single = self.method.settings
                return {}
            return gradient_norms(terms, self.method.encoder.parameters())

    def _knn(self) -> dict:
        chosen = self.settings.evaluation
        return {"k": chosen.knn_k, "temperature": chosen.knn_temperature}

    def _knn_accuracy(self, bank: Tensor, test: Tensor) -> float:
        return knn_accuracy(bank, self.data.probe.labels, test, self.data.test.labels, **self._knn())

    def _linear(self, bank: Tensor, test: Tensor) -> float:
        return linear_probe(bank, self.data.probe.labels, test, self.data.test.labels).accuracy


@contextmanager
def _buffers_kept(method: Method) -> Iterator[None]:
    """What a look in training mode does to running statistics, queues and centres is undone."""
    kept = {name: buffer.clone() for name, buffer in method.named_buffers()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in method.named_buffers():
                buffer.copy_(kept[name])
        for part in method.modules():
            if hasattr(part, "waiting"):
                part.waiting = (
                    None  # embeddings that a queue, a bank or a centre would take in after the step
                )


def half(features: Tensor) -> np.ndarray:
    """float16 for storage, clamped to its range."""
    return features.clamp(-65_000, 65_000).numpy().astype(np.float16)


_pixels: dict[tuple, float] = {}  # by what was compared


def pixels_knn(data: ImageData, knn: dict) -> float:
    """Neighbours in raw pixel space: the same protocol without any network. Remembered while the program runs,
    by content: every run on the same images asks again."""
    key = (data.fingerprint, *sorted(knn.items()))
    if key not in _pixels:
        parts = data.probe.images, data.probe.labels, data.test.images, data.test.labels
        _pixels[key] = pixel_knn(*parts, **knn)
    return _pixels[key]
