"""The demo studies on the canvas, against pydicom's pixels and the standard's own formula."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut
from tests.browser.conftest import Viewer
from tests.browser.test_pixels import compare, open_plain
from tests.running_server import RunningServer, running_server

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
GRAY = ["MR_small.dcm", "examples_overlay.dcm", "dicomdirtests/98892001/CT5N/2062"]
COLOUR = ["examples_rgb_color.dcm", "SC_rgb_rle_2frame.dcm"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("demo") / "data", "--demo") as server:
        yield server


@pytest.fixture
def page(browser, demo: RunningServer) -> Iterator[Viewer]:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    yield Viewer(page, demo.http)
    page.context.close()


def opened(page: Viewer, name: str) -> Dataset:
    """Show a file of the demo; of its series, which it need not begin."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(FILES / name)
    open_plain(page, dataset)
    page.press("=")  # some are of 16 by 16 pixels
    for _ in range(page.state()["count"]):
        if page.state()["instance"] == dataset.SOPInstanceUID:
            return dataset
        page.press("ArrowDown")
    raise AssertionError(f"{name} is not in the series on show")


def windowed(dataset: Dataset) -> np.ndarray:
    """The first window of an image, by PS3.3 C.11.2.1.2.1, in 256 levels."""
    values = apply_modality_lut(dataset.pixel_array, dataset).astype(float)
    first = [np.atleast_1d(dataset[key].value)[0] for key in ("WindowCenter", "WindowWidth")]
    center, width = map(float, first)
    share = (values - (center - 0.5)) / (width - 1) + 0.5
    levels = np.clip(np.rint(share * 255), 0, 255).astype(np.uint8)
    return 255 - levels if dataset.PhotometricInterpretation == "MONOCHROME1" else levels


@pytest.mark.parametrize("name", GRAY)
def test_a_grey_image_of_the_demo_has_the_levels_that_the_standard_says(page, name):
    dataset = opened(page, name)
    compare(page, windowed(dataset), tolerance=1)


@pytest.mark.parametrize("name", COLOUR)
def test_a_colour_image_of_the_demo_has_the_colours_that_pydicom_reads(page, name):
    pixels = opened(page, name).pixel_array
    compare(page, pixels if pixels.ndim == 3 else pixels[0])


def test_a_palette_image_of_the_demo_has_the_colours_that_pydicom_reads(page):
    dataset = opened(page, "examples_palette.dcm")
    colours = apply_color_lut(dataset.pixel_array, dataset)
    depth = 8 * (colours.dtype.itemsize - 1)
    compare(page, (colours >> depth).astype(np.uint8), tolerance=1)
