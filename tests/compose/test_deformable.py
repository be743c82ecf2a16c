"""Deformable registrations: SimpleITK says where points go, dciodvfy whether it is valid."""

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_series, ct_slice

from isocenter.compose.registrations.deformable import (
    deformable_registration,
    read_deformable_registration,
)
from isocenter.compose.registrations.fields import read_field
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.errors import CannotCompose, InvalidAttribute

RANDOM = np.random.default_rng(20)


def sitk_field(directions: np.ndarray | None = None) -> sitk.Image:
    """A field of 7 x 6 x 5 points, oblique if asked, as SimpleITK holds it."""
    image = sitk.GetImageFromArray(RANDOM.normal(0, 2, (5, 6, 7, 3)), isVector=True)
    image.SetOrigin((-10.0, 20.0, 5.0))
    image.SetSpacing((3.0, 2.0, 4.0))
    if directions is not None:
        image.SetDirection(directions.ravel().tolist())
    return image


def rotation(degrees: float) -> np.ndarray:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(np.radians(degrees), np.radians(degrees / 2), np.radians(-degrees))
    return np.array(turn.GetMatrix()).reshape(3, 3)


def inner_points(image: sitk.Image, count: int = 50) -> np.ndarray:
    size = np.array(image.GetSize())
    indices = RANDOM.uniform(0, size - 1, (count, 3))
    return np.array([image.TransformContinuousIndexToPhysicalPoint(i.tolist()) for i in indices])


def composed(field: object, tmp_path: Path, **options: object) -> Path:
    options.setdefault("source", ct_slice())
    result = deformable_registration(read_field(field), **options)
    return result.save(tmp_path / "reg.dcm")


def warped_by_sitk(image: sitk.Image, points: np.ndarray) -> np.ndarray:
    transform = sitk.DisplacementFieldTransform(sitk.Image(image))
    return np.array([transform.TransformPoint(p.tolist()) for p in points])


@pytest.mark.parametrize("degrees", [0.0, 25.0])
def test_points_go_where_simpleitk_sends_them_by_the_source_field(
    tmp_path: Path, degrees: float
) -> None:
    image = sitk_field(rotation(degrees))
    points = inner_points(image)
    expected = warped_by_sitk(image, points)
    path = composed(image, tmp_path)
    assert dciodvfy_errors(path) == []
    (registration,) = read_deformable_registration(path)
    np.testing.assert_allclose(registration.transform(points), expected, atol=1e-4)


def test_a_left_handed_grid_is_turned_and_means_the_same(tmp_path: Path) -> None:
    image = sitk_field(np.diag([1.0, 1.0, -1.0]))
    points = inner_points(image)
    expected = warped_by_sitk(image, points)
    path = composed(image, tmp_path)
    (registration,) = read_deformable_registration(path)
    assert registration.grid is not None and not registration.grid.is_left_handed
    np.testing.assert_allclose(registration.transform(points), expected, atol=1e-4)


def test_matrices_apply_before_and_after_the_displacement(tmp_path: Path) -> None:
    """PS3.3 C.20.3.1.1: pre matrix, then the displacement found at the point, then post matrix."""
    image = sitk_field()
    pre, post = np.eye(4), np.eye(4)
    pre[:3, :3], pre[:3, 3] = rotation(10), (1, 2, 3)
    post[:3, :3], post[:3, 3] = rotation(-5), (-4, 0, 2)
    points = inner_points(image)
    displacement = warped_by_sitk(image, points) - points
    expected = ((points @ pre[:3, :3].T + pre[:3, 3]) + displacement) @ post[:3, :3].T + post[:3, 3]
    path = composed(image, tmp_path, pre_matrix=pre, post_matrix=post)
    assert dciodvfy_errors(path) == []
    (registration,) = read_deformable_registration(path)
    np.testing.assert_allclose(registration.transform(points), expected, atol=1e-3)


