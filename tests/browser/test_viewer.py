"""The viewer in a browser: series, viewports, keys, mouse, fingers, tags, mistakes."""

import copy
import re

import av
import httpx
import numpy as np
import pytest
from playwright.sync_api import expect
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from tests.browser import objects
from tests.factories import ct_series, ct_slice, part10_bytes
from tests.running_server import running_server, wait_until

from isocenter.compose.captures.video import video


@pytest.fixture
def stack(viewer):
    """The viewer on a stack of thirty slices, beside one of twelve and a report."""
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    viewer.wait("isocenter?.firstImage != null")
    return viewer


def series_of(dataset) -> str:
    return dataset.SeriesInstanceUID


def thumbnail(viewer, dataset):
    return viewer.page.locator(f"[data-series='{series_of(dataset)}']")


def pane(viewer, number: int = 0):
    return viewer.page.locator(".viewport").nth(number)


def tag_panel(viewer):
    return viewer.page.get_by_role("complementary", name="DICOM tags")


def test_a_study_opens_on_its_first_series_with_thumbnails_of_all(stack):
    expect(stack.page.locator(".thumbnail")).to_have_count(3)
    assert stack.state()["series"] == series_of(objects.stack()[0])
    assert stack.state()["count"] == 30
    expect(stack.page).to_have_title(re.compile("Stack, Stella"))
    for text in ("Stack, Stella", "PID-1", "General Hospital", "W 400  L 40", "1 / 30"):
        expect(pane(stack)).to_contain_text(text)


SHIFTS = """new Promise((done) => {
    const seen = [];
    new PerformanceObserver((list) => seen.push(...list.getEntries().map((e) => e.value)))
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(seen), 300);
})"""


@pytest.mark.parametrize("path", ["/", f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}"])
def test_nothing_jumps_while_a_page_fills(viewer, path):
    viewer.open(path)
    if path == "/":
        viewer.page.locator("tbody tr").first.wait_for()
    else:
        viewer.wait("isocenter?.viewports[0].loaded === 30")
        viewer.settled()
    assert sum(viewer.page.evaluate(SHIFTS)) < 0.001


def test_the_first_image_comes_together_with_its_study(viewer):
    page = viewer.page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    viewer.wait("isocenter?.firstImage != null && isocenter.viewports[0].loaded === 30")
    first = objects.stack()[0]
    assert len([url for url in asked if url.endswith("/first-frame")]) == 1
    assert viewer.state()["instance"] == first.SOPInstanceUID
    assert not any(f"{first.SOPInstanceUID}/frames/" in url for url in asked)


def test_a_study_that_is_long_in_coming_leaves_the_page_to_be_used(viewer):
    held = []
    viewer.page.route(re.compile(r"\?display=true$"), lambda route: held.append(route))
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    viewer.page.get_by_role("toolbar").wait_for()
    assert viewer.state()["index"] is None
    for route in held:
        route.continue_()
    viewer.wait("isocenter.viewports[0].loaded === 30")
    viewer.settled()
    assert viewer.page.get_by_role("toolbar").count() == 1


def test_letters_scale_and_position_come_from_the_geometry(stack):
    letters = stack.page.locator(".letter")
    assert letters.all_inner_texts() == ["R", "L", "A", "P"]
    expect(stack.page.locator(".scale")).to_contain_text(re.compile("[125]0* (cm|mm)"))
    expect(pane(stack)).to_contain_text("Loc -98.8 mm")
    stack.press("r")
    assert letters.all_inner_texts() == ["P", "A", "R", "L"]


def test_letters_of_an_image_without_a_plane_turn_and_mirror_with_it(viewer, server):
    dataset = ct_slice(64, 48, StudyInstanceUID=objects.STUDY, SeriesNumber=96, Modality="CR")
    del dataset.ImageOrientationPatient, dataset.ImagePositionPatient
    # Seen from the right: the last column is in front, the last row at the feet and to the right.
    dataset.PatientOrientation = ["A", "FR"]
    store(server, dataset)
    viewer.open_series(dataset)
    letters = viewer.page.locator(".letter")
    expect(letters).to_have_text(["P", "A", "HL", "FR"])  # left, right, top, bottom
    for key, expected in (
        ("r", ["FR", "HL", "P", "A"]),
        ("h", ["HL", "FR", "P", "A"]),
        ("r", ["A", "P", "HL", "FR"]),
        ("v", ["A", "P", "FR", "HL"]),
        (" ", ["P", "A", "HL", "FR"]),
    ):
        viewer.press(key)
        expect(letters).to_have_text(expected)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"BodyPartExamined": "ABDOMEN"}, ["RT", "LE", "V", "D"]),
        ({"BodyPartExamined": "FEMUR"}, ["RT", "LE", "", ""]),
        ({"BodyPartExamined": None, "PatientOrientation": ["LE", "PL"]}, ["RT", "LE", "D", "PL"]),
    ],
)
def test_a_quadrupeds_plane_has_no_letters_of_people(viewer, server, attributes, expected):
    described = {"StudyInstanceUID": objects.STUDY, "SeriesNumber": 97}
    dataset = ct_slice(32, 32, AnatomicalOrientationType="QUADRUPED", **described, **attributes)
    store(server, dataset)
    viewer.open_series(dataset)
    expect(viewer.page.locator(".letter")).to_have_text(expected)


