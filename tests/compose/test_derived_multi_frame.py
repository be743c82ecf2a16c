"""Derived multi-frame objects: functional groups, read by highdicom and SimpleITK."""

import io
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import JPEGLSLossless, generate_uid
from tests.compose.derivation_sources import placed_series
from tests.compose.judges import dciodvfy_errors
from tests.factories import part10_bytes

from isocenter import compose
from isocenter.dicom import Severity, validate
from isocenter.errors import CannotCompose


@pytest.fixture
def enhanced(tmp_path) -> Path:
    """Six CT slices as highdicom converts them; its frames run down, so against the normal."""
    images = placed_series(6, BodyPartExamined="HEAD", RescaleIntercept="-1024")
    for one in images:
        del one.ReferencedImageSequence
    read = [pydicom.dcmread(io.BytesIO(part10_bytes(one))) for one in images]
    made = highdicom.legacy.LegacyConvertedEnhancedCTImage(
        read[::-1], generate_uid(), 5, generate_uid(), 1
    )
    shared = made.SharedFunctionalGroupsSequence[0]
    shared.FrameAnatomySequence[0].FrameLaterality = "U"
    made.pop("ReferencedSeriesSequence", None)  # of what dciodvfy says nothing is referred to
    made.save_as(tmp_path / "enhanced.dcm")
    assert dciodvfy_errors(tmp_path / "enhanced.dcm") == []
    return tmp_path / "enhanced.dcm"


def saved(derived: compose.DerivedSeries, folder: Path) -> Dataset:
    (path,) = derived.save(folder)
    assert dciodvfy_errors(path) == []
    assert [one for one in validate(path) if one.severity is Severity.ERROR] == []
    return pydicom.dcmread(path)


@pytest.mark.parametrize("kind", ["LegacyConvertedEnhancedCT", "EnhancedCT"])
def test_values_that_are_no_hounsfield_units_do_not_become_some(tmp_path, enhanced, kind):
    """Derived frames may have others, only original ones must have HU (PS3.3 C.8.15.3.10)."""
    source = pydicom.dcmread(enhanced)
    source.SOPClassUID = source.file_meta.MediaStorageSOPClassUID = {
        "LegacyConvertedEnhancedCT": "1.2.840.10008.5.1.4.1.1.2.2",
        "EnhancedCT": "1.2.840.10008.5.1.4.1.1.2.1",
    }[kind]
    shared = source.SharedFunctionalGroupsSequence[0]
    shared.PixelValueTransformationSequence[0].RescaleType = "US"
    source.save_as(enhanced)
    (path,) = compose.derived_series(enhanced, lambda array: array + 1).save(tmp_path / "out")
    made = pydicom.dcmread(path)
    (shared,) = made.SharedFunctionalGroupsSequence
    (scale,) = shared.PixelValueTransformationSequence
    assert scale.RescaleType == "US"
    (frame_type,) = shared.CTImageFrameTypeSequence
    assert frame_type.FrameType[0] == made.ImageType[0] == "DERIVED"
    # dciodvfy asks for HU of all frames, of whatever type.
    new = set(dciodvfy_errors(path)) - set(dciodvfy_errors(enhanced))
    assert new == set(), new
    assert any("RescaleType" in line for line in dciodvfy_errors(path))
    assert "RescaleType" not in str(list(validate(path)))


def heights(data_set: Dataset) -> list[float]:
    groups = data_set.PerFrameFunctionalGroupsSequence
    return [float(one.PlanePositionSequence[0].ImagePositionPatient[2]) for one in groups]


def values(data_set: Dataset) -> np.ndarray:
    shared = data_set.SharedFunctionalGroupsSequence[0]
    item = shared.PixelValueTransformationSequence[0]
    return data_set.pixel_array * float(item.RescaleSlope) + float(item.RescaleIntercept)


def ascending(data_set: Dataset) -> sitk.Image:
    order = np.argsort(heights(data_set))
    image = sitk.GetImageFromArray(values(data_set)[order].astype(np.float32))
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-20, 10, 33))
    return image


def test_a_function_of_each_frame_keeps_order_and_place(enhanced, tmp_path):
    source = pydicom.dcmread(enhanced)
    work = lambda array: np.clip(array, -1500, -1000)  # noqa: E731
    derived = saved(compose.derived_series(enhanced, work), tmp_path / "out")
    assert derived.SOPClassUID == source.SOPClassUID
    assert heights(derived) == heights(source)
    assert np.array_equal(values(derived), np.clip(source.pixel_array - 1024, -1500, -1000))


