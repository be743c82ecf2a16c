"""What NIfTI says to be no number is not taken for zero, as ITK's reader does."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from tests.factories import ct_series

from isocenter import compose
from isocenter.compose.image_files import read_image
from isocenter.errors import CannotCompose

SHAPE = (3, 8, 9)


def nifti(path, array, vectors=False):
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=vectors), str(path))
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".hdr", ".img", ".img.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [SHAPE, (2, *SHAPE), (*SHAPE, 3)])
def test_values_that_are_no_number_stay(tmp_path, ending, dtype, shape):
    array = np.random.default_rng(3).normal(size=shape).astype(dtype)
    array[0, 3:5, ..., 1] = np.nan
    array[-1, -1, ..., -1] = np.inf
    image = read_image(nifti(tmp_path / f"a{ending}", array, shape[-1] == 3))
    # ITK turns the sign of two components, from the axes of NIfTI into its own.
    assert np.array_equal(np.abs(sitk.GetArrayFromImage(image)), np.abs(array), equal_nan=True)
    assert image.HasMetaDataKey("qform_code")


def test_a_field_that_is_partly_undefined_is_so_in_the_registration(tmp_path):
    field = np.zeros((*SHAPE, 3), np.float32)
    field[1, 2:4, 5] = np.nan
    series = ct_series(3)
    made = compose.deformable_registration(
        nifti(tmp_path / "field.nii.gz", field, vectors=True), source=series, moving=series
    ).save(tmp_path / "out.dcm")
    (item,) = (
        one
        for one in pydicom.dcmread(made).DeformableRegistrationSequence
        if "DeformableRegistrationGridSequence" in one
    )
    written = np.frombuffer(item.DeformableRegistrationGridSequence[0].VectorGridData, "<f4")
    assert np.array_equal(np.isnan(written), np.isnan(field.ravel()))


def test_a_volume_with_holes_is_refused(tmp_path):
    volume = np.zeros(SHAPE, np.float32)
    volume[0, 0, 0] = np.nan
    with pytest.raises(CannotCompose, match="NaN or infinite"):
        compose.acquired_series(nifti(tmp_path / "v.nii", volume), modality="CT")


def test_a_map_says_where_nothing_was_measured(tmp_path):
    series = ct_series(3, rows=8, columns=9)
    values = np.ones(SHAPE, np.float32)
    values[0, 0, 0] = np.nan
    image = sitk.GetImageFromArray(values)
    first = series[0]
    image.SetSpacing((*map(float, first.PixelSpacing[::-1]), 1.25))
    image.SetOrigin(list(map(float, first.ImagePositionPatient)))
    sitk.WriteImage(image, str(tmp_path / "adc.nii.gz"))
    made = compose.parametric_map(
        tmp_path / "adc.nii.gz", source=series, units_of_measure="mm"
    ).data_set
    stored = np.frombuffer(made.FloatPixelData, "<f4")
    assert np.isnan(stored).sum() == 1
