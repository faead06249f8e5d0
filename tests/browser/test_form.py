"""The form above a run: what is pressed is what is trained."""

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
    settings = page.locator(".st-key-all_settings summary").first  # those inside are its "More"
    settings.click()
    page.get_by_role("tab", name=tab).click()
    expect(page.locator(f".st-key-{knob}")).to_be_visible()
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