def test_an_image_warped_by_the_object_equals_one_warped_by_the_field(tmp_path: Path) -> None:
    field = sitk_field()
    moving = sitk.GetImageFromArray(RANDOM.normal(100, 20, (12, 16, 20)))
    moving.SetOrigin((-14.0, 16.0, 0.0))
    transform = sitk.DisplacementFieldTransform(sitk.Image(field))
    by_field = sitk.Resample(moving, field, transform, sitk.sitkLinear, 0.0)
    (registration,) = read_deformable_registration(composed(field, tmp_path))
    assert registration.grid is not None
    again = sitk.GetImageFromArray(registration.grid.vectors.astype(np.float64), isVector=True)
    again.SetOrigin(registration.grid.origin.tolist())
    again.SetSpacing(registration.grid.spacing.tolist())
    by_object = sitk.Resample(
        moving, field, sitk.DisplacementFieldTransform(again), sitk.sitkLinear, 0.0
    )
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(by_object), sitk.GetArrayFromImage(by_field), atol=1e-3
    )


@pytest.mark.parametrize("suffix", ["nrrd", "mha", "nii.gz"])
def test_fields_are_read_from_research_formats(tmp_path: Path, suffix: str) -> None:
    image = sitk_field()
    sitk.WriteImage(image, str(tmp_path / f"field.{suffix}"))
    field = read_field(tmp_path / f"field.{suffix}")
    np.testing.assert_allclose(field.vectors, sitk.GetArrayFromImage(image), rtol=1e-6)
    np.testing.assert_allclose(field.origin, image.GetOrigin(), atol=1e-5)


def test_an_itk_displacement_transform_brings_its_own_grid(tmp_path: Path) -> None:
    image = sitk_field()
    path = tmp_path / "field.tfm"
    sitk.WriteTransform(sitk.DisplacementFieldTransform(sitk.Image(image)), str(path))
    np.testing.assert_allclose(
        read_field(path).vectors, sitk.GetArrayFromImage(image), rtol=1e-5, atol=1e-5
    )


def test_attributes_say_what_the_standard_wants(tmp_path: Path) -> None:
    source = ct_slice()
    data_set = pydicom.dcmread(composed(sitk_field(), tmp_path, source=source, comment="by hand"))
    item = data_set.DeformableRegistrationSequence[0]
    grid = item.DeformableRegistrationGridSequence[0]
    assert list(grid.GridDimensions) == [7, 6, 5]
    assert list(grid.GridResolution) == [3.0, 2.0, 4.0]
    assert len(grid.VectorGridData) == 7 * 6 * 5 * 3 * 4
    assert data_set.Modality == "REG"
    assert data_set.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert item.SourceFrameOfReferenceUID == source.FrameOfReferenceUID
    assert item.ReferencedImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    series = data_set.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert item.FrameOfReferenceTransformationComment == "by hand"


@pytest.mark.parametrize("several", [True, False])
def test_hooks_run_last_of_all(tmp_path: Path, several: bool) -> None:
    def rename(data_set: pydicom.Dataset) -> None:
        data_set.SeriesDescription = data_set.SeriesDescription + " (checked)"

    path = composed(
        sitk_field(),
        tmp_path,
        overrides={"SeriesDescription": "Given"},
        modify=[rename] if several else rename,
    )
    assert pydicom.dcmread(path).SeriesDescription == "Given (checked)"


