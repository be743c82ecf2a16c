"""RT Structure Sets: masks come back exactly, by us and by rt-utils; dciodvfy judges the object."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_series

from isocenter.compose.contours import fill, outlines
from isocenter.compose.rt_structure_set import (
    Contour,
    ContourType,
    Region,
    read_rt_structure_set,
    rt_structure_set,
)
from isocenter.errors import CannotCompose

SERIES = ct_series(4, rows=48, columns=64)
SHAPE = (4, 48, 64)


def disc(radius: float, hole: float = 0) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    distance = np.hypot(rows - 22, columns - 30)
    mask = np.zeros(SHAPE, bool)
    mask[1:3] = (distance < radius) & (distance >= hole)
    return mask


def errors_of_the_present_standard(path: Path) -> list[str]:
    """dciodvfy of Debian 12 predates CLOSEDPLANAR_XOR (PS3.3 C.8.8.6.3)."""
    return [line for line in dciodvfy_errors(path) if "CLOSEDPLANAR_XOR" not in line]


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=200, deadline=None)
def test_an_outline_filled_is_the_mask_whatever_its_holes(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(fill(outlines(mask), mask.shape), mask)


@given(arrays(np.float64, (7, 2), elements=st.floats(-2, 14).map(lambda x: round(x, 3) + 0.0003)))
@settings(max_examples=100, deadline=None)
def test_a_polygon_is_filled_by_the_even_odd_rule_at_each_centre(points: np.ndarray) -> None:
    rows, columns = np.mgrid[:12, :12]
    inside, on_an_edge = np.zeros((2, 12, 12), bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (y0 <= rows) != (y1 <= rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = x0 + (rows - y0) * (x1 - x0) / (y1 - y0)
        inside ^= crosses & (x <= columns)
        on_an_edge |= crosses & (np.abs(x - columns) < 1e-9)  # neither in nor out, but for rounding
    filled = fill([points], (12, 12))
    np.testing.assert_array_equal(filled[~on_an_edge], inside[~on_an_edge])


def test_masks_come_back_exactly(tmp_path: Path) -> None:
    masks = [disc(15), disc(15, hole=8), disc(18, hole=12) | disc(6, hole=3)]
    regions = [Region(f"R{n}", mask) for n, mask in enumerate(masks)]
    path = rt_structure_set(regions, source=SERIES).save(tmp_path / "rt.dcm")
    assert errors_of_the_present_standard(path) == []
    for region, mask in zip(read_rt_structure_set(path), masks, strict=True):
        np.testing.assert_array_equal(region.to_mask(SERIES), mask)


def test_points_and_open_curves_keep_their_type(tmp_path: Path) -> None:
    contours = (
        Contour(np.array([[1.0, 2.0, 3.0]]), ContourType.POINT),
        Contour(np.array([[0.0, 0.0, 0.0], [5.0, 1.0, 9.5]]), ContourType.OPEN_NONPLANAR),
    )
    path = rt_structure_set([Region("marks", contours=contours)], source=SERIES).save(
        tmp_path / "rt.dcm"
    )
    assert dciodvfy_errors(path) == []
    (region,) = read_rt_structure_set(path)
    for found, given_ in zip(region.contours, contours, strict=True):
        assert found.type is given_.type
        np.testing.assert_allclose(found.points, given_.points)


def test_coordinates_never_have_more_than_16_characters(tmp_path: Path) -> None:
    points = np.array([[1 / 3, -1e4 / 3, 1e7 / 3], [1, 2, 3], [np.pi * 1e5, -1e-7, 2 / 3]])
    data_set = rt_structure_set(
        [Region("odd", contours=(Contour(points),))], source=SERIES
    ).data_set
    contour = data_set.ROIContourSequence[0].ContourSequence[0]
    assert all(len(str(number)) <= 16 for number in contour.ContourData)
    np.testing.assert_allclose([float(n) for n in contour.ContourData], points.ravel(), atol=1e-6)


def test_every_contour_refers_to_its_image(tmp_path: Path) -> None:
    path = rt_structure_set([Region("disc", disc(9))], source=SERIES).save(tmp_path / "rt.dcm")
    data_set = pydicom.dcmread(path)
    by_height = {round(float(one.ImagePositionPatient[2]), 3): one.SOPInstanceUID for one in SERIES}
    for contour in data_set.ROIContourSequence[0].ContourSequence:
        uid = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        assert by_height[round(float(contour.ContourData[2]), 3)] == uid


def test_a_mask_of_another_grid_is_refused_with_both_shapes() -> None:
    with pytest.raises(CannotCompose, match=r"\(4, 48, 63\).*\(4, 48, 64\)"):
        rt_structure_set([Region("off", np.zeros((4, 48, 63), bool))], source=SERIES)