def region(left, top, right, bottom, units, delta):
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right - 1, bottom - 1
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX = item.PhysicalDeltaY = delta
    return item


SECONDS, CENTIMETRES, SPEED = 4, 3, 7


def test_an_ultrasound_image_has_a_scale_in_each_region_that_has_one_and_nowhere_else(
    viewer, server
):
    dataset = ct_slice(
        400,
        800,
        StudyInstanceUID=objects.STUDY,
        SeriesNumber=98,
        Modality="US",
        PixelSpacing=None,
        ImageOrientationPatient=None,
        ImagePositionPatient=None,
        SequenceOfUltrasoundRegions=[
            region(0, 0, 400, 200, (CENTIMETRES, CENTIMETRES), 0.05),
            region(400, 0, 800, 200, (CENTIMETRES, CENTIMETRES), 0.01),
            region(0, 200, 800, 400, (SECONDS, SPEED), 0.01),
        ],
    )
    store(server, dataset)
    viewer.open_series(dataset)
    scales = viewer.page.locator(".scale")
    expect(scales).to_have_count(2)
    m = viewer.state()["toCanvas"]
    for scale, (edge, spacing) in zip(scales.all(), [(0, 0.5), (400, 0.1)], strict=True):
        number, unit = scale.inner_text().split()
        millimetres = float(number) * {"cm": 10, "mm": 1}[unit]
        bar = scale.locator(".scale-bar").bounding_box()
        assert bar["width"] == pytest.approx(millimetres / spacing * m["a"], abs=0.5)
        box = scale.bounding_box()
        origin = pane(viewer).bounding_box()
        left = (box["x"] - origin["x"] - m["e"]) / m["a"]
        right = (box["x"] + box["width"] - origin["x"] - m["e"]) / m["a"]
        bottom = (box["y"] + box["height"] - origin["y"] - m["f"]) / m["d"]
        assert edge < left < right < edge + 400
        assert 0 < bottom < 200


def test_one_to_one_stays_so_beside_the_tags(stack):
    stack.press("0")
    width = stack.canvas().shape[1]
    stack.press("t")
    wait_until(lambda: stack.canvas().shape[1] < width)
    stack.settled()
    assert stack.state()["toCanvas"]["a"] == stack.state()["toCanvas"]["d"] == 1
    stack.press("Escape", "r")  # the panel has the keys, until it is closed
    wait_until(lambda: stack.canvas().shape[1] == width)
    assert stack.state()["toCanvas"]["b"] == 1


def test_several_studies_and_one_series_may_be_asked_for(viewer):
    second = objects.second_stack()[0]
    viewer.open(
        f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY},{objects.STUDY}"
        f"&SeriesInstanceUID={series_of(second)}"
    )
    viewer.wait("isocenter?.firstImage != null")
    assert viewer.state()["series"] == series_of(second)
    expect(viewer.page.locator(".series-strip section")).to_have_count(2)


def test_keys_and_wheel_go_through_the_stack(stack):
    for keys, index in (
        (["ArrowDown", "ArrowDown"], 2),
        (["ArrowUp"], 1),
        (["End"], 29),
        (["ArrowDown"], 29),
        (["Home"], 0),
        (["ArrowRight"], 1),
    ):
        stack.press(*keys)
        assert stack.state()["index"] == index
    pane(stack).hover()
    stack.page.mouse.wheel(0, 100)
    stack.settled()
    assert stack.state()["index"] == 2
    stack.page.keyboard.down("Control")
    stack.page.mouse.wheel(0, 100)
    stack.page.keyboard.up("Control")
    stack.settled()
    assert stack.state()["index"] == 12
    expect(pane(stack)).to_contain_text("13 / 30")


def test_the_bar_beside_the_stack_goes_where_it_is_pressed(stack):
    box = stack.page.locator(".stack-bar").bounding_box()
    stack.page.mouse.click(box["x"] + 6, box["y"] + box["height"] * 0.5)
    stack.settled()
    assert stack.state()["index"] in (14, 15)


