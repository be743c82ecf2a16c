"""RT Structure Sets: masks come back exactly; plastimatch and rt-utils read the same regions."""

import importlib
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.compose.attribute_tables import EVERYTHING, broken_rows, lost_copies
from tests.compose.judges import dciodvfy_errors, needs
from tests.factories import ct_series, part10_bytes

from isocenter.compose.structure_sets.contours import fill, outlines
from isocenter.compose.structure_sets.keyholes import keyholed_outlines
from isocenter.compose.structure_sets.rt_structure_set import (
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


def test_a_hole_inside_a_hole_comes_back_exactly(tmp_path: Path) -> None:
    mask = disc(20, hole=16) | disc(12, hole=8) | disc(4, hole=2)
    path = rt_structure_set([Region("rings", mask)], source=SERIES).save(tmp_path / "rt.dcm")
    contours = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence
    assert len(contours) == 12  # six outlines in each of two slices
    assert {one.ContourGeometricType for one in contours} == {"CLOSEDPLANAR_XOR"}
    (region,) = read_rt_structure_set(path)
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


def test_a_contour_too_long_for_explicit_vr_is_written_where_every_reader_finds_it(
    tmp_path: Path,
) -> None:
    series = ct_series(1, rows=100, columns=100)
    comb = np.zeros((1, 100, 100), bool)  # its teeth have teeth: one outline of 5,000 corners
    comb[0, :, 0] = comb[0, ::4, :] = comb[0, 1::4, 2::2] = True
    path = rt_structure_set([Region("comb", comb)], source=series).save(tmp_path / "rt.dcm")
    data_set = pydicom.dcmread(path)
    assert data_set.file_meta.TransferSyntaxUID.name == "Implicit VR Little Endian"
    (contour,) = data_set.ROIContourSequence[0].ContourSequence
    assert len(contour.get_item("ContourData").value) > 0xFFFF
    assert dciodvfy_errors(path) == []
    (region,) = read_rt_structure_set(path)
    np.testing.assert_array_equal(region.to_mask(series), comb)


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


def test_plastimatch_fills_the_contours_to_the_same_masks(tmp_path: Path) -> None:
    """Debian's version passes over CLOSEDPLANAR_XOR; keyholes it understands."""
    masks = {
        "disc": disc(15),
        "ring": disc(15, hole=8),
        "rings": disc(20, hole=16) | disc(12, hole=8) | disc(4, hole=2),
    }
    regions = [Region(name, mask) for name, mask in masks.items()]
    path = rt_structure_set(regions, source=SERIES, holes="KEYHOLE").save(tmp_path / "rt.dcm")
    assert dciodvfy_errors(path) == []
    (tmp_path / "series").mkdir()
    for number, one in enumerate(SERIES):
        (tmp_path / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))
    subprocess.run(
        [needs("plastimatch", "plastimatch"), "convert", "--input", path]
        + ["--referenced-ct", tmp_path / "series", "--output-prefix", tmp_path / "masks"]
        + ["--prefix-format", "nrrd"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    for region in read_rt_structure_set(path):
        np.testing.assert_array_equal(region.to_mask(SERIES), masks[region.name])
    for name, mask in masks.items():
        image = sitk.ReadImage(str(tmp_path / "masks" / f"{name}.nrrd"))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image) > 0, mask)


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=200, deadline=None)
def test_outlines_with_keyholes_are_parts_that_do_not_overlap(mask: np.ndarray) -> None:
    parts = [fill([outline], mask.shape) for outline in keyholed_outlines(mask)]
    np.testing.assert_array_equal(sum(parts, np.zeros(mask.shape, int)), mask)


def test_an_unknown_way_to_draw_holes_is_refused() -> None:
    with pytest.raises(CannotCompose, match="XOR or KEYHOLE"):
        rt_structure_set([Region("x", disc(3))], source=SERIES, holes="SWISS")


