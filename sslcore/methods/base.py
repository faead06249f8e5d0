"""The contract every method keeps, and the shapes of method that share code.

A method says what the network sees (``views``), what it is asked (``loss``), and what else moves
(``after_step``). It never touches optimisers, devices or files.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.data.bags import Bags
from sslcore.data.images import Split
from sslcore.encoders import Encoder, InputInfo, build_encoder, mlp
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.pixels import as_floats
from sslcore.registry import Card
from sslcore.settings import RunSettings
from sslcore.views import normalise_tiles, random_views

Views = dict[str, Tensor]  # everything the network will see and every pseudo-label, by name

FAINT = 0.1  # from black to white is 1: a picture with less contrast is a blank square to the eye


@dataclass(frozen=True)
class Batch:
    """Source images on the training device, before any augmentation."""

    images: Tensor  # (N, C, H, W) uint8, or float in [0, 1]; random views are made from either
    labels: Tensor | None  # (N,) int64; only labelled references may look
    index: Tensor  # (N,) position of each image in the training set
    partners: Tensor | None = None  # (N, C, H, W) another image of each one's bag, for methods that use bags

    @property
    def floats(self) -> Tensor:
        """The images as float in [0, 1]."""
        return as_floats(self.images)


@dataclass(frozen=True)
class Losses:
    """What a forward pass gives back."""

    terms: dict[str, Tensor]  # named scalars, already weighted: their sum is the loss
    metrics: dict[str, Tensor] = field(default_factory=dict)  # named scalars without gradient

    @property
    def total(self) -> Tensor:
        """The scalar to minimise."""
        return torch.stack(list(self.terms.values())).sum()


@dataclass(frozen=True, eq=False)
class Panel:
    """A row of pictures for people: arrays and captions, no plotting."""

    title: str
    images: Tensor  # (K, C, h, w) in [0, 1]; none, K = 0, where there is nothing to see
    captions: tuple[str, ...] = ()
    text: str = ""  # one sentence on how to read it
    large: bool = False  # pictures with much in them


@dataclass(frozen=True)
class Progress:
    """Where training is."""

    step: int  # steps done
    fraction: float  # of the budget, in [0, 1]


@dataclass(frozen=True)
class Epoch:
    """What a method may look at when a new pass over the training set begins."""

    step: int  # steps done
    images: Tensor  # (n, C, H, W) uint8: all training images, in the order of ``Batch.index``
    generator: torch.Generator  # the run's, on the CPU: the only source of randomness


class Method(nn.Module):
    """Base class of all methods.

    Attributes:
        card: what people need to know.
        Settings: the method's own knobs.
        defaults: knobs of the run (encoder, views, optimiser) that this method wants to be different.
        encoder: the network whose representation is wanted.
    """

    card: ClassVar[Card]
    Settings: ClassVar[type[KnobModel]] = KnobModel
    defaults: ClassVar[dict[str, Any]] = {}
    needs_labels: ClassVar[bool] = False
    needs_colour: ClassVar[bool] = False  # its answers are colours, which it must see to learn
    term_weights: ClassVar[tuple[str, ...]] = ()  # the knobs that weigh its terms, if every term has one
    stands_alone: ClassVar[str] = ""  # why it cannot share its encoder with other methods; empty: it can

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__()
        self.settings = settings
        self.info = info
        self.encoder = build_encoder(settings.encoder, info)

    @property
    def knobs(self) -> Any:
        """The method's own settings; live knobs may change between steps."""
        return self.settings.knobs

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        """Raise UserError if knobs that are legal alone do not fit together."""
        if cls.term_weights and not any(settings[name] for name in cls.term_weights):
            names = " or ".join(cls.term_weights)
            raise UserError(f"All weights are 0, so nothing would be learned: set {names} above 0.")

    @classmethod
    def check_turn(cls, before: RunSettings, after: RunSettings) -> None:
        """Raise UserError if a run cannot go on with other values of its live knobs."""

    @classmethod
    def made_of(cls, settings: RunSettings) -> list[str]:
        """Ids of the methods that a run consists of, also of those that do not weigh anything yet: its own."""
        return [cls.card.id]

    @classmethod
    def uses_bags(cls, settings: RunSettings) -> bool:
        """Whether a batch holds one image of so many bags, and with it each one's partner."""
        return False

    @property
    def compares_views(self) -> bool:
        """Whether two views of an image should have like projections, so that their energy says something."""
        return False

    def learns_from(self, count: int) -> int:
        """How many of the ``count`` training images it uses, from the first one on; all, unless told otherwise."""
        return count

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """What the network will see; called without gradient. All randomness comes from ``generator``.

        Rows are images in the order of the batch, once or several times over: processes share them out.
        """
        raise TypeError(f"{type(self).__name__} must define views().")

    def loss(self, views: Views) -> Losses:
        """The forward pass and its named loss terms: means over rows.

        A loss that compares images with each other gathers their embeddings first (``sslcore.distributed``).
        """
        raise TypeError(f"{type(self).__name__} must define loss().")

    def after_step(self, progress: Progress) -> None:
        """Called after every optimiser step: momentum targets, queues, centres."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Called without gradient before the first batch of every pass: clusterings, tokenizers."""

    def encode(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] to the representation (N, d) that probes judge."""
        return self.encoder(images)

    def project(self, images: Tensor) -> Tensor:
        """Images to the vectors on which collapse is judged: the projector's output where there is one."""
        return self.encode(images)

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        """What the network sees and what it answers, as pictures; called in evaluation mode."""
        return []

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode, also of an encoder that it uses without owning it (``methods.several``)."""
        self.encoder.train(mode)
        return super().train(mode)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of trainable parameters.

        ``constant_rate=True`` exempts a group from the schedule, ``rate=5`` multiplies its learning rate.
        """
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]


