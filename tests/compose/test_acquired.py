"""Volumes become CT, MR and PET series that others read as the same voxels at the same places."""

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.compose import judges
from tests.factories import ct_series, part10_bytes

from isocenter.compose.acquisition.acquired import acquired_series
from isocenter.dicom import Severity, validate
from isocenter.errors import CannotCompose, NotFound

RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def numbers(shape=(4, 6, 5), dtype=np.int16, seed=0):
    return np.random.default_rng(seed).integers(-1000, 2000, shape).astype(dtype)


def fractions(shape=(4, 6, 5), seed=0):
    return np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)


def affine(spacing=(0.7, 0.8, 2.5), origin=(-11, 20, 33), turn=(0.0, 0.0, 0.0)):
    """A matrix from (column, row, slice) to LPS mm."""
    rotation = np.eye(3)
    for axis, angle in enumerate(turn):
        a, b = [one for one in range(3) if one != axis]
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        rotation = rotation @ step
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * spacing
    matrix[:3, 3] = origin
    return matrix


def read_by_simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def places(array, matrix):
    """Position in LPS mm of every voxel, in the order of its value, of which there is one each."""
    index = np.stack(np.unravel_index(np.argsort(array, axis=None), array.shape), axis=1)
    return (np.c_[index[:, ::-1], np.ones(len(index))] @ matrix.T)[:, :3]


def matrix_of(image):
    matrix = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    matrix[:3, :3] = directions * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def source_files(folder: Path, **attributes):
    folder.mkdir(exist_ok=True)
    for number, data_set in enumerate(ct_series(4, 6, 5, **attributes)):
        (folder / f"{number}.dcm").write_bytes(part10_bytes(data_set))
    return folder


def coded(value, meaning):
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def pet(**attributes):
    """What PET images say of the tracer and of corrections."""
    agent = pydicom.Dataset()
    agent.RadionuclideCodeSequence = [coded("77004003", "^18^Fluorine")]
    agent.RadiopharmaceuticalCodeSequence = [coded("35321007", "Fluorodeoxyglucose F^18^")]
    agent.AdministrationRouteCodeSequence = [coded("47625008", "Intravenous route")]
    agent.RadiopharmaceuticalStartDateTime = "20260102100000"
    agent.RadiopharmaceuticalStopDateTime = "20260102100010"
    agent.RadiopharmaceuticalAdministrationEventUID = "1.2.3"
    agent.RadionuclideTotalDose, agent.RadiopharmaceuticalSpecificActivity = "370000000", "1000"
    agent.RadionuclideHalfLife, agent.RadionuclidePositronFraction = "6586.2", "0.967"
    return {
        "Modality": "PT",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128",
        "RadiopharmaceuticalInformationSequence": [agent],
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "RAN", "NORM"],
        "AcquisitionDate": "20260102",
        "AcquisitionTime": "110000",
        "DecayCorrection": "START",
        "AttenuationCorrectionSource": "CT",
        "AttenuationCorrectionTemporalRelationship": "SEPARATE",
        "ScatterCorrectionMethod": "Model",
        "RandomsCorrectionMethod": "DLYD",
    } | attributes


SCANNER = {"TableMotion": "STATIC", "TimeOfFlightInformationUsed": "TRUE"}
"""What PET Image objects have no place for, and Enhanced PET ones have to say."""


def errors(path):
    return [one for one in validate(path) if one.severity is Severity.ERROR]


def assert_accepted(paths):
    assert judges.dcentvfy_errors(paths) == []
    for path in paths[:1] + paths[-1:]:
        assert judges.dciodvfy_errors(path) == []
        assert errors(path) == []


@pytest.mark.parametrize("agency", [None, "IEC"])
def test_no_agency_is_named_and_none_called_unknown(tmp_path, agency):
    """Terms of implementers "shall not have a meaning of unknown" (PS3.5 6.3)."""
    said = {"ApplicableSafetyStandardAgency": agency} if agency else {}
    series = acquired_series(
        ordinals(), modality="MR", affine=affine(), enhanced=True, overrides=said
    )
    (path,) = series.save(tmp_path / "out")
    assert_accepted([path])
    assert pydicom.dcmread(path).ApplicableSafetyStandardAgency == (agency or "NONE")
    found = [one.path for one in validate(path)]
    assert found == ([] if agency else ["ApplicableSafetyStandardAgency"])


