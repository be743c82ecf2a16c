"""Segmentations: dciodvfy judges them, highdicom and DCMQI read the same masks out of them."""

import json
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.compose.judges import dcentvfy_errors, dciodvfy_errors, needs
from tests.factories import composite, ct_series, ct_slice, part10_bytes

from isocenter.compose import load
from isocenter.compose.codes import Code
from isocenter.compose.label_maps import write_label_map
from isocenter.compose.measured.parametric_map import parametric_map
from isocenter.compose.measured.segmentation import segmentation
from isocenter.compose.measured.segments import Segment
from isocenter.compose.measured.segments_reading import read_segmentation
from isocenter.dicom import validate
from isocenter.errors import CannotCompose

SERIES = ct_series(4, rows=48, columns=64)
SHAPE = (4, 48, 64)
RANDOM = np.random.default_rng(11)


def label_map() -> np.ndarray:
    rows, columns = np.mgrid[:48, :64]
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, np.hypot(rows - 22, columns - 30) < 15] = 1
    labels[2, 20:24, 28:32] = 7
    return labels


def multi_frame(planes: int = 4, **attributes: object) -> pydicom.Dataset:
    """An Enhanced CT whose frames stand in the opposite order of their positions."""
    image = ct_slice(48, 64)
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    shared, frames = pydicom.Dataset(), []
    orientation, measures = pydicom.Dataset(), pydicom.Dataset()
    orientation.ImageOrientationPatient = image.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = image.PixelSpacing, 1.25
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelMeasuresSequence = [measures]
    for number in range(planes):
        position = pydicom.Dataset()
        position.ImagePositionPatient = [-180, -180, -100 - 1.25 * number]
        frame = pydicom.Dataset()
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = frames
    image.NumberOfFrames = planes
    image.PixelData = image.PixelData * planes
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(image, keyword)
    return image


def saved(tmp_path: Path, mask: object, **options: object) -> Path:
    options.setdefault("source", SERIES)
    return segmentation(mask, **options).save(tmp_path / "seg.dcm")


def errors_of_the_present_standard(path: Path) -> list[str]:
    """dciodvfy of Debian 12 predates Label Map Segmentations, and their background segment 0."""
    known = ("Information Object Not found", "SegmentNumber not monotonically increasing")
    return [one for one in dciodvfy_errors(path) if not any(text in one for text in known)]


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_a_label_map_comes_back_exactly_by_us_and_by_highdicom(tmp_path: Path, kind: str) -> None:
    labels = label_map()
    path = saved(tmp_path, labels, kind=kind)
    assert errors_of_the_present_standard(path) == []
    assert [found.message for found in validate(str(path))] == []
    numbers = {0: 0, 1: 1, 7: 7 if kind == "LABELMAP" else 2}
    expected = np.vectorize(numbers.get)(labels)
    np.testing.assert_array_equal(read_segmentation(path).label_map(SERIES), expected)
    theirs = highdicom.seg.segread(path).get_pixels_by_source_instance(
        [one.SOPInstanceUID for one in SERIES], combine_segments=True, ignore_spatial_locations=True
    )
    np.testing.assert_array_equal(theirs, expected)


def test_fractions_come_back_as_they_were_rounded(tmp_path: Path) -> None:
    fractions = RANDOM.integers(0, 256, SHAPE) / 255
    path = saved(tmp_path, fractions, kind="FRACTIONAL", fractional_type="OCCUPANCY")
    assert dciodvfy_errors(path) == []
    assert pydicom.dcmread(path).SegmentationFractionalType == "OCCUPANCY"
    np.testing.assert_allclose(read_segmentation(path).masks(SERIES)[0], fractions, atol=1e-9)
    theirs = highdicom.seg.segread(path).get_pixels_by_source_instance(
        [one.SOPInstanceUID for one in SERIES], ignore_spatial_locations=True
    )
    np.testing.assert_allclose(theirs[..., 0], fractions, atol=1e-6)


