"""What the canvas shows, pixel by pixel, against numpy's rendering."""

from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.browser import objects
from tests.browser.conftest import CHROMIUM, FLAGS, Viewer
from tests.factories import ct_slice, multi_frame, native_frames, part10_bytes, shutter_cases
from tests.running_server import wait_until

from isocenter.dicom import scan_file
from isocenter.pixels import (
    DataSetAttributes,
    PixelDescription,
    VoiFunction,
    Window,
    display_models,
    displayed_samples,
    render_frame,
)

WIDE = ["32-bit dose", "floating point"]
EXACT = [name for name in objects.singles() if name not in (*WIDE, "no window")]


def rendered(dataset, tmp_path, *, frame=1, window=None, invert=False) -> np.ndarray:
    """What numpy makes of an object."""
    path = tmp_path / "object.dcm"
    path.write_bytes(part10_bytes(dataset))
    description = PixelDescription.from_header(scan_file(path))
    attributes = DataSetAttributes(dataset)
    shown = display_models(attributes, description)[frame - 1]
    stored = native_values(dataset, frame)
    samples = displayed_samples(stored, description, shown.model.palette)
    voi = window or next(iter(shown.voi), None)
    return render_frame(samples, shown.model, window=voi, invert=invert)


def native_values(dataset, frame: int) -> np.ndarray:
    if "FloatPixelData" in dataset:
        return np.frombuffer(dataset.FloatPixelData, "<f4").reshape(dataset.Rows, dataset.Columns)
    return native_frames(dataset)[frame - 1]


def compare(viewer, picture: np.ndarray, *, viewport=0, tolerance=0) -> None:
    """Check every device pixel whose centre is not on the edge between two pixels of the image."""
    canvas = viewer.canvas(viewport)
    m = viewer.state(viewport)["toCanvas"]
    y, x = np.mgrid[: canvas.shape[0], : canvas.shape[1]] + 0.5
    determinant = m["a"] * m["d"] - m["b"] * m["c"]
    dx, dy = x - m["e"], y - m["f"]
    column = (m["d"] * dx - m["c"] * dy) / determinant
    row = (m["a"] * dy - m["b"] * dx) / determinant
    clear = (abs(column - np.rint(column)) > 1e-3) & (abs(row - np.rint(row)) > 1e-3)
    rows, columns = picture.shape[:2]
    inside = (row >= 0) & (column >= 0) & (row < rows) & (column < columns)
    expected = np.zeros((*canvas.shape[:2], 3), np.int16)
    colours = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    expected[inside] = colours[row[inside].astype(int), column[inside].astype(int)]
    assert (clear & inside).sum() > 1000, "the image is hardly on the canvas"
    difference = abs(canvas[..., :3].astype(np.int16) - expected)[clear]
    assert difference.max() <= tolerance, f"{(difference > tolerance).sum()} values differ"


def shown_window(viewer) -> Window:
    voi = viewer.state()["voi"]
    return Window(voi["center"], voi["width"], VoiFunction(voi["function"]))


def open_plain(viewer, dataset, more="") -> None:
    """Open a series at one device pixel a column, without interpolation."""
    viewer.open_series(dataset, more)
    viewer.press("0", "n")


def test_on_a_screen_of_twice_as_many_pixels_one_to_one_means_those(browser, server, tmp_path):
    context = browser.new_context(viewport={"width": 900, "height": 600}, device_scale_factor=2)
    try:
        viewer = Viewer(context.new_page(), server.http)
        dataset = objects.singles()["RGB"]
        open_plain(viewer, dataset)
        shown = viewer.page.locator("canvas.image").bounding_box()
        assert viewer.canvas().shape[:2] == (2 * shown["height"], 2 * shown["width"])
        assert viewer.state()["toCanvas"]["a"] == 1
        compare(viewer, rendered(dataset, tmp_path))
    finally:
        context.close()


@pytest.mark.parametrize("name", EXACT)
def test_a_canvas_shows_exactly_what_numpy_renders(viewer, tmp_path, name):
    dataset = objects.singles()[name]
    open_plain(viewer, dataset)
    assert viewer.page.evaluate("window.isocenter.renderer") == "webgl2"
    compare(viewer, rendered(dataset, tmp_path))


