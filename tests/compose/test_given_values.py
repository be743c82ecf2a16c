"""What users give is held against the standard, the same for objects composed and corrected."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice, part10_bytes

from isocenter.compose import correct, secondary_capture
from isocenter.compose.templates import Template
from isocenter.errors import CannotCompose

CODE = {"CodeValue": "T-D1100", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Head"}
REFERENCE = {
    "ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "ReferencedSOPInstanceUID": "1.2.3",
}

REQUEST = {"ScheduledProcedureStepID": "1", "RequestedProcedureID": "2"}


def less(mapping: dict[str, Any], keyword: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != keyword}


def item(**attributes: Any) -> Dataset:
    made = Dataset()
    with pydicom.config.disable_value_validation():
        for keyword, value in attributes.items():
            setattr(made, keyword, value)
    return made


NUMBERS = [
    ("PatientID", ["A", "B"], "PatientID (0010,0020) is given 2 values; expected 1 "),
    ("PatientID", "A\\B", "PatientID (0010,0020) is given 2 values; expected 1 "),
    ("PixelAspectRatio", [1], "PixelAspectRatio (0028,0034) is given 1 value; expected 2 "),
    ("PatientAge", ["040Y", "041Y"], "PatientAge (0010,1010) is given 2 values; expected 1 "),
    ("NominalScannedPixelSpacing", ["1", "1", "1"], "is given 3 values; expected 2 "),
]
ITEMS = [
    (
        "ProcedureCodeSequence",
        [less(CODE, "CodeMeaning")],
        "CodeMeaning (0008,0104) of ProcedureCodeSequence[1]: missing; expected required",
    ),
    (
        "ProcedureCodeSequence",
        [CODE, less(CODE, "CodingSchemeDesignator")],
        "CodingSchemeDesignator (0008,0102) of ProcedureCodeSequence[2]: missing",
    ),
    (
        "ProcedureCodeSequence",
        less(CODE, "CodeValue"),
        "CodeValue (0008,0100) of ProcedureCodeSequence[1]: missing",
    ),
    ("ProcedureCodeSequence", [{**CODE, "CodeMeaning": ""}], "CodeMeaning (0008,0104) of "),
    (
        "ProcedureCodeSequence",
        [{**CODE, "CodeValue": ["1", "2"]}],
        "CodeValue (0008,0100) of ProcedureCodeSequence[1] is given 2 values; expected 1 ",
    ),
    (
        "ProcedureCodeSequence",
        [item(**{**CODE, "CodeMeaning": "m" * 65})],
        "CodeMeaning (0008,0104) of ProcedureCodeSequence[1] cannot be; expected at most 64",
    ),
    ("ProcedureCodeSequence", [{**CODE, "CodeMeaning": "m" * 65}], "at most 64 characters"),
    ("ProcedureCodeSequence", "T-D1100", "is a sequence, and what was given are no items"),
    ("ProcedureCodeSequence", ["T-D1100"], "is a sequence, and what was given are no items"),
    ("ProcedureCodeSequence", [{"CodeMaening": "x"}], "'CodeMaening' is no attribute"),
    (
        "ReferencedStudySequence",
        [less(REFERENCE, "ReferencedSOPInstanceUID")],
        "ReferencedSOPInstanceUID (0008,1155) of ReferencedStudySequence[1]: missing",
    ),
    (
        "RequestAttributesSequence",
        [{"ScheduledProcedureStepID": "1", "ScheduledProtocolCodeSequence": [{"CodeValue": "1"}]}],
        "(0008,0102) of RequestAttributesSequence[1]/ScheduledProtocolCodeSequence[1]: missing",
    ),
    (
        "SourceImageSequence",
        [{**REFERENCE, "SpatialLocationsPreserved": "MAYBE"}],
        "SpatialLocationsPreserved (0028,135A) of SourceImageSequence[1]: a value that is not "
        "listed; expected one of YES, NO",
    ),
]


@pytest.mark.parametrize(("keyword", "value", "sentence"), NUMBERS + ITEMS)
def test_what_is_given_wrongly_is_refused_the_same_everywhere(
    keyword: str, value: Any, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8)))
    template = Template({"overrides": {keyword: value}})
    pixels = np.zeros((4, 4), np.uint8)
    said: list[str] = []
    for make in (
        lambda: secondary_capture(pixels, overrides={keyword: value}),
        lambda: secondary_capture(pixels, template_file=template),
        lambda: correct([path], output=tmp_path / "out", set_values={keyword: value})[0].error,
    ):
        try:
            said.append(str(make()))
        except CannotCompose as error:
            said.append(str(error))
    assert [sentence in one for one in said] == [True] * 3, said
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ProcedureCodeSequence", [CODE]),
        ("ProcedureCodeSequence", {**less(CODE, "CodeValue"), "URNCodeValue": "urn:oid:1.2.3"}),
        ("ReferencedStudySequence", [REFERENCE]),
        ("RequestAttributesSequence", [REQUEST]),
        ("OtherPatientNames", ["A^B", "C^D"]),
        ("PatientComments", "one \\ two"),
        ("PhysiciansOfRecord", "A^B\\C^D"),
    ],
)
def test_what_is_given_rightly_is_taken_by_every_judge(
    keyword: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8)))
    (result,) = correct([path], output=tmp_path / "out", set_values={keyword: value})
    made = secondary_capture(np.zeros((4, 4), np.uint8), overrides={keyword: value})
    for one in (result.written, made.save(tmp_path / "sc.dcm")):
        assert keyword in pydicom.dcmread(one)
        assert [line for line in dciodvfy_errors(one) if "URNCodeValue" not in line] == []