def test_page_keys_go_through_the_series(stack):
    stack.press("PageDown")
    stack.wait("isocenter.viewports[0].count === 12")
    stack.press("PageDown")
    expect(pane(stack)).to_contain_text("has no images to show")
    stack.press("PageUp")
    stack.wait("isocenter.viewports[0].count === 12 && isocenter.viewports[0].index === 0")


def test_the_middle_button_pans_and_the_right_one_zooms(stack):
    def drag(button: str, dx: int, dy: int) -> None:
        mouse = stack.page.mouse
        mouse.move(600, 400)
        mouse.down(button=button)
        mouse.move(600 + dx, 400 + dy, steps=4)
        mouse.up(button=button)
        stack.settled()

    before = stack.state()["toCanvas"]
    drag("middle", 50, -30)
    moved = stack.state()["toCanvas"]
    assert [moved["e"] - before["e"], moved["f"] - before["f"]] == pytest.approx([50, -30], abs=1)
    drag("right", 0, -60)
    assert stack.state()["toCanvas"]["a"] > moved["a"] * 1.3
    stack.press(" ")
    assert stack.state()["toCanvas"] == before


def test_the_left_button_does_what_its_tool_says(stack):
    for name, key, changes in (("Pan", "p", "e"), ("Zoom", "z", "a")):
        before = stack.state()["toCanvas"][changes]
        stack.press(key)
        expect(stack.page.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        stack.page.mouse.move(500, 300)
        stack.page.mouse.down()
        stack.page.mouse.move(540, 340, steps=3)
        stack.page.mouse.up()
        stack.settled()
        assert stack.state()["toCanvas"][changes] != before


def test_a_series_is_dragged_or_double_clicked_into_a_viewport(stack):
    page = stack.page
    page.get_by_label("Layout 1 × 2").click()
    stack.wait("isocenter.viewports.length === 2 && isocenter.viewports[1].count === 12")
    stack.settled()
    thumbnail(stack, objects.stack()[0]).drag_to(pane(stack, 1))
    stack.wait("isocenter.viewports[1].count === 30")
    pane(stack, 0).click()
    thumbnail(stack, objects.second_stack()[0]).dblclick()
    stack.wait("isocenter.viewports[0].count === 12")
    thumbnail(stack, objects.stack()[0]).focus()
    page.keyboard.press("Enter")
    stack.wait("isocenter.viewports[0].count === 30")


@pytest.mark.parametrize("way", ["double click", "drag"])
def test_a_series_chosen_by_the_mouse_leaves_the_space_bar_to_the_view(stack, way):
    chosen = thumbnail(stack, objects.second_stack()[0])
    if way == "drag":
        chosen.drag_to(pane(stack))
    else:
        chosen.dblclick()
    stack.wait("isocenter.viewports[0].count === 12")
    stack.settled()
    before = stack.state()["toCanvas"]
    stack.press("ArrowDown", "ArrowDown", "r", " ")
    stack.wait("isocenter.viewports[0].count === 12")
    assert stack.state()["toCanvas"] == before
    assert stack.state()["index"] == 2


def test_layouts_show_up_to_four_viewports_and_one_can_fill_the_page(stack):
    page = stack.page
    for name, count in (("2 × 1", 2), ("2 × 2", 4), ("1 × 1", 1), ("2 × 2", 4)):
        page.get_by_label(f"Layout {name}").click()
        expect(page.locator(".viewport")).to_have_count(count)
    stack.press("ArrowRight")
    assert page.evaluate("window.isocenter.active") == 1
    pane(stack, 1).dblclick()
    expect(page.locator(".viewport")).to_have_count(1)
    stack.wait("isocenter.viewports[0].count === 12")
    stack.press("Escape")
    expect(page.locator(".viewport")).to_have_count(4)
    expect(pane(stack, 3)).to_contain_text("Drag a series here")


def test_a_switch_that_is_on_looks_so_under_the_pointer_that_switched_it(stack):
    invert = stack.page.get_by_role("button", name="Invert")
    ground = "button => getComputedStyle(button).backgroundColor"
    invert.click()
    under_pointer = invert.evaluate(ground)
    stack.page.mouse.move(640, 400)
    assert under_pointer == invert.evaluate(ground)


def test_the_series_on_show_is_in_sight_among_many(viewer):
    dataset = objects.overlaid()
    viewer.open_series(dataset)
    expect(thumbnail(viewer, dataset)).to_be_in_viewport(ratio=0.9)
    viewer.press(*["PageUp"] * 30)
    first = viewer.page.locator(".thumbnail").first
    expect(first).to_have_class(re.compile("active"))
    expect(first).to_be_in_viewport(ratio=0.9)


def test_cine_runs_and_stops(stack):
    rate = stack.page.get_by_label("Images a second")
    rate.fill("50")
    rate.press("Enter")
    pane(stack).focus()
    stack.page.keyboard.press("c")
    stack.wait("isocenter.viewports[0].index > 3")
    stack.press("Escape")
    assert not stack.state()["playing"]


def test_the_field_of_the_cine_rate_says_the_rate(stack):
    field = stack.page.get_by_label("Images a second")
    for typed in ("500", "777"):
        field.fill(typed)
        field.press("Tab")
        expect(field).to_have_value("60")


def test_a_rate_that_is_entered_gives_the_keys_back_to_the_image(stack):
    rate = stack.page.get_by_label("Images a second")
    rate.fill("50")
    rate.press("Enter")
    stack.page.keyboard.press("c")
    stack.wait("isocenter.viewports[0].index > 3")


def test_presets_are_in_a_menu(stack):
    menu = stack.page.get_by_label("Window preset")
    offered = [" ".join(text.split()) for text in menu.locator("option").all_inner_texts()]
    assert offered[:3] == ["1 SOFT", "2 LUNG", "3 Soft tissue W 400 L 40"]
    menu.select_option(label="5  Liver  W 150  L 90")
    stack.settled()
    assert stack.state()["voi"] == {"function": "LINEAR", "center": 90, "width": 150}


def test_the_tag_table_finds_elements_and_follows_the_image(stack):
    page = stack.page
    stack.press("t")
    panel = tag_panel(stack)
    expect(panel).to_contain_text("MediaStorageSOPClassUID")
    page.get_by_label("Filter tags").fill("instance number")
    expect(panel.locator("tr")).to_have_count(1)
    expect(panel.locator("tr .value")).to_have_text("1")
    pane(stack).focus()
    page.keyboard.press("End")
    expect(panel.locator("tr .value")).to_have_text("30")
    page.get_by_label("Filter tags").fill("codemeaning chest")
    expect(panel.locator("tr.ancestor").first).to_contain_text("ProcedureCodeSequence")
    page.get_by_label("Filter tags").fill("no such thing")
    expect(panel).to_contain_text("No element matches")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


@pytest.fixture
def namesakes(viewer, server):
    """Two studies of two patients that share all UIDs of what is in them."""
    (first,) = ct_series(1, 64, 64, PatientName="First^Fay", Modality="CT")
    second = copy.deepcopy(first)
    second.PatientName, second.StudyInstanceUID = "Second^Sue", f"{first.StudyInstanceUID[:60]}.2"
    store(server, first, second)
    yield first, second
    viewer.page.goto("about:blank")  # or it would ask for what is gone
    for each in (first, second):
        httpx.delete(f"{server.http}/dicomweb/studies/{each.StudyInstanceUID}")


def test_the_tags_are_never_those_of_another_patient_who_shares_the_uids(viewer, namesakes):
    page = viewer.page
    viewer.open(f"/viewer?StudyInstanceUIDs={','.join(n.StudyInstanceUID for n in namesakes)}")
    viewer.wait("isocenter?.firstImage != null")
    page.get_by_label("Layout 1 × 2").click()
    pane(viewer, 1).focus()
    page.locator(".thumbnail").nth(1).dblclick()
    expect(pane(viewer, 1)).to_contain_text("Second, Sue")
    viewer.press("t")
    page.get_by_label("Filter tags").fill("PatientName")
    expect(tag_panel(viewer)).to_contain_text("Second^Sue")
    held = []
    page.route("**/tags", lambda route: held.append(route))  # a server that takes its time
    pane(viewer, 0).focus()
    expect(tag_panel(viewer)).not_to_contain_text("Second^Sue")
    wait_until(lambda: page.title() and held)
    page.unroute("**/tags")  # which lets what was held go on
    expect(tag_panel(viewer)).to_contain_text("First^Fay")


def test_why_there_are_no_tags_can_be_read_to_its_end(stack):
    reason = f"instance {'1.2.826.0.1.3680043.8.498.' * 6} is not in this archive"
    stack.page.route("**/tags", lambda route: route.fulfill(status=404, json={"detail": reason}))
    stack.press("t")
    alert = tag_panel(stack).get_by_role("alert")
    expect(alert).to_contain_text(reason)
    assert alert.evaluate("alert => alert.scrollWidth <= alert.clientWidth")
    stack.complaints.clear()  # Chromium itself notes the status 404


def test_an_object_without_images_has_tags_too(stack):
    thumbnail(stack, objects.report()).dblclick()
    expect(pane(stack)).to_contain_text("has no images to show")
    button = pane(stack).get_by_role("button", name="Show its DICOM tags")
    button.click()
    expect(tag_panel(stack)).to_contain_text("CompletionFlag")
    expect(button).to_have_count(0)


def test_help_lists_the_keys(stack):
    stack.page.keyboard.press("?")
    dialog = stack.page.get_by_role("dialog")
    for text in ("Rotate right", "Play or stop cine", "Ctrl + wheel", "Two fingers"):
        expect(dialog).to_contain_text(text)
    stack.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_keyboard_shows_a_series_and_stays_there_after_help_and_tags(stack):
    page = stack.page
    chosen = thumbnail(stack, objects.second_stack()[0])
    chosen.focus()
    page.keyboard.press("Space")
    stack.wait("isocenter.viewports[0].count === 12")
    page.keyboard.press("?")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chosen).to_be_focused()
    page.keyboard.press("t")
    expect(page.get_by_label("Filter tags")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chosen).to_be_focused()