@given(st.floats(-180, 180), st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_any_rectangular_grid_comes_back_as_it_was(degrees: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    field = DisplacementField.from_array(
        random.normal(0, 3, random.integers(1, 5, 3).tolist() + [3]),
        origin=random.uniform(-500, 500, 3),
        spacing=random.uniform(0.1, 10, 3),
        directions=rotation(degrees),
    )
    result = deformable_registration(field, source=ct_slice())
    grid = read_deformable_registration(result.data_set)[0].grid
    assert grid is not None
    np.testing.assert_array_equal(grid.vectors, field.vectors)
    np.testing.assert_allclose(grid.origin, field.origin, atol=1e-9, rtol=1e-12)
    np.testing.assert_allclose(grid.directions, field.directions, atol=1e-8)


def test_an_anisotropic_grid_keeps_its_three_distances(tmp_path: Path) -> None:
    image = sitk_field(rotation(-40))
    image.SetSpacing((0.5, 2.0, 7.25))
    points = inner_points(image)
    expected = warped_by_sitk(image, points)
    path = composed(image, tmp_path)
    grid = pydicom.dcmread(path).DeformableRegistrationSequence[0]
    grid = grid.DeformableRegistrationGridSequence[0]
    assert list(grid.GridResolution) == [0.5, 2.0, 7.25]
    (registration,) = read_deformable_registration(path)
    np.testing.assert_allclose(registration.transform(points), expected, atol=1e-4)


def test_a_sheared_grid_is_refused_and_told_what_to_do_with_the_shear() -> None:
    axes = np.array([[1.0, 0.5, 0.0], [0.0, np.sqrt(0.75), 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(CannotCompose, match="not perpendicular.*post matrix of type AFFINE"):
        DisplacementField.from_array(np.zeros((2, 2, 2, 3)), directions=axes)


def test_directions_are_taken_as_simpleitk_gives_them() -> None:
    image = sitk_field(rotation(30))
    field = DisplacementField.from_array(
        sitk.GetArrayFromImage(image), directions=image.GetDirection()
    )
    np.testing.assert_allclose(field.directions, rotation(30))


def test_a_field_that_is_partly_nan_is_refused_with_their_number() -> None:
    vectors = np.zeros((2, 2, 2, 3))
    vectors[0, 0, 0, 1] = vectors[1, 1, 1, 2] = np.nan
    with pytest.raises(CannotCompose, match="2 vectors.*NaN in some components"):
        DisplacementField.from_array(vectors)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: DisplacementField.from_array(np.zeros((2, 2, 2, 3)), spacing=(1.0, 0.0, 1.0)),
            "positive distances",
        ),
        (lambda: DisplacementField.from_array(np.zeros((2, 2, 3))), "the shape"),
        (lambda: DisplacementField.from_array(np.full((2, 2, 2, 3), np.inf)), "infinite"),
    ],
)
def test_a_grid_that_cannot_be_right_is_refused_by_name(make: object, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        make()  # type: ignore[operator]


def b_spline() -> sitk.BSplineTransform:
    image = sitk.Image((20, 20, 20), sitk.sitkUInt8)
    transform = sitk.BSplineTransformInitializer(image, (4, 4, 4))
    parameters = np.random.default_rng(6).normal(0, 1, len(transform.GetParameters()))
    transform.SetParameters(parameters.tolist())
    return transform


def test_a_transform_without_grid_is_sampled_on_that_of_an_image(tmp_path: Path) -> None:
    like = sitk.Image((11, 12, 13), sitk.sitkUInt8)
    like.SetOrigin((2.0, 3.0, 4.0))
    sitk.WriteImage(like, str(tmp_path / "like.nrrd"))
    sitk.WriteTransform(b_spline(), str(tmp_path / "spline.h5"))
    field = read_field(tmp_path / "spline.h5", like=tmp_path / "like.nrrd")
    (registration,) = read_deformable_registration(composed(field, tmp_path))
    points = RANDOM.integers(0, 11, (30, 3)) + np.array([2.0, 3.0, 4.0])
    expected = [b_spline().TransformPoint(point.tolist()) for point in points]
    np.testing.assert_allclose(registration.transform(points), expected, atol=1e-4)


def test_a_transform_without_grid_is_sampled_on_that_of_a_series_as_coarsely_as_wanted() -> None:
    series = ct_series(9, rows=16, columns=16)
    fine = read_field(b_spline(), like=series)
    assert fine.dimensions == (16, 16, 9)
    coarse = read_field(b_spline(), like=series, spacing=5.0)
    assert coarse.dimensions == (4, 4, 3)
    np.testing.assert_allclose(coarse.spacing, 5)
    np.testing.assert_allclose(coarse.vectors[0, 0, 0], fine.vectors[0, 0, 0])
    with pytest.raises(CannotCompose, match="no grid of its own"):
        read_field(b_spline())


def test_undefined_vectors_stay_undefined(tmp_path: Path) -> None:
    vectors = np.ones((3, 3, 3, 3))
    vectors[1, 1, 1] = np.nan
    path = composed(DisplacementField.from_array(vectors), tmp_path)
    (registration,) = read_deformable_registration(path)
    assert np.isnan(registration.transform(np.array([1.0, 1.0, 1.0]))).all()
    np.testing.assert_allclose(registration.transform(np.array([0.0, 0.0, 0.0])), [1, 1, 1])


def test_a_field_that_says_nothing_is_refused() -> None:
    with pytest.raises(CannotCompose, match="NaN, so undefined, at every point"):
        DisplacementField.from_array(np.full((2, 2, 2, 3), np.nan))


@pytest.mark.parametrize(
    ("directions", "sentence"),
    [
        ("(1,0,0) (0,1,0) (1,0,0)", "Bad direction, determinant is 0"),
        ("(1,0,0) (0,1,0) (0,0,0)", "Zero-valued spacing is not supported"),
        ("(1,0,0) (0.3,1,0) (0,0,1)", "not perpendicular"),
    ],
)
def test_a_file_whose_grid_cannot_be_is_refused_with_the_reason(
    tmp_path: Path, directions: str, sentence: str
) -> None:
    sitk.WriteImage(sitk_field(), str(tmp_path / "field.nrrd"))
    header, values = (tmp_path / "field.nrrd").read_bytes().split(b"\n\n", 1)
    spoilt = re.sub(rb"(space directions: none) .*", rb"\1 " + directions.encode(), header)
    (tmp_path / "field.nrrd").write_bytes(spoilt + b"\n\n" + values)
    with pytest.raises(CannotCompose, match=sentence) as refused:
        read_field(tmp_path / "field.nrrd")
    assert "0x" not in str(refused.value)


@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [
        ("GridResolution", [1.0, float("nan"), 1.0], "GridResolution has 0 numbers; expected 3"),
        ("GridResolution", [1.0, -1.0, 1.0], "three positive distances"),
        ("ImagePositionPatient", [1.0], "expected 3, all finite"),
        ("ImageOrientationPatient", [1, 0, 0, 0.3, 0.9, 0], "not perpendicular"),
        ("GridDimensions", [7, 6, 6], "points of 12 bytes make 3024"),
    ],
)
def test_an_object_whose_grid_cannot_be_is_refused_when_read(
    tmp_path: Path, keyword: str, value: list, sentence: str
) -> None:
    data_set = pydicom.dcmread(composed(sitk_field(), tmp_path))
    (item,) = data_set.DeformableRegistrationSequence
    setattr(item.DeformableRegistrationGridSequence[0], keyword, value)
    with pytest.raises((CannotCompose, InvalidAttribute), match=sentence):
        read_deformable_registration(data_set)


@pytest.mark.parametrize(
    ("matrix", "claimed", "sentence"),
    [
        (np.diag([2.0, 1.0, 1.0, 1.0]), "RIGID", "claims to be RIGID and is RIGID_SCALE"),
        (np.diag([2.0, 1.0, 1.0, 1.0]), "rigid", "claims to be RIGID and is RIGID_SCALE"),
        (np.eye(4), "FIRM", "'FIRM' is no type of a matrix; expected RIGID, RIGID_SCALE or AFFINE"),
        (
            np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
            "RIGID_SCALE",
            "is AFFINE",
        ),
        (np.diag([1.0, 1.0, 1.0, 2.0]), "AFFINE", "last row"),
        (np.diag([0.0, 1.0, 1.0, 1.0]), "AFFINE", "cannot be inverted"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "AFFINE", "mirrors"),
    ],
)
def test_a_matrix_that_is_not_what_it_claims_is_refused(
    tmp_path: Path, matrix: np.ndarray, claimed: str, sentence: str
) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        composed(sitk_field(), tmp_path, post_matrix=matrix, post_matrix_type=claimed)
    assert list(tmp_path.iterdir()) == []


def test_sources_of_two_patients_are_refused() -> None:
    with pytest.raises(CannotCompose, match="different patients"):
        deformable_registration(
            read_field(sitk_field()), source=ct_slice(), moving=ct_slice(PatientID="OTHER")
        )


def test_transforms_and_grids_of_the_plane_are_refused_in_words() -> None:
    series, plane = ct_series(3, rows=16, columns=16), sitk.Image([4, 4], sitk.sitkFloat32)
    with pytest.raises(CannotCompose, match="transforms 2 dimensions; expected 3"):
        read_field(sitk.BSplineTransform(2), like=series)
    with pytest.raises(CannotCompose, match="has 2 dimensions; expected 3"):
        read_field(b_spline(), like=plane)
