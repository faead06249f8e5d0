"""BEiT: spell images with a vocabulary of visual words, hide some words, and guess them."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.knobs import knob
from sslcore.methods.base import Batch, Epoch, Losses, Panel, Views, classification
from sslcore.methods.groups import groups_in_use
from sslcore.methods.kmeans import kmeans, nearest, whitening
from sslcore.methods.masked_tokens import MaskedTokens, MaskedTokensSettings, hidden
from sslcore.pixels import as_floats
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings

READ = 20_000  # patches from which the vocabulary is learned
ITERATIONS = 20  # of k-means
SOFTNESS = 0.02  # of the whitening: without it words are colours, which vary most


class BEiTSettings(MaskedTokensSettings):
    vocabulary: int = knob(
        64, 2, 8192, help="How many visual words there are. Few: each says little of a patch."
    )


@register
class BEiT(MaskedTokens):
    """BERT pre-training of image transformers. Bao, Dong, Piao, Wei, ICLR 2022, arXiv 2106.08254.

    The tokenizer is learned before the first step, from whitened patches of the training images by k-means, in place
    of the paper's discrete autoencoder; like that one it stays as it is from then on.
    """

    card = Card(
        id="beit",
        title="BEiT",
        family="masked",
        year=2022,
        paper="Bao, Dong, Piao, Wei · ICLR 2022",
        arxiv="2106.08254",
        idea="First learn a vocabulary: the most typical patches of all images. Then every image is a text of visual "
        "words, and a transformer fills in hidden words as BERT does. It has to choose among words, so it may be "
        "of two minds where an average of pixels would be a blur.",
        formula=r"-\frac1{\lvert\mathcal M\rvert}\sum_{l\in\mathcal M}\log p_\theta\big(t_l\mid x^{\mathcal M}\big),"
        r"\quad t_l=\arg\min_k\lVert A^\top(x_l-e_k)\rVert",
        sees="The whole image, with a learned token in the place of every hidden patch.",
        target="The visual words of the hidden patches.",
        chance=lambda s: log(s["vocabulary"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"vocabulary": 4}, "Four words say little of a patch: easy to guess, and little is learned."
            ),
            Switch(
                {"mask_ratio": 0.1, "mask_blocks": False},
                "Single hidden patches are what their neighbours are: easy to guess, and little is learned.",
            ),
        ),
        notes=(
            "x_l is a patch and e_k a word; A whitens patches, so that words differ in more than colour.",
            "Always naming the commonest word already hits as often as `majority` says: accuracy must beat that.",
        ),
    )
    Settings = BEiTSettings
    defaults = {**MaskedTokens.defaults, "mask_ratio": 0.4}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        numbers = info.channels * self.encoder.patch_size**2
        self.register_buffer("words", torch.randn(self.knobs.vocabulary, numbers))
        self.register_buffer("axes", torch.eye(numbers))
        self.register_buffer("learned", torch.zeros((), dtype=torch.bool))
        self.head = nn.Linear(self.encoder.feature_dim, self.knobs.vocabulary)

    def on_epoch(self, epoch: Epoch) -> None:
        """Learn the vocabulary, once."""
        if self.learned:
            return
        some = torch.randperm(len(epoch.images), generator=epoch.generator)
        some = some[: max(1, 4 * READ // self.encoder.token_count)].to(epoch.images.device)
        patches = self.patches(as_floats(epoch.images[some])).flatten(0, 1)
        patches = patches[torch.randperm(len(patches), generator=epoch.generator)[:READ].to(patches.device)]
        with torch.autocast(patches.device.type, enabled=False):
            self.axes.copy_(whitening(patches, SOFTNESS))
            rows, count = patches @ self.axes, self.knobs.vocabulary
            words, _ = kmeans(rows, count, iterations=ITERATIONS, generator=epoch.generator)
            self.words.copy_(words @ self.axes.inverse())
        self.learned.fill_(True)

    def read(self, images: Tensor) -> Tensor:
        """The nearest word of every patch: (N, L)."""
        return nearest(self.patches(images) @ self.axes, self.words @ self.axes)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Images, masks, and ``words`` (N, L): the nearest word of every patch of the same view."""
        seen = super().views(batch, generator)
        return {**seen, "words": self.read(seen["images"])}

    def loss(self, views: Views) -> Losses:
        logits = self.head(hidden(self.see(views), views["mask"])).flatten(0, 1)
        words = views["words"][views["mask"]]
        guess = classification(logits, words)
        share = gather(F.one_hot(words, self.knobs.vocabulary).float()).mean(0, keepdim=True)
        usage = {"majority": share.max(), "words_in_use": groups_in_use(share)}
        return Losses(guess.terms, {**guess.metrics, **usage})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        sees, truth = super().preview(views)
        guess = torch.where(views["mask"], self.head(self.see(views)).argmax(2), views["words"])
        spelled = (self.picture(self.words[words]) for words in (guess, views["words"]))
        text = "Every patch is the visual word that stands for it."
        names = ("The words it guesses", "The words there are")
        return [sees, *(Panel(n, p, text=text) for n, p in zip(names, spelled, strict=True)), truth]