TABLES_86_TO_95 = """
0010,0010 2 VNAP copied; 0010,0020 2 VNAP copied; 0010,0021 3 ANAP copied; 0010,0030 2 VNAP copied
0010,0032 3 ANAP copied; 0010,0040 2 VNAP copied; 0010,1001 3 ANAP copied; 0010,2160 3 ANAP copied
0010,4000 3 ANAP copied
0008,0020 2 VNAP copied; 0008,0030 2 VNAP copied; 0008,0050 2 VNAP copied; 0008,0090 2 VNAP copied
0008,1030 3 ANAP copied; 0020,000D 1 ALWAYS copied; 0020,0010 2 VNAP copied
0008,1080 3 ANAP copied; 0010,1010 3 ANAP copied; 0010,1020 3 ANAP copied; 0010,1030 3 ANAP copied
0010,2180 3 ANAP copied; 0010,21B0 3 ANAP copied
0008,0060 1 ALWAYS generated; 0008,103E 3 ALWAYS generated; 0008,1070 2 EMPTY generated
0020,000E 1 ALWAYS generated; 0020,0011 2 ALWAYS generated
0008,0070 2 ALWAYS generated; 0008,1090 3 ALWAYS generated; 0018,1020 3 ALWAYS generated
3006,0002 1 ALWAYS given; 3006,0008 2 ALWAYS generated; 3006,0009 2 ALWAYS generated
3006,0010 3 ALWAYS generated; >0020,0052 1 ALWAYS; >3006,0012 3 ALWAYS; >>0008,1150 1 ALWAYS
>>0008,1155 1 ALWAYS; >>3006,0014 1 ALWAYS; >>>0020,000E 1 ALWAYS; >>>3006,0016 1 ALWAYS
>>>>0008,1150 1 ALWAYS; >>>>0008,1155 1 ALWAYS; >>>>0008,1160 1C ANAP
3006,0020 1 ALWAYS given; >3006,0022 1 ALWAYS; >3006,0024 1 ALWAYS; >3006,0026 2 ALWAYS
>3006,0028 3 ALWAYS; >3006,0036 2 ALWAYS; >3006,0038 3 ALWAYS
3006,0039 1 ALWAYS given; >3006,002A 3 ALWAYS; >3006,0040 3 ALWAYS; >>3006,0016 3 ALWAYS
>>>0008,1150 1 ALWAYS; >>>0008,1155 1 ALWAYS; >>3006,0042 1 ALWAYS; >>3006,0046 1 ALWAYS
>>3006,0048 3 ALWAYS; >>3006,0050 1 ALWAYS; >3006,0084 1 ALWAYS
3006,0080 1 ALWAYS generated; >3006,0082 1 ALWAYS; >3006,0084 1 ALWAYS; >3006,00A4 2 VNAP
>3006,00A6 2 EMPTY
0008,0005 1C ANAP generated; 0008,0016 1 ALWAYS generated; 0008,0018 1 ALWAYS generated
0008,0201 3 ALWAYS generated
"""
"""But for Other Patient IDs (0010,1000), which is retired, and Referring Physician's Name, which
Table 88 leaves empty: it is copied, since the objects of a study agree about their study."""


@pytest.mark.parametrize("complete", [True, False])
def test_each_row_of_the_tables_is_kept(complete: bool) -> None:
    absent = {"PatientName": "", "AccessionNumber": "", "StudyID": "", "PatientAge": None}
    source = ct_series(4, rows=48, columns=64, **(EVERYTHING if complete else absent))
    region = Region(
        "Nódulo", disc(9), (), (255, 0, 0), "as drawn", "MANUAL", "free hand", "GTV" * complete
    )
    composed = rt_structure_set([region], source=source, series_description="Regions")
    assert broken_rows(composed, TABLES_86_TO_95) == []
    assert not complete or lost_copies(composed, TABLES_86_TO_95, source[0]) == []


def test_rt_utils_reads_the_same_regions_to_the_pixel_that_it_rounds_by(tmp_path: Path) -> None:
    """It rounds corners to whole pixels and fills to the edge, so it may add a pixel around."""
    builder: Any = importlib.import_module("rt_utils").RTStructBuilder
    mask, square = disc(15)[:, :, :48], ct_series(4, rows=48, columns=48)
    path = rt_structure_set([Region("disc", mask)], source=square).save(tmp_path / "rt.dcm")
    (tmp_path / "series").mkdir()
    for number, one in enumerate(square):
        (tmp_path / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))
    theirs = builder.create_from(str(tmp_path / "series"), str(path))
    assert theirs.get_roi_names() == ["disc"]
    found = np.moveaxis(theirs.get_roi_mask_by_name("disc"), -1, 0)
    grown = np.zeros_like(mask)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            grown |= np.roll(mask, (down, across), axis=(1, 2))
    assert np.all(found[mask]) and not np.any(found[~grown])
