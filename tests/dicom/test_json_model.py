import base64
import io
import json
import struct
import tracemalloc
import warnings
import zlib
from array import array
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from tests.dicom import corpus
from tests.factories import ct_slice, data_set_bytes, multi_frame, part10_bytes, small_object

from isocenter.dicom import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    Header,
    data_set_json,
    data_set_members,
    file_json,
    file_meta_bytes,
    inflate,
    locate,
    scan,
    scan_file,
    transfer_syntax,
)
from isocenter.errors import InvalidDicom, LimitExceeded

BULK = "bulk"
WORDS = {"OW": "H", "OF": "I", "OL": "I", "OD": "Q", "OV": "Q"}
# pydicom raises on them: an IS that is no number; pixel data cut off, of which it reads nothing.
UNREADABLE_TO_PYDICOM = {"badVR.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"}


def expected(dataset: Dataset) -> dict[str, Any]:
    """What pydicom writes, put right where it does not follow PS3.18 annex F."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = json.loads(
            json.dumps(dataset.to_json_dict(bulk_data_element_handler=lambda _: BULK))
        )
    return corrected(model, big_endian=dataset.original_encoding[1] is False)


def corrected(model: dict[str, Any], *, big_endian: bool) -> dict[str, Any]:
    kept = {}
    for tag, element in model.items():
        # Group lengths and padding say something about an encoding; JSON has another one.
        if tag.endswith("0000") or tag == "FFFCFFFC":
            continue
        kept[tag] = corrected_element(tag, element, big_endian=big_endian)
    return kept


def corrected_element(tag: str, element: dict[str, Any], *, big_endian: bool) -> dict[str, Any]:
    vr, values = element["vr"], element.get("Value")
    # JSON is UTF-8, and Specific Character Set has to say so.
    if tag == "00080005" and values:
        return {"vr": "CS", "Value": ["ISO_IR 192"]}
    # Pixel Data is bulk data at any size; so are fragments.
    if tag == "7FE00010":
        return {"vr": vr, "BulkDataURI": BULK}
    # An attribute without items has no Value (F.2.5).
    if values == []:
        return {"vr": vr}
    # Words are little endian (F.2.7); pydicom leaves them as the file has them.
    if big_endian and vr in WORDS and "InlineBinary" in element:
        octets = base64.b64decode(element["InlineBinary"])
        words = array(WORDS[vr], octets)
        words.byteswap()
        return {"vr": vr, "InlineBinary": base64.b64encode(words).decode()}
    if values is not None:
        fixed = [corrected_value(vr, value, big_endian=big_endian) for value in values]
        return element | {"Value": fixed}
    return element


def corrected_value(vr: str, value: Any, *, big_endian: bool) -> Any:
    if vr == "SQ":
        return corrected(value, big_endian=big_endian)
    # Empty ones among several values are null (F.2.5).
    if value == "" or value == {"Alphabetic": ""}:
        return None
    # Empty component groups are left out (F.2.2).
    if vr == "PN" and value is not None:
        return {group: name for group, name in value.items() if name}
    # Padding means nothing behind any of several values, not only behind the last (PS3.5 6.2).
    if vr == "CS" and isinstance(value, str):
        return value.rstrip()
    return value


def model_of(data: bytes, syntax: Any = EXPLICIT_VR_LITTLE_ENDIAN, **options: Any) -> Any:
    return json.loads(data_set_json(data, syntax, bulk_data_uri=BULK, **options))


def links_cut(model: Any) -> Any:
    """Links without their paths, which pydicom's handler is not told."""
    if isinstance(model, dict):
        return {
            key: BULK if key == "BulkDataURI" else links_cut(value) for key, value in model.items()
        }
    return [links_cut(item) for item in model] if isinstance(model, list) else model


