"""Wrong values in the items of a source's sequences: what goes with them, and nothing else."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import NuclearMedicineImageStorage
from tests.compose.derivation_sources import written
from tests.compose.judges import dciodvfy_errors
from tests.compose.test_derived_pet import whole_body
from tests.compose.test_left_out import saying, told
from tests.factories import ct_slice

from isocenter import compose
from isocenter.compose.unsound_items import leave_out_inside
from isocenter.errors import CannotCompose

TOO_LONG = "x" * 65


def coded(value: str = "CT", meaning: object = "Chest", **more: object) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = value, "99ACME"
    return saying(item, CodeMeaning=meaning, **more)


def requested(**said: object) -> Dataset:
    plain = {"RequestedProcedureID": "R1", "ScheduledProcedureStepID": "S1"}
    return saying(Dataset(), **(plain | said))


def both_ways(image: Dataset, folder: Path) -> dict[str, tuple[object, Path]]:
    """What is composed and what is derived of an image, with its file."""
    source = written(folder / "in", [image])
    capture = compose.secondary_capture(np.zeros((4, 4), np.uint8), source=source)
    derived = compose.derived_series(source, lambda values: values)
    (path,) = derived.save(folder / "out")
    return {"captured": (capture, capture.save(folder / "sc.dcm")), "derived": (derived, path)}


CASES = {
    "an item that lacks what it must have": (
        {"ProcedureCodeSequence": [coded("A"), coded("B", TOO_LONG), coded("C")]},
        {
            "ProcedureCodeSequence[2]": "in it CodeMeaning (0008,0104): at most 64 characters",
        },
        lambda made: [one.CodeValue for one in made.ProcedureCodeSequence] == ["A", "C"],
    ),
    "a value that an item can be without": (
        {"ProcedureCodeSequence": [coded("A", ContextUID="1.a")]},
        {"ProcedureCodeSequence[1]/ContextUID": "a UID of at most 64 digits and dots"},
        lambda made: "ContextUID" not in made.ProcedureCodeSequence[0],
    ),
    "a value with those that may stand only beside it": (
        {
            "ProcedureCodeSequence": [
                coded(ContextIdentifier="a!", MappingResource="DCMR", ContextGroupVersion="2020")
            ]
        },
        {
            "ProcedureCodeSequence[1]/ContextIdentifier": (
                "at most 16 of A-Z, 0-9, space and underscore"
            ),
            "ProcedureCodeSequence[1]/MappingResource": (
                "it only beside ContextIdentifier (0008,010F)"
            ),
            "ProcedureCodeSequence[1]/ContextGroupVersion": (
                "it only beside ContextIdentifier (0008,010F)"
            ),
        },
        lambda made: made.ProcedureCodeSequence[0].CodeMeaning == "Chest",
    ),
    "a code's long value beside a short one that is wrong": (
        {"ProcedureCodeSequence": [coded("C" * 17, LongCodeValue="C" * 17)]},
        {"ProcedureCodeSequence[1]/CodeValue": "at most 16 characters"},
        lambda made: made.ProcedureCodeSequence[0].LongCodeValue == "C" * 17,
    ),
    "an ID of which it is not known who issued it": (
        {
            "OtherPatientIDsSequence": [
                saying(Dataset(), PatientID="A", TypeOfPatientID="TEXT", IssuerOfPatientID="i\x01"),
                saying(Dataset(), PatientID="B", TypeOfPatientID="TEXT"),
            ]
        },
        {
            "OtherPatientIDsSequence[1]": (
                "in it IssuerOfPatientID (0010,0021): text without control characters"
            )
        },
        lambda made: [one.PatientID for one in made.OtherPatientIDsSequence] == ["B"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_no_more_is_left_out_than_has_to_go(case, tmp_path):
    said, expected, holds = CASES[case]
    for made, path in both_ways(ct_slice(8, 8, **said), tmp_path).values():
        assert {one.path: one.expected for one in made.left_out} == expected
        assert holds(pydicom.dcmread(path))
        assert dciodvfy_errors(path) == []


def test_an_item_in_an_item_goes_alone(tmp_path):
    item = requested(ScheduledProtocolCodeSequence=[coded("A", TOO_LONG), coded("B")])
    item.RequestedProcedureDescription = "Chest"
    image = ct_slice(8, 8, RequestAttributesSequence=[item])
    made, path = both_ways(image, tmp_path)["derived"]
    (one,) = made.left_out
    assert one.path == "RequestAttributesSequence[1]/ScheduledProtocolCodeSequence[1]"
    (kept,) = pydicom.dcmread(path).RequestAttributesSequence
    assert [code.CodeValue for code in kept.ScheduledProtocolCodeSequence] == ["B"]
    assert kept.RequestedProcedureDescription == "Chest"
    assert dciodvfy_errors(path) == []


def test_a_sequence_in_an_item_goes_with_its_last_item(tmp_path):
    item = requested(ScheduledProtocolCodeSequence=[coded("A", TOO_LONG)])
    image = ct_slice(8, 8, RequestAttributesSequence=[item])
    made, path = both_ways(image, tmp_path)["derived"]
    (one,) = made.left_out
    assert one.path == "RequestAttributesSequence[1]/ScheduledProtocolCodeSequence"
    (kept,) = pydicom.dcmread(path).RequestAttributesSequence
    assert kept.RequestedProcedureID == "R1" and "ScheduledProtocolCodeSequence" not in kept
    assert dciodvfy_errors(path) == []


def test_what_may_be_empty_in_an_item_is_emptied(tmp_path):
    """Radionuclide Code Sequence is Type 2 in the items (PS3.3 C.8.9.2)."""
    tracer = saying(
        Dataset(), Radiopharmaceutical="FDG", RadionuclideCodeSequence=[coded("A", TOO_LONG)]
    )
    whole_body(tmp_path / "in", RadiopharmaceuticalInformationSequence=[tracer])
    derived = compose.derived_series(tmp_path / "in", lambda values: values)
    (one,) = derived.left_out
    assert one.path == "RadiopharmaceuticalInformationSequence[1]/RadionuclideCodeSequence"
    for path in derived.save(tmp_path / "out"):
        (kept,) = pydicom.dcmread(path).RadiopharmaceuticalInformationSequence
        assert kept.Radiopharmaceutical == "FDG" and kept["RadionuclideCodeSequence"].is_empty
        assert dciodvfy_errors(path) == []


def test_items_that_other_attributes_count_go_together():
    """Rotation Vector (0054,0050) counts the items (PS3.3 C.8.4.10)."""
    rotations = [
        saying(Dataset(), AngularStep=step, NumberOfFramesInRotation=3)
        for step in ("6", ["6", "7"])
    ]
    found = saying(Dataset(), RotationInformationSequence=rotations)["RotationInformationSequence"]
    (one,) = leave_out_inside(found, NuclearMedicineImageStorage, "a.dcm")
    assert (one.path, len(found.value)) == ("", 0)
    assert one.expected == "in its items AngularStep (0018,1144): 1 value (value multiplicity)"


def test_the_text_of_a_part_names_its_place_and_quotes_no_value(tmp_path):
    image = ct_slice(8, 8, ProcedureCodeSequence=[coded("A"), coded("B", "Secret" * 20)])
    made, _ = both_ways(image, tmp_path)["captured"]
    (one,) = made.left_out
    source = tmp_path / "in" / "000.dcm"
    assert str(one) == (
        f"ProcedureCodeSequence[2] (0008,1032) of {source} is left out; expected in it CodeMeaning "
        "(0008,0104): at most 64 characters"
    )
    assert "Secret" not in repr(one)
    (row,) = [row for row in made.explain() if row["origin"] == "left out"]
    assert "SecretSecret" in row["detail"] and " in ProcedureCodeSequence[2]," in row["detail"]
    assert told(made)["ProcedureCodeSequence"] is one


def test_what_an_object_cannot_be_without_is_refused_when_no_item_can_stay(tmp_path):
    view = coded("V", TOO_LONG)
    image = ct_slice(8, 8, DeidentificationMethodCodeSequence=[view], PatientIdentityRemoved="YES")
    with pytest.raises(CannotCompose, match="DeidentificationMethodCodeSequence"):
        both_ways(image, tmp_path)
