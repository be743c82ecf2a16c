"""The mouse of the viewer as each reader likes it: chosen in the dialog, kept by the browser."""

import math

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser import objects
from tests.running_server import wait_until

STACK = f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}"


@pytest.fixture
def stack(viewer):
    viewer.open(STACK)
    viewer.wait("isocenter?.firstImage != null")
    viewer.settled()
    return viewer


def mouse_section(page: Page) -> Locator:
    """What the dialog says of the mouse, opened where it is not."""
    section = page.get_by_role("region", name="Mouse")
    if section.count() == 0:
        page.keyboard.press("?")
    return section


def choose(page: Page, **tools: str) -> None:
    section = mouse_section(page)
    for name, tool in tools.items():
        section.get_by_label(name.replace("_", " "), exact=True).select_option(label=tool)
    page.keyboard.press("Escape")
    expect(section).to_be_hidden()


def dragged(stack, button: str, dx: int, dy: int) -> tuple[float, float, float]:
    """What a drag did: moved the picture so far right and down, and made it so many percent."""
    before = stack.state()["toCanvas"]
    mouse = stack.page.mouse
    mouse.move(600, 400)
    mouse.down(button=button)
    mouse.move(600 + dx, 400 + dy, steps=4)
    mouse.up(button=button)
    stack.settled()
    after = stack.state()["toCanvas"]
    return after["e"] - before["e"], after["f"] - before["f"], 100 * after["a"] / before["a"]


def reload(stack) -> None:
    stack.page.reload()
    stack.wait("isocenter?.firstImage != null")
    stack.page.get_by_role("toolbar").wait_for()
    stack.settled()


def test_a_button_does_what_was_chosen_for_it_also_after_a_reload_until_it_is_reset(stack):
    page = stack.page
    choose(page, Right_drag="Pan", Middle_drag="Window / level")
    moved = pytest.approx((50, -30, 100), abs=1)
    assert dragged(stack, "right", 50, -30) == moved
    window = stack.state()["voi"]
    assert dragged(stack, "middle", 50, -30) == (0, 0, 100)
    assert stack.state()["voi"] != window
    reload(stack)
    assert dragged(stack, "right", 50, -30) == moved
    expect(mouse_section(page).get_by_label("Right drag")).to_have_value("pan")
    page.get_by_role("button", name="Reset mouse").click()
    expect(mouse_section(page).get_by_label("Right drag")).to_have_value("zoom")
    page.keyboard.press("Escape")
    assert dragged(stack, "middle", 50, -30) == moved
    assert dragged(stack, "right", 0, -60)[2] > 130


def test_the_left_button_has_its_tool_at_once_and_in_the_next_page(stack):
    page = stack.page
    pan = page.get_by_role("button", name="Pan", exact=True)
    choose(page, Left_drag="Pan")
    expect(pan).to_have_attribute("aria-pressed", "true")
    assert dragged(stack, "left", 40, 20) == pytest.approx((40, 20, 100), abs=1)
    stack.press("w")  # for this page alone
    reload(stack)
    expect(pan).to_have_attribute("aria-pressed", "true")
    assert dragged(stack, "left", 40, 20) == pytest.approx((40, 20, 100), abs=1)


def test_a_wheel_that_zooms_does_so_at_the_pointer_and_scrolls_with_ctrl(stack):
    page = stack.page
    choose(page, Wheel="Zoom")
    origin = page.locator(".viewport").bounding_box()
    x, y = 700 - origin["x"], 300 - origin["y"]

    def under_pointer() -> tuple[float, float]:
        m = stack.state()["toCanvas"]
        return (x - m["e"]) / m["a"], (y - m["f"]) / m["d"]

    page.mouse.move(700, 300)
    before, place = stack.state()["toCanvas"], under_pointer()
    page.mouse.wheel(0, -100)
    wait_until(lambda: stack.state()["toCanvas"]["a"] > before["a"] * 1.2)
    assert under_pointer() == pytest.approx(place, abs=0.01)
    assert stack.state()["wanted"] == 0
    page.keyboard.down("Control")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Control")
    wait_until(lambda: stack.state()["wanted"] == 1)


def test_what_the_dialog_says_of_ctrl_and_the_wheel_is_what_they_do(stack):
    section = mouse_section(stack.page)
    does = section.locator("dl > div", has_text="Ctrl + wheel").locator("dd")
    expect(does).to_have_text("scroll ten at a time")
    section.get_by_label("Wheel", exact=True).select_option(label="Zoom")
    expect(does).to_have_text("scroll")


def test_the_keyboard_reaches_what_the_mouse_does(stack):
    page = stack.page
    section = mouse_section(page)
    page.get_by_role("button", name="Close").press("Tab")
    expect(section.get_by_label("Left drag")).to_be_focused()
    for name in ("Middle drag", "Right drag"):
        page.keyboard.press("Tab")
        expect(section.get_by_label(name)).to_be_focused()
    page.keyboard.press("s")  # the first that begins so, and no tool of the page behind
    expect(section.get_by_label("Right drag")).to_have_value("scroll")
    expect(page.locator("[data-command=tool-window]")).to_have_attribute("aria-pressed", "true")


def test_another_tab_follows(stack):
    other = stack.page.context.new_page()
    other.goto(stack.address + STACK)
    other.get_by_role("toolbar").wait_for()
    expect(mouse_section(other).get_by_label("Right drag")).to_have_value("zoom")
    choose(stack.page, Right_drag="Scroll")
    expect(mouse_section(other).get_by_label("Right drag")).to_have_value("scroll")


def test_a_browser_that_keeps_nothing_has_a_mouse_all_the_same(viewer):
    viewer.page.add_init_script(
        "Object.defineProperty(window, 'localStorage',"
        " { get() { throw new DOMException('denied', 'SecurityError') } })"
    )
    viewer.open(STACK)
    viewer.wait("isocenter?.firstImage != null")
    viewer.settled()
    choose(viewer.page, Right_drag="Pan")
    assert dragged(viewer, "right", 50, -30) == pytest.approx((50, -30, 100), abs=1)


def test_two_fingers_that_pinch_on_a_touch_pad_zoom_whatever_the_wheel_does(stack):
    session = stack.page.context.new_cdp_session(stack.page)

    def pinch() -> None:
        """As browsers tell of it: a wheel with Ctrl, -100 log of the scale, and no key pressed."""
        wheel = {"type": "mouseWheel", "x": 600, "y": 400, "deltaX": 0, "modifiers": 2}
        for _ in range(2):
            session.send("Input.dispatchMouseEvent", wheel | {"deltaY": -100 * math.log(2) / 2})

    stack.page.mouse.move(600, 400)
    before = stack.state()["toCanvas"]["a"]
    pinch()
    wait_until(lambda: stack.state()["toCanvas"]["a"] == pytest.approx(2 * before))
    choose(stack.page, Wheel="Zoom")
    pinch()
    wait_until(lambda: stack.state()["toCanvas"]["a"] == pytest.approx(4 * before))
    assert stack.state()["wanted"] == 0