@pytest.mark.parametrize("path", corpus.files(), ids=lambda path: path.name)
def test_every_file_has_the_json_that_pydicom_writes(path: Any) -> None:
    header = scan_file(path)
    written = links_cut(
        json.loads(file_json(path, header, bulk_data_uri=BULK, bulk_threshold=1024 // 4 * 3))
    )
    if path.name not in UNREADABLE_TO_PYDICOM:
        assert written == expected(corpus.read(path))


@pytest.mark.parametrize("path", corpus.files()[::5], ids=lambda path: path.name)
def test_a_whole_data_set_has_the_same_json_as_its_file(path: Any) -> None:
    header, content = scan_file(path), path.read_bytes()
    data = content[header.data_set_offset :]
    if header.inflated:
        data = inflate(data)
    assert data_set_json(data, header.transfer_syntax, bulk_data_uri=BULK) == file_json(
        path, header, bulk_data_uri=BULK
    )


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_encodings_of_one_object_have_one_json(uid: str) -> None:
    dataset = ct_slice(8, 8)
    reference = model_of(data_set_bytes(dataset))
    written = model_of(data_set_bytes(dataset, uid), transfer_syntax(uid))
    if uid == "1.2.840.10008.1.2":  # nobody can know what the private elements are
        for model in (written, reference):
            for tag in ("00091001", "00091002", "00091003"):
                del model[tag]
    assert written == reference


def test_a_header_cut_off_in_pixel_data_is_enough() -> None:
    data = data_set_bytes(ct_slice(8, 8))
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"):
        encoded = data_set_bytes(ct_slice(8, 8), syntax)
        start = encoded.index(b"\xe0\x7f\x10\x00O") + 12
        model = model_of(encoded[: start + 5], transfer_syntax(syntax))
        assert model["7FE00010"]["BulkDataURI"] == f"{BULK}/7FE00010"
        assert len(model) == len(model_of(data))


@pytest.mark.parametrize("cut", [1, 7, 13, 40, 300])
def test_a_header_that_is_cut_off_is_an_error(cut: int) -> None:
    data = data_set_bytes(small_object())
    with pytest.raises(InvalidDicom, match="truncated"):
        model_of(data[:-cut])


def test_bulk_data_is_linked_by_the_path_of_its_element() -> None:
    item = Dataset()
    item.add_new(0x00091001, "OB", bytes(2000))
    outer = Dataset()
    outer.add_new(0x00081115, "SQ", Sequence([Dataset(), item]))
    dataset = Dataset()
    dataset.add_new(0x00081199, "SQ", Sequence([outer]))
    data = data_set_bytes(dataset)
    model = model_of(data)
    nested = model["00081199"]["Value"][0]["00081115"]["Value"]
    assert nested[1]["00091001"] == {
        "vr": "OB",
        "BulkDataURI": f"{BULK}/00081199/0/00081115/1/00091001",
    }
    seen: list[str] = []
    data_set_json(
        data, EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri=lambda path: seen.append(path) or "there"
    )
    assert seen == ["00081199/0/00081115/1/00091001"]


def test_binary_values_at_the_threshold_stay_inline() -> None:
    dataset = Dataset()
    dataset.add_new(0x00091001, "OB", b"\1" * 10)
    dataset.add_new(0x00091002, "OB", b"\1" * 12)
    model = model_of(data_set_bytes(dataset), bulk_threshold=10)
    assert "InlineBinary" in model["00091001"] and "BulkDataURI" in model["00091002"]


def test_values_of_any_kind_that_are_very_long_become_links() -> None:
    dataset = Dataset()
    dataset.add_new(0x00420012, "UT", "x" * (1 << 20))
    dataset.add_new(0x00420013, "UT", "x" * ((1 << 20) + 2))
    model = model_of(data_set_bytes(dataset))
    assert "Value" in model["00420012"] and "BulkDataURI" in model["00420013"]


def element(group: int, number: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    """One explicit element, with whatever value."""
    if vr in {
        b"OB",
        b"OD",
        b"OF",
        b"OL",
        b"OV",
        b"OW",
        b"SQ",
        b"SV",
        b"UC",
        b"UN",
        b"UR",
        b"UT",
        b"UV",
    }:
        head = struct.pack(f"{order}HH2sHI", group, number, vr, 0, len(value))
    else:
        head = struct.pack(f"{order}HH2sH", group, number, vr, len(value))
    return head + value


@pytest.mark.parametrize(
    ("vr", "raw", "values"),
    [
        (b"AE", b" AE1 \\AE2 ", ["AE1", "AE2"]),
        (b"AS", b"054Y", ["054Y"]),
        (b"AT", b"\x08\0\x05\0\x20\0\x0d\0", ["00080005", "0020000D"]),
        (b"CS", b"A \\\\B ", ["A", None, "B"]),
        (b"DA", b"20240117", ["20240117"]),
        (b"DS", b" 1.250\\-.5\\+3\\007\\1e3 ", [1.25, -0.5, 3.0, 7.0, 1000.0]),
        (b"DS", b"\\1 ", [None, 1]),
        (b"DS", b"1,5 ", ["1,5"]),
        (b"DT", b"20240117081530.5+0100 ", ["20240117081530.5+0100"]),
        (
            b"FL",
            struct.pack("<3f", 0.1, float("nan"), float("-inf")),
            [0.10000000149011612, "NaN", "-inf"],
        ),
        (b"FD", struct.pack("<2d", 0.1, float("inf")), [0.1, "inf"]),
        (b"IS", b"+12\\-007\\\\x ", [12, -7, None, "x"]),
        (b"LO", b"one \\two ", ["one", "two"]),
        (b"LT", b" a\\b\r\n ", [" a\\b\r\n"]),
        (b"SL", struct.pack("<2i", -1, 2), [-1, 2]),
        (b"SS", struct.pack("<h", -1), [-1]),
        (b"ST", b"x\\y ", ["x\\y"]),
        (b"SV", struct.pack("<2q", -5, -(2**60)), [-5, str(-(2**60))]),
        (b"TM", b"081530 ", ["081530"]),
        (b"UC", b"a\\b ", ["a", "b"]),
        (b"UI", b"1.2.3\0", ["1.2.3"]),
        (b"UL", struct.pack("<I", 2**32 - 1), [2**32 - 1]),
        (b"UR", b"http://x/?a\\b ", ["http://x/?a\\b"]),
        (b"US", struct.pack("<2H", 1, 65535), [1, 65535]),
        (b"UT", b'"\t\\ ', ['"\t\\']),
        (b"UV", struct.pack("<2Q", 7, 2**64 - 1), [7, str(2**64 - 1)]),
        (
            b"PN",
            b"Doe^Jane=\xe4=p\\\\=i ",
            [
                {"Alphabetic": "Doe^Jane", "Ideographic": "ä", "Phonetic": "p"},
                None,
                {"Ideographic": "i"},
            ],
        ),
    ],
)
def test_every_value_representation_has_its_form(vr: bytes, raw: bytes, values: list[Any]) -> None:
    assert model_of(element(9, 0x1001, vr, raw))["00091001"] == {"vr": vr.decode(), "Value": values}


@pytest.mark.parametrize(
    "vr",
    sorted(
        {
            "AE",
            "AT",
            "CS",
            "DS",
            "FD",
            "IS",
            "LO",
            "OB",
            "OV",
            "PN",
            "SQ",
            "SV",
            "UI",
            "UN",
            "US",
            "UT",
        }
    ),
)
def test_an_empty_value_leaves_the_value_representation_alone(vr: str) -> None:
    assert model_of(element(9, 0x1001, vr.encode(), b"")) == {"00091001": {"vr": vr}}


@pytest.mark.parametrize(
    ("vr", "size"), [("OB", 1), ("OW", 2), ("OL", 4), ("OF", 4), ("OD", 8), ("OV", 8), ("UN", 1)]
)
def test_words_of_binary_values_become_little_endian(vr: str, size: int) -> None:
    raw = bytes(range(16))
    big = element(8, 0x16, b"UI", b"1.", ">") + element(9, 0x1001, vr.encode(), raw, ">")
    little = b"".join(raw[i : i + size][::-1] for i in range(0, 16, size))
    inline = model_of(big, EXPLICIT_VR_BIG_ENDIAN)["00091001"]["InlineBinary"]
    assert base64.b64decode(inline) == little


def test_a_value_that_does_not_fit_its_representation_is_unknown() -> None:
    model = model_of(element(9, 0x1001, b"US", b"abc") + element(9, 0x1002, b"AT", b"\1\0\2\0\3\0"))
    assert model["00091001"] == {"vr": "UN", "InlineBinary": base64.b64encode(b"abc").decode()}
    assert model["00091002"]["vr"] == "UN"


def test_the_last_of_elements_with_one_tag_counts_and_tags_are_in_order() -> None:
    data = (
        element(9, 0x1001, b"LO", b"b ")
        + element(8, 0x60, b"CS", b"CT")
        + element(9, 0x1001, b"LO", b"a ")
    )
    members = data_set_members(data, EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri=BULK)
    assert members == [
        '"00080060":{"vr":"CS","Value":["CT"]}',
        '"00091001":{"vr":"LO","Value":["a"]}',
    ]


def test_an_unknown_element_gets_the_representation_of_its_dictionary() -> None:
    data = (
        element(0x0009, 0x0010, b"LO", b"GEMS_IDEN_01")
        + element(0x0009, 0x1002, b"UN", b"suite ")
        + element(0x0020, 0x000D, b"UN", b"1.2\0")
        + element(0x0009, 0x1099, b"UN", b"?!")
    )
    model = model_of(data)
    assert model["00091002"] == {"vr": "SH", "Value": ["suite"]}
    assert model["0020000D"] == {"vr": "UI", "Value": ["1.2"]}
    assert model["00091099"]["vr"] == "UN"


def test_an_unknown_element_of_undefined_length_is_an_implicit_sequence() -> None:
    item = struct.pack("<HHI", 0x0008, 0x0060, 2) + b"CT"
    data = (
        struct.pack("<HH2sHI", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + item
        + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        + element(0x0010, 0x0020, b"LO", b"ID")
    )
    assert model_of(data) == {
        "00091001": {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["CT"]}}]},
        "00100020": {"vr": "LO", "Value": ["ID"]},
    }


@pytest.mark.parametrize("signed", [0, 1])
def test_ambiguous_representations_follow_pixel_representation(signed: int) -> None:
    dataset = ct_slice(4, 4, PixelRepresentation=signed, PixelPaddingValue=None)
    dataset.add_new(0x00189810, "SS" if signed else "US", 65535 - 65536 * signed)
    dataset.add_new(0x00280120, "SS" if signed else "US", 65535 - 65536 * signed)
    item = Dataset()
    item.LUTDescriptor = [4, 0, 16]
    item["LUTDescriptor"].VR = "US"
    item.add_new(0x00283006, "OW", bytes(8))
    dataset.ModalityLUTSequence = Sequence([item])
    model = model_of(data_set_bytes(dataset, "1.2.840.10008.1.2"), IMPLICIT_VR_LITTLE_ENDIAN)
    padding = {"vr": "SS", "Value": [-1]} if signed else {"vr": "US", "Value": [65535]}
    assert model["00280120"] == model["00189810"] == padding
    nested = model["00283000"]["Value"][0]
    assert nested["00283002"]["vr"] == padding["vr"] and nested["00283006"]["vr"] == "OW"


def test_the_first_value_of_a_signed_descriptor_is_unsigned() -> None:
    data = element(0x0028, 0x1101, b"SS", struct.pack("<Hhh", 65535, -5, 16))
    assert model_of(data)["00281101"]["Value"] == [65535, -5, 16]


def test_items_have_character_sets_of_their_own() -> None:
    inner = Dataset()
    inner.SpecificCharacterSet = "ISO_IR 144"
    inner.PatientName = "Люкceмбypг"
    plain = Dataset()
    plain.PatientName = "Äneas"
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ReferencedPatientSequence = Sequence([inner, plain])
    items = model_of(data_set_bytes(dataset))["00081120"]["Value"]
    assert items[0]["00100010"]["Value"] == [{"Alphabetic": "Люкceмбypг"}]
    assert items[0]["00080005"]["Value"] == ["ISO_IR 192"]
    assert items[1]["00100010"]["Value"] == [{"Alphabetic": "Äneas"}]


def nested(depth: int, *, defined: bool) -> bytes:
    """A data set with sequences so deep in each other."""
    content = element(8, 0x60, b"CS", b"CT")
    for _ in range(depth):
        if defined:
            item = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
            content = element(9, 0x1001, b"SQ", item)
        else:
            content = (
                struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 0xFFFFFFFF)
                + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
                + content
                + struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
            )
    return content


