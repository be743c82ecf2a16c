"""Spatial Registrations: SimpleITK says where points go, dciodvfy whether the object is valid."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.factories import ct_series, part10_bytes

from isocenter.compose.codes import Code
from isocenter.compose.registrations.fiducials import Fiducial
from isocenter.compose.registrations.linear_transforms import read_linear_transform
from isocenter.compose.registrations.registration import registration
from isocenter.compose.registrations.spatial_fiducials import spatial_fiducials
from isocenter.compose.registrations.spatial_registration import (
    read_spatial_registration,
    spatial_registration,
)
from isocenter.dicom import validate
from isocenter.errors import CannotCompose, InvalidAttribute, NotFound

FIXED = ct_series(2, rows=8, columns=8)
MOVING = ct_series(3, rows=8, columns=8, StudyInstanceUID=FIXED[0].StudyInstanceUID)
POINTS = np.random.default_rng(4).uniform(-200, 200, (20, 3))


def euler() -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter((10.0, -20.0, 30.0))
    transform.SetRotation(0.1, -0.2, 0.3)
    transform.SetTranslation((5.0, 6.0, -7.0))
    return transform


def affine() -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix([1.1, 0.2, 0, 0, 0.9, 0.1, 0, 0, 1.0])
    transform.SetTranslation((1.0, 2.0, 3.0))
    return transform


def composite() -> sitk.CompositeTransform:
    return sitk.CompositeTransform([euler(), affine(), sitk.TranslationTransform(3, (1.0, 2, 3))])


def back_to_fixed(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    """Where SimpleITK's inverse takes points of the moving images."""
    inverse = transform.GetInverse()
    return np.array([inverse.TransformPoint(point.tolist()) for point in points])


@pytest.mark.parametrize("make", [euler, affine, composite])
@pytest.mark.parametrize("suffix", [None, "tfm", "txt", "h5"])
def test_points_of_the_moving_images_go_where_itk_brings_them_from(
    tmp_path: Path, make: object, suffix: str | None
) -> None:
    transform = given_transform = make()  # type: ignore[operator]
    if suffix is not None:
        given_transform = tmp_path / f"t.{suffix}"
        sitk.WriteTransform(transform, str(given_transform))
    composed = spatial_registration(given_transform, source=FIXED, moving=MOVING)
    path = composed.save(tmp_path / "reg.dcm")
    assert dciodvfy_errors(path) == []
    assert [found.message for found in validate(str(path))] == []
    of_fixed, of_moving = read_spatial_registration(path)
    np.testing.assert_allclose(of_fixed.transform(POINTS), POINTS)
    np.testing.assert_allclose(
        of_moving.transform(POINTS), back_to_fixed(transform, POINTS), atol=1e-6
    )
    assert of_moving.frame_of_reference_uid == MOVING[0].FrameOfReferenceUID
    assert of_moving.registered_frame_of_reference_uid == FIXED[0].FrameOfReferenceUID
    expected = "RIGID" if make is euler else "AFFINE"
    assert of_moving.type.value == expected


def test_a_text_file_of_16_numbers_is_a_matrix(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = 1, 2, 3
    np.savetxt(tmp_path / "m.txt", matrix)
    np.testing.assert_allclose(read_linear_transform(tmp_path / "m.txt"), matrix)
    back = read_linear_transform(tmp_path / "m.txt", from_fixed=True)
    np.testing.assert_allclose(back[:3, 3], (-1, -2, -3))


def test_a_matrix_in_ras_means_the_same_points() -> None:
    turn = np.eye(4)
    turn[:3, :3] = np.array(euler().GetMatrix()).reshape(3, 3)
    turn[:3, 3] = 4, 5, 6
    ras_points = POINTS * (-1, -1, 1)
    expected = (ras_points @ turn[:3, :3].T + turn[:3, 3]) * (-1, -1, 1)
    composed = spatial_registration(turn, source=FIXED, moving=MOVING, ras=True)
    found = read_spatial_registration(composed.data_set)[1]
    np.testing.assert_allclose(found.transform(POINTS), expected, atol=1e-6)


def test_several_matrices_apply_one_after_the_other(tmp_path: Path) -> None:
    first, second = np.eye(4), np.diag([2.0, 1.0, 1.0, 1.0])
    first[:3, 3] = 10, 0, 0
    path = spatial_registration([first, second], source=FIXED, moving=MOVING).save(
        tmp_path / "reg.dcm"
    )
    assert dciodvfy_errors(path) == []
    found = read_spatial_registration(path)[1]
    np.testing.assert_allclose(found.transform(np.array([1.0, 2.0, 3.0])), (22, 2, 3))
    assert found.type.value == "RIGID_SCALE"


@given(st.lists(st.floats(-0.9, 0.9), min_size=9, max_size=9), st.floats(-1e4, 1e4))
@settings(max_examples=25)
def test_any_affine_matrix_comes_back(numbers: list[float], shift: float) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) * 3 + np.array(numbers).reshape(3, 3)
    matrix[:3, 3] = shift, -shift, 1
    composed = spatial_registration(matrix, source=FIXED, moving=MOVING)
    found = read_spatial_registration(composed.data_set)[1]
    np.testing.assert_allclose(found.matrix, matrix, rtol=1e-9, atol=1e-9)