@pytest.mark.parametrize("name", WIDE)
def test_wide_formats_are_shown_to_one_grey(viewer, tmp_path, name):
    dataset = objects.singles()[name]
    open_plain(viewer, dataset)
    compare(viewer, rendered(dataset, tmp_path, window=shown_window(viewer)), tolerance=1)


def test_an_object_without_a_window_is_shown_from_its_lowest_to_its_highest_value(viewer, tmp_path):
    dataset = objects.singles()["no window"]
    open_plain(viewer, dataset)
    values = native_values(dataset, 1)
    low, high = int(values.min()), int(values.max())
    window = Window((low + high + 1) / 2, high - low + 1)
    compare(viewer, rendered(dataset, tmp_path, window=window))


@pytest.mark.parametrize("name", ["CT with its own windows", "RGB", "padding, inverse", "VOI LUT"])
def test_without_webgl_the_processor_draws_the_same(viewer, tmp_path, name):
    dataset = objects.singles()[name]
    open_plain(viewer, dataset, "&renderer=canvas")
    assert viewer.page.evaluate("window.isocenter.renderer") == "canvas"
    compare(viewer, rendered(dataset, tmp_path))


def test_htj2k_carries_the_same_pixels(viewer, tmp_path):
    dataset = objects.singles()["rescaled"]
    with viewer.page.expect_response(
        lambda answer: "/frames/1?encoding=htj2k" in answer.url
    ) as answer:
        open_plain(viewer, dataset, "&encoding=htj2k")
    assert answer.value.headers["content-type"] == "image/jphc"
    compare(viewer, rendered(dataset, tmp_path))


def test_every_frame_of_a_multi_frame_object_is_its_own(viewer, tmp_path):
    dataset = objects.frames()
    open_plain(viewer, dataset)
    for frame in (1, 2, 3, 4):
        assert viewer.state()["frame"] == frame
        compare(viewer, rendered(dataset, tmp_path, frame=frame))
        viewer.press("ArrowDown")


def test_dragging_changes_width_and_level(viewer, tmp_path):
    dataset = objects.singles()["CT with its own windows"]
    open_plain(viewer, dataset)
    mouse = viewer.page.mouse
    mouse.move(700, 400)
    mouse.down()
    mouse.move(760, 380, steps=3)
    mouse.up()
    viewer.settled()
    voi = viewer.state()["voi"]
    assert voi["width"] > 400
    assert voi["center"] < 40
    compare(viewer, rendered(dataset, tmp_path, window=shown_window(viewer)))


def test_the_objects_second_window_and_the_presets_have_keys(viewer, tmp_path):
    dataset = objects.singles()["CT with its own windows"]
    open_plain(viewer, dataset)
    viewer.press("2")
    compare(viewer, rendered(dataset, tmp_path, window=Window(-600, 1500)))
    viewer.press("7")  # after two windows of its own: soft tissue, lung, liver, bone, brain
    compare(viewer, rendered(dataset, tmp_path, window=Window(80 / 2, 80)))


def test_inverting_turns_grey_and_colour_round(viewer, tmp_path):
    for name in ("MONOCHROME1", "padding", "RGB"):
        dataset = objects.singles()[name]
        open_plain(viewer, dataset)
        viewer.press("i")
        compare(viewer, rendered(dataset, tmp_path, invert=True))


def test_turned_mirrored_and_magnified_images_show_the_same_pixels(viewer, tmp_path):
    dataset = objects.singles()["CT with its own windows"]
    picture = rendered(dataset, tmp_path)
    open_plain(viewer, dataset)
    for key in ("r", "h", "l", "v", "+", "+", "h", "-", "="):
        viewer.press(key)
        compare(viewer, picture)


def test_turning_right_puts_the_top_row_on_the_right(viewer, tmp_path):
    dataset = objects.singles()["CT with its own windows"]
    open_plain(viewer, dataset)
    viewer.press("r", "0")
    m = viewer.state()["toCanvas"]
    shown = viewer.canvas()[int(m["f"]) :, int(m["e"]) - objects.ROWS :][
        : objects.COLUMNS, : objects.ROWS, 0
    ]
    assert np.array_equal(shown, np.rot90(rendered(dataset, tmp_path), -1))