@pytest.mark.parametrize("defined", [True, False])
def test_sequences_may_nest_sixty_four_deep_and_no_deeper(defined: bool) -> None:
    model = model_of(nested(64, defined=defined))
    for _ in range(64):
        model = model["00091001"]["Value"][0]
    assert model == {"00080060": {"vr": "CS", "Value": ["CT"]}}
    for depth in (65, 1000):
        with pytest.raises(LimitExceeded, match="deeper than 64"):
            model_of(nested(depth, defined=defined))


def test_attributes_behind_pixel_data_are_there_too() -> None:
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"):
        dataset = multi_frame(3)
        content = part10_bytes(dataset, syntax) + element(0x7FE1, 0x0010, b"LO", b"ACME")
        header: Header = scan_file(content)
        model = json.loads(file_json(content, header, bulk_data_uri=BULK))
        assert model["7FE10010"] == {"vr": "LO", "Value": ["ACME"]}
        assert model["7FE00010"]["BulkDataURI"] == f"{BULK}/7FE00010"


def deflated_file(*contents: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = b"".join([*map(packer.compress, contents), packer.flush()])
    return file_meta_bytes("1.2", "1.2.3", "1.2.840.10008.1.2.1.99") + packed


def test_deflated_pixels_are_passed_over_without_taking_memory() -> None:
    pixel_data = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 64 << 20)
    name, behind = (element(*place, b"LO", b"ACME") for place in ((0x0008, 0x70), (0x7FE1, 0x10)))
    content = deflated_file(name, pixel_data, *[bytes(1 << 20)] * 64, behind)
    header = scan_file(content)
    tracemalloc.start()
    try:
        model = json.loads(file_json(content, header, bulk_data_uri=BULK))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert model == {
        "00080070": {"vr": "LO", "Value": ["ACME"]},
        "7FE00010": {"vr": "OB", "BulkDataURI": f"{BULK}/7FE00010"},
        "7FE10010": {"vr": "LO", "Value": ["ACME"]},
    }
    assert most < 1 << 20


