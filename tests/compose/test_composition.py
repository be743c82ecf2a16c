"""What every kind of object inherits, and when it says it was made."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_series, ct_slice

from isocenter import Series
from isocenter.compose import (
    Composition,
    acquired_series,
    derived_series,
    load,
    secondary_capture,
)
from isocenter.compose.planes import stack
from isocenter.errors import CannotCompose

NOON = datetime.datetime(2024, 1, 17, 12, 0, tzinfo=datetime.UTC)


def moment(offset: str) -> tuple[str, str]:
    source = Dataset()
    source.PatientID, source.TimezoneOffsetFromUTC = "1", offset
    composition = Composition(
        "1.2.840.10008.5.1.4.1.1.7", kind="capture", sources=load(source), now=NOON
    )
    composition.study()
    composition.content_moment()
    made = composition.finish().data_set
    assert made.InstanceCreationTime == made.ContentTime
    return made.ContentDate, made.ContentTime


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("+1300", ("20240118", "010000.000000")),
        ("-0930", ("20240117", "023000.000000")),
        ("+9959", ("20240117", "120000.000000")),
        ("noon", ("20240117", "120000.000000")),
    ],
)
def test_an_object_is_made_at_the_time_of_the_zone_that_it_inherits(offset, expected):
    assert moment(offset) == expected


@pytest.mark.parametrize(
    ("part", "laterality", "expected"),
    [
        ("CHEST", "", None),
        ("KNEE", "", ""),
        ("KNEE", "L", "L"),
        ("KNEE", None, ""),
        (None, None, ""),
    ],
)
def test_an_unknown_laterality_is_empty_of_paired_body_parts_and_absent_of_others(
    part, laterality, expected, tmp_path: Path
):
    source = ct_slice(8, 8, BodyPartExamined=part, Laterality=laterality)
    volume = np.zeros((1, 8, 8), np.int16)
    (made,) = acquired_series(volume, modality="CT", spacing=(2, 1, 1), source=source)
    present = "Laterality" in made.data_set
    assert (made.data_set.Laterality or "" if present else None) == expected
    assert dciodvfy_errors(made.save(tmp_path)) == []


def test_text_that_no_character_set_holds_is_refused_without_being_quoted():
    with pytest.raises(CannotCompose, match="No character set of DICOM holds the text") as refused:
        secondary_capture(np.zeros((4, 4), np.uint8), overrides={"ImageComments": "DOE \ud800"})
    assert refused.value.tag == 0x00204000 and "DOE" not in str(refused.value)


def test_text_beyond_the_chosen_character_set_is_told_by_its_attribute_in_items_too():
    request = {"RequestedProcedureID": "1", "RequestedProcedureDescription": "Σ"}
    overrides = {"SpecificCharacterSet": "ISO_IR 100", "RequestAttributesSequence": [request]}
    with pytest.raises(CannotCompose) as refused:
        secondary_capture(np.zeros((4, 4), np.uint8), overrides=overrides)
    path = "RequestAttributesSequence (0040,0275) > RequestedProcedureDescription (0032,1060)"
    assert path in str(refused.value) and refused.value.tag == 0x00321060


@pytest.mark.parametrize("keyword", ["Rows", "BitsStored", "NumberOfFrames", "SOPClassUID"])
def test_neither_a_caller_nor_a_site_can_set_what_describes_the_pixels(keyword, tmp_path: Path):
    site = tmp_path / "site.toml"
    value = '"1.2.3"' if keyword == "SOPClassUID" else "3"
    site.write_text(f"[overrides]\n{keyword} = {value}\n")
    slices, values = ct_series(2, 8, 8), np.zeros((2, 8, 8), np.int16)
    for said in ({"overrides": {keyword: 3}}, {"template_file": site}):
        for make in (
            lambda said=said: secondary_capture(values.astype(np.uint8), **said),
            lambda said=said: derived_series(slices, values, **said),
            lambda said=said: acquired_series(values, modality="CT", spacing=(1, 1, 1), **said),
        ):
            with pytest.raises(CannotCompose, match=f"{keyword} .*cannot be set"):
                make()


@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [
        ("ImageOrientationPatient", [0, 1, 0, -1, 0, 0], "turned"),
        ("PixelSpacing", [2, 2], "spacing|Spacing"),
    ],
)
def test_a_slice_that_is_turned_or_of_another_spacing_makes_no_stack(keyword, value, sentence):
    slices = ct_series(4, 8, 8)
    setattr(slices[2], keyword, value)
    with pytest.raises(CannotCompose, match=sentence):
        stack(load(slices))
    with pytest.raises(CannotCompose, match=sentence):
        Series.open(slices)


def test_the_rescale_of_new_values_cannot_be_set_to_another():
    slices, values = ct_series(2, 8, 8), np.zeros((2, 8, 8), np.int16)
    with pytest.raises(CannotCompose, match="RescaleSlope .*cannot be set"):
        derived_series(slices, values, overrides={"RescaleSlope": 2})
    with pytest.raises(CannotCompose, match="RescaleSlope .*cannot be set"):
        acquired_series(values, modality="CT", spacing=(1, 1, 1), overrides={"RescaleSlope": 2})


def with_value(keyword: str, value: str) -> Dataset:
    """A CT slice with a value that pydicom would not take."""
    source = ct_slice(8, 8)
    tag = Tag(keyword)
    source[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)
    return source


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientAge", "12"),
        ("BodyPartExamined", "chest!"),
        ("PatientBirthTime", "noon"),
        ("OperatorsName", "a^b^c^d^e^f"),
        ("ProtocolName", "x" * 65),
    ],
)
def test_what_a_source_says_wrongly_and_nobody_needs_is_left_out(keyword, value, tmp_path: Path):
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=with_value(keyword, value))
    assert keyword not in composed.data_set
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


@pytest.mark.parametrize(
    ("keyword", "value", "right", "expected"),
    [
        ("PatientBirthDate", "01/02/1970", "19700201", "YYYYMMDD"),
        ("PatientName", "a" * 65, "Doe^Jane", "at most 64"),
        ("PatientID", "a" * 65, "4711", "at most 64"),
        ("PatientSex", "X", "O", "one of M, F, O"),
        ("StudyInstanceUID", "study", "1.2.3", "UID"),
    ],
)
def test_what_a_source_says_wrongly_and_an_object_needs_is_refused_until_it_is_set(
    keyword, value, right, expected, tmp_path: Path
):
    source, pixels = with_value(keyword, value), np.zeros((4, 4), np.uint8)
    with pytest.raises(CannotCompose, match=f"{keyword} .*expected .*{expected}") as refusal:
        secondary_capture(pixels, source=source)
    assert refusal.value.tag == Tag(keyword)
    assert value not in str(refusal.value)
    with pytest.raises(CannotCompose, match=keyword):
        secondary_capture(pixels, source=source, overrides={keyword: value})
    composed = secondary_capture(pixels, source=source, overrides={keyword: right})
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


def test_a_decimal_string_of_a_source_that_is_too_long_is_shortened(tmp_path: Path):
    source = with_value("PatientWeight", "61.12345678901234567")
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=source)
    assert str(composed.data_set.PatientWeight) == "61.1234567890123"
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


@pytest.mark.parametrize(
    ("keyword", "value", "raised"),
    [("BodyPartExamined", "chest", "CHEST"), ("PatientSex", "f", "F")],
)
def test_code_strings_of_a_source_are_raised_to_capitals(keyword, value, raised, tmp_path: Path):
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=with_value(keyword, value))
    assert composed.data_set[keyword].value == raised
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


def test_code_strings_that_are_given_are_raised_to_capitals(tmp_path: Path):
    given = {"BodyPartExamined": "chest", "PatientSex": "f", "PatientOrientation": ["l", "p"]}
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=ct_slice(8, 8), overrides=given)
    assert composed.data_set.BodyPartExamined == "CHEST"
    assert composed.data_set.PatientSex == "F"
    assert composed.data_set.PatientOrientation == ["L", "P"]
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


def test_a_code_that_capitals_do_not_make_one_of_its_list_is_refused():
    with pytest.raises(CannotCompose, match="one of M, F, O"):
        secondary_capture(
            np.zeros((4, 4), np.uint8), source=ct_slice(8, 8), overrides={"PatientSex": "x"}
        )


def test_dates_and_times_as_acr_nema_wrote_them_are_written_as_they_are_now(tmp_path: Path):
    source = with_value("StudyDate", "1997.04.24")
    source["StudyTime"] = with_value("StudyTime", "14:15:21.5")["StudyTime"]
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=source)
    assert (composed.data_set.StudyDate, composed.data_set.StudyTime) == ("19970424", "141521.5")
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


def test_identity_is_not_called_removed_without_saying_how(tmp_path: Path):
    source = ct_slice(8, 8, PatientIdentityRemoved="YES")
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=source)
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []
    source.DeidentificationMethod = "By hand"
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=source)
    assert composed.data_set.PatientIdentityRemoved == "YES"


def test_identity_may_be_called_not_removed():
    source = ct_slice(8, 8, PatientIdentityRemoved="NO")
    composed = secondary_capture(np.zeros((4, 4), np.uint8), source=source)
    assert composed.data_set.PatientIdentityRemoved == "NO"


def test_whose_number_a_patient_id_is_is_never_left_out():
    source = with_value("IssuerOfPatientID", "of a hospital with a long name " * 3)
    with pytest.raises(CannotCompose, match=r"IssuerOfPatientID \(0010,0021\)"):
        secondary_capture(np.zeros((4, 4), np.uint8), source=source)


def removed(keyword: str, made: str, tmp_path: Path) -> tuple[Dataset, dict[str, str]]:
    """What is composed without an attribute, and the row that explains it."""
    image, without = ct_slice(8, 8), {keyword: None}
    if made == "capture":
        composed = secondary_capture(np.zeros((4, 4), np.uint8), source=image, overrides=without)
    elif made == "derived":
        (composed,) = derived_series([image], lambda values: values, overrides=without)
    else:
        (composed, *_) = acquired_series(
            np.zeros((1, 4, 4)), modality="CT", source=image, spacing=(1, 1, 1), overrides=without
        )
    assert dciodvfy_errors(composed.save(tmp_path / "out.dcm")) == []
    rows = {row["keyword"]: row for row in composed.explain()}
    return composed.data_set, rows.get(keyword, {})


MADE = ("capture", "derived", "acquired")


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize(
    ("keyword", "module"),
    [("StudyInstanceUID", "General Study"), ("PhotometricInterpretation", "Image Pixel")],
)
def test_what_must_have_a_value_cannot_be_taken_out(keyword, module, made, tmp_path: Path):
    with pytest.raises(CannotCompose, match=rf"{keyword} .*Type 1.*another value") as refusal:
        removed(keyword, made, tmp_path)
    assert (refusal.value.tag, refusal.value.module) == (Tag(keyword), module)


@pytest.mark.parametrize("made", MADE)
def test_what_must_be_there_is_emptied_instead_of_taken_out(made, tmp_path: Path):
    data_set, row = removed("AccessionNumber", made, tmp_path)
    assert data_set["AccessionNumber"].is_empty
    assert (row["presence"], row["source"]) == ("EMPTY", "USER")
    assert row["detail"] == "override, empty, since it is Type 2"


@pytest.mark.parametrize("made", MADE)
def test_what_need_not_be_there_is_taken_out(made, tmp_path: Path):
    data_set, row = removed("InstitutionName", made, tmp_path)
    assert "InstitutionName" not in data_set and row == {}


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("made", [derived_series, acquired_series])
def test_what_a_condition_asks_for_can_neither_be_taken_out_nor_emptied(made, value):
    options = {"modality": "CT", "source": ct_slice(8, 8), "spacing": (1, 1, 1)}
    with pytest.raises(CannotCompose, match=r"WindowWidth \(0028,1051\) .*Type 1C") as refusal:
        if made is derived_series:
            list(made([ct_slice(8, 8)], lambda a: a, overrides={"WindowWidth": value}))
        else:
            list(made(np.zeros((1, 4, 4)), **options, overrides={"WindowWidth": value}))
    assert (refusal.value.tag, refusal.value.module) == (0x00281051, "VOI LUT")