def test_interpolation_agrees_between_the_card_and_the_processor(viewer):
    dataset = objects.singles()["padding"]
    viewer.open_series(dataset)
    card = viewer.canvas().astype(int)
    viewer.open_series(dataset, "&renderer=canvas")
    processor = viewer.canvas().astype(int)
    assert abs(card - processor).max() <= 2
    assert np.mean(card != processor) < 0.02


def test_overlays_lie_where_the_object_puts_them(viewer):
    dataset = objects.overlaid()
    open_plain(viewer, dataset)
    wait_until(lambda: viewer.canvas(layer="overlay")[..., 3].any())
    m = viewer.state()["toCanvas"]
    drawn = viewer.canvas(layer="overlay")[..., 3] > 0
    top, left = int(m["f"]) + 10, int(m["e"]) + 20
    expected = np.zeros_like(drawn)
    expected[top + 2 : top + 6, left + 3 : left + 13] = True
    assert np.array_equal(drawn, expected)
    viewer.press("o")
    assert viewer.page.locator("canvas.overlay").is_hidden()


@pytest.mark.parametrize("name", shutter_cases())
def test_a_shutter_hides_what_the_object_says(viewer, server, tmp_path, name):
    attributes, hidden, unsure = shutter_cases()[name]
    dataset = ct_slice(*hidden.shape, StudyInstanceUID=objects.STUDY, SeriesNumber=97)
    picture = rendered(dataset, tmp_path).copy()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    url, headers = f"{server.http}/dicomweb/studies", {"content-type": "application/dicom"}
    assert httpx.post(url, content=part10_bytes(dataset), headers=headers).status_code == 200
    open_plain(viewer, dataset)
    viewer.press("o")  # a shutter is no overlay that could be put away
    m = viewer.state()["toCanvas"]
    rows, columns = hidden.shape
    place = np.s_[int(m["f"]) :, int(m["e"]) :]
    cover = viewer.canvas(layer="overlay")[place][:rows, :columns]
    shown = viewer.canvas()[place][:rows, :columns, 0]
    seen = np.where(cover[..., 3] == 255, cover[..., 0], shown)
    picture[hidden] = round(attributes.get("ShutterPresentationValue", 0) / 65535 * 255)
    assert np.array_equal(seen[~unsure], picture[~unsure])
    assert set(np.unique(cover[..., 3])) == {0, 255}


def test_a_lost_graphics_context_is_made_good(viewer, tmp_path):
    dataset = objects.singles()["CT with its own windows"]
    viewer.page.add_init_script(
        """const original = OffscreenCanvas.prototype.getContext;
        OffscreenCanvas.prototype.getContext = function (kind, options) {
            const context = original.call(this, kind, options);
            if (kind === "webgl2") window.lastContext = context;
            return context;
        };"""
    )
    open_plain(viewer, dataset)
    viewer.page.evaluate("window.lastContext.getExtension('WEBGL_lose_context').loseContext()")
    viewer.wait("isocenter.renderer === 'canvas'")
    viewer.settled()
    compare(viewer, rendered(dataset, tmp_path))
    viewer.wait("isocenter.renderer === 'webgl2'")
    viewer.settled()
    compare(viewer, rendered(dataset, tmp_path))


@pytest.fixture
def doomed(browser, server):
    """A viewer in a browser of its own, whose graphics process may end."""
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=FLAGS)
    yield Viewer(other.new_page(viewport={"width": 1280, "height": 800}), server.http)
    other.close()


