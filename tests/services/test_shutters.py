"""Display shutters of images themselves, against masks computed here."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence
from tests.factories import ct_slice, multi_frame, part10_bytes, shutter_cases
from tests.services.conftest import Web, path_of

from isocenter.pixels import DataSetAttributes, JsonAttributes, render_file
from isocenter.pixels.own_shutters import own_shutters


def rendered(web: Web, dataset: Dataset) -> NDArray[np.uint8]:
    answer = web.get(path_of(dataset, "rendered"), "image/png")
    return np.asarray(Image.open(io.BytesIO(answer.content)))


@pytest.mark.parametrize("name", shutter_cases())
def test_a_rendered_image_has_its_shutter(web: Web, name: str) -> None:
    attributes, hidden, unsure = shutter_cases()[name]
    rows, columns = hidden.shape
    dataset, plain = ct_slice(rows, columns), ct_slice(rows, columns)
    plain.PixelData = dataset.PixelData
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    web.keep(dataset, plain)
    expected = rendered(web, plain).copy()
    expected[hidden] = round(attributes.get("ShutterPresentationValue", 0) / 65535 * 255)
    np.testing.assert_array_equal(rendered(web, dataset)[~unsure], expected[~unsure])


@pytest.mark.parametrize("name", shutter_cases())
def test_a_file_is_rendered_behind_its_shutter(tmp_path: Path, name: str) -> None:
    attributes, hidden, unsure = shutter_cases()[name]
    dataset = ct_slice(*hidden.shape)
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(dataset))
    expected = render_file(path).copy()
    expected[hidden] = round(attributes.get("ShutterPresentationValue", 0) / 65535 * 255)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    path.write_bytes(part10_bytes(dataset))
    np.testing.assert_array_equal(render_file(path)[~unsure], expected[~unsure])


def test_each_frame_of_an_enhanced_object_has_its_own_shutter() -> None:
    dataset = multi_frame(2, 8, 8)
    dataset.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), Dataset()])
    shutter = Dataset()
    shutter.ShutterShape = "CIRCULAR"
    shutter.CenterOfCircularShutter, shutter.RadiusOfCircularShutter = [4, 4], 2
    own = dataset.PerFrameFunctionalGroupsSequence[1]
    own.FrameDisplayShutterSequence = Sequence([shutter])
    first, second = own_shutters(DataSetAttributes(dataset), 2, [])
    assert first is None
    assert second is not None and second.hidden(8, 8).sum() == 64 - 13


def test_a_shutter_that_says_no_place_is_left_out_and_told() -> None:
    dataset = ct_slice(8, 8)
    dataset.ShutterShape, dataset.CenterOfCircularShutter = "CIRCULAR", [4]
    dataset.RadiusOfCircularShutter = 2
    problems: list[str] = []
    assert own_shutters(DataSetAttributes(dataset), 1, problems) == [None]
    assert "display shutter" in problems[0]


def hostile(shape: str, **values: object) -> Dataset:
    dataset = ct_slice(8, 8)
    dataset.ShutterShape = shape
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_rectangle_that_lies_left_of_the_image_hides_all_of_it() -> None:
    dataset = hostile("RECTANGULAR", ShutterLeftVerticalEdge=-10, ShutterRightVerticalEdge=-5)
    dataset.ShutterUpperHorizontalEdge, dataset.ShutterLowerHorizontalEdge = 1, 8
    (shutter,) = own_shutters(DataSetAttributes(dataset), 1, [])
    assert shutter is not None and shutter.hidden(8, 8).all()


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ("CIRCULAR", {"CenterOfCircularShutter": [4_000_000_000, 4]}),
        ("CIRCULAR", {"CenterOfCircularShutter": [4, -(10**30)]}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [-(2**31), 1, 1, 2**31 - 1, 8, 8]}),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [1, 1, 1, 8, 8, 8] * 1000}),
    ],
)
def test_a_shutter_beyond_all_images_is_left_out_and_told(
    shape: str, values: dict[str, list[int]]
) -> None:
    elements = {f"{tag_for_keyword(keyword):08X}": value for keyword, value in values.items()}
    elements |= {"00181600": [shape], "00181612": [2]}
    problems: list[str] = []
    model = {tag: {"vr": "IS", "Value": value} for tag, value in elements.items()}
    assert own_shutters(JsonAttributes(model), 1, problems) == [None]
    assert "display shutter" in problems[0]


def test_an_image_that_is_too_large_to_be_decoded_takes_no_memory_for_its_shutter() -> None:
    dataset = hostile("CIRCULAR", CenterOfCircularShutter=[4, 4], RadiusOfCircularShutter=2)
    dataset.Rows = dataset.Columns = 65535
    problems: list[str] = []
    assert own_shutters(DataSetAttributes(dataset), 1, problems) == [None]
    assert "display shutter" in problems[0]


def test_shutters_of_a_thousand_large_frames_are_told_instead_of_worked_out() -> None:
    dataset = multi_frame(1000, 8, 8)
    dataset.Rows = dataset.Columns = 4096
    dataset.PerFrameFunctionalGroupsSequence = Sequence([Dataset() for _ in range(1000)])
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        shutter = Dataset()
        shutter.ShutterShape = "CIRCULAR"
        shutter.CenterOfCircularShutter, shutter.RadiusOfCircularShutter = [4, 4], number
        frame.FrameDisplayShutterSequence = Sequence([shutter])
    problems: list[str] = []
    assert own_shutters(DataSetAttributes(dataset), 1000, problems) == [None] * 1000
    assert len(problems) == 1 and "display shutter" in problems[0]
