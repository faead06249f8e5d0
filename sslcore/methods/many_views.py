"""Several equal views of every image, each compared with their mean: what LeJEPA and EMP-SSL see."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.knobs import knob
from sslcore.methods.base import Batch, Panel, TwoView, TwoViewSettings, Views
from sslcore.views import ViewSettings, random_views


class ManyViewsSettings(TwoViewSettings):
    views_per_image: int = knob(
        4, 2, 32, help="Random views of every image; a step's time grows with their number."
    )


class ManyViews(TwoView):
    """Methods that compare the projections of V random views of every image with their mean."""

    Settings = ManyViewsSettings

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """``views``: V independent draws of the run's augmentations, (V N, C, h, w), one draw after the other."""
        draw, side = self.augmentations, self.side_of(batch.images, self.knobs.view_scale)
        count = self.knobs.views_per_image
        drawn = [random_views(batch.images, draw, generator=generator, size=side) for _ in range(count)]
        return {"views": torch.cat(drawn)}

    @property
    def augmentations(self) -> ViewSettings:
        """What the views are drawn from: the run's augmentations, unless a method crops in its own way."""
        return self.settings.views

    def project_all(self, views: Views) -> Tensor:
        """Projections (V, N, d) of the views of the whole batch, from one forward pass."""
        z = gather(self.project(views["views"]).float())
        return z.view(self.knobs.views_per_image, -1, z.shape[1])

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        z = self.project_all(views)
        near = F.cosine_similarity(z, z.mean(0, keepdim=True), dim=2)
        shown = views["views"].view(*z.shape[:2], *views["views"].shape[1:])
        return [
            Panel(
                f"Views of image {i + 1}",
                shown[:, i],
                tuple(f"{cosine:.2f}" for cosine in near[:, i].tolist()),
                "Cosine of each view's embedding with their mean.",
            )
            for i in range(min(4, z.shape[1]))
        ]
