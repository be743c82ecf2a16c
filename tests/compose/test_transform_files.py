"""Registrations written as files: SimpleITK moves points and warps images by them."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from tests.factories import ct_series, ct_slice

from isocenter.compose import registration_transform
from isocenter.compose.registrations.deformable import deformable_registration
from isocenter.compose.registrations.fields import read_field
from isocenter.compose.registrations.registration import registration
from isocenter.compose.registrations.spatial_registration import spatial_registration
from isocenter.errors import CannotCompose

FIXED = ct_series(2, rows=8, columns=8)
MOVING = ct_series(2, rows=8, columns=8, StudyInstanceUID=FIXED[0].StudyInstanceUID)
IMAGES = ["nii", "nii.gz", "mha", "mhd", "nrrd"]
TRANSFORMS = ["tfm", "txt", "h5"]


def numbers() -> np.random.Generator:
    return np.random.default_rng(20)


def oblique() -> np.ndarray:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.4, 0.2, -0.4)
    return np.array(turn.GetMatrix()).reshape(3, 3)


def field(directions: np.ndarray | None = None) -> sitk.Image:
    values = numbers().normal(0, 2, (5, 6, 7, 3)).astype(np.float32)
    image = sitk.GetImageFromArray(values, isVector=True)
    image.SetOrigin((-10.0, 20.0, 5.0))
    image.SetSpacing((3.0, 2.0, 4.0))
    if directions is not None:
        image.SetDirection(directions.ravel().tolist())
    return image


def transform_of(path: Path) -> sitk.Transform:
    if path.name.endswith(tuple(TRANSFORMS)):
        return sitk.ReadTransform(str(path))
    return sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))


def as_transform(image: sitk.Image) -> sitk.Transform:
    return sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))


def warped(transform: sitk.Transform, grid: sitk.Image) -> np.ndarray:
    moving = sitk.GetImageFromArray(numbers().normal(100, 20, (20, 20, 20)))
    moving.SetOrigin((-16.0, 14.0, -4.0))
    moving.SetSpacing((2.0, 1.5, 2.0))
    return sitk.GetArrayFromImage(sitk.Resample(moving, grid, transform, sitk.sitkLinear, -1.0))


def matrix(turned: float, moved: tuple[float, float, float], scale: float = 1.0) -> np.ndarray:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(turned, turned / 2, -turned)
    found = np.eye(4)
    found[:3, :3] = np.array(turn.GetMatrix()).reshape(3, 3) * scale
    found[:3, 3] = moved
    return found


@pytest.mark.parametrize("suffix", [*IMAGES, *TRANSFORMS])
def test_a_field_comes_back_with_the_values_that_it_was_composed_of(
    tmp_path: Path, suffix: str
) -> None:
    image = field(oblique())
    composed = deformable_registration(image, source=ct_slice())
    path = registration_transform(composed.save(tmp_path / "reg.dcm")).write(
        tmp_path / f"field.{suffix}"
    )
    found = transform_of(path).Downcast()
    back = sitk.DisplacementFieldTransform(found).GetDisplacementField()
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    assert back.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-4)
    assert back.GetSpacing() == pytest.approx(image.GetSpacing(), abs=1e-5)
    assert back.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-6)
    again = deformable_registration(read_field(path), source=ct_slice()).data_set
    first = composed.data_set.DeformableRegistrationSequence[0]
    grids = [
        one.DeformableRegistrationGridSequence[0]
        for one in (first, again.DeformableRegistrationSequence[0])
    ]
    assert grids[0].VectorGridData == grids[1].VectorGridData
    assert sorted(one.name for one in tmp_path.iterdir()) in (
        [path.name, "reg.dcm"],
        [path.name, "field.raw", "reg.dcm"],
        [path.name, "field.zraw", "reg.dcm"],
    )


@pytest.mark.parametrize("suffix", ["nrrd", "h5"])
@pytest.mark.parametrize("turned", [False, True])
def test_an_image_is_warped_by_the_file_as_by_the_field(
    tmp_path: Path, suffix: str, turned: bool
) -> None:
    image = field(oblique() if turned else None)
    composed = deformable_registration(image, source=ct_slice())
    path = registration_transform(composed.data_set).write(tmp_path / f"field.{suffix}")
    expected = warped(as_transform(image), image)
    assert (expected != -1).mean() > 0.3
    np.testing.assert_allclose(warped(transform_of(path), image), expected, atol=1e-6)


def test_a_left_handed_field_warps_as_it_did(tmp_path: Path) -> None:
    image = field(np.diag([1.0, 1.0, -1.0]))
    image.SetOrigin((-10.0, 20.0, 25.0))
    composed = deformable_registration(image, source=ct_slice())
    path = registration_transform(composed.data_set).write(tmp_path / "field.mha")
    np.testing.assert_allclose(
        warped(transform_of(path), image), warped(as_transform(image), image), atol=1e-6
    )


@pytest.mark.parametrize("suffix", ["nii.gz", "tfm"])
def test_matrices_before_and_after_are_in_the_field_at_and_between_its_points(
    tmp_path: Path, suffix: str
) -> None:
    """PS3.3 C.20.3.1.1; SimpleITK's composite and displacement transforms say where points go."""
    image = field(oblique())
    pre, post = matrix(0.1, (1, 2, 3)), matrix(-0.05, (-4, 0, 2), scale=1.1)
    composed = deformable_registration(
        image, source=ct_slice(), pre_matrix=pre, post_matrix=post, post_matrix_type="AFFINE"
    )
    path = registration_transform(composed.data_set).write(tmp_path / f"field.{suffix}")
    indices = numbers().uniform(0, np.array(image.GetSize()) - 1, (50, 3))
    points = [image.TransformContinuousIndexToPhysicalPoint(one.tolist()) for one in indices]
    last = sitk.AffineTransform(post[:3, :3].ravel().tolist(), post[:3, 3].tolist())
    displaced, written = as_transform(image), transform_of(path)
    for point in points:
        moved = np.array(displaced.TransformPoint(point)) - point  # what the grid says there
        before = pre[:3, :3] @ point + pre[:3, 3]
        expected = last.TransformPoint((before + moved).tolist())
        assert written.TransformPoint(point) == pytest.approx(expected, abs=1e-5)


