import pytest
from streamlit.testing.v1 import AppTest


def draw(contrast: float) -> None:
    import torch

    from sslcore.methods.base import Panel
    from ui.panels import draw_panel

    draw_panel(Panel("Matrix", 1 - contrast * torch.eye(8)[None, None], text="How to read it.", columns=1))


@pytest.mark.parametrize(("contrast", "pictures"), [(0.01, 0), (0.5, 1)])
def test_a_matrix_without_contrast_is_a_sentence_instead(contrast, pictures):
    app = AppTest.from_function(draw, args=(contrast,)).run(timeout=30)
    assert not app.exception
    assert len(app.get("image")) == pictures
    assert ("Nothing stands out yet" in app.caption[0].value) == (not pictures)
