import torch

from benchmarks.contact_sheet import COLUMNS, GAP, WIDTH, Preview, block, font, preview, sheet, wrapped
from sslcore.methods.base import Panel
from sslcore.registry import get_method
from tests.conftest import make_data


def shown(name: str, pictures: int = 8) -> Preview:
    panel = Panel(
        "Views",
        torch.rand(pictures, 3, 16, 16),
        ("a caption of several words",) * pictures,
        "How to read it.",
    )
    return Preview(get_method(name).card, [panel], "kNN 50% after 1 s")


def test_lines_are_no_wider_than_asked():
    lines = wrapped("several words that do not fit into a single line", font(12), 100)
    assert len(lines) > 1 and all(font(12).getlength(line) <= 100 for line in lines)
    assert (
        " ".join(lines) == "several words that do not fit into a single line"
        and wrapped("", font(12), 9) == []
    )


def test_a_block_holds_all_its_panels():
    low = block(shown("simclr"))
    assert low.width == WIDTH and 120 < low.height < 400
    twice = Preview(get_method("simclr").card, shown("simclr").panels * 2, "")
    assert block(twice).height > 1.5 * low.height


def test_a_sheet_has_every_method_within_its_frame():
    picture = sheet(
        [shown(name) for name in ("rotation", "jigsaw", "simclr", "moco", "nnclr", "mae")], "Title", "Below"
    )
    assert picture.width == COLUMNS * WIDTH + (COLUMNS + 1) * GAP
    assert picture.getpixel((0, 0)) == picture.getpixel((0, picture.height - 1)) == (255, 255, 255)


def test_previews_are_of_a_network_that_was_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path))
    made = preview("rotation", make_data(256), 0.5)
    assert made.panels and "kNN" in made.reached and not made.reached.endswith(" 0 steps")
