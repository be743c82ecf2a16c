"""Text in every character set of PS3.3 C.12.1.1.2 against DCMTK, and where it has none, iconv."""

import json
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from tests.factories import part10_bytes, small_object

from isocenter.dicom import file_json, scan_file

PROGRAM, ICONV = shutil.which("dcmconv"), shutil.which("iconv")
pytestmark = pytest.mark.peer

# Registration number -> Python's codec, escape sequence to its G1 (PS3.3 Table C.12-3); without
# 203, which DCMTK 3.6.7 does not know yet.
SINGLE_BYTE = {
    100: ("latin-1", b"-A"),
    101: ("iso8859-2", b"-B"),
    109: ("iso8859-3", b"-C"),
    110: ("iso8859-4", b"-D"),
    144: ("iso8859-5", b"-L"),
    127: ("iso8859-6", b"-G"),
    126: ("iso8859-7", b"-F"),
    138: ("iso8859-8", b"-H"),
    148: ("iso8859-9", b"-M"),
    166: ("tis-620", b"-T"),
    13: ("shift_jis", b")I"),
}
HIGH = bytes(range(0xA1, 0xFF))


def letters(codec: str) -> bytes:
    """Every byte beyond ASCII to which the set gives a character."""
    end = 0xE0 if codec == "shift_jis" else 0xFF
    return bytes(b for b in HIGH if b < end and bytes([b]).decode(codec, "ignore"))


def rows(codec: str, lead: range, escape: bytes) -> bytes:
    """The first characters of some rows of a set of two bytes a character in G1."""
    pairs = (bytes([row, cell]) for row in lead for cell in range(0xA1, 0xB1))
    return escape + b"".join(pair for pair in pairs if pair.decode(codec, "ignore"))


def japanese(escape: bytes, lead: range, codec: str) -> bytes:
    """The same in G0, which has to be given back."""
    pairs = (bytes([row, cell]) for row in lead for cell in range(0x21, 0x31))
    known = b"".join(p for p in pairs if (escape + p).decode(codec, "ignore"))
    return escape + known + b"\x1b(B"


CASES: dict[str, tuple[list[str], bytes]] = {
    "default": ([], bytes(range(0x20, 0x7F)).replace(b"\\", b"")),
    **{
        f"ISO_IR {number}": ([f"ISO_IR {number}"], b"abc " + letters(codec))
        for number, (codec, _) in SINGLE_BYTE.items()
    },
    **{
        f"ISO 2022 IR {number}": (
            ["ISO 2022 IR 6", f"ISO 2022 IR {number}"],
            b"abc \x1b" + escape + letters(codec) + b" xyz",
        )
        for number, (codec, escape) in SINGLE_BYTE.items()
    },
    **{
        f"ISO 2022 IR {number} and Greek": (
            [f"ISO 2022 IR {number}", "ISO 2022 IR 126"],
            b"abc " + letters(codec) + b" \x1b-F" + letters("iso8859-7"),
        )
        for number, (codec, _) in SINGLE_BYTE.items()
    },
    "Latin, Greek and Cyrillic": (
        ["ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"],
        b"\xe9 \x1b-F" + letters("iso8859-7") + b" \x1b-L" + letters("iso8859-5"),
    ),
    "ISO 2022 IR 149": (
        ["", "ISO 2022 IR 149"],
        b"abc " + rows("euc_kr", range(0xB0, 0xB4), b"\x1b$)C"),
    ),
    "ISO 2022 IR 58": (
        ["", "ISO 2022 IR 58"],
        b"abc " + rows("gb2312", range(0xB0, 0xB4), b"\x1b$)A"),
    ),
    "ISO_IR 192": (["ISO_IR 192"], "Wang 王小東 한글 ß 𠮷".encode()),
    "GB18030": (["GB18030"], "Wang 王小东 䶮 𠮷".encode("gb18030")),
    "GBK": (["GBK"], "Wang 王小东 朱镕基".encode("gbk")),
}
# DCMTK with GNU's iconv has no Japanese sets of two bytes; iconv itself has.
JAPANESE: dict[str, tuple[list[str], bytes]] = {
    "ISO 2022 IR 87": (
        ["", "ISO 2022 IR 87"],
        b"abc " + japanese(b"\x1b$B", range(0x21, 0x75), "iso2022_jp") + b" xyz",
    ),
    "ISO 2022 IR 159": (
        ["ISO 2022 IR 6", "ISO 2022 IR 159"],
        b"abc " + japanese(b"\x1b$(D", range(0x22, 0x6E), "iso2022_jp_2") + b" xyz",
    ),
    "ISO 2022 IR 87 and 159": (
        ["", "ISO 2022 IR 87", "ISO 2022 IR 159"],
        japanese(b"\x1b$B", range(0x30, 0x32), "iso2022_jp")
        + japanese(b"\x1b$(D", range(0x30, 0x32), "iso2022_jp_2"),
    ),
}


def written(folder: Path, terms: list[str], text: bytes) -> Path:
    """A file with a text of these bytes, put in where pydicom wrote as many others."""
    text += b" " * (len(text) % 2)
    place = "#" * len(text)
    dataset = small_object(SpecificCharacterSet=terms or None, PatientComments=place)
    path = folder / "text.dcm"
    path.write_bytes(part10_bytes(dataset).replace(place.encode(), text))
    return path


def read(path: Path) -> str:
    """The text as it goes into metadata."""
    model = json.loads(file_json(path, scan_file(path), bulk_data_uri=""))
    (text,) = model["00104000"]["Value"]
    return text


@pytest.mark.skipif(PROGRAM is None, reason="needs dcmconv of DCMTK (apt-get install dcmtk)")
@pytest.mark.parametrize("name", CASES)
def test_dcmtk_reads_the_same_text(name: str, tmp_path: Path) -> None:
    path, converted = written(tmp_path, *CASES[name]), tmp_path / "utf-8.dcm"

    assert PROGRAM is not None
    done = subprocess.run([PROGRAM, "+U8", path, converted], capture_output=True, timeout=30)

    assert done.returncode == 0, done.stderr
    assert read(path) == str(pydicom.dcmread(converted).PatientComments)


@pytest.mark.skipif(ICONV is None, reason="needs iconv of the C library")
@pytest.mark.parametrize("name", JAPANESE)
def test_iconv_reads_the_same_japanese(name: str, tmp_path: Path) -> None:
    terms, text = JAPANESE[name]

    assert ICONV is not None
    done = subprocess.run(
        [ICONV, "-f", "ISO-2022-JP-2", "-t", "UTF-8"], input=text, capture_output=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
    assert read(written(tmp_path, terms, text)) == done.stdout.decode()
