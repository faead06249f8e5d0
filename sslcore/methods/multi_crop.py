"""Two large views of every image, and small ones if asked for: what SwAV, DINO and MSN see."""

import torch
from torch import Tensor

from sslcore.knobs import knob
from sslcore.methods.base import Batch, Panel, TwoView, TwoViewSettings, Views
from sslcore.settings import RunSettings
from sslcore.views import check_local_crops, multi_crop


class MultiCropSettings(TwoViewSettings):
    local_crops: int = knob(
        0,
        0,
        10,
        help="Small views beside the two large ones. They pay in long runs; a minute teaches more without.",
    )
    local_scale: float = knob(
        0.5, 0.125, 1.0, help="Side of the small views, as a fraction of the image's.", advanced=True
    )
    local_min: float = knob(
        0.2,
        0.02,
        1.0,
        help="Smallest small view, as a fraction of the image's area.",
        live=True,
        advanced=True,
    )
    local_max: float = knob(
        0.4,
        0.02,
        1.0,
        help="Largest small view, as a fraction of the image's area.",
        live=True,
        advanced=True,
    )


class MultiCrop(TwoView):
    """Methods that compare all views with large ones (SwAV, arXiv 2006.09882, section 3.3).

    Without small views unless a method wants them, unlike in the papers: a minute without them taught SwAV and DINO
    more, on Toybox and on CIFAR-10.
    """

    Settings = MultiCropSettings

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        check_local_crops(settings["local_min"], settings["local_max"])

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """``view1`` and ``view2`` as in two-view methods; ``locals``, all small views, one draw after the other."""
        knobs = self.knobs
        first, second, *small = multi_crop(
            batch.images,
            self.settings.views,
            generator=generator,
            size=self.side_of(batch.images, knobs.view_scale),
            local_crops=knobs.local_crops,
            local_size=self.side_of(batch.images, knobs.local_scale),
            local_min=knobs.local_min,
            local_max=knobs.local_max,
        )
        return {"view1": first, "view2": second, **({"locals": torch.cat(small)} if small else {})}

    def project_crops(self, views: Views) -> list[Tensor]:
        """Projections (N, d), one for each crop: the two large ones first."""
        crops = list(self.project_both(views))
        if "locals" in views:
            crops += self.project(views["locals"]).float().chunk(self.knobs.local_crops)
        return crops

    def small_views(self, views: Views) -> list[Panel]:
        """A row of pictures for each small view."""
        crops = views["locals"].chunk(self.knobs.local_crops) if "locals" in views else ()
        return [Panel(f"Small view {i + 1}", crop) for i, crop in enumerate(crops)]