def test_what_is_behind_deflated_pixels_takes_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("isocenter.dicom.json_model.MAXIMUM_INFLATED_HEADER", 1 << 20)
    pixel_data = struct.pack("<HH2sHIxx", 0x7FE0, 0x0010, b"OB", 0, 2)
    behind = struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 64 << 20)
    content = deflated_file(pixel_data, behind, *[bytes(1 << 20)] * 64)
    header = scan_file(content)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidDicom):
            file_json(content, header, bulk_data_uri=BULK)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20


def implicit_items(content: bytes) -> bytes:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
    return element(0x0008, 0x1115, b"SQ", item)


def test_items_that_fall_back_to_the_other_layout_are_read() -> None:
    content = struct.pack("<HHI", 0x0020, 0x000E, 4) + b"1.2\0"
    assert model_of(implicit_items(content))["00081115"]["Value"] == [
        {"0020000E": {"vr": "UI", "Value": ["1.2"]}}
    ]


def test_what_pydicom_reads_back_is_what_was_written() -> None:
    dataset = ct_slice(4, 4)
    model = data_set_json(
        data_set_bytes(dataset),
        EXPLICIT_VR_LITTLE_ENDIAN,
        bulk_data_uri=BULK,
        bulk_threshold=1 << 20,
    )
    restored = pydicom.Dataset.from_json(model.decode(), lambda tag, vr, uri: dataset.PixelData)
    assert restored == dataset