def ordinals(shape=(4, 6, 5)):
    """A different number for each voxel."""
    return np.random.default_rng(1).permutation(int(np.prod(shape))).reshape(shape).astype(np.int16)


ANGLE = st.floats(-3.1, 3.1)


@given(
    turn=st.tuples(ANGLE, ANGLE, ANGLE),
    spacing=st.tuples(*[st.floats(0.3, 4)] * 3),
    mirrored=st.booleans(),
    upright=st.booleans(),
    space=st.sampled_from(["LPS", "RAS"]),
)
@settings(max_examples=20)
def test_simpleitk_reads_the_same_voxels_at_the_same_places_whatever_the_affine(
    tmp_path_factory, turn, spacing, mirrored, upright, space
):
    matrix = affine(spacing, turn=turn)
    if mirrored:
        matrix[:3, 0] *= -1
    array = ordinals()
    folder = tmp_path_factory.mktemp("oblique") / "out"
    acquired_series(array, modality="MR", affine=matrix, space=space, upright=upright).save(folder)
    image = read_by_simpleitk(folder)
    expected = RAS @ matrix if space == "RAS" else matrix
    found = sitk.GetArrayFromImage(image)
    assert np.array_equal(np.sort(found, axis=None), np.arange(array.size))
    assert places(found, matrix_of(image)) == pytest.approx(places(array, expected), abs=2e-3)


def test_an_axial_volume_of_nifti_is_seen_from_the_feet_with_the_front_on_top(tmp_path):
    matrix = np.diag([1.0, 1.0, 2.0, 1.0])  # columns run to the right's left, rows to the front
    files = acquired_series(ordinals(), modality="CT", affine=matrix, space="RAS").save(
        tmp_path / "o"
    )
    for path in files:
        assert pydicom.dcmread(path).ImageOrientationPatient == [1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("columns", [[0, 2, 1], [1, 2, 0], [2, 1, 0], [2, 0, 1], [1, 0, 2]])
def test_pictures_are_upright_whatever_the_order_of_axes(tmp_path, columns):
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, columns]
    files = acquired_series(ordinals(), modality="MR", affine=matrix).save(tmp_path / "o")
    orientation = [round(one) for one in pydicom.dcmread(files[0]).ImageOrientationPatient]
    assert orientation in ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1])


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("inherit", [False, True], ids=["alone", "inheriting"])
@pytest.mark.parametrize(
    "array", [numbers(), numbers().clip(0), fractions(), fractions() + 50], ids=str
)
def test_every_modality_satisfies_the_judges(tmp_path, modality, inherit, array):
    source = source_files(tmp_path / "source") if inherit else None
    series = acquired_series(array, modality=modality, source=source, affine=affine())
    assert_accepted(series.save(tmp_path / "out"))


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("inherit", [False, True], ids=["alone", "inheriting"])
@pytest.mark.parametrize("array", [numbers(), fractions()], ids=["whole", "fractions"])
def test_one_enhanced_object_satisfies_the_judges(tmp_path, modality, inherit, array):
    source = source_files(tmp_path / "source") if inherit else None
    series = acquired_series(
        array, modality=modality, source=source, affine=affine(), enhanced=True
    )
    (path,) = paths = series.save(tmp_path / "out")
    assert_accepted(paths)
    assert pydicom.dcmread(path).NumberOfFrames == 4