def test_the_object_says_what_was_registered_how_and_by_what(tmp_path: Path) -> None:
    fiducials = spatial_fiducials([Fiducial("F1", POINTS[:1])], source=MOVING)
    path = spatial_registration(
        euler(),
        source=FIXED,
        moving=MOVING,
        registration_type=Code("125024", "DCM", "Image Content-based Alignment"),
        comment="by hand",
        used_fiducials=fiducials.data_set,
        matrix_type="AFFINE",
    ).save(tmp_path / "reg.dcm")
    assert dciodvfy_errors(path) == []
    data_set = pydicom.dcmread(path)
    assert data_set.Modality == "REG" and data_set.ContentLabel == "REGISTRATION"
    fixed, moving = data_set.RegistrationSequence
    assert len(fixed.ReferencedImageSequence) == 2 and len(moving.ReferencedImageSequence) == 3
    registered = moving.MatrixRegistrationSequence[0]
    assert registered.RegistrationTypeCodeSequence[0].CodeValue == "125024"
    assert registered.FrameOfReferenceTransformationComment == "by hand"
    assert registered.MatrixSequence[0].FrameOfReferenceTransformationMatrixType == "AFFINE"
    used = moving.UsedFiducialsSequence[0]
    assert used.ReferencedSOPInstanceUID == fiducials.data_set.SOPInstanceUID
    assert {one.SeriesInstanceUID for one in data_set.ReferencedSeriesSequence} == {
        FIXED[0].SeriesInstanceUID,
        MOVING[0].SeriesInstanceUID,
    }


def test_it_belongs_to_its_study(tmp_path: Path) -> None:
    files = []
    for number, one in enumerate(FIXED):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10_bytes(one))
    composed = spatial_registration(np.eye(4), source=files)
    assert dcentvfy_errors([*files, composed.save(tmp_path / "reg.dcm")]) == []


@pytest.mark.parametrize(
    ("transform", "options", "sentence"),
    [
        (np.diag([2.0, 1, 1, 1]), {"matrix_type": "RIGID"}, "claims to be RIGID"),
        (np.diag([1.0, 1, 1, 2]), {}, "last row"),
        (np.diag([-1.0, 1, 1, 1]), {}, "mirrors"),
        (np.zeros((4, 4)), {"from_fixed": True}, "cannot be inverted"),
        (np.full((4, 4), np.nan), {}, "not finite"),
        (np.eye(3), {}, "expected 4 x 4"),
        (sitk.BSplineTransform(3), {}, "no linear transform"),
        (np.eye(4), {"moving": ct_series(1, 8, 8, PatientID="X")}, "different patients"),
        (np.eye(4), {"moving": ct_series(1, 8, 8, FrameOfReferenceUID=None)}, "Frame of Reference"),
        (np.eye(4), {"used_fiducials": FIXED[0]}, "no Fiducial UID"),
    ],
)
def test_a_transform_that_cannot_be_right_is_refused_by_name(
    transform: object, options: dict, sentence: str
) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        spatial_registration(transform, source=FIXED, **({"moving": MOVING} | options))


def test_files_that_are_no_transform_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("1 2 3")
    (tmp_path / "words.tfm").write_text("these are words")
    with pytest.raises(CannotCompose, match="holds 3 numbers"):
        read_linear_transform(tmp_path / "short.txt")
    with pytest.raises(CannotCompose, match="cannot be read as a transform"):
        read_linear_transform(tmp_path / "words.tfm")
    with pytest.raises(NotFound, match="no file"):
        read_linear_transform(tmp_path / "none.tfm")
    flat = tmp_path / "flat.tfm"
    sitk.WriteTransform(sitk.Euler2DTransform(), str(flat))
    with pytest.raises(CannotCompose, match="2 dimensions"):
        read_linear_transform(flat)


def test_an_image_is_no_registration() -> None:
    with pytest.raises(InvalidAttribute, match="no spatial registration"):
        read_spatial_registration(FIXED[0])


def test_a_matrix_beside_a_linear_transform_is_refused() -> None:
    with pytest.raises(CannotCompose, match="pre_matrix was given, and the transform is linear"):
        registration(np.eye(4), source=FIXED, moving=MOVING, pre_matrix=np.eye(4))


@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [
        ("FrameOfReferenceTransformationMatrixType", "FIRM", "none of RIGID"),
        ("FrameOfReferenceTransformationMatrix", 1.0, "0 numbers|1 numbers"),
        ("FrameOfReferenceTransformationMatrix", [1.0] * 15, "15 numbers"),
    ],
)
def test_a_matrix_that_cannot_be_is_refused_when_read(
    keyword: str, value: object, sentence: str
) -> None:
    data_set = spatial_registration(np.eye(4), source=FIXED, moving=MOVING).data_set
    registered = data_set.RegistrationSequence[1].MatrixRegistrationSequence[0]
    setattr(registered.MatrixSequence[0], keyword, value)
    with pytest.raises(InvalidAttribute, match=sentence):
        read_spatial_registration(data_set)


def test_a_transform_of_the_plane_is_refused_in_words() -> None:
    for transform in (sitk.Euler2DTransform(), sitk.Transform(2, sitk.sitkIdentity)):
        with pytest.raises(CannotCompose, match="transforms 2 dimensions; expected 3"):
            spatial_registration(transform, source=ct_series(1, rows=8, columns=8))