def test_a_value_of_gigabytes_that_is_no_pixel_data_is_linked_unread(tmp_path: Path) -> None:
    length = 3 << 30
    content = part10_bytes(small_object())
    content += struct.pack("<HH2sHI", 0x0042, 0x0011, b"OB", 0, length)
    path = tmp_path / "raw.dcm"
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + length)
        file.seek(len(content) + length)
        file.write(element(0x0042, 0x0012, b"LO", b"text/xml"))
    tracemalloc.start()
    try:
        model = json.loads(file_json(path, scan_file(path), bulk_data_uri=BULK))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert model["00420011"] == {"vr": "OB", "BulkDataURI": f"{BULK}/00420011"}
    assert model["00420012"] == {"vr": "LO", "Value": ["text/xml"]}


def test_items_that_run_out_are_an_error_in_every_layout() -> None:
    open_sequence = struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 0xFFFFFFFF)
    open_item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    implicit = struct.pack("<HHI", 8, 0x1140, 0xFFFFFFFF)
    inside = struct.pack("<HHI", 0x0010, 0x0020, 2) + b"ID"
    for data, syntax in (
        (open_sequence, EXPLICIT_VR_LITTLE_ENDIAN),
        (open_sequence + open_item, EXPLICIT_VR_LITTLE_ENDIAN),
        (open_sequence + open_item + element(8, 0x60, b"CS", b"CT"), EXPLICIT_VR_LITTLE_ENDIAN),
        (implicit + open_item + inside, IMPLICIT_VR_LITTLE_ENDIAN),
        (implicit + open_item + inside[:-1], IMPLICIT_VR_LITTLE_ENDIAN),
        (implicit + struct.pack("<HHI", 0xFFFE, 0xE000, 100) + inside, IMPLICIT_VR_LITTLE_ENDIAN),
    ):
        with pytest.raises(InvalidDicom, match="truncated"):
            model_of(data, syntax)


