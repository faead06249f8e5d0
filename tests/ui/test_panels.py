import pytest
from streamlit.testing.v1 import AppTest


def draw(pictures: int) -> None:
    import torch

    from sslcore.methods.base import Panel
    from ui.panels import draw_panel

    draw_panel(Panel("Matrix", torch.eye(8).expand(pictures, 1, 8, 8), text="How to read it.", large=True))


@pytest.mark.parametrize("pictures", [0, 1, 3])
def test_a_panel_is_its_pictures_and_a_sentence(pictures):
    app = AppTest.from_function(draw, args=(pictures,)).run(timeout=30)
    assert not app.exception
    assert len(app.get("image")) == pictures
    assert app.markdown[0].value == "**Matrix**" and app.caption[0].value == "How to read it."