def test_text_can_be_put_away(stack):
    expect(pane(stack)).to_contain_text("Stack, Stella")
    stack.press("x")
    expect(pane(stack)).not_to_contain_text("Stack, Stella")
    expect(pane(stack)).not_to_contain_text("W 400")


def test_what_an_image_must_not_be_read_without_stays_when_text_is_put_away(viewer, server):
    dataset = ct_slice(64, 64, StudyInstanceUID=objects.STUDY, SeriesNumber=95)
    dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", "12"
    store(server, dataset)
    viewer.open_series(dataset)
    viewer.press("x")
    assert viewer.page.locator(".letter").all_inner_texts() == ["R", "L", "A", "P"]
    expect(pane(viewer)).to_contain_text("Lossy 12 : 1")


@pytest.mark.parametrize("played", [True, False])
def test_a_video_is_played_where_the_browser_can_and_else_said(viewer, server, tmp_path, played):
    source = ct_slice(8, 8, StudyInstanceUID=objects.STUDY, SeriesNumber=96)
    stored = tmp_path / "video.dcm"
    dataset = dcmread(video(film(tmp_path / "film.mp4"), source=source).save(stored))
    if played:  # as other programs store it: the whole file, which browsers know, unlike a stream
        dataset.PixelData = encapsulate([(tmp_path / "film.mp4").read_bytes()], has_bot=False)
        dataset.save_as(stored)
    post(server, stored.read_bytes())
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STUDY}")
    viewer.wait("isocenter?.firstImage != null")
    expect(thumbnail(viewer, dataset)).to_contain_text("1 video")
    thumbnail(viewer, dataset).dblclick()
    link = pane(viewer).get_by_role("link", name="Save video as it is stored")
    assert viewer.page.request.get(viewer.address + link.get_attribute("href")).ok
    if played:
        viewer.wait("document.querySelector('video')?.videoWidth === 64")
    else:
        expect(pane(viewer)).to_contain_text("cannot be played by this browser")


