"""Dumps: a line for each element, what is kept of them, and what broken files still show."""

import struct

import pydicom
import pytest
from pydicom import Dataset
from tests.dicom import corpus
from tests.factories import ct_slice, part10_bytes, small_object

from isocenter.dicom import dump
from isocenter.dicom.line_filter import line_filter
from isocenter.dicom.tag_dump import SHORTENED
from isocenter.errors import ConfigurationError


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8, PatientName="Doe^Jane")))
    return path


def test_every_element_has_a_line(image):
    lines = [line for line in dump(image).splitlines() if "Item " not in line]
    expected = 0

    def count(data_set: Dataset) -> None:
        nonlocal expected
        for element in data_set:
            expected += 1
            for item in element.value if element.VR == "SQ" else ():
                count(item)

    data_set = pydicom.dcmread(image)
    count(data_set.file_meta)
    count(data_set)
    assert len(lines) == expected
    assert "(0010,0010) PN PatientName: Doe^Jane" in lines
    assert any("SOPClassUID: 1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)" in ln for ln in lines)


def test_a_data_set_that_was_never_a_file_is_shown():
    data_set = Dataset()
    data_set.PatientID, data_set.Rows, data_set.PixelSpacing = "1", 3, ["0.5", "0.25"]
    assert dump(data_set) == (
        "(0010,0020) LO PatientID: 1\n"
        "(0028,0010) US Rows: 3\n"
        "(0028,0030) DS PixelSpacing: 0.5\\0.25\n"
    )


def test_a_filter_keeps_the_lines_that_match(image):
    assert dump(image, filter="PatientName") == "(0010,0010) PN PatientName: Doe^Jane\n"


def test_annotations_tell_name_type_and_values(image):
    line = dump(image, filter="PatientSex", annotate=True)
    assert "# Patient's Sex; Type 2 in Patient; one of M, F, O" in line
    nested = dump(image, filter=r"^\(0008,0104\)", annotate=True)
    assert "Code Meaning; Type 1 in General Study" in nested


def test_annotations_without_an_iod_name_the_modules_of_all():
    data_set = Dataset()
    data_set.PixelSpacing = ["1", "1"]
    assert "Type 1 in Image Plane" in dump(data_set, annotate=True)


@pytest.mark.parametrize(("count", "shown"), [(0, "..."), (2, "00 00 ..."), (8, "00 00 00 00 ")])
def test_binary_values_show_their_first_bytes(count, shown):
    data_set = Dataset()
    data_set.add_new(0x00420011, "OB", bytes(64))
    assert f"EncapsulatedDocument: {shown}" in dump(data_set, binary_bytes=count)
    assert "(64 bytes)" in dump(data_set, binary_bytes=count)


def test_large_values_stay_in_the_file(tmp_path):
    path = tmp_path / "large.dcm"
    path.write_bytes(part10_bytes(ct_slice(512, 512)))
    first = pydicom.dcmread(path).PixelData[:8].hex(" ").upper()
    assert f"PixelData: {first} ... (524288 bytes)" in dump(path)


def test_a_dump_at_its_limit_says_so(image):
    short = dump(image, limit=200)
    assert short.endswith(f"\n{SHORTENED}\n") and len(short) < 200 + len(SHORTENED) + 3


def test_private_values_are_decoded_on_request_by_their_creators_dictionary():
    data_set = Dataset()
    data_set.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
    data_set.add_new(0x00291008, "UN", b"IMAGE NUM 4 ")
    assert "[CSA Image Header Type]: 49 4D 41 47 45 20 4E 55 ..." in dump(data_set)
    decoded = dump(data_set, private_values=True)
    assert "[CSA Image Header Type]: IMAGE NUM 4\n" in decoded


def test_a_value_cannot_forge_a_line():
    data_set = Dataset()
    with pydicom.config.disable_value_validation():
        data_set.PatientComments = "a\n(0010,0010) PN PatientName: X\x1b[2J"
    text = dump(data_set)
    assert text.count("\n") == 1 and "\x1b" not in text


@pytest.mark.parametrize("name", sorted(corpus.TRUNCATED))
def test_a_broken_file_shows_what_can_be_read_and_the_error(name):
    text = dump(corpus.named(name))
    assert "PatientName" in text
    assert "error: " in text.splitlines()[-1] and "truncated" in text.splitlines()[-1]


@pytest.mark.parametrize("path", corpus.files()[1::4], ids=lambda p: p.name)
def test_every_file_of_the_corpus_can_be_shown(path):
    lines = dump(path, annotate=True, private_values=True).splitlines()
    shown = {line[:11] for line in lines if line.startswith("(")}
    assert {f"({t.group:04X},{t.element:04X})" for t in corpus.read(path)._dict} <= shown


@pytest.mark.parametrize(
    ("expression", "matching", "other"),
    [
        (".*", "anything", None),
        (".*(0008,0032).*", "(0008,0032) TM AcquisitionTime", "(0008,0033) TM"),
        (".*logo.*", "a logo here", "a LOGO"),
        (".*[lL][oO][gG][oO].*", "a LoGo", "a lgo"),
        (".*.[jJ][pP][gG]", "x.JpG", "x.jpg.gz"),
        (".*.JPG|.*.jpg", "x.jpg", "x.jpg.gz"),
        (r".*\d.*", "a1", "a"),
        (".*[[:digit:]].*", "a1", "a"),
        (".*[[:xdigit:]].*", "xfx", "xyz"),
        (r".*\l.*", "Aa", "AA"),
        (".*[[:lower:]].*", "Aa", "AA"),
        (r".*\u.*", "aA", "aa"),
        (".*[[:upper:]].*", "aA", "aa"),
        (r".*\s.*", "a b", "ab"),
        (".*[[:space:]].*", "a b", "ab"),
        (".*[[:blank:]].*", "a\tb", "ab"),
        (".*[[:word:]].*", "-_-", "---"),
        (".*[[:w:]].*", "-a-", "---"),
        (".*[[:graph:]].*", " a ", "  "),
        (".*[5-7].*", "x6", "x8"),
        ("[^[:digit:]]x", "ax", "1x"),
        (r"\\u0041", r"a\u0041", "A"),
        ("Name", "PatientName", "PatientID"),
    ],
)
def test_posix_classes_and_shorthands_are_understood(expression, matching, other):
    kept = line_filter(expression)
    assert kept.search(matching)
    assert other is None or not kept.search(other)


@pytest.mark.parametrize("expression", ["(", "[[:vowel:]]"])
def test_what_is_no_expression_is_refused(expression):
    with pytest.raises(ConfigurationError):
        line_filter(expression)


@pytest.mark.parametrize("depth", [65, 1000])
def test_sequences_nested_without_reason_are_shown_as_far_as_they_may_be(tmp_path, depth):
    value = b""
    for _ in range(depth):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
        value = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, len(item)) + item
    path = tmp_path / "deep.dcm"
    path.write_bytes(part10_bytes(small_object()) + value)
    lines = dump(path).splitlines()
    assert sum("ContentSequence" in line for line in lines) == 65
    assert lines[-1].startswith("error: sequences nest deeper than 64")
