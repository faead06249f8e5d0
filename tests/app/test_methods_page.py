import pytest

from sslcore.diagnostics import train_landscape
from sslcore.knobs import knobs_of
from sslcore.registry import get_method, methods
from sslcore.settings import RunSettings
from tests.app.conftest import words
from ui import landscape
from ui.method_card import reference_values, source_of, switch_link
from ui.method_previews import untrained_panels
from ui.methods_page import field_map, lanes


@pytest.mark.parametrize("name", methods())
def test_every_method_opens_by_its_address(page, name):
    app = page("methods", method=name)
    card = get_method(name).card
    assert not app.exception and not app.error
    assert app.header[0].value == card.title
    assert app.latex[0].value.strip("$\n ") == card.formula.strip()
    assert source_of(get_method(name)).strip() in [code.value for code in app.code]


def test_the_table_lists_every_knob_of_the_method(page):
    app = page("methods", method="jigsaw")
    assert list(app.table[0].value["Knob"]) == [
        f"`{name}`" for name in knobs_of(get_method("jigsaw").Settings)
    ]


def test_an_unknown_method_is_a_sentence_with_the_nearest_name(page):
    app = page("methods", method="simclrr<b>")
    assert not app.exception
    assert "no method called" in app.error[0].value and "simclr" in app.error[0].value
    assert "method" not in app.query_params


def offered(app) -> list[str]:
    """The methods to choose from."""
    (choice,) = [group for group in app.get("button_group") if group.label == "Method"]
    return sorted(choice.options)


def test_the_family_filter_leaves_that_family_only(page):
    app = page("methods")
    app.get("button_group")[0].set_value(["masked"]).run()
    assert not app.exception
    assert offered(app) == sorted(m.card.title for m in methods().values() if m.card.family == "masked")


def test_the_year_filter_leaves_those_years_only(page):
    app = page("methods")
    app.slider(key="year_filter").set_value((2014, 2015)).run()
    cards = [method.card for method in methods().values()]
    assert not app.exception
    assert offered(app) == sorted(card.title for card in cards if 2014 <= card.year <= 2015)


@pytest.mark.parametrize("name", methods())
def test_break_it_links_throw_the_switch_on_the_training_page(name):
    for switch in methods()[name].card.switches:
        settings, notes = RunSettings.from_query(switch_link(name, switch))
        assert not notes
        assert {knob: settings[knob] for knob in switch.values} == switch.values


def test_reference_values_are_those_of_the_defaults():
    assert reference_values(get_method("rotation"))["chance"] == pytest.approx(1.3863, abs=1e-4)
    assert reference_values(get_method("random")) == {"chance": None, "collapse": None, "best": 0.0}


def test_the_map_holds_every_method_once_at_its_year():
    order = list(methods())
    figure = field_map([method.card for method in methods().values()], order)
    years = [int(year) for year in figure.layout["xaxis"]["ticktext"]]
    points = [(n, x) for trace in figure.traces for n, x in zip(trace["customdata"], trace["x"], strict=True)]
    assert sorted((n, years[x]) for n, x in points) == [
        (i, methods()[name].card.year) for i, name in enumerate(order)
    ]
    places = [(x, y) for t in figure.traces for x, y in zip(t["x"], t["y"], strict=True)]
    assert len(set(places)) == len(places)


def test_another_batch_shows_other_scenes():
    first, same, other = (untrained_panels("simclr", seed)[0].images for seed in (0, 0, 1))
    assert (first == same).all() and not (first == other).all()


def test_what_is_learned_before_the_first_step_is_there():
    words = next(
        panel for panel in untrained_panels("beit", 0) if panel.title == "The words there are"
    ).images
    scene = next(panel for panel in untrained_panels("beit", 0) if panel.title == "The truth").images
    assert (words - scene).square().mean() < 0.5 * scene.var()


def test_a_landscape_is_shaped_on_request_only(page, monkeypatch):
    asked = []

    def quick(loss, curve):
        asked.append((loss, curve))
        return train_landscape(loss, curve=curve, steps=2, resolution=5)

    monkeypatch.setattr(landscape, "train_landscape", quick)
    landscape._trained.clear()
    app = page("methods", method="vicreg")
    assert not asked
    app.button(key="shape_it").click().run()
    assert not app.exception and asked == [("vicreg", "parabola"), ("pull", "parabola")]
    assert words(app).count("Mean energy") == 2
    landscape._trained.clear()


def test_a_method_without_a_landscape_offers_none(page):
    assert "shape_it" not in [button.key for button in page("methods", method="rotation").button]


def test_labels_that_would_collide_take_another_lane():
    assert lanes([0, 0, 9], [10, 10, 10], 10) == [0, 1, 0]
    assert lanes([0, 1], [40, 1], 10) == [0, 1]
