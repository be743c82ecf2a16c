"""Structured reports from Markdown and JSON, and the way back to text, HTML and JSON."""

import subprocess
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from tests.compose.judges import dciodvfy_errors, dsrdump, needs
from tests.compose.reports_in_words import dcmtk_items, our_items
from tests.factories import ct_slice, multi_frame, part10_bytes, small_object

from isocenter.compose import key_object_selection
from isocenter.compose.reports import (
    Code,
    Coded,
    Date,
    DateTime,
    Image,
    Num,
    PersonName,
    Text,
    Time,
    UIDReference,
    on_server,
    read_json,
    read_markdown,
    read_structured_report,
    report_html,
    report_markdown,
    report_text,
    structured_report,
    to_json,
)
from isocenter.compose.reports.tree import DEEPEST, walk
from isocenter.compose.reports.units import is_ucum
from isocenter.errors import CannotCompose, InvalidDicom, NotDicom, NotFound

REPORT = """# CT Chest Report

Text with <b>HTML</b> & <script>alert(1)</script>.

## Findings

### Lungs

A **nodule** in the right upper lobe ([slice](ct.dcm)), see <http://example.org/a_b>.

- Diameter: 12.50 mm
- Attenuation: 35 HU
- Laterality: (24028007, SCT, "Right")
- First seen: 2023-05-06
- Lesions:
  - one
  - two

| Site | Diameter |
| --- | --- |
| RUL | 12 mm |
| LLL | 3 mm |

![](ct.dcm)

## Impression

Benign.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ct.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    (tmp_path / "report.md").write_text(REPORT, "utf-8")
    return tmp_path


def test_markdown_becomes_the_report_that_dcmtk_reads(folder: Path) -> None:
    path = structured_report(read_markdown(folder / "report.md"), source=folder / "ct.dcm").save(
        folder / "sr.dcm"
    )
    assert dciodvfy_errors(path) == []
    uid = str(pydicom.dcmread(folder / "ct.dcm").SOPInstanceUID)
    html = "Text with <b>HTML</b> & <script>alert(1)</script>."
    nodule = "A nodule in the right upper lobe (slice), see http://example.org/a_b."
    assert dcmtk_items(path) == [
        ("CONTAINER", "", "CT Chest Report", ""),
        ("TEXT", "CONTAINS", "Comment", html),
        ("CONTAINER", "CONTAINS", "Findings", ""),
        ("CONTAINER", "CONTAINS", "Lungs", ""),
        ("TEXT", "CONTAINS", "Finding", nodule),
        ("IMAGE", "INFERRED FROM", "", uid),
        ("NUM", "CONTAINS", "Diameter", "12.50 mm"),
        ("NUM", "CONTAINS", "Attenuation", "35 [hnsf'U]"),
        ("CODE", "CONTAINS", "Laterality", "Right"),
        ("DATE", "CONTAINS", "First seen", "20230506"),
        ("CONTAINER", "CONTAINS", "Lesions", ""),
        ("TEXT", "CONTAINS", "Finding", "one"),
        ("TEXT", "CONTAINS", "Finding", "two"),
        ("CONTAINER", "CONTAINS", "", ""),
        ("TEXT", "CONTAINS", "Site", "RUL"),
        ("NUM", "CONTAINS", "Diameter", "12 mm"),
        ("CONTAINER", "CONTAINS", "", ""),
        ("TEXT", "CONTAINS", "Site", "LLL"),
        ("NUM", "CONTAINS", "Diameter", "3 mm"),
        ("IMAGE", "CONTAINS", "", uid),
        ("CONTAINER", "CONTAINS", "Impressions", ""),
        ("TEXT", "CONTAINS", "Impression", "Benign."),
    ]


@pytest.mark.parametrize(
    ("line", "kind", "value"),
    [
        ("Diameter: 12.5 mm", Num, Decimal("12.5")),
        ("Volume: 3e2 mm³", Num, Decimal("3e2")),
        ("Temperature: 38.5 °C", Num, Decimal("38.5")),
        ("Stenosis: 50%", Num, Decimal(50)),
        ("**A key of very many words, with a comma:** 5 mm", Num, Decimal(5)),
        ('(81827009, SCT, "Diameter"): 5 mm', Num, Decimal(5)),
        ('Side: (24028007, SCT, "Right")', Coded, Code("24028007", "SCT", "Right")),
        ("Seen: 2024-02-29", Date, "20240229"),
        ("Seen: 2024-01-17T08:15:30", DateTime, "20240117081530"),
        ("Seen: 08:15", Time, "0815"),
        ("Radiologist: Doe^Jane", PersonName, "Doe^Jane"),
        ("Plan: urn:oid:1.2.3", UIDReference, "1.2.3"),
        ("Seen: 2024-02-30", Text, "2024-02-30"),
        ("Stage: 2 B", Text, "2 B"),
        ("Lesions: 3 large", Text, "3 large"),
        ("Lesions: 3", Text, "3"),
        ("Length: 3 furlongs", Text, "3 furlongs"),
        ("Size: 12 x 9 mm", Text, "12 x 9 mm"),
        ("In the liver there are two cysts: both simple", Text,
         "In the liver there are two cysts: both simple"),
        ("See: https://example.org", Text, "https://example.org"),
    ],
)  # fmt: skip
def test_a_line_becomes_what_it_looks_like(line: str, kind: type, value: object) -> None:
    (item,) = read_markdown(f"# Report\n\n{line}\n").content.children
    assert (type(item), item.value) == (kind, value)


def test_words_that_no_code_holds_are_kept_whole() -> None:
    heading = "Of everything that was seen in the abdomen and that somebody may want to know"
    content = read_markdown(f"# {heading}\n\n## {heading}\n\nx\n").content
    assert content.name.meaning.endswith("...") and len(content.name.meaning) <= 64
    texts = [one.item.value for one in walk(content) if isinstance(one.item, Text)]
    assert texts == [heading, heading, "x"]
    assert dciodvfy_errors_of(content) == []


def dciodvfy_errors_of(content) -> list[str]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return dciodvfy_errors(structured_report(content).save(Path(folder)))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# CT Head Report\n\nx", Code("24725-4", "LN", "CT Head Report")),
        ("**Radiology report**\n\nx", Code("11528-7", "LN", "Radiology Report")),
        ('# (24725-4, LN, "CT Head")\n\nx', Code("24725-4", "LN", "CT Head")),
        ("x\n\ny", Code("18748-4", "LN", "Diagnostic Imaging Report")),
    ],
)
def test_the_title_is_the_first_heading_or_emphasised_line(text: str, title: Code) -> None:
    assert read_markdown(text).content.name == title


def test_links_name_frames_of_files_and_objects_by_uid(tmp_path: Path) -> None:
    frames = multi_frame(3)
    (tmp_path / "mf.dcm").write_bytes(part10_bytes(frames))
    (tmp_path / "r.md").write_text(
        f"See [a](mf.dcm#frames=1,3) and [b](urn:oid:{frames.SOPInstanceUID}).", "utf-8"
    )
    report = read_markdown(tmp_path / "r.md", objects=frames)
    first, second = report.content.children[0].children
    assert isinstance(first, Image) and first.reference.frames == (1, 3)
    assert second.reference.sop_instance_uid == frames.SOPInstanceUID
    assert dciodvfy_errors(structured_report(report).save(tmp_path / "sr.dcm")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Line\n\n[x](nothing.dcm)", "Line 3: There is no file or folder"),
        ("[x](urn:oid:1.2.3)\n", "Line 1: No object given has the UID 1.2.3"),
        ("![x](report.md)\n", "Line 1: .*report.md .*not a DICOM object"),
        ("[x](ct.dcm#page=2)\n", "#page=2 is no part"),
        ("[x](ct.dcm#frames=2)\n", "Frame 2 is referred to"),
        ("[x](other.dcm)\n", "different patients"),
        (">" * 5000 + " x\n", "nested too deeply"),
        ("\n", "The report is empty"),
        ("# Only a title\n", "The report is empty"),
    ],
)
def test_markdown_that_cannot_be_right_is_refused_with_the_line(
    folder: Path, text: str, says: str
) -> None:
    (folder / "other.dcm").write_bytes(part10_bytes(ct_slice(8, 8, PatientID="OTHER")))
    (folder / "bad.md").write_text(text, "utf-8")
    with pytest.raises(CannotCompose, match=says):
        report = read_markdown(folder / "bad.md", objects=folder / "ct.dcm")
        structured_report(report, source=folder / "ct.dcm")


@pytest.mark.parametrize("bytes_of", [b"\xff\xfe# \x00", b"\x80abc"])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, bytes_of: bytes) -> None:
    (tmp_path / "r.md").write_bytes(bytes_of)
    with pytest.raises(CannotCompose, match="is not UTF-8"):
        read_markdown(tmp_path / "r.md")


@pytest.mark.parametrize("bytes_of", [b"%PDF-1.7\n1 0 obj\n", b"DICM\0\0 x\n"])
def test_a_pdf_is_not_taken_for_markdown(tmp_path: Path, bytes_of: bytes) -> None:
    (tmp_path / "report.pdf").write_bytes(bytes_of)
    with pytest.raises(CannotCompose, match="compose pdf"):
        read_markdown(tmp_path / "report.pdf")


# -- JSON ------------------------------------------------------------------------------------------

CHILD = '{"type": "TEXT", "name": "(121071, DCM, \\"Finding\\")", "value": "x"}'


def json_of(child: str) -> str:
    title = '"(18748-4, LN, \\"Diagnostic Imaging Report\\")"'
    return f'{{"content": {{"type": "CONTAINER", "name": {title}, "children": [{child}]}}}}'


def test_json_gives_back_the_report_that_it_was_made_of(folder: Path) -> None:
    report = read_markdown(folder / "report.md")
    assert read_json(to_json(report)) == report
    for name in ("test-SR.dcm", "reportsi.dcm"):
        read = read_structured_report(get_testdata_file(name))
        assert read_json(to_json(read)) == read


def test_a_file_that_json_names_is_referred_to(folder: Path) -> None:
    child = '{"type": "IMAGE", "name": null, "reference": {"file": "ct.dcm"}}'
    (folder / "r.json").write_text(json_of(child), "utf-8")
    (image,) = read_json(folder / "r.json").content.children
    assert image.reference.sop_instance_uid == pydicom.dcmread(folder / "ct.dcm").SOPInstanceUID


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "cannot be read"),
        ("{", "no JSON"),
        ('{"content": 3}', "report.content is a number; expected an object"),
        ("{}", "report lacks the member 'content'"),
        ('{"contnet": {}}', "report has the member 'contnet'; expected complete"),
        (json_of('{"type": "TXT"}'), r"report.content.children\[0\].type is 'TXT'; expected one"),
        (json_of('{"type": "TEXT", "value": "x"}'), r"children\[0\] lacks the member 'name'"),
        (json_of(CHILD.replace('"x"', "7")), r"children\[0\].value is a number; expected text"),
        (json_of(CHILD.replace("DCM,", "")), r"children\[0\].name is .* expected a code"),
        (json_of(CHILD.replace('"value"', '"relationship": "HAS", "value"')),
         r"relationship is 'HAS'; expected one of CONTAINS"),
        (json_of(CHILD.replace("TEXT", "NUM").replace('"x"', '"abc", "unit": "mm"')),
         r"children\[0\].value: .*'abc' is no finite number"),
        (json_of(CHILD.replace("TEXT", "NUM").replace('"x"', '3.5, "unit": "furlong"')),
         r"children\[0\].unit: .*'furlong' as unit"),
        (json_of('{"type": "IMAGE", "reference": {"file": "no.dcm"}}'), "There is no file"),
        ('{"content": ' * 5000, "levels deep"),
        (json_of('{"type": "CONTAINER", "children": [' * (DEEPEST + 1) + "]}" * (DEEPEST + 1)),
         "levels deep"),
    ],
)  # fmt: skip
def test_json_that_cannot_be_right_is_refused_with_the_path(text: str, says: str) -> None:
    with pytest.raises(CannotCompose, match=says):
        read_json(text)


UCUM = (
    "mm mm2/s [hnsf'U] % 1 /min ml/min/{1.73_m2} 10*9/L m[Hg] MBq (m/s)/s kg/m2 mg/dL {beats}/min "
    "mm[Hg] [in_i]2"
)
NOT_UCUM = "furlong mm) () mm..s °C HU mm{a}{b} / mm/ xm m(s)"


@pytest.mark.parametrize(
    ("text", "known"),
    [(one, True) for one in UCUM.split()] + [(one, False) for one in NOT_UCUM.split()],
)
def test_units_are_those_of_ucum(text: str, known: bool) -> None:
    assert is_ucum(text) is known


# -- the way back ----------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would make of a page: words, elements and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.words, self.attributes = set(), [], []
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


@pytest.mark.parametrize(
    "name", ["test-SR.dcm", "reportsi.dcm", "reportsi_with_empty_number_tags.dcm"]
)
def test_reports_of_other_writers_are_read_as_dcmtk_reads_them(name: str) -> None:
    """The reports that have empty or odd UIDs are read by DCMTK when it is told to go on."""
    path = get_testdata_file(name)
    read = read_structured_report(path)
    go_on = ("-Ee", "-Ev", "-Ec")
    theirs = dcmtk_items(path, *go_on)
    ours = our_items(read.content)
    if name != "test-SR.dcm":  # DCMTK leaves out references that it finds invalid
        ours = [one for one in ours if one[0] != "IMAGE"]
        theirs = [one for one in theirs if one[0] != "IMAGE"]
    assert ours == theirs


@pytest.mark.parametrize("name", ["test-SR.dcm", "reportsi.dcm"])
@pytest.mark.parametrize("form", [report_html, report_text, report_markdown])
def test_all_that_a_report_says_is_shown(name: str, form) -> None:
    read = read_structured_report(get_testdata_file(name))
    shown = form(read)
    if form is report_html:
        shown = " ".join(Page(shown).words)
    plain = " ".join(shown.replace("\\", "").split())
    for kind, _, concept, value in our_items(read.content):
        assert concept in plain
        if kind in ("TEXT", "CODE", "UIDREF", "IMAGE", "COMPOSITE", "WAVEFORM"):
            assert " ".join(value.split()) in plain


def test_the_page_has_the_words_that_dsr2html_has(folder: Path) -> None:
    path = structured_report(read_markdown(folder / "report.md"), source=folder / "ct.dcm").save(
        folder / "sr.dcm"
    )
    done = subprocess.run([needs("dsr2html", "dcmtk"), path], capture_output=True, check=True)
    theirs = unescape(done.stdout.decode())
    ours = " ".join(" ".join(Page(report_html(read_structured_report(path))).words).split())
    for kind, _, concept, value in dcmtk_items(path):
        if kind in ("TEXT", "CODE"):
            assert value in theirs and value in ours
        assert concept in theirs and concept in ours


def test_a_page_is_in_its_language_and_runs_nothing(folder: Path) -> None:
    report = read_markdown(folder / "report.md")
    composed = structured_report(report, source=folder / "ct.dcm", language="de-CH")
    composed.data_set.PatientName = "<script>alert(2)</script>^\"onload='x'"
    read = read_structured_report(composed.data_set)
    text = report_html(read, link=on_server("http://example.org/dicomweb/"))
    page = Page(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="de-CH">')
    assert "script" not in page.tags and "<script>alert(1)</script>" in "".join(page.words)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert {"h1", "h2", "section", "table", "th"} <= page.tags
    reference = next(iter(read.references.values()))
    address = (
        f"http://example.org/dicomweb/studies/{reference.study_instance_uid}/series/"
        f"{reference.series_instance_uid}/instances/{reference.sop_instance_uid}"
    )
    assert ("href", address) in page.attributes


def test_a_relationship_by_reference_links_to_the_item() -> None:
    page = Page(report_html(read_structured_report(get_testdata_file("test-SR.dcm"))))
    assert ("href", "#item-1-3-2") in page.attributes
    assert ("id", "item-1-3-2") in page.attributes


def test_key_objects_are_read_too(folder: Path) -> None:
    composed = key_object_selection(folder / "ct.dcm", note="Look & see")
    text = report_text(read_structured_report(composed.data_set))
    uid = str(pydicom.dcmread(folder / "ct.dcm").SOPInstanceUID)
    assert text.startswith("Of Interest\n") and "Key Object Description: Look & see" in text
    assert f"CT Image Storage {uid}" in text


def hostile(depth: int) -> pydicom.Dataset:
    root = small_object()
    item = root
    for _ in range(depth):
        child = pydicom.Dataset()
        child.RelationshipType, child.ValueType = "CONTAINS", "CONTAINER"
        item.ContentSequence = [child]
        item = child
    return root


def test_what_is_no_report_is_refused(folder: Path) -> None:
    with pytest.raises(NotFound):
        read_structured_report(folder / "nothing.dcm")
    with pytest.raises(NotDicom, match="no structured report"):
        read_structured_report(folder / "ct.dcm")
    with pytest.raises(NotDicom):
        read_structured_report(folder / "report.md")
    with pytest.raises(InvalidDicom, match="nested more than"):
        read_structured_report(hostile(DEEPEST + 1))
    assert "CONTAINER" not in dsrdump(folder / "ct.dcm")


def test_a_file_nested_beyond_all_reason_is_refused(tmp_path: Path) -> None:
    head = part10_bytes(small_object())
    opening = (
        bytes.fromhex("400030a7")
        + b"SQ\0\0"
        + b"\xff" * 4
        + bytes.fromhex("feff00e0")
        + b"\xff" * 4
    )
    (tmp_path / "deep.dcm").write_bytes(head + opening * 20_000)
    with pytest.raises((InvalidDicom, NotDicom)):
        read_structured_report(tmp_path / "deep.dcm")
