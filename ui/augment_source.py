"""The picture that is augmented: from a dataset, one of two photographs, or the visitor's own."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from sslcore.data import dataset_cards, decode_image, sample_photos
from sslcore.data.decode import square
from sslcore.data.resize import resize
from sslcore.data.toybox.dataset import SIZES, TEST_SIZE, plan
from sslcore.data.toybox.scene import draw as draw_scene
from sslcore.errors import UserError
from ui.datasets import load_images
from ui.downloads import offer_download

PHOTOS = {"China (photo)": "china", "Flower (photo)": "flower"}
OWN = "Your own picture"
TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif"]
SIDES = (32, 64, 96)


@dataclass(frozen=True)
class Source:
    """A picture, uint8 (3, S, S), and what it shows.

    Attributes:
        partner: another picture of the same thing, where there is one.
    """

    image: Tensor
    title: str
    partner: Tensor | None = None


def picture_names() -> list[str]:
    """What there is to choose from."""
    return [*_datasets(), *PHOTOS, OWN]


def choose_source() -> Source | None:
    """Draw the choice and return the picture, None while it has to be downloaded; part of the address.

    Raises:
        UserError: if it cannot be read.
    """
    kind = st.selectbox(
        "Picture",
        picture_names(),
        key="picture",
        bind="query-params",
        help="What is augmented. Your own picture goes to the computer that runs this app, is not kept there, and is "
        "not part of the address.",
    )
    size = st.segmented_control(
        "Side in pixels",
        SIDES,
        default=64,
        required=True,
        key="side",
        bind="query-params",
        help="What the network gets. 32 px is what most runs here use; more pixels are easier for you.",
    )
    if kind == OWN:
        return _own(size)
    if kind in PHOTOS:
        return Source(_photo(PHOTOS[kind], size), kind)
    if not offer_download(_datasets()[kind]):
        return None
    count = _count(_datasets()[kind])
    told = f"Which of its {count:,} held-out images."
    number = st.number_input("Image number", 0, count - 1, 0, 1, key="number", bind="query-params", help=told)
    return dataset_picture(_datasets()[kind], min(number, count - 1), size)


def dataset_picture(name: str, number: int, size: int) -> Source:
    """A held-out image of a dataset that is here. Toybox is drawn at any size, just this one scene."""
    if name == "toybox":
        scenes = _scenes()
        who = scenes[number].toy, scenes[number].individual
        same = [i for i, scene in enumerate(scenes) if (scene.toy, scene.individual) == who and i != number]
        partner = _scene(same[0], size) if same else None
        return Source(_scene(number, size), _scene_title(number), partner)
    data = load_images(name)
    label = None if data.test.labels is None else data.classes[data.test.labels[number]]
    title = f"{data.title} image {number}" + (f": {label}" if label else "")
    return Source(resize(data.test.images[number : number + 1], size)[0], title)


def company(source: Source) -> Tensor:
    """Three Toybox scenes, uint8 (3, 3, S, S), that share a batch with a picture and are others than it."""
    others = [number for number in (3, 14, 25, 36) if source.title != _scene_title(number)]
    return torch.stack([_scene(number, source.image.shape[-1]) for number in others[:3]])


def _scene_title(number: int) -> str:
    return f"Toybox scene {number}"


@st.cache_data(max_entries=50, show_spinner=False)
def _scene(number: int, size: int) -> Tensor:
    drawn = draw_scene(_scenes()[number], size if size in SIZES else SIZES[0])
    return resize(torch.from_numpy(np.array(drawn)).permute(2, 0, 1)[None], size)[0]


def _datasets() -> dict[str, str]:
    """Titles and names of the datasets."""
    return {card.title: card.id for card in dataset_cards()}


@st.cache_resource(show_spinner=False)
def _scenes() -> list:
    return plan("test", TEST_SIZE)


def _count(name: str) -> int:
    if name == "toybox":
        return TEST_SIZE
    with st.spinner("Reading the images …"):
        return len(load_images(name).test)


@st.cache_resource(show_spinner=False)
def _photo(name: str, size: int) -> Tensor:
    return square(Image.fromarray(sample_photos()[name].permute(1, 2, 0).numpy()), size)


def _own(size: int) -> Source:
    told = "PNG, JPEG, WebP, BMP or GIF. Only decoded, never kept."
    file = st.file_uploader("Your picture", type=TYPES, max_upload_size=20, key="own_picture", help=told)
    if file is None:
        raise UserError("Choose a file: until then there is nothing to augment.")
    image = decode_image(file.getvalue(), file.name, at_least=4 * size)
    return Source(square(image, size), "Your picture")