def test_segments_may_overlap(tmp_path: Path) -> None:
    masks = RANDOM.random((*SHAPE, 3)) < 0.3
    path = saved(tmp_path, masks)
    assert dciodvfy_errors(path) == []
    found = read_segmentation(path)
    np.testing.assert_array_equal(found.masks(SERIES), np.moveaxis(masks, -1, 0))
    with pytest.raises(CannotCompose, match="overlap"):
        found.label_map(SERIES)


def test_a_multi_frame_source_is_referred_to_frame_by_frame(tmp_path: Path) -> None:
    source = multi_frame()
    labels = label_map()
    path = saved(tmp_path, labels, source=source)
    assert dciodvfy_errors(path) == []
    np.testing.assert_array_equal(read_segmentation(path).label_map(source), np.minimum(labels, 2))
    theirs = highdicom.seg.segread(path).get_pixels_by_source_frame(
        source.SOPInstanceUID,
        [1, 2, 3, 4],
        combine_segments=True,
        ignore_spatial_locations=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(theirs[::-1], np.minimum(labels, 2))


def test_a_picture_without_position_can_be_segmented(tmp_path: Path) -> None:
    source = ct_slice(48, 64, SOPClassUID="1.2.840.10008.5.1.4.1.1.1", Modality="CR")
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"):
        delattr(source, keyword)
    mask = label_map()[2] > 0
    path = saved(tmp_path, mask, source=source)
    assert dciodvfy_errors(path) == []
    np.testing.assert_array_equal(read_segmentation(path).masks(source)[0, 0], mask)


def test_a_segment_says_what_it_is_and_who_made_it(tmp_path: Path) -> None:
    given_segment = Segment(
        "Nódulo",
        Code("49755003", "SCT", "Morphologically Abnormal Structure"),
        Code("27925004", "SCT", "Nodule"),
        algorithm_type="AUTOMATIC",
        algorithm_name="Net",
        algorithm_version="2.1",
        tracking_id="nodule 1",
        tracking_uid="2.25.1",
        color=(255, 0, 0),
        anatomic_region=Code("39607008", "SCT", "Lung"),
    )
    path = saved(tmp_path, label_map() == 7, segments=[given_segment])
    assert dciodvfy_errors(path) == []
    item = highdicom.seg.segread(path).get_segment_description(1)
    assert item.segment_label == "Nódulo"
    assert item.segmented_property_type.meaning == "Nodule"
    assert item.algorithm_identification.version == "2.1"
    assert item.tracking_uid == "2.25.1"
    lightness, a, b = item.RecommendedDisplayCIELabValue  # PS3.3 C.10.7.1.1
    lab = lightness / 655.35, a / 257 - 128, b / 257 - 128
    np.testing.assert_allclose(lab, (53.24, 80.09, 67.20), atol=0.05)  # of the red of sRGB
    (segment,) = read_segmentation(path).segments
    assert segment.anatomic_region == given_segment.anatomic_region
    assert segment.color is not None and abs(segment.color[0] - 255) < 2


@pytest.mark.parametrize(
    ("label", "category", "code"),
    [
        ("liver", "91723000", "10200004"),
        ("Blood Clot", "49755003", "75753009"),
        ("Something else", "85756007", "85756007"),
    ],
)
def test_a_label_that_is_the_meaning_of_a_code_gives_its_codes(
    label: str, category: str, code: str
) -> None:
    composed = segmentation(label_map() == 1, source=SERIES, segments=[Segment(label)])
    item = composed.data_set.SegmentSequence[0]
    assert item.SegmentedPropertyCategoryCodeSequence[0].CodeValue == category
    assert item.SegmentedPropertyTypeCodeSequence[0].CodeValue == code


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (Code("1", "", "Mass"), "scheme '', meaning 'Mass', is incomplete"),
        (Code("", "99X", "Mass"), "code '' of scheme '99X'"),
        (Code("1", "99X", "m" * 65), "a code meaning of 65 characters; at most 64 fit"),
    ],
)
def test_a_code_that_cannot_be_one_is_refused(code: Code, says: str) -> None:
    mass = Segment("Mass", property_category=Code("49755003", "SCT", "Mass"), property_type=code)
    with pytest.raises(CannotCompose, match=says):
        segmentation(np.ones((3, 16, 16), bool), source=ct_series(3, 16, 16), segments=[mass])


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_code_that_is_a_urn_needs_no_scheme(tmp_path: Path, kind: str) -> None:
    """Coding Scheme Designator is Type 1C, and no URN requires it (PS3.3 Table 8.8-1)."""
    mass = Segment("Mass", property_category=Code("49755003", "SCT", "Mass"),
                   property_type=Code("urn:oid:1.2.3", "", "Mass"))  # fmt: skip
    mask = np.ones((3, 16, 16), np.uint8)
    path = saved(tmp_path, mask, source=ct_series(3, 16, 16), segments=[mass], kind=kind)
    (item,) = pydicom.dcmread(path).SegmentSequence[-1].SegmentedPropertyTypeCodeSequence
    assert item.URNCodeValue == "urn:oid:1.2.3"
    assert "CodingSchemeDesignator" not in item
    assert [found.message for found in validate(str(path))] == []
    assert errors_of_the_present_standard(path) == []


