"""Volumes on the grid of the object's own frames: highdicom says where its frames lie."""

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid
from tests.factories import ct_series

from isocenter.compose import object_volume
from isocenter.compose.measured.parametric_map import parametric_map
from isocenter.compose.measured.segmentation import segmentation
from isocenter.errors import CannotCompose

OBLIQUE = [0.8, 0.6, 0.0, -0.36, 0.48, 0.8]


def series(orientation: list[float] | None = None) -> list[pydicom.Dataset]:
    images = ct_series(6, rows=12, columns=10)
    normal = np.cross(OBLIQUE[:3], OBLIQUE[3:])
    for number, image in enumerate(images):
        image.PixelSpacing = [0.7, 0.9]
        if orientation is not None:
            image.ImageOrientationPatient = orientation
            position = np.array([-20.0, 15.0, 30.0]) + 2.5 * number * normal
            image.ImagePositionPatient = position.round(10).tolist()
            image.SliceThickness = 2.5
    return images


def labels() -> np.ndarray:
    """Nothing in the first slice, in one between, and in the last."""
    found = np.zeros((6, 12, 10), np.uint8)
    found[1, 2:6, 3:8] = 1
    found[3, 3:5, 3:5] = 1
    found[4, 7:9, 1:4] = 2
    return found


def by_highdicom(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels and affine (LPS, of slice, row and column) as highdicom gives them."""
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    return volume.array, volume.affine


def affine_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image = sitk.ReadImage(str(path))
    found = np.eye(4)
    steps = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    found[:3, :3], found[:3, 3] = steps[:, ::-1], image.GetOrigin()
    return sitk.GetArrayFromImage(image), found


def same_place(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> None:
    """Compare arrays by where their voxels lie."""
    (ours, affine), (theirs, their_affine) = one, other
    assert ours.shape == theirs.shape
    index = np.argwhere(np.ones(ours.shape))
    places = index @ affine[:3, :3].T + affine[:3, 3]
    there = np.linalg.solve(their_affine[:3, :3], (places - their_affine[:3, 3]).T).T
    np.testing.assert_allclose(there, np.rint(there), atol=1e-3)
    at = np.rint(there).astype(int)
    assert np.array_equal(ours.ravel(), theirs[at[:, 0], at[:, 1], at[:, 2]])


@pytest.mark.parametrize("orientation", [None, OBLIQUE])
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_a_segmentation_lies_where_highdicom_says_without_its_images(
    tmp_path: Path, orientation: list[float] | None, kind: str, suffix: str
) -> None:
    path = segmentation(labels(), source=series(orientation), kind=kind).save(tmp_path / "seg.dcm")
    found = object_volume(path)
    written = affine_of(found.write(tmp_path / f"mask.{suffix}"))
    same_place(written, by_highdicom(path))
    inside = labels()[1:5]
    assert np.array_equal(found.values, inside)
    assert np.array_equal(object_volume(path, segment=2).values, inside == 2)


def test_with_its_images_a_segmentation_has_their_grid(tmp_path: Path) -> None:
    images = series(OBLIQUE)
    path = segmentation(labels(), source=images).save(tmp_path / "seg.dcm")
    inner = affine_of(object_volume(path).write(tmp_path / "own.nrrd"))
    outer = affine_of(object_volume(path, source=images).write(tmp_path / "images.nrrd"))
    assert np.array_equal(outer[0][1:5], inner[0])
    np.testing.assert_allclose(outer[1][:3, 3] + outer[1][:3, 0], inner[1][:3, 3], atol=1e-6)


def test_a_single_frame_is_as_thick_as_it_says(tmp_path: Path) -> None:
    mask = np.zeros((6, 12, 10), np.uint8)
    mask[2, 3:5, 3:5] = 1
    path = segmentation(mask, source=series(OBLIQUE)).save(tmp_path / "seg.dcm")
    image = sitk.ReadImage(str(object_volume(path).write(tmp_path / "mask.nrrd")))
    assert image.GetSpacing() == pytest.approx((0.9, 0.7, 2.5))
    assert image.GetSize() == (10, 12, 1)


def test_a_parametric_map_comes_back_without_its_images(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=(6, 12, 10)).astype(np.float32)
    path = parametric_map(values, source=series(OBLIQUE), units_of_measure="1").save(tmp_path / "p")
    found = object_volume(path)
    assert np.array_equal(found.values, values)
    image = affine_of(found.write(tmp_path / "map.nii.gz"))
    assert image[1][:3, 3] == pytest.approx([-20.0, 15.0, 30.0], abs=1e-4)


def diagonal() -> np.ndarray:
    found = np.zeros((6, 12, 10), np.uint8)
    found[range(6), range(6), range(6)] = 1
    return found


def moved(distances: list[float]) -> pydicom.Dataset:
    """A segmentation of six frames that are put elsewhere along the normal."""
    data_set = segmentation(diagonal(), source=series(), kind="LABELMAP").data_set
    (shared,) = data_set.SharedFunctionalGroupsSequence
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        shared.PixelMeasuresSequence[0][keyword].value = 1.25
    for frame, distance in zip(data_set.PerFrameFunctionalGroupsSequence, distances, strict=True):
        frame.PlanePositionSequence[0].ImagePositionPatient[2] = distance
    data_set.SOPInstanceUID = generate_uid()
    return data_set


def frames_of(data_set: pydicom.Dataset) -> np.ndarray:
    frames = np.frombuffer(data_set.PixelData, np.uint8).reshape(6, 12, 10)
    assert all(np.count_nonzero(frame) == 1 for frame in frames)
    return frames


def test_frames_in_any_order_and_with_gaps_are_put_where_they_lie() -> None:
    data_set = moved([10.0, 0.0, 2.5, 5.0, 7.5, 1.25])
    found = object_volume(data_set).values
    assert found.shape == (9, 12, 10)
    assert np.array_equal(found[[8, 0, 2, 4, 6, 1]], frames_of(data_set))
    assert not found[[3, 5, 7]].any()


def test_frames_whose_distance_is_said_wrongly_are_put_by_their_positions() -> None:
    data_set = moved([0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    found = object_volume(data_set)
    assert np.array_equal(found.values, frames_of(data_set))
    assert np.diff(found.images.heights) == pytest.approx([2.0] * 5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda one: None, r"not evenly spaced: they lie 1, 1\.3, 1\.7 mm apart"),
        (
            lambda one: one.PlanePositionSequence[0].ImagePositionPatient.__setitem__(0, 77.0),
            r"shifted in their plane by up to \d+\.\d\d mm",
        ),
        (lambda one: one.__delattr__("PlanePositionSequence"), "do not say where they lie"),
    ],
)
def test_frames_that_make_no_grid_are_refused(change: object, sentence: str) -> None:
    data_set = moved([0.0, 1.0, 2.3, 4.0, 5.0, 6.0])
    change(data_set.PerFrameFunctionalGroupsSequence[2])
    with pytest.raises(CannotCompose, match=sentence) as refused:
        object_volume(data_set)
    assert "--from" in str(refused.value)
