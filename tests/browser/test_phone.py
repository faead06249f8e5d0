"""What does not fit on a phone scrolls in a box of its own; the page itself never goes sideways."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_addresses import HEADINGS

PHONE = {"width": 390, "height": 844}
STICKING_OUT = """() => [...document.querySelectorAll("[data-testid=stMain] *")].filter((element) => {
  const box = element.getBoundingClientRect();
  if (!box.width || !box.height || box.right <= innerWidth + 1) return false;
  for (let parent = element.parentElement; parent.dataset.testid !== "stMain"; parent = parent.parentElement)
    if (getComputedStyle(parent).overflowX !== "visible") return false;
  return true;
}).map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`)"""

PARTS = "document.querySelectorAll('[data-testid=stMain] *').length"


@pytest.mark.parametrize("name", HEADINGS)
def test_nothing_sticks_out_of_a_page(visitor, name):
    page = visitor("" if name == "home" else name)
    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    before = None
    while (now := page.evaluate(PARTS)) != before:  # until charts and tables have taken their places
        before = now
        page.wait_for_timeout(2000)
    assert page.evaluate(STICKING_OUT) == []