def test_empty_frames_are_left_out_unless_wanted() -> None:
    mask = label_map() == 1
    assert segmentation(mask, source=SERIES).data_set.NumberOfFrames == 2
    kept = segmentation(mask, source=SERIES, omit_empty_frames=False)
    assert kept.data_set.NumberOfFrames == 4


def test_what_was_looked_for_and_not_found_is_an_empty_segment(tmp_path: Path) -> None:
    path = saved(tmp_path, np.zeros(SHAPE, np.uint8), segments=[Segment("Cyst")])
    assert dciodvfy_errors(path) == []
    assert not read_segmentation(path).masks(SERIES).any()


@pytest.mark.parametrize("said", [None, "6.5"])
def test_one_slice_alone_has_no_distance_to_others_but_what_it_says(tmp_path: Path, said) -> None:
    (image,) = ct_series(1, rows=16, columns=12, SliceThickness="5")
    if said:
        image.SpacingBetweenSlices = said
    mask, value = np.ones((1, 16, 12), np.uint8), np.ones((1, 16, 12), np.float32)
    for made in (
        segmentation(mask, source=[image]),
        parametric_map(value, source=[image], units_of_measure="um2/s"),
    ):
        path = made.save(tmp_path / "out.dcm")
        assert errors_of_the_present_standard(path) == []
        (groups,) = pydicom.dcmread(path).SharedFunctionalGroupsSequence
        (measures,) = groups.PixelMeasuresSequence
        assert measures.SliceThickness == 5
        assert str(measures.get("SpacingBetweenSlices")) == str(said)


def test_it_belongs_to_its_study(tmp_path: Path) -> None:
    files = []
    for number, one in enumerate(SERIES):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10_bytes(one))
    composed = segmentation(label_map(), source=files)
    assert dcentvfy_errors([*files, composed.save(tmp_path / "seg.dcm")]) == []
    origins = {row["keyword"]: row["origin"] for row in composed.explain()}
    assert origins["PatientID"] == "copied" and origins["SegmentSequence"] == "given"


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_a_file_on_the_grid_of_the_series_is_read_and_written_again(
    tmp_path: Path, suffix: str
) -> None:
    labels = label_map()
    path = write_label_map(labels, tmp_path / f"mask.{suffix}", source=SERIES)
    image = sitk.ReadImage(str(path))
    np.testing.assert_allclose(image.GetSpacing(), (0.703125, 0.703125, 1.25), rtol=1e-6)
    composed = segmentation(path, source=SERIES, kind="LABELMAP")
    np.testing.assert_array_equal(read_segmentation(composed.data_set).label_map(SERIES), labels)


@given(arrays(np.uint8, (3, 5, 7), elements=st.integers(0, 3)), st.booleans())
@settings(max_examples=25)
def test_any_label_map_comes_back(labels: np.ndarray, as_map: bool) -> None:
    source = ct_series(3, rows=5, columns=7)
    segments = [Segment(f"S{number}") for number in (1, 2, 3)]
    kind = "LABELMAP" if as_map else "BINARY"
    composed = segmentation(labels, source=source, segments=segments, kind=kind)
    np.testing.assert_array_equal(read_segmentation(composed.data_set).label_map(source), labels)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"])
