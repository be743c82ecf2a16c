"""Spatial Fiducials: dciodvfy judges the object; positions come back as they were given."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.factories import ct_series, multi_frame, part10_bytes

from isocenter.compose.codes import Code
from isocenter.compose.registrations.fiducial_files import read_fiducials
from isocenter.compose.registrations.fiducials import Fiducial, OnImage
from isocenter.compose.registrations.spatial_fiducials import (
    read_spatial_fiducials,
    spatial_fiducials,
)
from isocenter.dicom import validate
from isocenter.errors import CannotCompose, InvalidAttribute, NotFound

SERIES = ct_series(2, rows=8, columns=8)
POINTS = np.random.default_rng(8).uniform(-200, 200, (9, 3)).round(3)
CARINA = Code("28700002", "SCT", "Carina")


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ("POINT", 1),
        ("LINE", 2),
        ("PLANE", 3),
        ("SURFACE", 9),
        ("RULER", 5),
        ("L_SHAPE", 3),
        ("T_SHAPE", 3),
        ("SHAPE", 4),
    ],
)
def test_every_shape_comes_back(tmp_path: Path, shape: str, count: int) -> None:
    fiducial = Fiducial("F1", POINTS[:count], (), shape, "marked", CARINA, 0.5, "2.25.77")
    path = spatial_fiducials([fiducial], source=SERIES).save(tmp_path / "fid.dcm")
    assert dciodvfy_errors(path) == []
    assert [found.message for found in validate(str(path))] == []
    (found,) = read_spatial_fiducials(path)
    np.testing.assert_allclose(found.points, fiducial.points)
    assert (found.kind.value, found.description, found.code) == (shape, "marked", CARINA)
    assert (found.uncertainty, found.uid) == (0.5, "2.25.77")
    item = pydicom.dcmread(path).FiducialSetSequence[0].FiducialSequence[0]
    assert item.NumberOfContourPoints == count


def test_fiducials_on_images_say_which_image_and_frame(tmp_path: Path) -> None:
    source = multi_frame()
    on_image = OnImage(source.SOPInstanceUID, np.array([[3.5, 4.25]]), frame=2)
    path = spatial_fiducials([Fiducial("spot", on_images=(on_image,))], source=source).save(
        tmp_path / "fid.dcm"
    )
    assert dciodvfy_errors(path) == []
    (found,) = read_spatial_fiducials(path)
    assert found.kind.value == "POINT" and found.on_images[0].frame == 2
    assert found.on_images[0].sop_instance_uid == source.SOPInstanceUID
    np.testing.assert_array_equal(found.on_images[0].points, on_image.points)


@given(arrays(np.float64, (3, 3), elements=st.floats(-1e5, 1e5)))
@settings(max_examples=25)
def test_any_position_comes_back_to_a_millionth_of_a_millimetre(points: np.ndarray) -> None:
    composed = spatial_fiducials([Fiducial("F", points)], source=SERIES)
    (found,) = read_spatial_fiducials(composed.data_set)
    np.testing.assert_allclose(found.points, points, atol=1e-6)


def test_it_belongs_to_its_study(tmp_path: Path) -> None:
    files = []
    for number, one in enumerate(SERIES):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10_bytes(one))
    composed = spatial_fiducials([Fiducial("F", POINTS[:1])], source=files)
    assert dcentvfy_errors([*files, composed.save(tmp_path / "fid.dcm")]) == []


def test_slicers_markups_are_read_in_lps(tmp_path: Path) -> None:
    points = [
        {"id": "1", "label": "F-1", "description": "tip", "position": [1.0, 2.0, 3.0]},
        {"id": "2", "label": "F-2", "position": [4.0, 5.0, 6.0]},
    ]
    content = {
        "markups": [
            {"type": "Fiducial", "coordinateSystem": "RAS", "controlPoints": points},
            {"type": "Line", "coordinateSystem": "LPS", "controlPoints": points},
        ]
    }
    path = tmp_path / "F.mrk.json"
    path.write_text(json.dumps(content))
    first, second, line = read_fiducials(path)
    assert (first.identifier, first.description) == ("F-1", "tip")
    np.testing.assert_array_equal(first.points, [[-1, -2, 3]])
    np.testing.assert_array_equal(second.points, [[-4, -5, 6]])
    assert line.kind.value == "LINE"
    np.testing.assert_array_equal(line.points, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(("system", "sign"), [("0", -1), ("RAS", -1), ("LPS", 1), ("1", 1)])
def test_slicers_older_lists_are_read_in_lps(tmp_path: Path, system: str, sign: int) -> None:
    path = tmp_path / "F.fcsv"
    path.write_text(
        f"# Markups fiducial file version = 4.11\n# CoordinateSystem = {system}\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "vtkMRMLMarkupsFiducialNode_0,10,20,30,0,0,0,1,1,1,0,F-1,apex,\n"
    )
    (found,) = read_fiducials(path)
    assert (found.identifier, found.description) == ("F-1", "apex")
    np.testing.assert_array_equal(found.points, [[10 * sign, 20 * sign, 30]])


def test_tables_and_lists_are_read(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "identifier,x,y,z,shape,uncertainty\nA,1,2,3,,0.5\nB,1,2,3,LINE,\nB,4,5,6,LINE,\n"
    )
    point, line = read_fiducials(tmp_path / "f.csv")
    assert point.uncertainty == 0.5 and line.kind.value == "LINE"
    np.testing.assert_array_equal(line.points, [[1, 2, 3], [4, 5, 6]])
    listed = [
        {"identifier": "C", "points": [[1, 2, 3]], "code": ["28700002", "SCT", "Carina"]},
        {"identifier": "D", "on_images": [{"sop_instance_uid": "1.2", "points": [[3, 4]]}]},
    ]
    (tmp_path / "f.json").write_text(json.dumps(listed))
    coded, flat = read_fiducials(tmp_path / "f.json")
    assert coded.code == CARINA and flat.on_images[0].sop_instance_uid == "1.2"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Fiducial("x" * 17, POINTS), "1 to 16"),
        (lambda: Fiducial("F"), "no points"),
        (lambda: Fiducial("F", POINTS[:, :2]), "3 finite coordinates"),
        (lambda: Fiducial("F", POINTS * np.nan), "not finite"),
        (lambda: Fiducial("F", POINTS, shape="LINE"), "has 9 points; expected 2"),
        (lambda: Fiducial("F", POINTS[:2], shape="PLANE"), "3 or more"),
        (lambda: Fiducial("F", POINTS, shape="BLOB"), "no Shape Type"),
        (lambda: Fiducial("F", POINTS, uncertainty=-1), "from 0"),
        (lambda: spatial_fiducials([], source=SERIES), "no fiducial"),
        (lambda: spatial_fiducials([Fiducial("F", POINTS)] * 2, source=SERIES), "called 'F'"),
        (
            lambda: spatial_fiducials(
                [Fiducial("F", POINTS)], source=ct_series(1, 8, 8, FrameOfReferenceUID=None)
            ),
            "Frame of Reference",
        ),
        (
            lambda: spatial_fiducials(
                [Fiducial("F", on_images=(OnImage("1.2.3", np.ones((1, 2))),))], source=SERIES
            ),
            "which the source does not have",
        ),
    ],
)
def test_fiducials_that_cannot_be_right_are_refused_by_name(make: object, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("f.csv", "a,b\n1,2\n"),
        ("f.json", "[{}]"),
        ("f.json", "{"),
        ("f.fcsv", "a,b,c\n"),
        ("f.fcsv", "# CoordinateSystem = IJK\na,1,2,3\n"),
    ],
)
def test_files_that_are_no_fiducials_are_refused_by_name(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CannotCompose, match="cannot be read as fiducials|not of the patient"):
        read_fiducials(tmp_path / name)
    with pytest.raises(NotFound, match="no file"):
        read_fiducials(tmp_path / "missing.csv")


def test_an_image_has_no_fiducials() -> None:
    with pytest.raises(InvalidAttribute, match="no spatial fiducials"):
        read_spatial_fiducials(SERIES[0])
