"""The form above a run: what is pressed is what is trained."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RUN
from tests.browser.driving import button


@pytest.mark.parametrize(
    ("tab", "knob", "preset", "label"),
    [
        ("SimCLR", "temperature", "temperature 5", "temperature 5"),
        ("Views", "crop_min", "Tiny crops", "crop max 0.2"),
    ],
)
def test_a_preset_is_trained_though_its_knobs_were_looked_at(visitor, tab, knob, preset, label):
    page = visitor("train", method="simclr", **RUN)
    settings = all_settings(page)
    settings.click()
    page.get_by_role("tab", name=tab).click()
    expect(page.locator(f".st-key-set_{knob}")).to_be_visible()
    page.get_by_role("tab").first.click()
    settings.click()
    button(page, "Break it").click()
    button(page, preset).click()
    expect(page.get_by_test_id("stToast")).to_contain_text("the form is set")
    page.keyboard.press("Escape")
    button(page, "Start").click()
    expect(page.locator("h4")).to_contain_text(label)
    button(page, "Stop").click()
    expect(button(page, "Stop")).to_be_disabled()


def test_what_was_turned_outlasts_closing_leaving_and_other_links(visitor):
    page = visitor("train", method="simclr", **RUN)
    all_settings(page).click()
    page.get_by_role("tab", name="Views").click()
    jitter = page.locator(".st-key-set_jitter")
    jitter.get_by_role("slider").press("End")
    expect(page).to_have_url(re.compile("jitter=1"))
    expect(jitter).to_contain_text("default")
    all_settings(page).click()
    expect(jitter).not_to_be_visible()
    link(page, "Augmentations").click()
    expect(page.locator(".st-key-jitter")).to_be_visible()  # of the same name, with a value of its own
    expect(page).not_to_have_url(re.compile("jitter"))
    button(page, "Draw again").click()
    expect(page).to_have_url(re.compile("draw=1"))
    loaded(page)
    link(page, "Train").click()
    expect(page).to_have_url(re.compile("jitter=1"))
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("0")
    all_settings(page).click()
    page.get_by_role("tab", name="Views").click()
    expect(jitter).to_contain_text("default")
    link(page, "Methods").click()  # with the settings open
    expect(page.get_by_role("heading", level=1, name="Methods")).to_be_visible()
    loaded(page)
    link(page, "Train").click()
    expect(page).to_have_url(re.compile("jitter=1"))
    assert "set_" not in page.url


def loaded(page):
    """Wait for the page's pictures: Streamlit forgets those of a page that is left."""
    page.wait_for_function("[...document.images].every((image) => image.complete)")


def all_settings(page):
    return page.locator(".st-key-all_settings summary").first  # those inside are its "More"


def link(page, name):
    return page.get_by_test_id("stSidebarNavLink").filter(has_text=name)