def test_a_stray_delimiter_behind_a_sequence_with_a_length_is_ignored() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    after = element(0x0010, 0x0020, b"LO", b"ID")
    for data in (
        element(9, 0x1001, b"SQ", item + end) + after,
        element(9, 0x1001, b"SQ", item) + end + after,
    ):
        assert model_of(data) == {
            "00091001": {"vr": "SQ", "Value": [{}]},
            "00100020": {"vr": "LO", "Value": ["ID"]},
        }


def test_kinds_of_elements_without_end_are_not_all_remembered() -> None:
    data = b"".join(element(9, n, b"LO", b"") for n in range(0x1000, 0x6000))
    tracemalloc.start()
    try:
        members = data_set_members(data, EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri=BULK)
        del members
        assert tracemalloc.get_traced_memory()[0] < 8 << 20
    finally:
        tracemalloc.stop()


def test_padding_and_missing_descriptions_do_not_make_work_grow_with_its_square() -> None:
    zeros = bytes(20 << 20)
    assert model_of(element(8, 0x60, b"CS", b"CT") + zeros + b"\0\0\0")["00080060"]
    with pytest.raises(InvalidDicom):
        model_of(element(8, 0x60, b"CS", b"CT") + zeros + b"\1")
    ambiguous = struct.pack("<HHIH", 0x0028, 0x0106, 2, 7)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + ambiguous
    item += struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    count = 5_000
    data = struct.pack("<HHI", 0x0008, 0x1140, 0xFFFFFFFF) + item * count
    data += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    values = model_of(data, IMPLICIT_VR_LITTLE_ENDIAN)["00081140"]["Value"]
    assert len(values) == count and values[-1] == {"00280106": {"vr": "US", "Value": [7]}}


def test_a_mapped_file_looks_ahead_in_its_data_set(tmp_path: Path) -> None:
    dataset = ct_slice(4, 4, PixelData=None, PixelPaddingValue=None)
    dataset.add_new(0x00189810, "SS", -5)
    dataset.add_new(0x00420011, "OB", bytes((1 << 24) + 2))
    path = tmp_path / "large.dcm"
    path.write_bytes(part10_bytes(dataset, "1.2.840.10008.1.2"))
    model = json.loads(file_json(path, scan_file(path), bulk_data_uri=BULK))
    assert model["00189810"] == {"vr": "SS", "Value": [-5]}


@pytest.mark.parametrize("undefined", [True, False])
def test_explicit_items_in_an_unknown_element_are_read_as_they_are(undefined: bool) -> None:
    inner = element(0x0008, 0x0060, b"CS", b"CT") + element(0x0009, 0x1002, b"OB", bytes(2000))
    length = 0xFFFFFFFF if undefined else len(inner)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, length) + inner
    if undefined:
        item += struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    data = struct.pack("<HH2sHI", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF) + item
    data += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) + element(0x0010, 0x0020, b"LO", b"ID")
    model = model_of(data)
    assert model["00091001"]["Value"][0]["00080060"] == {"vr": "CS", "Value": ["CT"]}
    assert model["00100020"]["Value"] == ["ID"]
    place = locate(data, EXPLICIT_VR_LITTLE_ENDIAN, "00091001/0/00091002")
    assert data[place.offset : place.offset + place.length] == bytes(2000)
    header = scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True)
    assert header.text(0x00100020) == "ID"


PRIVATE = {
    "no creator": [],
    "an empty creator": [(0x0009, 0x0010, b"")],
    "a creator of several values": [(0x0009, 0x0010, b"GEMS_IDEN_01\\X ")],
    "the creator of another block": [(0x0009, 0x0011, b"GEMS_IDEN_01")],
    "a creator that is a value": [(0x0009, 0x00FF, b"GEMS_IDEN_01")],
    "an element where none may be": [(0x0009, 0x0001, b"GEMS_IDEN_01")],
}


@pytest.mark.parametrize("creators", PRIVATE.values(), ids=PRIVATE)
@pytest.mark.parametrize("syntax", [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN])
def test_private_elements_without_their_block_are_what_pydicom_reads(
    syntax: Any, creators: list[tuple[int, int, bytes]]
) -> None:
    implicit = syntax is IMPLICIT_VR_LITTLE_ENDIAN
    elements = [*((g, e, b"LO", v) for g, e, v in creators), (0x0009, 0x1001, b"UN", b"abcd")]
    data = b"".join(
        struct.pack("<HHI", group, number, len(value)) + value
        if implicit
        else element(group, number, vr, value)
        for group, number, vr, value in sorted(elements)
    )
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    assert model_of(data, syntax) == expected(dataset)