def test_smoothing_is_what_simpleitk_makes_of_the_frames_in_their_order(enhanced, tmp_path):
    source = pydicom.dcmread(enhanced)
    work = compose.Smooth(1.5)
    derived = saved(compose.derived_series(enhanced, work, precision=0.02), tmp_path / "out")
    expected = sitk.SmoothingRecursiveGaussian(ascending(source), 1.5)
    found = sitk.GetArrayFromImage(ascending(derived))
    assert np.abs(found - sitk.GetArrayFromImage(expected)).max() < 0.03
    assert heights(derived) == heights(source)


def test_each_frame_says_what_was_done_to_which_frames(enhanced, tmp_path):
    source = pydicom.dcmread(enhanced)
    derived = saved(compose.derived_series(enhanced, compose.Smooth(1.0)), tmp_path / "out")
    assert list(derived.ImageType)[:2] == ["DERIVED", "PRIMARY"]
    for number, group in enumerate(derived.PerFrameFunctionalGroupsSequence, 1):
        item = group.DerivationImageSequence[-1]
        assert item.DerivationCodeSequence[0].CodeValue == "113088"
        near = range(max(1, number - 1), min(6, number + 1) + 1)
        assert [one.ReferencedFrameNumber for one in item.SourceImageSequence] == list(near)
        for reference in item.SourceImageSequence:
            assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
            assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    evidence = derived.SourceImageEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.SeriesInstanceUID == source.SeriesInstanceUID
    types = [one for one in derived.iterall() if one.keyword == "FrameType"]
    assert types and all(one.value[0] == "DERIVED" for one in types)
    assert not [one for one in derived.iterall() if one.tag.is_private]


def test_resampled_frames_lie_where_simpleitk_has_them(enhanced, tmp_path):
    source = pydicom.dcmread(enhanced)
    work = compose.Resample((1.0, 1.1, 2.0))
    derived = saved(compose.derived_series(enhanced, work, precision=0.02), tmp_path / "out")
    assert derived.NumberOfFrames == 7 == len(derived.PerFrameFunctionalGroupsSequence)
    assert np.allclose(heights(derived), 33 + 2.0 * np.arange(7))
    measures = derived.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [1.0, 1.1] and measures.SpacingBetweenSlices == 2
    before = ascending(source)
    reference = sitk.Image(15, 18, 7, sitk.sitkFloat32)
    reference.SetSpacing((1.1, 1.0, 2.0))
    reference.SetOrigin(before.GetOrigin())
    expected = sitk.GetArrayFromImage(sitk.Resample(before, reference))
    assert np.abs(values(derived) - expected).max() < 0.03
    assert [
        list(one.FrameContentSequence[0].DimensionIndexValues)
        for one in derived.PerFrameFunctionalGroupsSequence
    ] == [[1, number] for number in range(1, 8)]
    image = highdicom.imread(tmp_path / "out" / f"{derived.SOPInstanceUID}.dcm")
    assert image.get_volume_geometry().spatial_shape == (7, 18, 15)


def test_frames_are_written_in_other_encodings(enhanced, tmp_path):
    derived = compose.derived_series(enhanced, lambda array: array + 5)
    (path,) = derived.save(tmp_path / "out", transfer_syntax_uid=JPEGLSLossless)
    found, source = pydicom.dcmread(path), pydicom.dcmread(enhanced)
    assert np.array_equal(values(found), source.pixel_array - 1024 + 5)
    assert dciodvfy_errors(path) == []


def test_an_enhanced_image_with_coloured_overlay_becomes_plain(tmp_path):
    path = get_testdata_file("eCT_Supplemental.dcm", download=False)
    before = dciodvfy_errors(path)  # it calls its values US, where CT wants HU
    derived = compose.derived_series(path, compose.Smooth(1.0))
    (written,) = derived.save(tmp_path / "out")
    assert dciodvfy_errors(written) == before
    assert pydicom.dcmread(written).PixelPresentation == "MONOCHROME"


def test_a_colour_cine_keeps_its_frames_and_timing(tmp_path):
    path = get_testdata_file("examples_ybr_color.dcm", download=False)
    derived = saved(compose.derived_series(path, lambda array: 255 - array), tmp_path / "out")
    source = pydicom.dcmread(path)
    assert derived.pixel_array.shape == source.pixel_array.shape
    assert derived.PhotometricInterpretation == "RGB" and derived.LossyImageCompression == "01"
    assert derived.FrameTime == source.FrameTime


def test_colour_frames_of_a_ct_are_refused(enhanced):
    with pytest.raises(CannotCompose, match="holds no colour"):
        compose.derived_series(enhanced, np.full((6, 20, 24, 3), 9, np.uint8))


def test_more_frames_than_a_cine_has_are_refused():
    path = get_testdata_file("examples_ybr_color.dcm", download=False)
    with pytest.raises(CannotCompose, match="30"):
        compose.derived_series(path, np.full((31, 240, 320, 3), 9, np.uint8))
