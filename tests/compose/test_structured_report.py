"""Structured reports from a structure: dciodvfy, DCMTK, PixelMed and highdicom judge them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import pydicom
import pytest
from tests.compose.judges import (
    dcentvfy_errors,
    dciodvfy_errors,
    dsrdump,
    needs,
    pixelmed_sr_errors,
)
from tests.compose.reports_in_words import dcmtk_items, our_items
from tests.factories import ct_series, ct_slice, part10_bytes

from isocenter.compose.composition import Composed
from isocenter.compose.reports import (
    ByReference,
    Code,
    Coded,
    Composite,
    Container,
    Date,
    DateTime,
    DeviceObserver,
    Graphic,
    Image,
    Num,
    PersonName,
    PersonObserver,
    Reference,
    Relationship,
    Report,
    ReportClass,
    SCoord,
    SCoord3D,
    TCoord,
    TemporalRange,
    Text,
    Time,
    UIDReference,
    VerifyingObserver,
    Waveform,
    read_structured_report,
    reference_to,
    structured_report,
)
from isocenter.compose.reports.constraints import allows
from isocenter.compose.reports.tree import DEEPEST, VALUE_TYPES, content_sequence
from isocenter.dicom import validate
from isocenter.errors import CannotCompose

TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")
FINDINGS = Code("121070", "DCM", "Findings")
FINDING = Code("121071", "DCM", "Finding")
DIAMETER = Code("81827009", "SCT", "Diameter")
IMAGE = ct_slice(16, 16)
REFERENCE = Reference.to(IMAGE)
ECG = replace(REFERENCE, sop_class_uid="1.2.840.10008.5.1.4.1.1.9.1.1", sop_instance_uid="1.2.3")
DOCUMENT = replace(
    REFERENCE, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11", sop_instance_uid="1.2.4"
)
SELECTED = Relationship.SELECTED_FROM
INFERRED = Relationship.INFERRED_FROM


def item(kind: str, **more):
    """An item of each value type, with what it must have below it."""
    image = Image(None, REFERENCE, relationship=SELECTED)
    build = {
        "CONTAINER": lambda: Container(FINDINGS, **more),
        "TEXT": lambda: Text(FINDING, 'A <b>nodule</b> & "more"\nof it', **more),
        "CODE": lambda: Coded(FINDING, Code("27925004", "SCT", "Nodule"), **more),
        "NUM": lambda: Num.of(DIAMETER, "3.10", "mm", **more),
        "DATETIME": lambda: DateTime(FINDING, "20240117081530+0100", **more),
        "DATE": lambda: Date(FINDING, "20240117", **more),
        "TIME": lambda: Time(FINDING, "081530", **more),
        "UIDREF": lambda: UIDReference(FINDING, "1.2.3.4", **more),
        "PNAME": lambda: PersonName(FINDING, "Müller^Zoë", **more),
        "IMAGE": lambda: Image(None, REFERENCE, **more),
        "COMPOSITE": lambda: Composite(None, DOCUMENT, **more),
        "WAVEFORM": lambda: Waveform(None, ECG, ((1, 2), (1, 3)), **more),
        "SCOORD": lambda: SCoord(
            None, Graphic.CIRCLE, ((1.5, 2), (3, 4)), **{"children": (image,), **more}
        ),
        "SCOORD3D": lambda: SCoord3D(None, Graphic.POINT, ((1, 2, 3),), "1.2.3.5", **more),
        "TCOORD": lambda: TCoord(
            None, TemporalRange.SEGMENT, offsets=(1, 2.5), **{"children": (image,), **more}
        ),
    }
    return build[kind]()


def everything(kind: ReportClass) -> Container:
    """A report with every value type that its kind may contain."""
    contained = [
        one for one in VALUE_TYPES if allows(kind, "CONTAINER", Relationship.CONTAINS, one)
    ]
    return Container(TITLE, children=tuple(item(one) for one in contained))


def judged(composed: Composed, tmp_path: Path) -> Path:
    """Save a report that no judge objects to."""
    path = composed.save(tmp_path / "report.dcm")
    assert dciodvfy_errors(path) == []
    assert [one for one in dsrdump(path).splitlines() if one.startswith(("E:", "F:"))] == []
    assert [str(one) for one in validate(path) if one.severity.value == "error"] == []
    return path


@pytest.mark.parametrize("kind", ReportClass, ids=lambda kind: kind.title)
def test_every_value_type_of_every_kind_is_read_by_dcmtk_as_it_was_meant(
    kind: ReportClass, tmp_path: Path
) -> None:
    content = everything(kind)
    composed = structured_report(content, source=IMAGE, sop_class=kind, language="de-CH")
    path = judged(composed, tmp_path)
    assert composed.data_set.SOPClassUID == kind.value
    read = read_structured_report(path).content
    assert read.children[1:] == content.children
    assert dcmtk_items(path) == our_items(read)


def test_a_report_of_a_study_passes_the_other_judges(tmp_path: Path) -> None:
    images = ct_series(2)
    for number, one in enumerate(images):
        (tmp_path / f"{number}.dcm").write_bytes(part10_bytes(one))
    content = Container(
        TITLE,
        children=(
            Container(
                FINDINGS, children=(Text(FINDING, "Nodule", children=(
                    reference_to(images[0], relationship=INFERRED),)),),
            ),
        ),
    )  # fmt: skip
    composed = structured_report(
        Report(content, verified_by=(VerifyingObserver("Doe^Jane", "General Hospital"),)),
        source=images,
        language="en",
        observers=[PersonObserver("Doe^Jane", "General Hospital"), DeviceObserver("Reader")],
    )
    path = judged(composed, tmp_path)
    assert pixelmed_sr_errors(path) == []
    assert dcentvfy_errors([path, tmp_path / "0.dcm", tmp_path / "1.dcm"]) == []


def test_highdicom_reads_a_report_with_the_same_meaning(tmp_path: Path) -> None:
    """Of all value types but WAVEFORM, which highdicom does not have."""
    kinds = [one for one in VALUE_TYPES if one != "WAVEFORM"]
    content = Container(TITLE, children=tuple(item(one) for one in kinds))
    read = highdicom.sr.srread(judged(structured_report(content, source=IMAGE), tmp_path))
    assert isinstance(read, highdicom.sr.Comprehensive3DSR)
    items = highdicom.sr.ContentSequence.from_sequence(read.ContentSequence)
    values = {one.value_type.value: one for one in items}
    assert values["TEXT"].value == 'A <b>nodule</b> & "more"\r\nof it'
    assert values["NUM"].value == 3.1 and values["NUM"].unit.value == "mm"
    assert values["CODE"].value.meaning == "Nodule"
    assert values["PNAME"].value == "Müller^Zoë"
    assert values["SCOORD"].value.tolist() == [[1.5, 2], [3, 4]]
    assert values["IMAGE"].referenced_sop_instance_uid == IMAGE.SOPInstanceUID


@pytest.mark.parametrize("kind", ReportClass, ids=lambda kind: kind.title)
def test_what_may_hang_on_what_is_what_dcmtk_takes(kind: ReportClass, tmp_path: Path) -> None:
    """All that we allow in one report; of what we refuse, each tenth alone."""
    sources = [one for one in VALUE_TYPES if allows(kind, "CONTAINER", Relationship.CONTAINS, one)]
    triples = [(one, by, other) for one in sources for by in Relationship for other in VALUE_TYPES]
    good = [one for one in triples if allows(kind, *one)]
    bad = [one for one in triples if not allows(kind, *one)][::10]
    composed = structured_report(everything(kind), source=IMAGE, sop_class=kind)

    def write(name: str, many) -> str:
        items = tuple(
            item(one, children=(item(other, relationship=by),)) for one, by, other in many
        )
        composed.data_set.ContentSequence = content_sequence(items)
        return str(composed.save(tmp_path / name))

    accepted = dsrdump(write("good.dcm", good))
    assert [one for one in accepted.splitlines() if one.startswith(("E:", "F:"))] == []
    refused = {write(f"{index}.dcm", [one]): one for index, one in enumerate(bad)}
    done = subprocess.run(
        [needs("dsrdump", "dcmtk"), *refused], capture_output=True, timeout=60, check=False
    )
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    taken = [one for path, one in refused.items() if f"parsing file: {path}\n" not in text]
    assert taken == []


@pytest.mark.parametrize(
    ("child", "smallest"),
    [
        (Text(FINDING, "x"), ReportClass.BASIC_TEXT),
        (item("NUM"), ReportClass.ENHANCED),
        (item("SCOORD"), ReportClass.ENHANCED),
        (item("TEXT", children=(item("CONTAINER", relationship=INFERRED),)),
         ReportClass.COMPREHENSIVE),
        (item("SCOORD3D"), ReportClass.COMPREHENSIVE_3D),
    ],
)  # fmt: skip
def test_the_smallest_sop_class_that_holds_the_content_is_chosen(child, smallest) -> None:
    composed = structured_report(Container(TITLE, children=(child,)), source=IMAGE)
    assert composed.data_set.SOPClassUID == smallest.value


def test_a_relationship_by_reference_leads_to_its_target(tmp_path: Path) -> None:
    content = Container(TITLE, children=(
        Container(FINDINGS, children=(Text(FINDING, "Nodule", label="nodule"),)),
        Text(FINDING, "Grown", children=(ByReference("nodule", relationship=INFERRED),)),
    ))  # fmt: skip
    path = judged(structured_report(content), tmp_path)
    assert "<inferred from 1.1.1>" in dsrdump(path)
    read = read_structured_report(path).content
    assert read.children[0].children[0].label == read.children[1].children[0].target == "1.1.1"


def test_what_the_document_says_of_itself_is_written_and_read(tmp_path: Path) -> None:
    earlier = structured_report(everything(ReportClass.BASIC_TEXT), source=IMAGE).data_set
    report = Report(
        everything(ReportClass.BASIC_TEXT),
        completion_description="All images read",
        verified_by=(
            VerifyingObserver("Doe^Jane", "Hospital", "20240117081530", Code("1", "99X", "JD")),
        ),
        predecessors=(Reference.to(earlier),),
        requests=({"AccessionNumber": "A7", "RequestedProcedureID": "P1"},),
    )
    path = judged(structured_report(report, source=IMAGE), tmp_path)
    text = dsrdump(path)
    assert "Completion Flag     : COMPLETE\n                      All images read" in text
    assert "Predecessor Docs    : 1" in text
    assert "2024-01-17 08:15:30, Doe^Jane" in text
    read = read_structured_report(path)
    assert (read.complete, read.completion_description) == (True, "All images read")
    assert (read.verified_by, read.predecessors) == (report.verified_by, report.predecessors)
    (request,) = pydicom.dcmread(path).ReferencedRequestSequence
    assert (request.AccessionNumber, request.RequestedProcedureID) == ("A7", "P1")
    assert request.StudyInstanceUID == IMAGE.StudyInstanceUID
    again = structured_report(read, source=IMAGE).save(tmp_path / "again.dcm")
    assert read_structured_report(again).content == read.content


def test_references_of_the_study_are_current_evidence_and_others_pertinent() -> None:
    other = ct_slice(8, 8)
    content = Container(TITLE, children=(reference_to(IMAGE), reference_to(other)))
    data_set = structured_report(content, source=IMAGE).data_set
    (current,) = data_set.CurrentRequestedProcedureEvidenceSequence
    (pertinent,) = data_set.PertinentOtherEvidenceSequence
    assert current.StudyInstanceUID == IMAGE.StudyInstanceUID
    assert pertinent.StudyInstanceUID == other.StudyInstanceUID


def test_a_number_that_no_decimal_string_holds_is_kept_exactly(tmp_path: Path) -> None:
    content = Container(TITLE, children=(Num.of(DIAMETER, 1 / 3, "mm"),))
    path = judged(structured_report(content), tmp_path)
    (measured,) = pydicom.dcmread(path).ContentSequence[0].MeasuredValueSequence
    assert len(str(measured.NumericValue)) <= 16 and measured.FloatingPointValue == 1 / 3
    (number,) = read_structured_report(path).content.children
    assert float(number.value) == 1 / 3


@pytest.mark.parametrize(
    ("text", "term"), [("plain", None), ("Größe", "ISO_IR 100"), ("肺の結節", "ISO_IR 192")]
)
def test_text_is_written_in_the_smallest_character_set_that_holds_it(text, term, tmp_path) -> None:
    path = judged(structured_report(Container(TITLE, children=(Text(FINDING, text),))), tmp_path)
    assert pydicom.dcmread(path).get("SpecificCharacterSet") == term
    assert ("TEXT", "CONTAINS", "Finding", text) in dcmtk_items(path)


def nested(depth: int) -> Container:
    content = Container(FINDINGS, children=(Text(FINDING, "deep"),))
    for _ in range(depth):
        content = Container(FINDINGS, children=(content,))
    return replace(content, name=TITLE)


def report_of(*children) -> Container:
    return Container(TITLE, children=children)


TO_ANCESTOR = Container(
    FINDINGS,
    label="a",
    children=(Text(FINDING, "x", children=(ByReference("a", relationship=INFERRED),)),),
)
TO_EACH_OTHER = (
    Text(FINDING, "x", label="a", children=(ByReference("b", relationship=INFERRED),)),
    Text(FINDING, "y", label="b", children=(ByReference("a", relationship=INFERRED),)),
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (report_of(), "The report is empty"),
        (Container(TITLE, children=(Container(FINDINGS),)), "The report is empty"),
        (Container(children=(Text(FINDING, "x"),)), "has no title"),
        (report_of(Text(FINDING, " ")), "1.1 .TEXT 'Finding'. has no text"),
        (report_of(Text(FINDING, "a\x07")), r"control character U\+0007"),
        (report_of(Text(Code("1", "X", "m" * 65), "a")), "meaning of 65 characters"),
        (report_of(Text(Code("", "X", "m"), "a")), "incomplete code"),
        (report_of(Num(DIAMETER, None, None)), "neither a number nor a qualifier"),
        (report_of(replace(item("NUM"), unit=Code("furlong", "UCUM", "f"))), "'furlong' as unit"),
        (report_of(replace(item("NUM"), unit=None)), "number without unit"),
        (report_of(Date(FINDING, "2024-01-17")), "is no DATE; write it such as 20240117"),
        (report_of(Time(FINDING, "25:00")), "is no TIME"),
        (report_of(PersonName(FINDING, "^^")), "is no PNAME"),
        (report_of(UIDReference(FINDING, "1..2")), "is no UIDREF"),
        (report_of(replace(item("SCOORD"), graphic=Graphic.POLYGON)), "graphic POLYGON"),
        (report_of(replace(item("SCOORD"), points=((1.0, 2.0),))), "1 points for CIRCLE"),
        (report_of(replace(item("SCOORD3D"), points=((1.0, float("nan"), 1),))), "finite"),
        (report_of(replace(item("TCOORD"), samples=(1,))), "positions of several kinds"),
        (report_of(Image(None, replace(REFERENCE, sop_instance_uid=""))), "without valid SOP"),
        (report_of(item("TEXT", children=(Text(FINDING, "x"),))), "TEXT CONTAINS TEXT is not"),
        (report_of(TO_ANCESTOR), "in a circle"),
        (report_of(*TO_EACH_OTHER), "in a circle"),
        (report_of(item("TEXT", children=(ByReference("z", relationship=INFERRED),))), "'z'"),
        (report_of(Text(FINDING, "x", label="a"), Text(FINDING, "y", label="a")), "each its own"),
        (nested(DEEPEST), f"more than {DEEPEST} levels"),
        (nested(20_000), f"more than {DEEPEST} levels"),
        (report_of(Text(FINDING, "\ud800")), "No character set of DICOM"),
    ],
)
def test_what_cannot_be_right_is_refused_with_the_item(content, says) -> None:
    with pytest.raises(CannotCompose, match=says):
        structured_report(content, source=IMAGE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"sop_class": "basic"}, "in Basic Text SR, CONTAINER CONTAINS NUM .* Enhanced SR allows"),
        ({"sop_class": "huge"}, "'huge' is no kind of report"),
        ({"language": "Deutsch!"}, "no tag of a language"),
        ({"source": [IMAGE, ct_slice(8, 8, PatientID="2")]}, "different patients"),
    ],
)
def test_arguments_that_cannot_be_right_are_refused(arguments, says) -> None:
    with pytest.raises(CannotCompose, match=says):
        structured_report(report_of(item("NUM")), **arguments)


def test_a_reference_whose_place_nobody_knows_is_refused() -> None:
    nowhere = replace(REFERENCE, study_instance_uid="", series_instance_uid="")
    with pytest.raises(CannotCompose, match="give the object as a source"):
        structured_report(report_of(Image(None, nowhere)))
    data_set = structured_report(report_of(Image(None, nowhere)), source=IMAGE).data_set
    assert "CurrentRequestedProcedureEvidenceSequence" in data_set


def test_a_partial_report_is_not_verified() -> None:
    report = Report(
        report_of(Text(FINDING, "x")), complete=False, verified_by=(VerifyingObserver("A", "B"),)
    )
    with pytest.raises(CannotCompose, match="only complete documents"):
        structured_report(report)


def test_thousands_of_references_are_written_and_read(
    tmp_path: Path,
) -> None:
    many = [replace(REFERENCE, sop_instance_uid=f"1.2.3.{number}") for number in range(5_000)]
    content = report_of(*(Image(None, one) for one in many))
    path = structured_report(content, source=IMAGE).save(tmp_path / "many.dcm")
    read = read_structured_report(path)
    assert len(read.content.children) == 5_000 and len(read.references) == 5_001