def film(path):
    """A film of ten grey frames."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for level in range(0, 250, 25):
            pixels = np.full((48, 64, 3), level, np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        target.mux(stream.encode(None))
    return path


def test_keys_typed_into_a_field_stay_there(stack):
    stack.press("t")
    stack.page.get_by_label("Filter tags").press_sequentially("rihv")
    stack.settled()
    assert (stack.state()["rotation"], stack.state()["inverted"]) == (0, False)


def test_an_object_replaced_while_it_is_open_is_shown_by_its_own_model(
    viewer, tmp_path, replacing_server
):
    viewer.address = replacing_server.http
    slices = ct_series(3, 64, 64)
    store(replacing_server, *slices)
    held = []
    pattern = f"**/instances/{slices[2].SOPInstanceUID}/frames/**"
    viewer.page.route(pattern, lambda route: held.append(route))
    viewer.open_series(slices[0])
    wait_until(lambda: viewer.page.title() and held)
    slices[2].RescaleSlope = 3
    slices[2].PixelData = np.full((64, 64), 20, "<i2").tobytes()
    store(replacing_server, slices[2])
    viewer.page.unroute(pattern)  # which lets what was held go on
    viewer.press("End", "0", "n")
    viewer.wait("isocenter.viewports[0].index === 2")
    viewer.settled()
    m = viewer.state()["toCanvas"]
    # 20 * 3 HU in the first window, 40 by 400 (PS3.3 C.11.2.1.2.1); by the old slope it is 115.
    expected = ((20 * 3 - (40 - 0.5)) / (400 - 1) + 0.5) * 255
    assert viewer.canvas()[int(m["f"]) + 32, int(m["e"]) + 32, 0] == round(expected)
    viewer.page.goto("about:blank")  # or it would ask a server that is gone
    viewer.complaints[:] = [each for each in viewer.complaints if "410" not in each]


@pytest.fixture
def replacing_server(tmp_path):
    with running_server(tmp_path / "data", "--on-conflict", "replace") as server:
        yield server


def store(server, *datasets) -> None:
    for dataset in datasets:
        post(server, part10_bytes(dataset))


def post(server, content: bytes) -> None:
    url, headers = f"{server.http}/dicomweb/studies", {"content-type": "application/dicom"}
    answer = httpx.post(url, content=content, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def growing(viewer, server):
    """Six slices, of which the first three are open in the viewer, inverted, at the second."""
    slices = ct_series(6, 64, 64)
    store(server, *slices[:3])
    viewer.open_series(slices[0])
    expect(thumbnail(viewer, slices[0])).to_contain_text("3 images")
    viewer.press("ArrowDown", "i")
    yield slices
    viewer.page.goto("about:blank")  # or it would ask for what is gone
    httpx.delete(f"{server.http}/dicomweb/studies/{slices[0].StudyInstanceUID}")


def test_what_arrives_in_an_open_study_is_there_to_be_seen(viewer, server, growing):
    store(server, *growing[3:])
    expect(thumbnail(viewer, growing[0])).to_contain_text("6 images")
    expect(pane(viewer)).to_contain_text("/ 6")
    viewer.settled()
    state = viewer.state()
    assert state["instance"] == growing[1].SOPInstanceUID
    assert state["inverted"]
    viewer.press("End")
    assert viewer.state()["instance"] == growing[5].SOPInstanceUID


def test_what_is_deleted_from_an_open_study_is_no_longer_shown(viewer, server, growing):
    study, series = growing[0].StudyInstanceUID, growing[0].SeriesInstanceUID
    url = f"{server.http}/dicomweb/studies/{study}"
    httpx.delete(f"{url}/series/{series}/instances/{growing[1].SOPInstanceUID}").raise_for_status()
    expect(pane(viewer)).to_contain_text("/ 2")
    viewer.settled()
    assert viewer.state()["instance"] != growing[1].SOPInstanceUID
    httpx.delete(url).raise_for_status()
    expect(viewer.page.get_by_role("alert")).to_contain_text("is not in this archive")
    expect(viewer.page.locator(".viewport")).to_have_count(0)
    leave(viewer)


def leave(viewer) -> None:
    """Leave a study that is not there, which is asked for again; Chromium notes the status 404."""
    viewer.page.goto("about:blank")
    viewer.complaints.clear()


def test_a_study_that_was_deleted_while_open_is_there_again_when_it_comes_again(
    viewer, server, growing
):
    url = f"{server.http}/dicomweb/studies/{growing[0].StudyInstanceUID}"
    httpx.delete(url).raise_for_status()
    expect(viewer.page.get_by_role("alert")).to_contain_text("is not in this archive")
    store(server, *growing[2:4])
    expect(pane(viewer)).to_contain_text("/ 2")
    viewer.settled()
    assert viewer.state()["instance"] == growing[2].SOPInstanceUID
    expect(viewer.page.get_by_role("alert")).to_have_count(0)
    leave(viewer)


def test_the_thumbnail_of_a_series_that_grows_is_of_what_it_is_now(viewer, server, growing):
    picture = thumbnail(viewer, growing[0]).locator("img")
    pixels = """image => image.decode().then(() => {
        const canvas = new OffscreenCanvas(64, 64);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0, 64, 64);
        return [...context.getImageData(0, 0, 64, 64).data].join();
    })"""
    before = picture.evaluate(pixels)
    for each in growing[3:]:
        each.PixelData = bytes(len(each.PixelData))
    store(server, *growing[3:])
    wait_until(lambda: picture.evaluate(pixels) != before)


def test_a_server_that_is_away_takes_no_image_off_the_screen(viewer, server, growing):
    viewer.page.route("**/api/studies/**", lambda route: route.abort())
    with viewer.page.expect_event("requestfailed"):
        store(server, growing[3])
    viewer.page.unroute("**/api/studies/**")
    expect(pane(viewer)).to_contain_text("2 / 3")
    store(server, growing[4])
    expect(pane(viewer)).to_contain_text("/ 5")
    viewer.complaints.clear()


def test_of_several_studies_those_that_are_missing_are_told(viewer):
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY},1.2.3.4.5")
    expect(viewer.page.get_by_role("alert")).to_contain_text("1.2.3.4.5 is not in this archive")
    expect(viewer.page.locator(".thumbnail")).to_have_count(3)
    leave(viewer)


def test_what_is_no_uid_is_called_so(viewer):
    page = viewer.page
    viewer.open("/viewer?StudyInstanceUIDs=abc")
    expect(page.get_by_role("alert")).to_contain_text("“abc” is no Study Instance UID")
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}&SeriesInstanceUID=x")
    expect(page.get_by_role("alert")).to_contain_text("“x” is no Series Instance UID")
    viewer.complaints.clear()  # Chromium itself notes the status 422


def test_a_series_without_images_says_whose_it_is(stack):
    stack.page.locator(".thumbnail").nth(2).dblclick()
    expect(pane(stack)).to_contain_text("has no images")
    for text in ("Stack, Stella", "PID-1", "1970-01-02", "Chest with contrast"):
        expect(pane(stack)).to_contain_text(text)


def test_every_button_has_a_name_and_can_be_focused(stack):
    unnamed = stack.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, [role=button], a")]
            .filter((e) => !(e.ariaLabel || e.title || e.innerText.trim() || e.labels?.length))
            .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    stack.page.get_by_label("Invert").focus()
    stack.page.keyboard.press("Space")
    stack.settled()
    assert stack.state()["inverted"]


def test_fingers_scroll_zoom_and_pan(browser, server):
    context = browser.new_context(viewport={"width": 900, "height": 700}, has_touch=True)
    try:
        page = context.new_page()
        page.goto(f"{server.http}/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
        page.locator(".corner.bottom-right").wait_for()
        session = context.new_cdp_session(page)

        def touch(kind: str, *points: tuple[int, int]) -> None:
            places = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        def swipe(*path: tuple[tuple[int, int], ...]) -> None:
            touch("touchStart", *path[0])
            for points in path[1:]:
                touch("touchMove", *points)
            touch("touchEnd")

        def state() -> dict:
            return page.evaluate("window.isocenter")["viewports"][0]

        before = state()["toCanvas"]
        swipe(((400, 300), (500, 300)), ((350, 300), (550, 300)))
        twice = pytest.approx(2 * before["a"], rel=0.02)
        wait_until(lambda: state()["toCanvas"]["a"] == twice)
        further = pytest.approx(state()["toCanvas"]["e"] + 30, abs=2)
        swipe(((400, 300), (500, 300)), ((430, 340), (530, 340)))
        wait_until(lambda: state()["toCanvas"]["e"] == further)
        assert state()["wanted"] == 0
        swipe(((450, 200),), ((450, 300),))
        wait_until(lambda: state()["wanted"] > 2)
        swipe(((400, 200), (450, 200), (500, 200)), ((400, 350), (450, 350), (500, 350)))
        wait_until(lambda: state()["wanted"] > 6)
    finally:
        context.close()


def test_an_image_that_cannot_be_had_says_so_and_is_tried_again(stack):
    page = stack.page
    failing = re.compile(rf"/instances/{objects.second_stack()[0].SOPInstanceUID}/frames/")
    page.route(
        failing, lambda route: route.fulfill(status=422, json={"detail": "the frame is truncated"})
    )
    thumbnail(stack, objects.second_stack()[0]).dblclick()
    expect(pane(stack)).to_contain_text("Image 1 cannot be shown: the frame is truncated")
    expect(pane(stack)).to_contain_text("Stack, Stella")  # of nobody's image, either
    stack.press("ArrowDown")
    assert stack.state()["index"] == 1
    stack.press("ArrowUp")
    page.unroute(failing)
    page.get_by_role("button", name="Try again").click()
    stack.wait("isocenter.viewports[0].index === 0")
    stack.complaints.clear()  # Chromium itself notes the status 422


def test_a_series_that_cannot_be_had_says_so_and_is_tried_again(stack):
    other = objects.second_stack()[0]
    page = stack.page
    failing = re.compile(rf"/series/{other.SeriesInstanceUID}$")
    page.route(failing, lambda route: route.abort())
    thumbnail(stack, other).dblclick()
    expect(pane(stack).get_by_role("alert")).to_contain_text("The server cannot be reached")
    page.unroute(failing)
    page.get_by_role("button", name="Try again").click()
    stack.wait(f"isocenter.viewports[0].series === '{other.SeriesInstanceUID}'")
    stack.complaints.clear()  # Chromium itself notes the request that failed


def test_nothing_moves_for_those_who_want_less_motion(stack):
    page = stack.page
    page.emulate_media(reduced_motion="reduce")
    held = []
    page.route("**/frames/*", lambda route: held.append(route))
    thumbnail(stack, objects.second_stack()[0]).dblclick()
    page.get_by_role("status").get_by_text("Loading").wait_for(state="attached")
    moving = "document.getAnimations().map((a) => a.animationName)"
    assert "travel" not in page.evaluate(moving)
    page.emulate_media(reduced_motion="no-preference")
    assert "travel" in page.evaluate(moving)
    page.unroute("**/frames/*")  # which lets what was held go on


def test_a_thumbnail_that_cannot_be_had_leaves_the_modality(viewer):
    viewer.page.route(re.compile("/thumbnail$"), lambda route: route.fulfill(status=422))
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    expect(viewer.page.locator(".thumbnail .no-picture")).to_have_text(["CT", "CT", "SR"])
    viewer.complaints.clear()  # Chromium itself notes the status 422


def test_a_study_that_is_not_there_leads_back_to_the_list(viewer):
    viewer.open("/viewer?StudyInstanceUIDs=1.2.3.4.5")
    expect(viewer.page.get_by_role("alert")).to_contain_text("cannot be shown")
    viewer.page.get_by_role("button", name="To the study list").click()
    expect(viewer.page.get_by_role("table", name="Studies")).to_be_visible()
    viewer.complaints.clear()  # Chromium itself notes the status 404


def test_a_narrow_window_keeps_image_and_series_in_reach(browser, server):
    page = browser.new_page(viewport={"width": 400, "height": 760})
    try:
        page.goto(f"{server.http}/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
        page.locator(".corner.bottom-right").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        for selector in (".viewport", ".thumbnail"):
            box = page.locator(selector).first.bounding_box()
            assert box["y"] + box["height"] <= 760
        page.goto(server.http)
        for name in ("First page", "Previous page", "Next page", "Last page"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box["x"] + box["width"] <= 400
    finally:
        page.close()


# Which buttons something else lies over, or that are out of sight.
OUT_OF_REACH = """[...document.querySelectorAll("[role=toolbar] button")].filter((button) => {
    const { x, y, width, height } = button.getBoundingClientRect();
    return document.elementFromPoint(x + width / 2, y + height / 2)?.closest("button") !== button;
}).map((button) => button.ariaLabel)"""
WINDOW = ".corner.bottom-left > div:last-child"
NEIGHBOURS = (
    (".corner.top-left", ".letter.top"),
    (".corner.top-right", ".letter.top"),
    (WINDOW, ".scale"),
    (WINDOW, ".letter.bottom"),
    (WINDOW, ".corner.bottom-right > div:last-child"),
)


def overlapping(page) -> list[tuple[str, str]]:
    """The neighbours that lie upon each other in the first viewport."""
    extents = (("x", "width"), ("y", "height"))
    found = []
    for pair in NEIGHBOURS:
        a, b = (page.locator(selector).first.bounding_box() for selector in pair)
        if all(a[at] < b[at] + b[size] and b[at] < a[at] + a[size] for at, size in extents):
            found.append(pair)
    return found


def test_the_smallest_viewports_tell_which_image_they_show(browser, server):
    page = browser.new_page(viewport={"width": 900, "height": 600})
    try:
        page.goto(f"{server.http}/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
        page.get_by_label("Layout 2 × 2").click()
        page.get_by_role("button", name="DICOM tags").click()
        place = page.locator(".corner.bottom-right > div:last-child").first
        expect(place).to_have_text("1 / 30")
        place.evaluate("(line) => { line.textContent = '1234 / 5678' }")
        assert place.evaluate("(line) => line.scrollWidth <= line.clientWidth")
    finally:
        page.close()


def test_a_small_window_has_every_tool_and_room_for_its_text(browser, server):
    page = browser.new_page(viewport={"width": 900, "height": 600})
    try:
        page.goto(f"{server.http}/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
        expect(page.locator(WINDOW)).to_have_text("W 400  L 40")
        for width in (1260, 1259, 770, 900):
            page.set_viewport_size({"width": width, "height": 600})
            assert page.evaluate(OUT_OF_REACH) == []
        page.keyboard.press("2")
        page.keyboard.press("i")
        expect(page.locator(WINDOW)).to_contain_text("inverted")
        page.get_by_label("Layout 2 × 2").click()
        expect(page.locator(".viewport")).to_have_count(4)
        assert overlapping(page) == []
        page.get_by_label("Layout 1 × 1").click()
        page.keyboard.press("t")
        expect(page.get_by_role("complementary", name="DICOM tags")).to_be_visible()
        assert overlapping(page) == []
    finally:
        page.close()
