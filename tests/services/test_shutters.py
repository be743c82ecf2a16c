"""Display shutters of images themselves, against masks computed here."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence
from tests.factories import ct_slice, multi_frame, shutter_cases
from tests.services.conftest import Web, path_of

from isocenter.pixels import DataSetAttributes
from isocenter.services.shutters import own_shutters


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
