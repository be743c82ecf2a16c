"""Where derived images lie, as SimpleITK computes and reads it, whatever the orientation."""

import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compose.derivation_sources import placed_series, read, written
from tests.compose.judges import dciodvfy_errors

from isocenter import compose
from isocenter.compose.volume_grids import Grid
from isocenter.errors import CannotCompose

distances = st.floats(0.4, 4.0).map(lambda value: round(value, 4))


@st.composite
def orientations(draw) -> np.ndarray:
    """A rotation, or the patient's axes turned around and exchanged; always right-handed."""
    if draw(st.booleans()):
        axes = draw(st.permutations(range(3)))
        found = np.eye(3)[:, axes] * [draw(st.sampled_from([1, -1])) for _ in range(3)]
    else:
        random = np.random.default_rng(draw(st.integers(0, 10_000)))
        found, _ = np.linalg.qr(random.normal(size=(3, 3)))
    if np.linalg.det(found) < 0:
        found[:, 2] *= -1
    return found


@given(
    directions=orientations(),
    spacing=st.tuples(distances, distances, distances),
    wanted=st.tuples(distances, distances, distances),
    kind=st.sampled_from(["linear", "nearest", "b-spline"]),
)
@settings(max_examples=15, deadline=None)
def test_resampled_images_lie_and_are_what_simpleitk_says(directions, spacing, wanted, kind):
    images = placed_series(5, directions=directions, spacing=spacing, rows=9, columns=11)
    with tempfile.TemporaryDirectory() as folder:
        source = written(Path(folder, "in"), images)
        before = sitk.Cast(read(source), sitk.sitkFloat32)
        work = compose.Resample((wanted[1], wanted[0], wanted[2]), kind)
        derived = compose.derived_series(source, work, precision=0.05)
        paths = derived.save(Path(folder, "out"))
        positions = np.array([pydicom.dcmread(path).ImagePositionPatient for path in paths])
        after = read(Path(folder, "out")) if len(paths) > 1 else None

        size = np.floor((np.array(before.GetSize()) - 1) * before.GetSpacing() / wanted + 1e-6)
        size = [int(one) + 1 for one in size]
        reference = sitk.Image(size, sitk.sitkFloat32)
        reference.SetOrigin(before.GetOrigin())
        reference.SetDirection(before.GetDirection())
        reference.SetSpacing(wanted)
        kinds = {
            "linear": sitk.sitkLinear,
            "nearest": sitk.sitkNearestNeighbor,
            "b-spline": sitk.sitkBSpline,
        }
        expected = sitk.Resample(before, reference, sitk.Transform(), kinds[kind])
        places = [reference.TransformIndexToPhysicalPoint((0, 0, n)) for n in range(size[2])]
        assert np.allclose(positions.astype(float), places, atol=1e-6)
        if after is None:
            return
        assert after.GetSize() == tuple(size)
        assert np.allclose(after.GetSpacing(), wanted, atol=1e-6)
        assert np.allclose(after.GetDirection(), reference.GetDirection(), atol=1e-6)
        difference = sitk.GetArrayFromImage(after) - sitk.GetArrayFromImage(expected)
        # ImageSeriesReader tells the rescale of the first file, which all share.
        assert np.abs(difference).max() <= derived.largest_error + 2e-3


@given(
    axes=st.permutations(range(3)),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    directions=orientations(),
)
@settings(max_examples=25, deadline=None)
def test_the_same_voxels_are_recognised_in_whatever_order_of_axes(axes, flips, directions):
    array = np.random.default_rng(1).integers(0, 1000, (4, 5, 6)).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((3, -4, 5))
    image.SetDirection(directions.ravel().tolist())
    turned = sitk.Flip(sitk.PermuteAxes(image, list(axes)), flips)
    found = Grid.of_image(turned).onto(Grid.of_image(image), sitk.GetArrayFromImage(turned))
    assert found is not None and np.array_equal(found, array)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.SetOrigin((0.3, -4, 5)),
        lambda image: image.SetSpacing((0.71, 0.9, 2.5)),
        lambda image: image.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1)),
    ],
)
def test_other_voxels_are_not_taken_for_the_same(change):
    image = sitk.Image((6, 5, 4), sitk.sitkInt16)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((3, -4, 5))
    other = sitk.Image(image)
    change(other)
    array = sitk.GetArrayFromImage(other)
    assert Grid.of_image(other).onto(Grid.of_image(image), array) is None


def test_pixels_elsewhere_are_refused_unless_the_geometry_is_said_to_be_new(tmp_path):
    series = written(tmp_path / "series", placed_series(5))
    image = read(series)
    # Sagittal planes through the same patient, left-handed as they come.
    other = sitk.PermuteAxes(image, (1, 2, 0))
    other.SetSpacing((0.9, 2.5, 1.4))
    other.SetDirection((0, 0, -1, 1, 0, 0, 0, 1, 0))
    sitk.WriteImage(other, str(tmp_path / "other.nrrd"))
    with pytest.raises(CannotCompose, match="do not lie where"):
        compose.derived_series(series, compose.Pixels.read(tmp_path / "other.nrrd"))
    pixels = compose.Pixels.read(tmp_path / "other.nrrd", new_geometry=True)
    paths = compose.derived_series(series, pixels).save(tmp_path / "out")
    found = read(tmp_path / "out")
    assert found.GetSize() == other.GetSize()
    for index in ((0, 0, 0), (3, 2, 7), (19, 4, 23)):
        point = other.TransformIndexToPhysicalPoint(index)
        assert found[found.TransformPhysicalPointToIndex(point)] == other[index]
    for path in paths:
        assert dciodvfy_errors(path) == []
        one = pydicom.dcmread(path)
        assert len(one.SourceImageSequence) == 5  # a sagittal plane cuts all of them
        assert "GantryDetectorTilt" not in one


def test_pixels_on_a_given_grid_lie_there(tmp_path):
    series = written(tmp_path / "series", placed_series(5))
    grid = compose.Grid(np.array([1.0, 2.0, 35.0]), np.array([2.0, 2.0, 3.0]), np.eye(3), (2, 4, 3))
    values = np.arange(24).reshape(2, 4, 3) * 10
    compose.derived_series(series, values, grid=grid).save(tmp_path / "out")
    found = read(tmp_path / "out")
    assert found.GetOrigin() == (1, 2, 35) and found.GetSpacing() == (2, 2, 3)
    assert np.array_equal(sitk.GetArrayFromImage(found), values)