@pytest.mark.parametrize(
    ("modality", "tag"),
    [
        ("MR", None),
        ("MR", ("EchoTime", [10, 20, 30])),
        ("MR", ("DiffusionBValue", [0, 500, 1000])),
        ("CT", ("AcquisitionTime", [36000, 36002.5, 36005])),
        ("PT", ("FrameReferenceTime", [0, 60000, 120000])),
    ],
)
@pytest.mark.parametrize("enhanced", [False, True], ids=["images", "enhanced"])
def test_several_volumes_satisfy_the_judges(tmp_path, modality, tag, enhanced):
    array = numbers((3, 4, 6, 5)).clip(0)
    # Nobody can guess what was given to the patient of an Enhanced PET image.
    pictures = modality == "PT" and enhanced
    source = source_files(tmp_path / "source", **pet()) if pictures else None
    series = acquired_series(
        array,
        modality=modality,
        source=source,
        affine=affine(),
        tag=tag,
        enhanced=enhanced,
        overrides=SCANNER if pictures else None,
    )
    paths = series.save(tmp_path / "out")
    assert_accepted(paths)
    assert len(paths) == (1 if enhanced else 12)


@pytest.mark.parametrize(
    ("corrected_to", "moment"), [("START", "20260102110000"), ("ADMIN", "20260102100000")]
)
def test_an_enhanced_pet_image_says_tracer_and_corrections(tmp_path, corrected_to, moment):
    array = fractions() + 50
    source = source_files(tmp_path / "source", **pet(DecayCorrection=corrected_to))
    series = acquired_series(
        array,
        modality="PT",
        source=source,
        affine=affine(),
        enhanced=True,
        overrides=SCANNER,
    )
    (path,) = paths = series.save(tmp_path / "out")
    assert_accepted(paths)
    image = pydicom.dcmread(path)
    (agent,) = image.RadiopharmaceuticalInformationSequence
    assert agent.RadiopharmaceuticalCodeSequence[0].CodeMeaning == "Fluorodeoxyglucose F^18^"
    assert image.DecayCorrectionDateTime == moment
    assert image.AttenuationCorrected == "YES" and image.PatientMotionCorrected == "NO"
    read = sitk.ReadImage(str(path))
    assert sitk.GetArrayFromImage(read) == pytest.approx(array, abs=series.largest_error * 1.001)
    assert matrix_of(read) == pytest.approx(affine(), abs=2e-3)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("CorrectedImage", "which corrections"),
        ("AttenuationCorrectionSource", r"AttenuationCorrectionSource \(0018,9738\)"),
        ("DecayCorrection", r"DecayCorrectionDateTime \(0018,9701\)"),
        ("TableMotion", r"TableMotion \(0018,1134\)"),
        ("TimeOfFlightInformationUsed", r"TimeOfFlightInformationUsed \(0018,9755\)"),
    ],
)
def test_an_enhanced_pet_image_is_refused_whose_making_is_not_known(tmp_path, missing, message):
    source = source_files(tmp_path / "source", **(pet(**SCANNER) | {missing: None}))
    options = {"modality": "PT", "source": source, "affine": affine(), "enhanced": True}
    with pytest.raises(CannotCompose, match=message):
        acquired_series(abs(numbers()), **options).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_pet_images_cannot_say_may_be_given(tmp_path):
    source = source_files(tmp_path / "source", **pet(AttenuationCorrectionSource=None))
    said = SCANNER | {"AttenuationCorrectionSource": "MR"}
    series = acquired_series(
        abs(numbers()),
        modality="PT",
        source=source,
        affine=affine(),
        enhanced=True,
        overrides=said,
    )
    (path,) = series.save(tmp_path / "out")
    image = pydicom.dcmread(path)
    assert {one: image[one].value for one in said} == said


def test_nobody_guesses_which_of_several_beginnings_decay_is_corrected_to(tmp_path):
    source = source_files(tmp_path / "source", **pet())
    later = pydicom.dcmread(source / "2.dcm")
    later.AcquisitionTime = "110300"
    later.save_as(source / "2.dcm")
    options = {"modality": "PT", "source": source, "affine": affine(), "enhanced": True}
    with pytest.raises(CannotCompose, match="DecayCorrectionDateTime"):
        acquired_series(abs(numbers()), overrides=SCANNER, **options).save(tmp_path / "out")
    said = SCANNER | {"DecayCorrectionDateTime": "20260102110000"}
    assert_accepted(acquired_series(abs(numbers()), overrides=said, **options).save(tmp_path / "o"))


