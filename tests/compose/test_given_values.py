"""What users give is held against the standard, the same for objects composed and corrected."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice, part10_bytes

from isocenter.cli import main
from isocenter.compose import correct, derived_series, secondary_capture
from isocenter.compose.templates import Template
from isocenter.dicom import Severity, validate
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


PRIVATE = {"0009,1010:LO": "here", "0009,0010": "ACME 1.0", "0009,1011:US": 7}


@pytest.mark.parametrize("key", ["overrides", "template_file"])
def test_private_elements_are_composed_as_what_they_are_said_to_be(
    key: str, tmp_path: Path
) -> None:
    given = {"overrides": PRIVATE, "template_file": Template({"overrides": PRIVATE})}[key]
    made = secondary_capture(np.zeros((4, 4), np.uint8), **{key: given})
    derived = next(iter(derived_series([ct_slice(8, 8)], lambda values: values, **{key: given})))
    for number, one in enumerate((made, derived)):
        path = one.save(tmp_path / f"{number}.dcm")
        block = pydicom.dcmread(path).private_block(0x0009, "ACME 1.0")
        assert [(block[n].VR, block[n].value) for n in (0x10, 0x11)] == [("LO", "here"), ("US", 7)]
        assert [found for found in validate(path) if found.severity is Severity.ERROR] == []


def test_private_elements_of_a_known_creator_need_no_representation() -> None:
    given = {"00091027": "12", "00090010": "GEMS_IDEN_01"}
    made = secondary_capture(np.zeros((4, 4), np.uint8), overrides=given).data_set
    assert (made[0x00091027].VR, made[0x00091027].value) == ("SL", 12)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"0009,1010": "x"}, "set the creator, too: 0009,0010=NAME"),
        ({"0009,1010:LO": "x"}, "set the creator, too: 0009,0010=NAME"),
        ({"0009,1010": "x", "0009,0010": "ACME"}, "say its value representation with it"),
        ({"0010,9999": "x"}, "say its value representation with it"),
        ({"0009,1010:US": "x", "0009,0010": "ACME"}, "is no US"),
    ],
)
def test_a_private_element_that_nobody_could_read_is_refused(
    given: dict[str, str], sentence: str
) -> None:
    for make in (
        lambda: secondary_capture(np.zeros((4, 4), np.uint8), overrides=given),
        lambda: list(derived_series([ct_slice(8, 8)], lambda values: values, overrides=given)),
    ):
        with pytest.raises(CannotCompose, match=re.escape(sentence)):
            make()


def test_a_default_by_tag_is_for_what_has_no_value_only() -> None:
    site = Template({"defaults": {"00080080": "Site", "0018,1010": "S7"}})
    source = ct_slice(8, 8, InstitutionName="Here")
    made = secondary_capture(np.zeros((4, 4), np.uint8), source=source, template_file=site).data_set
    assert (made.InstitutionName, made.SecondaryCaptureDeviceID) == ("Here", "S7")


def test_items_may_hold_private_elements_in_their_own_blocks() -> None:
    item = {**CODE, "0009,1010:LO": "x", "0009,0010": "ACME"}
    given = {"ProcedureCodeSequence": [item]}
    made = secondary_capture(np.zeros((4, 4), np.uint8), overrides=given).data_set
    assert made.ProcedureCodeSequence[0].private_block(0x0009, "ACME")[0x10].VR == "LO"
    del item["0009,0010"]
    with pytest.raises(CannotCompose, match="In ProcedureCodeSequence .*set the creator, too"):
        secondary_capture(np.zeros((4, 4), np.uint8), overrides=given)


def test_private_elements_are_typed_with_their_representation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8)))

    def run(*assigned: str) -> int:
        options = [word for one in assigned for word in ("--set", one)]
        command = ["isocenter", "correct", str(path), "-o", str(tmp_path / "out"), *options]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert run("0019,1001:US=7\\8", "0019,0010=ACME") == 0
    found = pydicom.dcmread(tmp_path / "out" / "a.dcm")[0x00191001]
    assert (found.VR, list(found.value)) == ("US", [7, 8])
    assert run("0019,1001:US=many", "0019,0010=ACME") != 0
    assert "is no US" in capsys.readouterr().err