class ViewSizeSettings(KnobModel):
    """The knob of what methods see that compare views."""

    view_scale: float = knob(
        0.75,
        0.25,
        1.0,
        help="Side of the views, as a fraction of the image's: smaller views train faster, probes see whole images.",
        advanced=True,
    )


class TwoViewSettings(ViewSizeSettings):
    """Knobs of what two-view methods see and of the MLP between representation and loss."""

    projector_hidden: int = knob(256, 8, 8192, help="Width of the projector's hidden layers.", advanced=True)
    projector_output: int = knob(64, 2, 8192, help="Dimensions in which views are compared.", advanced=True)


class TwoView(Method):
    """Methods that compare the projections of two random views of every image."""

    Settings: ClassVar[type[KnobModel]] = TwoViewSettings
    final_norm: ClassVar[bool] = False  # batch norm without scale and shift on the projector's output

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.projector = self.build_projector(self.encoder.feature_dim)

    def build_projector(self, inputs: int) -> nn.Module:
        """Two layers with batch norm; methods with another head override this."""
        hidden, outputs = self.knobs.projector_hidden, self.knobs.projector_output
        return mlp(inputs, hidden, outputs, final_norm=self.final_norm)

    @property
    def compares_views(self) -> bool:
        return True

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Two independent draws of the run's augmentations: ``view1`` and ``view2``.

        Crops enlarge what they show, so views a little smaller than the image keep objects at the size they
        have in whole images (Touvron et al., arXiv 1906.06423) and cost half as much.
        """
        view1, view2 = self.draw(torch.cat([batch.images, batch.images]), generator).chunk(2)
        return {"view1": view1, "view2": view2}

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """One random view of every image."""
        side = self.side_of(images, self.knobs.view_scale)
        return random_views(images, self.settings.views, generator=generator, size=side)

    def side_of(self, images: Tensor, scale: float) -> int:
        """Pixels along a view of these images: a whole number of patches, or a multiple of 4."""
        return view_side(images.shape[-1], scale, getattr(self.encoder, "patch_size", 4))

    def project(self, images: Tensor) -> Tensor:
        return self.projector(self.encode(images))

    def project_both(self, views: Views) -> tuple[Tensor, Tensor]:
        """Projections of both views from one forward pass: batch norm sees 2N images at once."""
        z = self.project(torch.cat([views["view1"], views["view2"]]))
        return z.float().chunk(2)

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        z1, z2 = (F.normalize(z, dim=1) for z in self.project_both(views))
        similarity = z1 @ z2.T
        own = similarity.diagonal()
        found = (similarity.argmax(1) == torch.arange(len(own), device=own.device)).tolist()
        captions = tuple(
            f"{value:.2f}" + ("" if hit else " ✗") for value, hit in zip(own, found, strict=True)
        )
        return [
            Panel("First view", views["view1"]),
            Panel(
                "Second view", views["view2"], captions, "Cosine between the two; ✗: another image is nearer."
            ),
            resemblance(similarity),
        ]


def resemblance(similarity: Tensor) -> Panel:
    """The cosines (N, N) of first and second views as one picture, or a sentence where it would be blank."""
    shades = ((similarity + 1) / 2)[None, None]
    text = "Row: first views, column: second views. A bright diagonal means each finds its own."
    if shades.max() - shades.min() < FAINT:
        shades = shades[:0]
        text = "Nothing stands out yet: to the network all of these images look nearly alike."
    return Panel("Who resembles whom", shades, text=text, large=True)


def view_side(side: int, scale: float, multiple: int = 4) -> int:
    """Pixels along a view of an image with ``side`` pixels: the nearest multiple, so that patches fit."""
    return multiple * max(1, round(side * scale / multiple))


def classification(logits: Tensor, target: Tensor) -> Losses:
    """Cross-entropy and accuracy of a pretext classifier: logits (N, K), target (N,)."""
    logits = logits.float()
    accuracy = (logits.argmax(1) == target).float().mean()
    return Losses({"cross_entropy": F.cross_entropy(logits, target)}, {"pretext_accuracy": accuracy.detach()})


def tile_maps(encoder: Encoder, tiles: Tensor, *, normalise: bool) -> Tensor:
    """Every tile seen on its own: (N, T, C, t, t) to feature maps (N, T, d, h, w).

    Standardised one by one, tiles skip the encoder's own standardisation.
    """
    seen = normalise_tiles(tiles).flatten(0, 1) if normalise else encoder.standardise(tiles.flatten(0, 1))
    return encoder.feature_map(seen).unflatten(0, tiles.shape[:2])


def first_images(split: Split, count: int, device: torch.device | str = "cpu") -> Batch:
    """The first images of a split, always the same, each with the next one of its bag as its partner."""

    def images(chosen: Tensor) -> Tensor:
        return as_floats(split.images[chosen].to(device))

    index = torch.arange(min(count, len(split)))
    labels = None if split.labels is None else split.labels[index].to(device)
    partners = None if split.bags is None else images(Bags(split.bags).ahead(index))
    return Batch(images(index), labels, index.to(device), partners)


def one_view(batch: Batch, settings: RunSettings, generator: torch.Generator) -> Tensor:
    """A single random view of every image under the run's augmentations."""
    return random_views(batch.images, settings.views, generator=generator)
