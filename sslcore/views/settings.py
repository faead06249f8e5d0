"""What a random view may look like: the knobs of the augmentation pipeline."""

from typing import Self

from pydantic import model_validator

from sslcore.knobs import KnobModel, knob, show


class ViewSettings(KnobModel):
    """Settings of :func:`sslcore.views.random_views`; the defaults are SimCLR's for small images.

    Probabilities and fractions lie in [0, 1]. Sources: SimCLR (arXiv 2002.05709, appendix A) for crop, flip,
    jitter, grayscale and blur; BYOL (arXiv 2006.07733, appendix B) for solarize; Cutout (arXiv 1708.04552).
    """

    crop_min: float = knob(
        0.4,
        0.02,
        1.0,
        live=True,
        help="Smallest crop, as a fraction of the image's area; below 0.4 small toys get lost.",
    )
    crop_max: float = knob(
        1.0,
        0.02,
        1.0,
        live=True,
        help="Largest crop, as a fraction of the image's area; both 1 means no cropping.",
    )
    crop_aspect: float = knob(
        4 / 3,
        1.0,
        4.0,
        live=True,
        advanced=True,
        help="How far a crop may be stretched: width to height at most this.",
    )
    flip: float = knob(
        0.5,
        0.0,
        1.0,
        live=True,
        help="Chance of a left-right mirror image; not for digits or text, whose side matters.",
    )
    rotation: float = knob(
        0.0,
        0.0,
        180.0,
        live=True,
        unit="degrees",
        help="Largest tilt to either side; corners that turn in are black.",
    )
    jitter: float = knob(
        0.8,
        0.0,
        1.0,
        live=True,
        help="Chance that brightness, contrast, saturation and hue change, in random order.",
    )
    brightness: float = knob(
        0.4, 0.0, 2.0, live=True, help="Strength of the brightness change: 0.4 multiplies by 0.6 to 1.4."
    )
    contrast: float = knob(
        0.4,
        0.0,
        2.0,
        live=True,
        help="Strength of the contrast change: 0.4 scales differences by 0.6 to 1.4.",
    )
    saturation: float = knob(
        0.4,
        0.0,
        2.0,
        live=True,
        help="Strength of the saturation change: 0.4 makes colours 0.6 to 1.4 times as vivid.",
    )
    hue: float = knob(
        0.1,
        0.0,
        0.5,
        live=True,
        help="Largest turn of the colour wheel to either side; 0.5 reaches the opposite colour.",
    )
    grayscale: float = knob(
        0.2, 0.0, 1.0, live=True, help="Chance of losing all colour, so that matching colours is not enough."
    )
    blur: float = knob(
        0.0, 0.0, 1.0, live=True, help="Chance of a Gaussian blur; of little use on tiny images."
    )
    blur_sigma_min: float = knob(0.1, 0.05, 10.0, live=True, advanced=True, unit="px", help="Weakest blur.")
    blur_sigma_max: float = knob(2.0, 0.05, 10.0, live=True, advanced=True, unit="px", help="Strongest blur.")
    solarize: float = knob(
        0.0, 0.0, 1.0, live=True, help="Chance that bright pixels are inverted, as in a solarized print."
    )
    solarize_threshold: float = knob(
        0.5,
        0.0,
        1.0,
        live=True,
        advanced=True,
        help="Pixels at least this bright are inverted when a view is solarized.",
    )
    cutout: float = knob(0.0, 0.0, 1.0, live=True, help="Chance that a black square hides part of the view.")
    cutout_size: float = knob(
        0.4,
        0.05,
        0.95,
        live=True,
        advanced=True,
        help="Side of the cut-out square, as a fraction of the view's shorter side.",
    )
    noise: float = knob(
        0.0,
        0.0,
        0.5,
        live=True,
        help="Standard deviation of Gaussian noise added to every pixel (pixels are 0 to 1).",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in (("crop_min", "crop_max"), ("blur_sigma_min", "blur_sigma_max")):
            if getattr(self, low) > getattr(self, high):
                values = show(getattr(self, low)), show(getattr(self, high))
                raise ValueError(
                    f"{low} ({values[0]}) must not be larger than {high} ({values[1]}): swap them or make them equal"
                )
        return self

    @property
    def crops(self) -> bool:
        """Whether views are cropped at all."""
        return self.crop_min < 1