def test_compressed_label_maps_are_read(tmp_path: Path, syntax: str) -> None:
    composed = segmentation(label_map(), source=SERIES, kind="LABELMAP")
    path = composed.save(tmp_path / "seg.dcm", transfer_syntax_uid=syntax)
    np.testing.assert_array_equal(read_segmentation(path).label_map(SERIES), label_map())


def test_dcmqi_reads_the_same_masks(tmp_path: Path) -> None:
    labels = label_map()
    segments = {1: Segment("Liver"), 7: Segment("Cyst")}
    path = saved(tmp_path, labels, segments=segments, omit_empty_frames=False)
    subprocess.run(
        [needs("segimage2itkimage"), "--inputDICOM", path]
        + ["--outputDirectory", tmp_path, "--outputType", "nrrd", "--prefix", "out"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    described = json.loads((tmp_path / "out-meta.json").read_text())["segmentAttributes"]
    assert [one[0]["SegmentLabel"] for one in described] == ["Liver", "Cyst"]
    series = load(SERIES)
    for number, label in ((1, 1), (2, 7)):
        image = sitk.ReadImage(str(tmp_path / f"out-{number}.nrrd"))
        again = segmentation(sitk.Cast(image > 0, sitk.sitkUInt8), source=series)
        found = read_segmentation(again.data_set).masks(series)[0]
        np.testing.assert_array_equal(found, labels == label)


@pytest.mark.parametrize(
    ("mask", "options", "sentence"),
    [
        (np.zeros((4, 48, 63), bool), {}, r"\(4, 48, 63\).*\(4, 48, 64\)"),
        (np.zeros(SHAPE, bool), {}, "marks nothing"),
        (np.full(SHAPE, 0.5), {}, "fractions, which BINARY has not"),
        (np.full(SHAPE, 1.5), {"kind": "FRACTIONAL"}, "expected 0 to 1"),
        (np.full(SHAPE, np.nan), {"kind": "FRACTIONAL"}, "expected 0 to 1"),
        (np.full(SHAPE, -1), {}, "label -1"),
        (np.ones((*SHAPE, 2), bool), {"kind": "LABELMAP"}, "one label a pixel"),
        (np.full((*SHAPE, 2), 3), {}, "other than 0 and 1"),
        (np.ones(SHAPE, bool), {"kind": "BITMAP"}, "no Segmentation Type"),
        (np.full(SHAPE, 3), {"segments": [Segment("One")]}, "1 segments are described"),
        (np.ones(SHAPE, bool), {"content_label": "a label of 20 letters"}, "1 to 16"),
        (np.ones(SHAPE, object), {}, "not understood"),
    ],
)
def test_a_mask_that_cannot_be_right_is_refused_by_name(
    mask: np.ndarray, options: dict, sentence: str
) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        segmentation(mask, source=SERIES, **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"label": ""}, "1 to 64"),
        ({"label": "x", "algorithm_type": "MAGIC"}, "no Segment Algorithm Type"),
        ({"label": "x", "algorithm_type": "AUTOMATIC"}, "no name"),
        ({"label": "x", "tracking_id": "1"}, "both or neither"),
        ({"label": "x", "color": (0, 0, 256)}, "0 to 255"),
    ],
)
def test_a_segment_described_wrongly_is_refused_by_name(options: dict, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        segmentation(np.ones(SHAPE, bool), source=SERIES, segments=[Segment(**options)])


def test_masks_are_not_laid_on_other_images() -> None:
    found = read_segmentation(segmentation(label_map(), source=SERIES).data_set)
    shifted = ct_series(4, rows=48, columns=64, ImagePositionPatient=["-170", "-180", "-97.5"])[:1]
    with pytest.raises(CannotCompose, match="same pixels"):
        found.masks(shifted)
    with pytest.raises(CannotCompose, match="48 and 48"):
        found.masks(ct_series(4, rows=48, columns=48))


def test_a_report_is_no_source() -> None:
    report = composite("1.2.840.10008.5.1.4.1.1.88.11", "SR")
    with pytest.raises(CannotCompose, match="no images"):
        segmentation(label_map(), source=report)