@pytest.mark.parametrize("more", ["", "&renderer=canvas"])
def test_no_picture_goes_with_the_graphics_process(doomed, tmp_path, more):
    dataset = objects.singles()["CT with its own windows"]
    open_plain(doomed, dataset, more)
    doomed.press("i", "i")
    told = """(canvas) => {
        canvas.addEventListener("contextrestored", () => { window.restored = true; });
    }"""
    doomed.page.locator(".sketch canvas").evaluate(told)
    session = doomed.page.context.browser.new_browser_cdp_session()
    session.send("Browser.crashGpuProcess")
    wait_until(lambda: doomed.page.evaluate("window.restored"))
    wait_until(lambda: doomed.canvas()[..., 0].any())
    doomed.settled()
    compare(doomed, rendered(dataset, tmp_path))
    doomed.press("r")
    sketched = doomed.canvas(layer="sketch")[..., 0]
    assert np.array_equal(sketched, rendered(dataset, tmp_path))


# As where the driver is gone for good.
NO_MORE_WEBGL = """
    const original = OffscreenCanvas.prototype.getContext;
    OffscreenCanvas.prototype.getContext = function (kind, options) {
        if (kind === "webgl2" && window.noMoreWebGL) return null;
        return original.call(this, kind, options);
    };
"""


@pytest.mark.parametrize("comes_back", [True, False])
def test_what_lies_over_an_image_outlasts_the_graphics_process(doomed, server, comes_back):
    shuttered = multi_frame(
        3, objects.ROWS, objects.COLUMNS, StudyInstanceUID=objects.STUDY, SeriesNumber=98
    )
    shuttered.ShutterShape = "RECTANGULAR"
    shuttered.ShutterLeftVerticalEdge, shuttered.ShutterRightVerticalEdge = 40, 100
    shuttered.ShutterUpperHorizontalEdge, shuttered.ShutterLowerHorizontalEdge = 30, 90
    shuttered.update(objects.overlaid().group_dataset(0x6000))
    url, headers = f"{server.http}/dicomweb/studies", {"content-type": "application/dicom"}
    assert httpx.post(url, content=part10_bytes(shuttered), headers=headers).status_code == 200
    doomed.page.add_init_script(NO_MORE_WEBGL)
    open_plain(doomed, shuttered)
    doomed.wait("isocenter.viewports[0].loaded === 3")
    wait_until(lambda: doomed.canvas(layer="overlay")[..., 0].any())  # the shutter is black
    before, bar = doomed.canvas(layer="overlay"), doomed.canvas(layer="stack-bar")
    doomed.page.evaluate("comesBack => { window.noMoreWebGL = !comesBack; }", comes_back)
    told = """(canvas) => {
        canvas.addEventListener("contextrestored", () => { window.restored = true; });
    }"""
    doomed.page.locator("canvas.overlay").evaluate(told)
    doomed.page.context.browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    wait_until(lambda: doomed.page.evaluate("window.restored"))
    wait_until(lambda: np.array_equal(doomed.canvas(layer="overlay"), before))
    assert np.array_equal(doomed.canvas(layer="stack-bar"), bar)
    doomed.press("r", "l")
    assert np.array_equal(doomed.canvas(layer="overlay"), before)


SHOW = """(sketch) => {
    const visibility = sketch ? "hidden" : "visible";
    document.querySelector(".viewport canvas.image").style.visibility = visibility;
    document.querySelector(".viewport .sketch").hidden = !sketch;
}"""


def screenshot(viewer) -> np.ndarray:
    """What the browser really puts on the screen where a viewport is."""
    shot = Image.open(BytesIO(viewer.page.locator(".viewport").screenshot()))
    return np.asarray(shot.convert("RGB")).astype(int)


def test_what_is_sketched_while_it_moves_is_the_same_picture(viewer, tmp_path):
    dataset = objects.singles()["padding, inverse"]
    open_plain(viewer, dataset)
    viewer.press("i", "i")
    sketched = viewer.canvas(layer="sketch")[..., 0]
    assert np.array_equal(sketched, rendered(dataset, tmp_path))
    for key in ("r", "h", "+", "l"):
        viewer.press(key)
        drawn = screenshot(viewer)
        viewer.page.evaluate(SHOW, True)
        differing = abs(screenshot(viewer) - drawn).max(axis=2) > 1
        # Squares of pixels may differ by a device pixel along their edges, as rounding has it.
        assert differing.mean() < (0.001 if key in "rh" else 0.05)
        viewer.page.evaluate(SHOW, False)
