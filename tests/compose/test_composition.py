"""What every kind of object inherits, and when it says it was made."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
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
