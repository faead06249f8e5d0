"""A run as it is watched: its buttons, its charts, its link."""

import re
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import button, chart, point_of

TICKS = 2500  # milliseconds in which a page looks at its run at least twice


def test_pause_holds_step_makes_exactly_one_and_resume_goes_on(watched):
    held = pause(watched)
    watched.wait_for_timeout(TICKS)  # that nothing happens can only be seen by waiting
    assert step_of(watched) == held
    button(watched, "Step").click()
    expect(progress(watched)).to_contain_text(re.compile(rf"step {held + 1:,} "))
    watched.wait_for_timeout(TICKS)
    assert step_of(watched) == held + 1
    button(watched, "Resume").click()
    expect(badge(watched, "running")).to_be_visible()
    await_updates(chart(watched, "Loss over"), 2)
    assert step_of(watched) > held + 1


def test_zoom_and_a_hidden_legend_entry_survive_updates(watched):
    loss, terms = chart(watched, "Loss over"), chart(watched, "Over")
    watched.get_by_text("Loss terms").click()
    expect(terms.locator(".legendtoggle").first).to_be_attached()
    pause(watched)
    terms.locator(".legendtoggle").first.click()
    until(terms, "gd._fullData[0].visible === 'legendonly'")
    drag(watched, loss.locator(".nsewdrag").first)
    until(loss, "gd.layout.xaxis.autorange === false")
    zoom = loss.evaluate("gd => gd.layout.xaxis.range")
    button(watched, "Resume").click()
    await_updates(loss, 3)
    await_updates(terms, 3)
    assert loss.evaluate("gd => gd.layout.xaxis.range") == zoom
    shown = terms.evaluate("gd => gd._fullData.map((trace) => trace.visible)")
    assert shown == ["legendonly", *[True] * (len(shown) - 1)] and len(shown) > 1


def test_a_refresh_keeps_control_and_another_browser_only_watches(watched, visitor):
    run = run_of(watched)
    watched.reload()
    expect(chart(watched, "Loss over")).to_be_visible()
    assert run_of(watched) == run
    expect(button(watched, "Pause")).to_be_enabled()

    other = visitor("train", run=run)
    expect(chart(other, "Loss over")).to_be_visible()
    expect(other.get_by_text("You are watching")).to_be_visible()
    for name in ("Pause", "Step", "Stop"):
        expect(button(other, name)).to_be_disabled()


def test_a_stopped_run_is_on_the_list_of_runs(watched):
    button(watched, "Stop").click()
    expect(badge(watched, "stopped")).to_be_visible()
    watched.get_by_test_id("stSidebarNavLink").filter(has_text="Runs").click()
    table = watched.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    for text in ("VICReg · digits", "stopped"):
        expect(table.locator("td").filter(has_text=text).first).to_be_attached()


def test_hovering_a_point_of_the_map_shows_its_image(watched):
    plot = watched.locator(".st-key-chart_map .plot")
    expect(plot.locator(".nsewdrag").first).to_be_attached()
    pause(watched)
    tip = watched.locator(".st-key-chart_map .tip")
    expect(tip).to_be_hidden()
    plot.scroll_into_view_if_needed()
    watched.wait_for_timeout(TICKS)  # a map that is still on its way would move below the mouse
    for _ in range(60):  # a new layout may take the points away from under the mouse
        watched.mouse.move(*point_of(plot))
        watched.mouse.move(*point_of(plot, 1))
        watched.wait_for_timeout(500)
        if tip.is_visible():
            break
    expect(tip).to_be_visible()
    assert "data:image" in tip.locator("div").first.get_attribute("style")


def pause(page: Page) -> int:
    """Press Pause; returns the step at which the run stands."""
    button(page, "Pause").click()
    expect(badge(page, "paused")).to_be_visible()
    page.wait_for_timeout(TICKS)
    return step_of(page)


def badge(page: Page, word: str) -> Locator:
    return page.get_by_role("heading", level=4).get_by_text(word, exact=True)


def progress(page: Page) -> Locator:
    return page.get_by_test_id("stMain").get_by_test_id("stProgress").filter(has_text="step ")


def step_of(page: Page) -> int:
    return int(re.search(r"step ([\d,]+)", progress(page).inner_text())[1].replace(",", ""))


def run_of(page: Page) -> str:
    return parse_qs(urlparse(page.url).query)["run"][0]


def await_updates(plot: Locator, count: int) -> None:
    """Until a chart, whose description names its step, has been drawn anew so many times."""
    for _ in range(count):
        expect(plot).not_to_have_attribute("aria-label", plot.get_attribute("aria-label"))


def until(plot: Locator, condition: str) -> None:
    """Until a condition on the chart ``gd`` holds."""
    plot.page.wait_for_function(f"(gd) => {condition}", arg=plot.element_handle())


def drag(page: Page, area: Locator) -> None:
    """Draw a box over the middle of a chart."""
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    x, y, width, height = (box[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + 0.3 * width, y + 0.2 * height)
    page.mouse.down()
    page.mouse.move(x + 0.7 * width, y + 0.8 * height, steps=8)
    page.mouse.up()
