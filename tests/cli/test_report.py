"""`isocenter compose sr` and `isocenter report`, judged by dciodvfy and read by pydicom."""

import json
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice, part10_bytes

from isocenter.cli import main

REPORT = "# CT Chest Report\n\n## Findings\n\nA nodule ([slice](ct.dcm)).\n\n- Diameter: 12 mm\n"


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ct.dcm").write_bytes(part10_bytes(ct_slice(16, 16)))
    (tmp_path / "report.md").write_text(REPORT, "utf-8")

    def isocenter_command(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return isocenter_command


def test_markdown_becomes_a_report_of_the_patient(run):
    answer = run("compose", "sr", "report.md", "--from", "ct.dcm", "-o", "out.dcm")
    assert (answer.code, answer.out) == (0, "wrote out.dcm\n"), answer.err
    composed = pydicom.dcmread("out.dcm")
    assert composed.SOPClassUID.name == "Enhanced SR Storage"
    assert composed.PatientID == pydicom.dcmread("ct.dcm").PatientID
    assert dciodvfy_errors("out.dcm") == []


def test_flags_say_what_the_document_says_of_itself(run):
    run("compose", "sr", "report.md", "--from", "ct.dcm", "-o", "first.dcm")
    answer = run(
        *("compose", "sr", "report.md", "--from", "ct.dcm", "-o", "out.dcm"),
        *("--title", "Radiology Report", "--sop-class", "comprehensive", "--language", "de-CH"),
        *("--observer", "Doe^Jane", "--verified-by", "Doe^Jane", "--completion", "Read"),
        *("--predecessor", "first.dcm", "--set", "SeriesNumber=7"),
    )
    assert answer.code == 0, answer.err
    composed = pydicom.dcmread("out.dcm")
    assert composed.SOPClassUID.name == "Comprehensive SR Storage"
    assert composed.ConceptNameCodeSequence[0].CodeValue == "11528-7"
    assert composed.ContentSequence[0].ConceptCodeSequence[0].CodeValue == "de-CH"
    assert composed.ContentSequence[2].PersonName == "Doe^Jane"
    (verifier,) = composed.VerifyingObserverSequence
    assert verifier.VerifyingOrganization == pydicom.dcmread("ct.dcm").InstitutionName
    assert (composed.VerificationFlag, composed.CompletionFlagDescription) == ("VERIFIED", "Read")
    (study,) = composed.PredecessorDocumentsSequence
    (document,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    first = pydicom.dcmread("first.dcm")
    assert document.ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert composed.SeriesNumber == 7
    assert dciodvfy_errors("out.dcm") == []


def test_json_with_groups_becomes_a_measurement_report(run):
    name = '(81827009, SCT, "Diameter")'
    measured = {"name": name, "value": 4.25, "unit": "mm"}
    groups = {"groups": [{"tracking_id": "Lesion 1", "measurements": [measured]}]}
    Path("m.json").write_text(json.dumps(groups), "utf-8")
    answer = run("compose", "sr", "m.json", "--from", "ct.dcm", "-o", "out.dcm")
    assert answer.code == 0, answer.err
    template = pydicom.dcmread("out.dcm").ContentTemplateSequence[0]
    assert template.TemplateIdentifier == "1500"
    assert "Diameter: 4.25 mm" in run("report", "out.dcm").out


def test_a_report_is_shown_in_each_form(run):
    run("compose", "sr", "report.md", "--from", "ct.dcm", "-o", "out.dcm")
    uid = str(pydicom.dcmread("ct.dcm").SOPInstanceUID)
    text = run("report", "out.dcm")
    assert text.code == 0 and "  Finding: A nodule (slice).\n" in text.out and uid in text.out
    assert "## Findings" in run("report", "out.dcm", "--markdown").out
    html = run("report", "out.dcm", "--html", "--links", "http://127.0.0.1:8104/dicomweb").out
    assert html.startswith("<!DOCTYPE html>") and f"/instances/{uid}" in html
    assert run("report", "out.dcm", "--json", "-o", "out.json").out == "wrote out.json\n"
    again = run("compose", "sr", "out.json", "--from", "ct.dcm", "-o", "again.dcm")
    assert again.code == 0, again.err
    assert run("report", "again.dcm").out.split("\n\n")[1] == text.out.split("\n\n")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compose", "sr", "nothing.md", "-o", "o.dcm"], "There is no file nothing.md"),
        (["compose", "sr", "report.md"], "say where the object goes"),
        (["compose", "sr", "report.md", "-o", "o.dcm", "--verified-by", "A"], "--organization"),
        (["compose", "sr", "report.md", "-o", "o.dcm", "--sop-class", "x"], "no kind of report"),
        (["compose", "sr", "report.md", "-o", "o.dcm", "--sop-class", "basic"], "Enhanced SR"),
        (["compose", "sr", "report.md", "-o", "o.dcm", "--set", "PatientNmae=x"], "no attribute"),
        (["compose", "sr", "ct.dcm", "-o", "o.dcm"], "is not UTF-8"),
        (["report", "nothing.dcm"], "no such file or folder"),
        (["report", "ct.dcm"], "no structured report"),
        (["report", "report.md"], "not a DICOM object"),
        (["report", "ct.dcm", "--html", "--json"], "exclude each other"),
        (["report", "ct.dcm", "--links", "javascript:x"], "write the URL"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(run, arguments, says):
    answer = run(*arguments)
    assert answer.code == 2 and says in " ".join(answer.err.split()), answer.err
    assert not Path("o.dcm").exists()
