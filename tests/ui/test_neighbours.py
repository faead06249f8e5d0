from streamlit.testing.v1 import AppTest


def draw(count: int, classes: int) -> None:
    from types import SimpleNamespace

    import numpy as np
    import torch

    from sslcore.data import ImageData, Split
    from ui.neighbours import draw_chosen

    images = torch.zeros(count, 3, 8, 8, dtype=torch.uint8)
    split = Split(images, torch.arange(count) % classes, {})
    names = tuple(f"kind {k}" for k in range(classes))
    data = ImageData("toy", "Toy", names, split, split, split, {})
    state = SimpleNamespace(clicked=None, selected=list(range(count)))
    draw_chosen(np.random.default_rng(0).normal(size=(count, 4)), data, state)


def lassoed(count: int, classes: int) -> AppTest:
    app = AppTest.from_function(draw, args=(count, classes)).run(timeout=30)
    assert not app.exception
    return app


def test_a_large_lasso_says_how_much_of_it_is_shown():
    app = lassoed(56, 7)
    said = [caption.value for caption in app.caption]
    assert app.markdown[-1].value == "**56 images lassoed**"
    assert said[-2].endswith("8 kind 4 and 2 more classes") and said[-1] == "24 of 56 shown"
    assert len(app.get("image")) == 1 + 8 + 24


def test_a_small_lasso_is_shown_whole():
    app = lassoed(12, 3)
    assert app.caption[-1].value == "4 kind 0, 4 kind 1, 4 kind 2"


def test_pictures_lie_within_the_page_and_have_words():
    pictures = [picture for element in lassoed(12, 3).get("image") for picture in element.proto.imgs]
    assert all(picture.url.startswith("data:image/png") and picture.alt for picture in pictures)