def test_frames_are_on_the_side_of_the_images_and_in_the_plane_of_the_volume(tmp_path):
    source = source_files(tmp_path / "source", **pet(ImageLaterality="R"))
    series = acquired_series(
        abs(numbers()),
        modality="PT",
        source=source,
        affine=np.eye(4)[[2, 0, 1, 3]],
        enhanced=True,
        overrides=SCANNER,
    )
    (path,) = paths = series.save(tmp_path / "out")
    assert_accepted(paths)
    image = pydicom.dcmread(path)
    (shared,) = image.SharedFunctionalGroupsSequence
    assert shared.FrameAnatomySequence[0].FrameLaterality == "R"
    assert image.ViewCodeSequence[0].CodeMeaning == "Sagittal plane"


def test_whole_numbers_come_back_exactly_and_others_within_half_a_step(tmp_path):
    for name, array in {
        "signed": numbers(),
        "unsigned": numbers().astype(np.uint16) % 60000,
        "whole": numbers().astype(np.float64),
        "shifted": numbers().astype(np.int32) + 40000,
        "fractions": fractions(),
    }.items():
        series = acquired_series(array, modality="CT", affine=affine())
        series.save(tmp_path / name)
        found = sitk.GetArrayFromImage(read_by_simpleitk(tmp_path / name)).astype(np.float64)
        assert (series.largest_error == 0) == (name != "fractions")
        assert np.abs(found - array).max() <= series.largest_error * (1 + 1e-6)


def test_a_pet_series_has_a_slope_for_each_image_and_no_intercept(tmp_path):
    array = fractions() * np.array([1, 10, 100, 1000])[:, np.newaxis, np.newaxis]
    paths = acquired_series(abs(array), modality="PT", affine=affine()).save(tmp_path / "out")
    images = [pydicom.dcmread(path) for path in paths]
    assert len({float(one.RescaleSlope) for one in images}) == 4
    assert {float(one.RescaleIntercept) for one in images} == {0}
    for image, values in zip(images, abs(array), strict=True):
        found = image.pixel_array * float(image.RescaleSlope)
        assert np.abs(found - values).max() <= values.max() / 65000


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".nrrd"])
def test_files_of_research_bring_their_geometry(tmp_path, suffix):
    image = sitk.GetImageFromArray(ordinals())
    matrix = affine(turn=(0.2, 0.3, -0.4))
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetSpacing(np.linalg.norm(matrix[:3, :3], axis=0).tolist())
    image.SetDirection((matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"v{suffix}"))
    acquired_series(tmp_path / f"v{suffix}", modality="CT").save(tmp_path / "out")
    back = read_by_simpleitk(tmp_path / "out")
    found = places(sitk.GetArrayFromImage(back), matrix_of(back))
    assert found == pytest.approx(places(ordinals(), matrix), abs=1e-3)


PIXELS = {
    "uint8": "sitkUInt8",
    "uint16": "sitkUInt16",
    "int16": "sitkInt16",
    "float32": "sitkFloat32",
}


def test_a_stack_of_tiff_pictures_becomes_slices_in_the_order_of_their_names(tmp_path):
    (tmp_path / "stack").mkdir()
    array = ordinals().astype(np.uint16)
    for number, picture in enumerate(array):
        Image.fromarray(picture).save(tmp_path / "stack" / f"{number:03}.tif")
    series = acquired_series(tmp_path / "stack", modality="CT", spacing=(2, 0.5, 0.5))
    series.save(tmp_path / "out")
    image = read_by_simpleitk(tmp_path / "out")
    assert np.array_equal(sitk.GetArrayFromImage(image), array)
    assert image.GetSpacing() == pytest.approx((0.5, 0.5, 2))


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("pages", [True, False])
def test_a_tiff_stack_of_any_type_that_itk_writes_keeps_its_values(tmp_path, kind, pages):
    array = np.random.default_rng(3).normal(60 if kind[0] == "u" else -60, 20, (11, 6, 5))
    image = sitk.GetImageFromArray(np.round(array * 4).clip(0 if kind[0] == "u" else None, 255))
    image = sitk.Cast(image / 4 if kind == "float32" else image, getattr(sitk, PIXELS[kind]))
    (tmp_path / "stack").mkdir()
    for number in range(1 if pages else 11):
        part = image if pages else image[:, :, number]
        sitk.WriteImage(part, str(tmp_path / "stack" / f"slice{number}.tif"))
    series = acquired_series(tmp_path / "stack", modality="CT", spacing=(2, 0.5, 0.5))
    series.save(tmp_path / "out")
    found = sitk.GetArrayFromImage(read_by_simpleitk(tmp_path / "out"))
    expected = sitk.GetArrayFromImage(image)
    assert np.abs(found - expected).max() <= series.largest_error + 1e-9 < 0.01


