"""Every address opens by itself, and one that asks for nonsense gets a sentence."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import is_local
from tests.browser.driving import PATIENCE, button, serve
from ui.shell import ROOT, SITE

HEADINGS = {name: title for name, title, _, _ in SITE if (ROOT / "pages" / f"{name}.py").exists()}


@pytest.mark.parametrize("name", HEADINGS)
def test_a_deep_link_opens_the_page_with_the_navigation(visitor, name):
    page = visitor("" if name == "home" else name)
    heading = "SSL Playground" if name == "home" else HEADINGS[name]
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    links = page.get_by_test_id("stSidebarNavLink")
    expect(links).to_have_count(len(HEADINGS))
    assert [text.split("\n")[-1] for text in links.all_inner_texts()] == list(HEADINGS.values())


def test_a_deep_link_on_a_fresh_server_asks_no_other_machine_for_anything(browser, tmp_path):
    asked = []
    with serve(tmp_path) as app, browser.new_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{app.url}/train")
        expect(page.get_by_role("heading", level=1, name="Train")).to_be_visible(timeout=1000 * PATIENCE)
    assert asked and not [url for url in asked if not is_local(url)]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"method": "nonsense"}, "nonsense.*Using simclr instead"),
        ({"temperature": "99"}, "temperature must be at most 5, got 99.*Using 5 instead"),
        ({"run": "no-such-run"}, "There is no run 'no-such-run' here"),
    ],
)
def test_a_wrong_link_is_answered_by_a_sentence(visitor, query, sentence):
    page = visitor("train", **query)
    expect(page.get_by_test_id("stAlert").filter(has_text=re.compile(sentence))).to_be_visible()
    expect(button(page, "Start")).to_be_enabled()
