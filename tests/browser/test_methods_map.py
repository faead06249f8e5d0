"""The map of the field: a click opens a method, every time."""

from playwright.sync_api import Page, expect

from tests.browser.driving import chart, point_of

SETTLE = 1500  # milliseconds until nothing on the page moves any more


def test_the_same_point_opens_its_method_again(visitor):
    page = visitor("methods", method="simclr")
    page.set_viewport_size({"width": 1280, "height": 2000})  # all of the map
    plot = chart(page, "Methods by family")
    expect(plot.locator(".scatterlayer .point").first).to_be_visible()
    first = plot.evaluate("gd => gd._fullData[0].text[0]")
    expect(opened(page, "SimCLR")).to_be_visible()
    for _ in range(2):
        page.wait_for_timeout(SETTLE)
        page.mouse.click(*point_of(plot))
        expect(opened(page, first)).to_be_visible()
        page.get_by_test_id("stMain").get_by_role("radio", name="BYOL", exact=True).click()
        expect(opened(page, "BYOL")).to_be_visible()


def opened(page: Page, title: str):
    return page.get_by_role("heading", level=2, name=title, exact=True)