def test_an_array_without_geometry_takes_that_of_its_source(tmp_path):
    source = source_files(tmp_path / "source")
    acquired_series(ordinals(), modality="MR", source=source, upright=False).save(tmp_path / "out")
    ours, theirs = (read_by_simpleitk(tmp_path / one) for one in ("out", "source"))
    assert ours.GetOrigin() == pytest.approx(theirs.GetOrigin())
    assert ours.GetSpacing() == pytest.approx(theirs.GetSpacing())


def test_the_series_joins_the_study_and_the_coordinates_of_its_source(tmp_path):
    source = pydicom.dcmread(source_files(tmp_path / "source") / "0.dcm")
    one = next(iter(acquired_series(ordinals(), modality="CT", source=source, affine=affine())))
    assert one.data_set.StudyInstanceUID == source.StudyInstanceUID
    assert one.data_set.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert one.data_set.SeriesInstanceUID != source.SeriesInstanceUID
    assert one.data_set.KVP == source.KVP
    apart = acquired_series(
        ordinals(), modality="CT", source=source, affine=affine(), same_frame_of_reference=False
    )
    assert next(iter(apart)).data_set.FrameOfReferenceUID != source.FrameOfReferenceUID


def test_a_template_gives_defaults_and_overrides_win(tmp_path):
    (tmp_path / "site.toml").write_text('[defaults]\nInstitutionName = "Example Clinic"\n')
    series = acquired_series(
        ordinals(),
        modality="MR",
        affine=affine(),
        template_file=tmp_path / "site.toml",
        overrides={"EchoTime": 12, "PatientName": "Müller^Ä"},
    )
    paths = series.save(tmp_path / "out")
    assert_accepted(paths)
    for path in paths:
        image = pydicom.dcmread(path)
        assert (image.InstitutionName, image.EchoTime) == ("Example Clinic", 12)
        assert (str(image.PatientName), image.SpecificCharacterSet) == ("Müller^Ä", "ISO_IR 100")
    origins = {row["keyword"]: row["origin"] for row in series.explain()}
    assert origins["InstitutionName"] == "configured"
    assert origins["EchoTime"] == "given"
    assert origins["ImagePositionPatient"] == "generated"


def test_every_transfer_syntax_is_written(tmp_path):
    series = acquired_series(numbers(), modality="CT", affine=affine())
    for name, uid in {"rle": "1.2.840.10008.1.2.5", "j2k": "1.2.840.10008.1.2.4.90"}.items():
        paths = series.save(tmp_path / name, transfer_syntax_uid=uid)
        images = [pydicom.dcmread(path) for path in paths]
        assert {one.file_meta.TransferSyntaxUID for one in images} == {uid}
        assert np.array_equal([one.pixel_array for one in images], numbers())


def test_gdcm_reads_what_simpleitk_reads(tmp_path):
    program = judges.needs("gdcminfo", "libgdcm-tools")
    (path, *_) = acquired_series(fractions(), modality="CT", affine=affine()).save(tmp_path / "o")
    text = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60).stdout
    assert "CT Image Storage" in text
    assert "Origin: (-11,20,33)" in text
    assert "DirectionCosines: (1,0,0,0,1,0)" in text


def test_dcm2niix_finds_the_affine_of_the_nifti_that_the_series_was_made_of(tmp_path):
    program = judges.needs("dcm2niix")
    matrix = affine(turn=(0.2, -0.3, 0.1))
    acquired_series(ordinals(), modality="MR", affine=matrix).save(tmp_path / "out")
    subprocess.run(
        [program, "-z", "n", "-b", "n", "-o", str(tmp_path), "-f", "back", str(tmp_path / "out")],
        check=True,
        capture_output=True,
        timeout=60,
    )
    image = sitk.ReadImage(str(tmp_path / "back.nii"))
    found = places(sitk.GetArrayFromImage(image), matrix_of(image))
    assert found == pytest.approx(places(ordinals(), matrix), abs=1e-3)