def test_undefined_vectors_are_undefined_in_the_file(tmp_path: Path) -> None:
    values = sitk.GetArrayFromImage(field())
    values[1, 2, 3] = np.nan
    image = sitk.GetImageFromArray(values, isVector=True)
    composed = deformable_registration(image, source=ct_slice(), pre_matrix=matrix(0, (1, 0, 0)))
    path = registration_transform(composed.data_set).write(tmp_path / "field.nrrd")
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert np.array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_allclose(found, values + [1, 0, 0], atol=1e-5)


@pytest.mark.parametrize("suffix", TRANSFORMS)
@pytest.mark.parametrize("kind", ["RIGID", "AFFINE"])
def test_a_linear_registration_comes_back_as_the_transform_that_it_was(
    tmp_path: Path, suffix: str, kind: str
) -> None:
    transform = sitk.AffineTransform(3)
    turned = matrix(0.2, (0, 0, 0))[:3, :3]
    sheared = turned @ [[1.1, 0.2, 0], [0, 0.9, 0.1], [0, 0, 1.0]]
    transform.SetMatrix((turned if kind == "RIGID" else sheared).ravel().tolist())
    transform.SetTranslation((5.0, 6.0, -7.0))
    sitk.WriteTransform(transform, str(tmp_path / "given.tfm"))
    composed = registration(tmp_path / "given.tfm", source=FIXED, moving=MOVING)
    found = registration_transform(composed.save(tmp_path / "reg.dcm"))
    assert found.fixed == FIXED[0].FrameOfReferenceUID
    assert found.moving == MOVING[0].FrameOfReferenceUID
    path = found.write(tmp_path / f"back.{suffix}")
    back = sitk.ReadTransform(str(path))
    for point in numbers().uniform(-200, 200, (20, 3)).tolist():
        assert back.TransformPoint(point) == pytest.approx(transform.TransformPoint(point), 1e-9)
    again = registration(path, source=FIXED, moving=MOVING).data_set
    matrices = [
        one.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0]
        for one in (composed.data_set, again)
    ]
    types = [one.FrameOfReferenceTransformationMatrixType for one in matrices]
    assert types == [kind, kind]
    np.testing.assert_allclose(
        *([float(x) for x in one.FrameOfReferenceTransformationMatrix] for one in matrices),
        atol=1e-9,
    )


def test_a_deformable_registration_without_a_grid_is_a_linear_transform(tmp_path: Path) -> None:
    pre, post = matrix(0.1, (1, 2, 3)), matrix(-0.05, (-4, 0, 2))
    data_set = deformable_registration(
        field(), source=ct_slice(), pre_matrix=pre, post_matrix=post
    ).data_set
    del data_set.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence
    path = registration_transform(data_set).write(tmp_path / "linear.tfm")
    found = sitk.ReadTransform(str(path)).TransformPoint((10.0, 20.0, 30.0))
    assert found == pytest.approx((post @ pre @ [10, 20, 30, 1])[:3], abs=1e-9)


def moved_twice() -> pydicom.Dataset:
    data_set = spatial_registration(matrix(0.1, (1, 2, 3)), source=FIXED, moving=MOVING).data_set
    other = pydicom.Dataset()
    other.update(data_set.RegistrationSequence[1])
    other.FrameOfReferenceUID = "1.2.3"
    data_set.RegistrationSequence.append(other)
    return data_set


def test_of_several_items_one_is_chosen(tmp_path: Path) -> None:
    with pytest.raises(CannotCompose, match=r"2 items .* \(--item NUMBER\) of 2 .*, 3 \(of 1.2.3"):
        registration_transform(moved_twice())
    assert registration_transform(moved_twice(), item=3).moving == "1.2.3"
    with pytest.raises(CannotCompose, match="no item 4"):
        registration_transform(moved_twice(), item=4)


def test_a_registration_that_moves_nothing_is_the_identity(tmp_path: Path) -> None:
    composed = spatial_registration(np.eye(4), source=FIXED)
    path = registration_transform(composed.data_set).write(tmp_path / "nothing.tfm")
    found = sitk.ReadTransform(str(path)).TransformPoint((1.0, 2.0, 3.0))
    assert found == pytest.approx((1.0, 2.0, 3.0))


def test_what_has_no_such_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    linear = spatial_registration(matrix(0.1, (1, 2, 3)), source=FIXED, moving=MOVING).data_set
    with pytest.raises(CannotCompose, match="no grid"):
        registration_transform(linear).write(tmp_path / "field.nii.gz")
    with pytest.raises(CannotCompose, match="cannot be written"):
        registration_transform(linear).write(tmp_path / "nowhere" / "reg.tfm")
    composed = deformable_registration(field(), source=ct_slice()).data_set
    with pytest.raises(CannotCompose, match="cannot be written"):
        registration_transform(composed).write(tmp_path / "field.xyz")
    with pytest.raises(CannotCompose, match="is no Spatial Registration"):
        registration_transform(ct_slice())
    entry = linear.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0]
    entry.FrameOfReferenceTransformationMatrix = [0.0] * 15 + [1.0]
    with pytest.raises(CannotCompose, match="cannot be inverted"):
        registration_transform(linear)
    assert list(tmp_path.iterdir()) == []
