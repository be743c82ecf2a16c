import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels import apply_windowing

from isocenter.errors import PixelDataError
from isocenter.pixels import DataSetAttributes, VoiFunction, Window, full_window
from isocenter.pixels.voi import read_voi


def letter(window: Window, x: float) -> float:
    """The formulas of PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2 as they stand there."""
    c, w = window.center, window.width
    if window.function is VoiFunction.SIGMOID:
        return 1 / (1 + np.exp(-4 * (x - c) / w))
    if window.function is VoiFunction.LINEAR_EXACT:
        if x <= c - w / 2:
            return 0
        return 1 if x > c + w / 2 else (x - c) / w + 0.5
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    return 1 if x > c - 0.5 + (w - 1) / 2 else (x - (c - 0.5)) / (w - 1) + 0.5


@given(
    st.floats(-5000, 5000),
    st.floats(1, 10000),
    st.sampled_from(list(VoiFunction)),
    st.lists(st.integers(-32768, 65535), min_size=1, max_size=20),
)
def test_every_function_is_the_letter_of_the_standard(
    center: float, width: float, function: VoiFunction, values: list[int]
) -> None:
    window = Window(center, width, function)
    with np.errstate(over="ignore"):
        expected = [letter(window, x) for x in values]
    np.testing.assert_allclose(window.apply(np.array(values)), expected, atol=1e-9)


@pytest.mark.parametrize("function", list(VoiFunction))
def test_windows_agree_with_pydicom(function: VoiFunction) -> None:
    dataset = pydicom.Dataset()
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsStored = 12
    dataset.WindowCenter, dataset.WindowWidth = 1000.5, 777
    dataset.VOILUTFunction = function.value
    values = np.arange(4096, dtype=np.uint16)
    expected = apply_windowing(values, dataset) / 4095
    np.testing.assert_allclose(Window(1000.5, 777, function).apply(values), expected, atol=1e-9)


def test_a_window_of_width_one_is_a_threshold() -> None:
    assert Window(10, 1).apply(np.array([9, 9.5, 9.51, 10])).tolist() == [0, 0, 1, 1]


def test_a_linear_window_narrower_than_one_is_taken_as_exact() -> None:
    window = Window(0.5, 0.2)
    assert window.function is VoiFunction.LINEAR_EXACT
    np.testing.assert_allclose(window.apply(np.array([0.4, 0.5, 0.6])), [0, 0.5, 1], atol=1e-9)


def test_a_window_without_width_is_refused() -> None:
    for width in (0, -1, float("nan")):
        with pytest.raises(PixelDataError, match=r"Window Width \(0028,1051\)"):
            Window(40, width)


@given(st.integers(-30000, 30000), st.integers(0, 60000))
def test_a_full_window_spreads_just_its_values(low: int, span: int) -> None:
    window = full_window(low, low + span)
    found = window.apply(np.array([low - 1, low, low + span, low + span + 1]))
    assert found[0] == 0 and found[-1] == 1
    if span:
        np.testing.assert_allclose(found[1:3], [0, 1], atol=1e-9)


def test_windows_come_before_luts_and_keep_their_explanations() -> None:
    dataset = pydicom.Dataset()
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.WindowCenterWidthExplanation = ["SOFT", "LUNG"]
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData, item.LUTExplanation = [2, 0, 8], [0, 255], "STEP"
    dataset.VOILUTSequence = [item]
    found, problems = read_voi(DataSetAttributes(dataset), signed=True)
    assert [each.explanation for each in found] == ["SOFT", "LUNG", "STEP"]
    assert found[1] == Window(-600, 1500, VoiFunction.LINEAR, "LUNG")
    assert problems == ()


def test_a_bad_window_or_lut_does_not_cost_the_others() -> None:
    dataset = pydicom.Dataset()
    dataset.WindowCenter, dataset.WindowWidth = [40, 50], [0, 100]
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [256, 0, 8], [0, 255]
    dataset.VOILUTSequence = [item]
    found, problems = read_voi(DataSetAttributes(dataset), signed=False)
    assert found == (Window(50, 100),)
    assert len(problems) == 2 and "LUT Data (0028,3006) has 2 entries" in problems[1]