def sheared():
    matrix = affine()
    matrix[0, 1] = 0.3
    return matrix


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (numbers(), {"affine": sheared()}, "not perpendicular"),
        (numbers(), {}, "does not say where"),
        (numbers(), {"spacing": (1, 0, 1)}, "positive"),
        (numbers(), {"affine": np.zeros((4, 4))}, "affine"),
        (numbers(), {"affine": np.eye(3)}, "affine"),
        (numbers((6, 5)), {"affine": affine()}, "shape"),
        (numbers((1, 2, 3, 4, 5)), {"affine": affine()}, "shape"),
        (numbers((4, 6, 5, 3)).astype(np.uint8), {"affine": affine()}, "several samples"),
        (fractions() + np.where(np.arange(5) == 2, np.nan, 0), {"affine": affine()}, "24 of 120"),
        (fractions() + np.where(np.arange(5) == 2, np.inf, 0), {"affine": affine()}, "24 of 120"),
        (numbers(dtype=np.int64) * 100_000, {"affine": affine()}, "16 bits"),
        (numbers().astype(complex), {"affine": affine()}, "real"),
        (numbers((2, 4, 6, 5)), {"affine": affine(), "tag": ("EchoTime", [1])}, "1 values"),
        (numbers((2, 4, 6, 5)), {"affine": affine(), "tag": ("EchoTime", [2, 1])}, "ascending"),
        (numbers(), {"affine": affine(), "modality": "US"}, "US"),
        (np.zeros((1, 70000, 2), np.int16), {"affine": affine()}, "65535"),
        (numbers(), {"affine": affine(), "overrides": {"Rows": 4}}, "cannot be set"),
        (numbers(), {"affine": affine(), "overrides": {"Nope": 4}}, "no attribute"),
        (numbers((2, 4, 6, 5)), {"affine": affine(), "modality": "PT"}, "FrameReferenceTime"),
        (
            abs(numbers()),
            {"affine": affine(), "modality": "PT", "enhanced": True},
            "pharmaceutical",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_with_what_to_do(array, options, message):
    with pytest.raises(CannotCompose, match=message):
        list(acquired_series(array, **{"modality": "CT", **options}))


def test_a_sheared_nifti_is_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(numbers()), str(tmp_path / "v.nii"))
    content = bytearray((tmp_path / "v.nii").read_bytes())
    content[252:254] = (0).to_bytes(2, "little")  # no qform
    content[254:256] = (1).to_bytes(2, "little")
    rows = np.array([[1, 0.4, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], "<f4")
    content[280:328] = rows.tobytes()
    (tmp_path / "v.nii").write_bytes(content)
    with pytest.raises(CannotCompose, match="not perpendicular"):
        acquired_series(tmp_path / "v.nii", modality="MR")


def test_pictures_of_different_sizes_are_no_stack(tmp_path):
    for number, size in enumerate([(6, 5), (6, 6)]):
        Image.fromarray(np.zeros(size, np.uint16)).save(tmp_path / f"{number}.tif")
    with pytest.raises(CannotCompose, match="differ in size"):
        acquired_series(tmp_path, modality="CT", spacing=(1, 1, 1))


def test_sources_of_two_patients_are_refused(tmp_path):
    first = source_files(tmp_path / "a")
    second = source_files(tmp_path / "b", PatientID="OTHER")
    with pytest.raises(CannotCompose, match="different patients"):
        acquired_series(numbers(), modality="CT", source=[first, second], affine=affine())


def test_a_missing_file_and_one_of_something_else_are_told_apart(tmp_path):
    with pytest.raises(NotFound):
        acquired_series(tmp_path / "no.nii", modality="CT")
    (tmp_path / "no.nii").write_text("no volume")
    with pytest.raises(CannotCompose, match="cannot be read as an image"):
        acquired_series(tmp_path / "no.nii", modality="CT")
