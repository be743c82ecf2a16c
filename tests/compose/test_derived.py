"""Derived series, read by SimpleITK and pydicom, judged by dciodvfy and dcentvfy."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from tests.compose.derivation_sources import computed_radiograph, placed_series, read, written
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors
from tests.factories import ct_slice, native_frames, part10_bytes, small_object

from isocenter import compose
from isocenter.compose.codes import Code
from isocenter.dicom import Severity, validate
from isocenter.errors import CannotCompose, IsocenterError, NotFound
from isocenter.series import Series


@pytest.fixture
def series(tmp_path) -> Path:
    return written(tmp_path / "series", placed_series())


def saved(derived: compose.DerivedSeries, folder: Path) -> list[Dataset]:
    paths = derived.save(folder)
    return [pydicom.dcmread(path) for path in paths]


def clipped(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -100, 50)


def judged(folder: Path) -> None:
    for path in folder.iterdir():
        assert dciodvfy_errors(path) == []
        found = [one for one in validate(path) if one.severity is Severity.ERROR]
        assert found == []


# -- pixels ----------------------------------------------------------------------------------------


def test_a_function_of_each_slice_gives_what_numpy_gives(series, tmp_path):
    compose.derived_series(series, clipped).save(tmp_path / "out")
    expected = np.clip(sitk.GetArrayFromImage(read(series)), -100, 50)
    assert np.array_equal(sitk.GetArrayFromImage(read(tmp_path / "out")), expected)


def test_smoothing_is_what_simpleitk_makes_of_the_source(series, tmp_path):
    source = sitk.Cast(read(series), sitk.sitkFloat32)
    expected = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(source, 2.0))
    derived = compose.derived_series(series, compose.Smooth(2.0), precision=0.02)
    derived.save(tmp_path / "out")
    found = sitk.GetArrayFromImage(read(tmp_path / "out"))
    assert derived.largest_error <= 0.02
    assert np.abs(found - expected).max() <= derived.largest_error + 1e-4


def test_new_pixels_may_come_in_any_order_of_axes(series, tmp_path):
    source = read(series)
    new = sitk.PermuteAxes(sitk.Flip(source + 7, (True, False, True)), (2, 0, 1))
    sitk.WriteImage(new, str(tmp_path / "new.nii.gz"))
    pixels = compose.Pixels.read(tmp_path / "new.nii.gz")
    compose.derived_series(series, pixels).save(tmp_path / "out")
    found = read(tmp_path / "out")
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(source) + 7)
    assert np.allclose(found.GetOrigin(), source.GetOrigin())


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless,
        JPEGLSLossless,
        RLELossless,
    ],
)
def test_every_encoding_is_read_and_written(syntax, tmp_path):
    images = placed_series(3)
    source = written(tmp_path / "series", images, syntax)
    expected = [np.clip(native_frames(one)[0], -100, 50) for one in images]
    derived = compose.derived_series(source, clipped)
    for target in (ExplicitVRLittleEndian, syntax):
        folder = tmp_path / f"out-{target}"
        paths = derived.save(folder, transfer_syntax_uid=target)
        for path, pixels in zip(paths, expected, strict=True):
            found = pydicom.dcmread(path)
            assert found.file_meta.TransferSyntaxUID == target
            assert np.array_equal(found.pixel_array, pixels)
            if target != DeflatedExplicitVRLittleEndian:  # which dciodvfy does not inflate
                assert dciodvfy_errors(path) == []


def test_fractions_are_stored_within_the_error_that_is_told(series, tmp_path):
    shape = (6, 20, 24)
    values = np.random.default_rng(3).uniform(0, 0.02, shape)
    derived = compose.derived_series(series, values)
    derived.save(tmp_path / "out")
    found = sitk.GetArrayFromImage(read(tmp_path / "out"))
    assert np.abs(found - values).max() <= derived.largest_error < 0.02 / 65000
    judged(tmp_path / "out")


@pytest.mark.parametrize("low", [-40000, 0, 20000])
def test_whole_numbers_are_exact_wherever_they_lie(low, series, tmp_path):
    values = np.random.default_rng(4).integers(low, low + 40001, (6, 20, 24))
    derived = compose.derived_series(series, values)
    derived.save(tmp_path / "out")
    assert derived.largest_error == 0
    assert np.array_equal(sitk.GetArrayFromImage(read(tmp_path / "out")), values)
    judged(tmp_path / "out")


def test_padding_stays_padding_and_does_not_bleed(tmp_path):
    images = placed_series(4, PixelPaddingValue=-2000)
    for one in images:
        pixels = native_frames(one)[0].copy()
        pixels[:] = 40
        pixels[:, :6] = -2000
        one.PixelData = pixels.tobytes()
    derived = compose.derived_series(written(tmp_path / "series", images), compose.Smooth(3.0))
    for one in saved(derived, tmp_path / "out"):
        padded = one.pixel_array == one.PixelPaddingValue
        assert padded[:, :6].all() and not padded[:, 6:].any()
        values = one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
        assert np.abs(values[:, 6:] - 40).max() < 1e-4


def test_a_new_padding_value_is_chosen_where_pixels_have_the_old_one(tmp_path):
    images = placed_series(3, PixelPaddingValue=-2000)
    values = np.zeros((3, 20, 24))
    values[:, 0], values[:, 1] = -2000, np.nan
    derived = compose.derived_series(written(tmp_path / "series", images), values)
    for one in saved(derived, tmp_path / "out"):
        assert one.PixelPaddingValue != -2000
        assert np.all(one.pixel_array[1] == one.PixelPaddingValue)
        assert np.all(one.pixel_array[0] == -2000)


def test_a_function_may_move_pixels_and_padding_with_them(tmp_path):
    images = placed_series(3, PixelPaddingValue=-2000)
    for one in images:
        pixels = native_frames(one)[0].copy()
        pixels[:4] = -2000
        one.PixelData = pixels.tobytes()
    expected = [native_frames(one)[0][::-1] for one in images]
    source = written(tmp_path / "series", images)
    found = saved(compose.derived_series(source, lambda values: values[::-1]), tmp_path / "out")
    assert all(np.array_equal(a.pixel_array, b) for a, b in zip(found, expected, strict=True))


def test_smallest_and_largest_are_those_of_the_new_pixels(tmp_path):
    images = placed_series(3)
    for one in images:
        one.add_new(0x00280106, "SS", -1000)
        one.add_new(0x00280107, "SS", 3000)
    derived = compose.derived_series(written(tmp_path / "series", images), clipped)
    for one in saved(derived, tmp_path / "out"):
        assert one.SmallestImagePixelValue == one.pixel_array.min()
        assert one.LargestImagePixelValue == one.pixel_array.max()


def test_colour_of_a_ct_becomes_secondary_captures_that_keep_their_place(series, tmp_path):
    colour = np.random.default_rng(1).integers(0, 256, (6, 20, 24, 3)).astype(np.uint8)
    derived = compose.derived_series(series, colour)
    assert any("Secondary Capture" in note for note in derived.notes)
    found = saved(derived, tmp_path / "out")
    for one, pixels in zip(found, colour, strict=True):
        assert one.SOPClassUID.name == "Secondary Capture Image Storage"
        assert np.array_equal(one.pixel_array, pixels)
        assert "ImagePositionPatient" in one and "KVP" not in one
    judged(tmp_path / "out")


def test_memory_does_not_grow_with_the_series(tmp_path):
    def peak(count: int) -> int:
        source = written(tmp_path / f"s{count}", placed_series(count, rows=256, columns=256))
        tracemalloc.start()
        compose.derived_series(source, clipped).save(tmp_path / f"o{count}")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)  # imports
    assert peak(24) < peak(8) + 12 * 256 * 256


# -- what is said of them --------------------------------------------------------------------------


def test_the_objects_pass_the_judges_with_their_sources(series, tmp_path):
    for name, work in {
        "smooth": compose.Smooth(2.0),
        "resample": compose.Resample((1, 1, 1)),
        "function": clipped,
    }.items():
        compose.derived_series(series, work).save(tmp_path / name)
        judged(tmp_path / name)
    files = [path for path in tmp_path.rglob("*.dcm")]
    assert dcentvfy_errors(files) == []


DIFFERENT = (
    "InstanceCreationDate",
    "InstanceCreationTime",
    "SOPInstanceUID",
    "Manufacturer",
    "ManufacturerModelName",
    "DerivationDescription",
    "SourceImageSequence",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "ImageType",
    "ContentDate",
    "SeriesDate",
    "ContributingEquipmentSequence",
)
SAME = (
    "SOPClassUID",
    "AcquisitionDate",
    "AcquisitionTime",
    "Modality",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientPosition",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "AcquisitionNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "KVP",
    "BodyPartExamined",
    "InstitutionName",
    "InstanceNumber",
)
GONE = (
    "StationName",
    "PerformedProcedureStepID",
    "PerformedProcedureStepStartDate",
    "IconImageSequence",
    "VOILUTSequence",
    "OriginalAttributesSequence",
    "RealWorldValueMappingSequence",
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Dataset, Dataset]:
    folder = tmp_path_factory.mktemp("pair")
    images = placed_series(3)
    for one in images:
        lut = Dataset()
        lut.add_new(0x00283002, "US", [2, 0, 16])
        lut.add_new(0x00283006, "US", [0, 1])
        one.VOILUTSequence = [lut]
        one.IconImageSequence = [Dataset()]
        one.OriginalAttributesSequence = [Dataset()]
        one.RealWorldValueMappingSequence = [Dataset()]
        one.add_new(0x60000010, "US", 20)
        one.private_block(0x0009, "ACME 1.0", create=True).add_new(1, "LO", "secret")
        one.RequestAttributesSequence[0].private_block(0x0009, "ACME 1.0", create=True).add_new(
            1, "LO", "secret"
        )
    source = written(folder / "series", images)
    (first, *_) = saved(compose.derived_series(source, clipped), folder / "out")
    return images[0], first


@pytest.mark.parametrize("keyword", DIFFERENT)
def test_what_is_new_differs_from_the_source(keyword, pair):
    source, derived = pair
    assert keyword in derived
    assert derived.get(keyword) != source.get(keyword)


@pytest.mark.parametrize("keyword", SAME)
def test_what_is_shared_is_that_of_the_source(keyword, pair):
    source, derived = pair
    assert keyword in source
    assert derived[keyword] == source[keyword]


@pytest.mark.parametrize("keyword", GONE)
def test_what_no_longer_holds_is_gone(keyword, pair):
    source, derived = pair
    assert keyword in source
    assert keyword not in derived


def test_private_attributes_overlays_and_group_lengths_are_gone(pair):
    _, derived = pair
    assert not [one for one in derived.iterall() if one.tag.is_private]
    assert not [one for one in derived if one.tag.group >> 8 in (0x50, 0x60)]
    assert b"secret" not in b"".join(bytes(str(one), "utf-8") for one in derived.iterall())


def test_private_attributes_of_a_named_creator_may_stay(tmp_path):
    images = placed_series(2)
    for one in images:
        for creator in ("ACME 1.0", "OTHER"):
            one.private_block(0x0009, creator, create=True).add_new(1, "LO", creator)
    source = written(tmp_path / "series", images)
    derived = compose.derived_series(source, clipped, keep_private=["OTHER"])
    for one in saved(derived, tmp_path / "out"):
        values = [element.value for element in one if element.tag.is_private]
        assert values == ["OTHER", "OTHER"]
    every = compose.derived_series(source, clipped, keep_private=True)
    kept = {one.tag for one in next(iter(every)).data_set if one.tag.is_private}
    assert kept == {one.tag for one in images[0] if one.tag.is_private}


def test_image_type_is_derived_and_keeps_what_its_class_says(pair):
    assert list(pair[1].ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]


def test_every_image_names_its_source_and_why(series, tmp_path):
    found = saved(compose.derived_series(series, clipped), tmp_path / "out")
    sources = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, series.iterdir())}
    for one in found:
        (item,) = one.SourceImageSequence
        source = sources[item.ReferencedSOPInstanceUID]
        assert item.ReferencedSOPClassUID == source.SOPClassUID
        assert source.ImagePositionPatient == one.ImagePositionPatient
        assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_a_smoothed_image_names_the_neighbours_that_went_into_it(series, tmp_path):
    found = saved(compose.derived_series(series, compose.Smooth(1.0)), tmp_path / "out")
    heights = {
        one.SOPInstanceUID: float(one.ImagePositionPatient[2])
        for one in map(pydicom.dcmread, series.iterdir())
    }
    for one in found:
        own = float(one.ImagePositionPatient[2])
        named = {heights[item.ReferencedSOPInstanceUID] for item in one.SourceImageSequence}
        assert named == {height for height in heights.values() if abs(height - own) <= 3.0}


def test_the_derivation_is_described_in_words_and_codes(series, tmp_path):
    first = compose.derived_series(series, compose.Smooth(2.0))
    first.save(tmp_path / "first")
    second = compose.derived_series(
        tmp_path / "first",
        clipped,
        description="Clipped",
        codes=["Pixel by pixel mask", "T1 Map", Code("X1", "99TEST", "My own")],
    )
    (one, *_) = saved(second, tmp_path / "second")
    assert one.DerivationDescription == "Gaussian smoothing, standard deviation 2 mm; Clipped"
    values = [item.CodeValue for item in one.DerivationCodeSequence]
    assert values == ["113088", "113047", "113063", "X1"]
    purposes = [
        item.PurposeOfReferenceCodeSequence[0].CodeMeaning
        for item in one.ContributingEquipmentSequence
    ]
    assert purposes == ["Acquisition Equipment", "Processing Equipment"]
    assert one.ContributingEquipmentSequence[0].Manufacturer == "ACME"
    assert one.ContributingEquipmentSequence[0].StationName == "CT01"


def test_the_window_stays_where_values_mean_the_same_and_is_new_otherwise(tmp_path):
    images = placed_series(3, WindowCenter="40", WindowWidth="400")
    source = written(tmp_path / "series", images)
    smooth = next(iter(compose.derived_series(source, compose.Smooth(2.0)))).data_set
    assert (smooth.WindowCenter, smooth.WindowWidth) == (40, 400)
    new = next(iter(compose.derived_series(source, np.arange(1440).reshape(3, 20, 24)))).data_set
    assert (new.WindowCenter, new.WindowWidth) == (720, 1440)


def test_loss_stays_on_record(tmp_path):
    path = Path(get_testdata_file("693_J2KI.dcm", download=False))
    source = pydicom.dcmread(path)
    derived = next(iter(compose.derived_series(path, compose.Smooth(1.0)))).data_set
    assert derived.LossyImageCompression == "01"
    assert float(derived.LossyImageCompressionRatio) > 1
    assert derived.LossyImageCompressionMethod == "ISO_15444_1"
    assert source.SOPInstanceUID != derived.SOPInstanceUID


def test_what_differs_among_the_sources_of_an_image_is_left_out(tmp_path):
    images = placed_series(6)
    for number, one in enumerate(images):
        one.XRayTubeCurrent = 100 + number
        one.AcquisitionTime = f"0816{10 + number}"
    source = written(tmp_path / "series", images)
    merged = saved(compose.derived_series(source, compose.Resample((1, 1, 1))), tmp_path / "out")
    assert not any("XRayTubeCurrent" in one for one in merged if len(one.SourceImageSequence) > 1)
    assert merged[0].XRayTubeCurrent == 100 and len(merged[0].SourceImageSequence) == 1
    assert all(one.KVP == 120 for one in merged)
    assert merged[1].AcquisitionTime == "081610"
    alone = next(iter(compose.derived_series(source, clipped))).data_set
    assert alone.XRayTubeCurrent == 100


def test_explain_says_where_each_value_came_from(series):
    rows = {one["keyword"]: one for one in compose.derived_series(series, clipped).explain()}
    assert rows["PatientID"]["origin"] == "copied"
    assert rows["SourceImageSequence"]["origin"] == "generated"
    assert rows["PixelData"]["origin"] == "given"


def test_template_and_overrides_win(series, tmp_path):
    (tmp_path / "site.toml").write_text(
        '[defaults]\nInstitutionName = "Elsewhere"\nImageComments = "Checked"\n'
        '[derived_series.overrides]\nSeriesDescription = "Site"\n'
    )
    derived = compose.derived_series(
        series,
        clipped,
        template_file=tmp_path / "site.toml",
        overrides={"OperatorsName": "Grüß^Jürgen", "KVP": None, "SeriesNumber": 7},
    )
    rows = {one["keyword"]: one for one in derived.explain()}
    assert rows["SeriesDescription"]["origin"] == "configured"
    assert rows["SeriesNumber"]["origin"] == "given"
    (one, *_) = saved(derived, tmp_path / "out")
    assert one.SeriesDescription == "Site" and one.InstitutionName == "General Hospital"
    assert str(one.OperatorsName) == "Grüß^Jürgen"
    assert one.KVP is None  # Type 2 of a CT
    judged(tmp_path / "out")


def test_text_that_the_source_cannot_hold_moves_all_of_it_into_unicode(tmp_path):
    images = placed_series(2, SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    source = written(tmp_path / "series", images)
    derived = compose.derived_series(source, clipped, series_description="平滑化")
    for one in saved(derived, tmp_path / "out"):
        assert one.SpecificCharacterSet == "ISO_IR 192"
        assert str(one.PatientName) == "Müller^Jörg"
        assert one.SeriesDescription == "平滑化"


# -- other kinds of images -------------------------------------------------------------------------


def test_a_radiograph_is_smoothed_in_its_plane(tmp_path):
    image = computed_radiograph()
    source = sitk.GetImageFromArray(native_frames(image)[0].astype(np.float32))
    source.SetSpacing((0.15, 0.2))
    expected = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(source, 0.5))
    folder = written(tmp_path / "cr", [image])
    (one,) = saved(compose.derived_series(folder, compose.Smooth(0.5)), tmp_path / "out")
    assert np.abs(one.pixel_array - expected).max() <= 0.5
    assert one.PhotometricInterpretation == "MONOCHROME1" and one.BitsStored == 12
    judged(tmp_path / "out")


def test_a_radiograph_is_resampled_at_its_detector(tmp_path):
    folder = written(tmp_path / "cr", [computed_radiograph()])
    (one,) = saved(compose.derived_series(folder, compose.Resample((0.4, 0.3))), tmp_path / "out")
    assert list(one.ImagerPixelSpacing) == [0.4, 0.3]
    assert (one.Rows, one.Columns) == (20, 15)
    assert "ImagePositionPatient" not in one and "SliceThickness" not in one
    judged(tmp_path / "out")


def test_mr_values_that_need_a_scale_get_one(tmp_path):
    path = Path(get_testdata_file("MR_small.dcm", download=False))
    values = np.random.default_rng(2).uniform(0.2, 3.5, (64, 64))
    derived = compose.derived_series(path, values, codes=["T1 Map"], description="T1 in s")
    (one,) = saved(derived, tmp_path / "out")
    restored = one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
    assert np.abs(restored - values).max() <= derived.largest_error < 1e-4


def test_colour_ultrasound_stays_ultrasound(tmp_path):
    path = Path(get_testdata_file("color-pl.dcm", download=False))
    (one,) = saved(compose.derived_series(path, lambda values: 255 - values), tmp_path / "out")
    source = pydicom.dcmread(path)
    assert one.SOPClassUID == source.SOPClassUID
    assert np.array_equal(one.pixel_array, 255 - source.pixel_array)


def test_a_pet_series_has_no_intercept(tmp_path):
    images = placed_series(3, SOPClassUID="1.2.840.10008.5.1.4.1.1.128", Modality="PT")
    values = np.random.default_rng(2).uniform(0.2, 3.5, (3, 20, 24))
    derived = compose.derived_series(written(tmp_path / "series", images), values)
    (one, *_) = saved(derived, tmp_path / "out")
    assert one.RescaleIntercept == 0 and float(one.RescaleSlope) < 1e-4


# -- refusals --------------------------------------------------------------------------------------


def refused(source, pixels, folder: Path, **options) -> str:
    with pytest.raises(IsocenterError) as caught:
        compose.derived_series(source, pixels, **options).save(folder / "out")
    assert not (folder / "out").exists()
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]
    return str(caught.value)


def test_two_patients_are_refused(tmp_path):
    images = placed_series(3)
    images[1].PatientID = "OTHER"
    assert "patient" in refused(written(tmp_path / "s", images), clipped, tmp_path)


def test_mixed_orientations_are_refused(tmp_path):
    images = placed_series(3)
    images[1].ImageOrientationPatient = [0, 1, 0, 0, 0, 1]
    assert "parallel" in refused(written(tmp_path / "s", images), clipped, tmp_path)


def test_slices_of_different_size_are_refused(tmp_path):
    images = [*placed_series(3), *placed_series(1, rows=30, origin=(0, 0, 99))]
    images[3].SeriesInstanceUID = images[0].SeriesInstanceUID
    assert "size" in refused(written(tmp_path / "s", images), clipped, tmp_path)


def test_a_missing_slice_stops_what_needs_a_volume_and_nothing_else(tmp_path):
    images = placed_series(6)
    del images[2]
    folder = written(tmp_path / "s", images)
    message = refused(folder, compose.Smooth(2.0), tmp_path)
    assert "not evenly spaced" in message and "missing slice" in message
    assert len(compose.derived_series(folder, clipped).save(tmp_path / "out")) == 5


def test_a_tilted_gantry_stops_what_needs_a_volume(tmp_path):
    images = placed_series(4)
    for number, one in enumerate(images):
        one.ImagePositionPatient = [0, 0.6 * number, 2.5 * number]
    assert "tilted" in refused(written(tmp_path / "s", images), compose.Smooth(2), tmp_path)


def test_images_without_a_place_have_no_volume(tmp_path):
    image = computed_radiograph()
    del image.ImagerPixelSpacing
    folder = written(tmp_path / "s", [image])
    assert "how far apart" in refused(folder, compose.Smooth(2), tmp_path)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((6, 20, 24), np.nan), "NaN"),
        (np.full((6, 20, 24), np.inf), "infinite"),
        (np.zeros((6, 20, 23)), "6 slices of 20 rows and 24 columns"),
        (np.zeros((5, 20, 24)), "Give a grid"),
        (np.zeros((6, 20, 24), bool), "mask"),
        (np.indices((6, 20, 24))[0] % 2, "compose seg"),
        (np.zeros((6, 20, 24), complex), "complex128"),
        (np.zeros((6, 20, 24), "M8[s]"), "datetime64"),
        (np.linspace(0, 1e6, 2880).astype(int).reshape(6, 20, 24), "16 bits"),
        (np.full((6, 20, 24, 3), 300), "0 to 255"),
        (np.zeros((6, 20, 24, 2)), "RGB"),
    ],
)
def test_pixels_without_a_home_are_refused(pixels, says, tmp_path):
    images = placed_series(6)
    for one in images:
        del one.PixelPaddingValue
    assert says in refused(written(tmp_path / "s", images), pixels, tmp_path)


def test_a_precision_that_16_bits_cannot_give_leads_to_a_parametric_map(series, tmp_path):
    values = np.random.default_rng(1).uniform(0, 1000, (6, 20, 24))
    assert "Parametric Map" in refused(series, values, tmp_path, precision=1e-4)


def test_several_series_want_one_named(tmp_path):
    first, second = placed_series(2), placed_series(3)
    for one in second:
        one.PatientID = first[0].PatientID
    folder = written(tmp_path / "s", [*first, *second])
    message = refused(folder, clipped, tmp_path)
    assert first[0].SeriesInstanceUID in message and "3 images" in message
    derived = compose.derived_series(
        folder, clipped, series_instance_uid=second[0].SeriesInstanceUID
    )
    assert len(derived) == 3 and any("another series" in note for note in derived.notes)


def test_several_images_at_one_place_are_taken_one_by_one_and_are_no_volume(tmp_path):
    first, second = placed_series(3), placed_series(3)
    for number, (one, other) in enumerate(zip(first, second, strict=True), 4):
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
            setattr(other, keyword, getattr(one, keyword))
        other.InstanceNumber = number
    folder = written(tmp_path / "s", [*first, *second])
    found = saved(compose.derived_series(folder, clipped), tmp_path / "out")
    assert [one.InstanceNumber for one in found] == [1, 4, 2, 5, 3, 6]
    assert "same place" in refused(folder, compose.Smooth(2), tmp_path / "s")


def test_the_same_image_twice_counts_once(tmp_path):
    images = placed_series(3)
    derived = compose.derived_series(written(tmp_path / "s", [*images, images[1]]), clipped)
    assert len(derived) == 3 and any("same image again" in note for note in derived.notes)


def test_single_frames_that_count_themselves_are_a_series(tmp_path):
    images = placed_series(3, NumberOfFrames=1)
    derived = compose.derived_series(written(tmp_path / "s", images), compose.Smooth(2))
    assert len(derived.save(tmp_path / "out")) == 3


def test_a_file_that_is_no_folder_is_told(series, tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(IsocenterError, match="cannot be written"):
        compose.derived_series(series, clipped).save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "here"


def test_what_is_no_image_is_left_out_and_told(series):
    (series / "report.dcm").write_bytes(part10_bytes(small_object(PatientID="PID-1")))
    (series / "README").write_text("no DICOM")
    notes = compose.derived_series(series, clipped).notes
    assert any("README: no DICOM" in note for note in notes)
    assert any("report.dcm: no image (SR)" in note for note in notes)


def test_a_folder_without_images_is_not_found(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound):
        compose.derived_series(tmp_path / "empty", clipped)


def test_what_follows_from_the_pixels_cannot_be_set(series):
    with pytest.raises(CannotCompose, match="Rows"):
        compose.derived_series(series, clipped, overrides={"Rows": 4})


@pytest.mark.parametrize(
    "options",
    [
        {"series_description": "x" * 65},
        {"overrides": {"StudyDate": "yesterday"}},
        {"overrides": {"NoSuchThing": "1"}},
        {"series_number": 2**40},
    ],
)
def test_values_that_an_attribute_cannot_have_are_refused(options, series, tmp_path):
    refused(series, clipped, tmp_path, **options)


def test_a_failure_midway_leaves_the_folder_as_it_was(series, tmp_path):
    calls = []

    def fails(values: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) == 4:
            raise CannotCompose("no more")
        return values

    (tmp_path / "out").mkdir()
    with pytest.raises(CannotCompose, match="no more"):
        compose.derived_series(series, fails).save(tmp_path / "out")
    derived = compose.derived_series(series, clipped)
    with pytest.raises(IsocenterError):
        derived.save(tmp_path / "out", transfer_syntax_uid="1.2.840.10008.1.2.4.50")
    assert list((tmp_path / "out").iterdir()) == []
    assert len(derived.save(tmp_path / "out")) == 6


def test_a_folder_in_use_is_not_written_into(series, tmp_path):
    derived = compose.derived_series(series, clipped)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept.txt").write_text("kept")
    acquired = compose.acquired_series(np.zeros((2, 4, 4)), modality="MR", spacing=(1, 1, 1))
    opened = Series.open(series)
    for save in (derived.save, acquired.save, opened.write):
        with pytest.raises(CannotCompose, match="has files already"):
            save(tmp_path / "out")
    assert sorted(one.name for one in tmp_path.rglob("*") if one.parent != series) == [
        "kept.txt",
        "out",
        series.name,
    ]


def test_a_damaged_slice_stops_the_series(series, tmp_path):
    path = sorted(series.iterdir())[2]
    path.write_bytes(path.read_bytes()[:-300])
    assert "truncated" in refused(series, clipped, tmp_path)


def test_a_segmentation_is_no_source(tmp_path):
    image = ct_slice(
        16, 16, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", SOPInstanceUID=generate_uid()
    )
    assert "labels" in refused(written(tmp_path / "s", [image]), clipped, tmp_path)


# -- real images of many makers --------------------------------------------------------------------

REAL = (
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb.dcm",
    "693_J2KI.dcm",
    "JPEG-lossy.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "explicit_VR-UN.dcm",
    "image_dfl.dcm",
    "examples_palette.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
)


def _kinds(path: str | Path) -> set[str]:
    """Return what dciodvfy objects to, without the values."""
    # It forbids two modules' attributes in derived images; PS3.3 C.8.13.4 and C.7.6.18.3 say that
    # they may be present otherwise, and they still tell how the source was acquired.
    allowed = ("Module=<MRPulseSequence>", "Module=<BulkMotionSynchronization>")
    lines = (line for line in dciodvfy_errors(path) if not line.endswith(allowed))
    return {re.sub(r"<[^<>()]*>|\[\d+\]", "", line) for line in lines}


@pytest.mark.parametrize("name", REAL)
def test_real_images_get_no_error_that_they_did_not_have(name, tmp_path):
    path = get_testdata_file(name, download=False)

    def turned(values: np.ndarray) -> np.ndarray:
        return values[::-1]

    (written,) = compose.derived_series(path, turned).save(tmp_path / "out")
    assert _kinds(written) <= _kinds(path)
    source, derived = pydicom.dcmread(path), pydicom.dcmread(written)
    assert derived.PatientID == source.PatientID
    assert derived.StudyInstanceUID == source.StudyInstanceUID
    if source.PhotometricInterpretation.startswith("MONOCHROME"):
        before, after = (
            sitk.GetArrayFromImage(sitk.ReadImage(str(one))) for one in (path, written)
        )
        exact = "LossyImageCompression" not in derived  # codecs round in their own way
        assert np.abs(np.flip(after, after.ndim - 2) - before.astype(float)).max() <= 2 * (
            not exact
        )


# -- what sources leave out or say wrongly ---------------------------------------------------------


@pytest.mark.parametrize(
    "keyword",
    ["ImageType", "PatientPosition", "FrameOfReferenceUID", "RescaleSlope", "PatientID"],
)
def test_a_source_that_leaves_something_out_gives_valid_images(tmp_path, keyword):
    images = placed_series(2)
    for one in images:
        del one[keyword]
    compose.derived_series(written(tmp_path / "in", images), clipped).save(tmp_path / "out")
    judged(tmp_path / "out")
    frames = {pydicom.dcmread(one).FrameOfReferenceUID for one in (tmp_path / "out").iterdir()}
    assert len(frames) == 1


def test_what_a_source_says_wrongly_is_mended_or_left_out(tmp_path):
    wrong = {
        "BodyPartExamined": "chest!",
        "AcquisitionDate": "notdate",
        "PatientAge": "55",
        "PatientBirthDate": "1970.01.02",
        "PatientPosition": "h.f.s",
        "KVP": "120.00000000000000001",
        "PatientIdentityRemoved": "YES",
    }
    series = written(tmp_path / "in", placed_series(2, **wrong))
    (first, *_) = saved(compose.derived_series(series, clipped), tmp_path / "out")
    judged(tmp_path / "out")
    assert (first.PatientBirthDate, first.KVP, first.PatientPosition) == ("19700102", 120, "")
    assert not {"BodyPartExamined", "AcquisitionDate", "PatientAge"} & set(first.dir())
    assert "PatientIdentityRemoved" not in first


def test_code_strings_are_raised_to_capitals_where_that_makes_them_sound(tmp_path):
    small = {"BodyPartExamined": "chest", "PatientPosition": "hfs", "PatientSex": "f"}
    small["ImageType"] = ["original", "primary", "axial"]
    series = written(tmp_path / "in", placed_series(2, **small))
    given = {"ScanOptions": ["helical", "FAST"]}
    derived = compose.derived_series(series, clipped, overrides=given)
    (first, *_) = saved(derived, tmp_path / "out")
    judged(tmp_path / "out")
    assert (first.BodyPartExamined, first.PatientPosition, first.PatientSex) == (
        "CHEST",
        "HFS",
        "F",
    )
    assert list(first.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert list(first.ScanOptions) == ["HELICAL", "FAST"]


@pytest.mark.parametrize(
    ("attributes", "keyword"),
    [
        ({"PatientBirthDate": "2024-01-17"}, "PatientBirthDate"),
        ({"StudyInstanceUID": None}, "StudyInstanceUID"),
    ],
)
def test_what_images_need_and_a_source_cannot_give_is_named(tmp_path, attributes, keyword):
    series = written(tmp_path / "in", placed_series(2, **attributes))
    with pytest.raises(CannotCompose, match=keyword):
        compose.derived_series(series, clipped).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    given = generate_uid() if keyword.endswith("UID") else "20240117"
    compose.derived_series(series, clipped, overrides={keyword: given}).save(tmp_path / "out")
    judged(tmp_path / "out")


@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [("StudyInstanceUID", "", "Type 1"), ("PatientSex", "X", "one of")],
)
def test_overrides_of_derived_series_are_held_against_their_class(
    series, tmp_path, keyword, value, sentence
):
    with pytest.raises(CannotCompose, match=sentence):
        compose.derived_series(series, clipped, overrides={keyword: value}).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
