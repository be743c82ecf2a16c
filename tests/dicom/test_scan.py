import io
import shutil
import struct
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import pydicom
import pytest
from tests.dicom import corpus
from tests.factories import ct_slice, data_set_bytes, multi_frame, part10_bytes, small_object

from isocenter.dicom import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
    WANTED,
    file_meta_bytes,
    scan,
    scan_file,
    tags,
    transfer_syntax,
)
from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.dicom.fragments import check_fragments
from isocenter.dicom.scan import FIRST_READ, MAXIMUM_VALUE_LENGTH
from isocenter.dicom.source import ReadAt
from isocenter.errors import (
    InvalidDicom,
    LimitExceeded,
    NeedMoreData,
    NotDicom,
    UnsupportedTransferSyntax,
)

PIXEL_TAGS = (tags.PixelData, tags.FloatPixelData, tags.DoubleFloatPixelData)
# pydicom gives up on the whole file: its last fragment has no end.
ENDLESS = {"emri_small_jpeg_2k_lossless_too_short.dcm"}
KVP = 0x00180060
NATIVE = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]


@pytest.mark.parametrize("path", corpus.files(), ids=lambda path: path.name)
def test_values_and_the_place_of_pixels_are_what_pydicom_finds(path: Path) -> None:
    header, reference = scan_file(path), corpus.read(path)
    if path.name in ENDLESS:
        return
    for tag in WANTED:
        element = reference.get_item(tag)
        assert (element is None) == (tag not in header.values and tag not in header.places)
        if element is not None and element.is_raw and tag in header.values:
            assert (element.value or b"") == header.values[tag]
    found = [reference.get_item(tag) for tag in PIXEL_TAGS if tag in reference]
    assert bool(found) == (header.pixel_data is not None)
    if header.pixel_data is not None and not header.inflated:
        assert found[0].value_tell == header.pixel_data.value_offset


@pytest.mark.parametrize("name", sorted(corpus.TRUNCATED))
def test_files_that_are_cut_off_are_refused(name: str) -> None:
    with pytest.raises(InvalidDicom, match="truncated"):
        scan_file(corpus.named(name))


@pytest.mark.parametrize("name", sorted(corpus.NOT_DICOM))
def test_files_of_other_kinds_are_refused(name: str) -> None:
    with pytest.raises(NotDicom):
        scan_file(corpus.named(name))


@pytest.mark.parametrize("uid", sorted(TRANSFER_SYNTAXES))
def test_every_transfer_syntax_is_scanned(uid: str) -> None:
    syntax, layout = transfer_syntax(uid), uid
    if syntax.implicit:
        layout = "1.2.840.10008.1.2"
    elif not syntax.encapsulated and syntax.little_endian:
        layout = "1.2.840.10008.1.2.1.99" if syntax.deflated else "1.2.840.10008.1.2.1"
    dataset = multi_frame(2, bits=8)
    content = file_meta_bytes(dataset.SOPClassUID, dataset.SOPInstanceUID, uid)
    content += data_set_bytes(dataset, layout)
    header = scan_file(content)
    assert header.sop_instance_uid == dataset.SOPInstanceUID
    assert header.text(tags.PatientName) == "Doe^Jane"
    assert (header.integer(tags.Rows), header.number_of_frames) == (16, 2)
    assert header.pixel_data is not None
    assert (header.pixel_data.length is None) == syntax.encapsulated


@pytest.mark.parametrize("uid", NATIVE)
def test_the_header_of_a_ct_slice_is_found_in_its_first_bytes(uid: str) -> None:
    dataset = ct_slice(64, 64)
    data = data_set_bytes(dataset, uid)
    header = scan(data[:4000], transfer_syntax(uid), base=1000)
    assert header.pixel_data is not None and header.pixel_data.length == 64 * 64 * 2
    assert data[header.pixel_data.value_offset - 1000 :] == data[-64 * 64 * 2 :]
    assert header.study_instance_uid == dataset.StudyInstanceUID
    assert header.series_instance_uid == dataset.SeriesInstanceUID
    assert header.sop_class_uid == dataset.SOPClassUID
    assert header.strings(tags.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert header.integer(tags.InstanceNumber) == 1
    assert header.integer(tags.BitsAllocated) == 16
    assert tags.PatientComments in header.values and KVP not in header.values


def test_further_tags_are_kept_on_demand() -> None:
    data = data_set_bytes(ct_slice(4, 4))
    header = scan(data, EXPLICIT_VR_LITTLE_ENDIAN, extra=frozenset({KVP, 0x00091001}))
    assert header.text(KVP) == "120" and header.text(0x00091001) == "private text"


def test_views_and_bytearrays_are_scanned_as_bytes_are() -> None:
    data = data_set_bytes(ct_slice(4, 4))
    reference = scan(data, EXPLICIT_VR_LITTLE_ENDIAN)
    for form in (memoryview(data), bytearray(data), memoryview(b"x" + data)[1:]):
        header = scan(form, EXPLICIT_VR_LITTLE_ENDIAN)
        assert (header.values, header.pixel_data) == (reference.values, reference.pixel_data)


def test_a_beginning_without_pixel_data_asks_for_more() -> None:
    data = data_set_bytes(ct_slice(4, 4))
    start = data.index(b"\xe0\x7f\x10\x00OW")
    for cut in [*range(0, start, 37), start, start + 11]:
        with pytest.raises(NeedMoreData):
            scan(data[:cut], EXPLICIT_VR_LITTLE_ENDIAN)
    assert scan(data[: start + 12], EXPLICIT_VR_LITTLE_ENDIAN).pixel_data is not None


def test_an_object_without_pixel_data_ends_with_its_bytes() -> None:
    data = data_set_bytes(small_object())
    with pytest.raises(NeedMoreData):
        scan(data, EXPLICIT_VR_LITTLE_ENDIAN)
    assert scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True).pixel_data is None
    for cut in (1, 5, 9, 30):
        with pytest.raises(InvalidDicom, match="truncated"):
            scan(data[:-cut], EXPLICIT_VR_LITTLE_ENDIAN, final=True)


def test_zeros_behind_the_last_element_are_padding() -> None:
    data = data_set_bytes(small_object())
    for padding in (1, 7, 8, 1000):
        header = scan(data + bytes(padding), EXPLICIT_VR_LITTLE_ENDIAN, final=True)
        assert header.text(tags.PatientID) == "PID-1"


def test_native_pixel_data_that_is_cut_off_is_refused() -> None:
    content = part10_bytes(ct_slice(8, 8))
    with pytest.raises(InvalidDicom, match="128 bytes, 127 are there"):
        scan_file(content[:-1])


def test_a_label_that_is_wrong_about_value_representations_is_not_believed() -> None:
    dataset = ct_slice(4, 4)
    for written, label in (NATIVE[:2], NATIVE[1::-1]):
        header = scan(data_set_bytes(dataset, written), transfer_syntax(label), final=True)
        assert header.text(tags.PatientName) == "Doe^Jane"
        assert header.layout.implicit == (written == NATIVE[0])
        assert header.transfer_syntax.uid == label


def test_a_large_sequence_of_undefined_length_is_passed_over(tmp_path: Path) -> None:
    dataset = ct_slice(4, 4)
    dataset.ReferencedImageSequence = [ct_slice(8, 8, PixelData=None) for _ in range(60)]
    dataset["ReferencedImageSequence"].is_undefined_length = True
    for item in dataset.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = True
    for uid in NATIVE:
        content = part10_bytes(dataset, uid)
        assert len(content) > 3 * FIRST_READ
        path = tmp_path / "large.dcm"
        path.write_bytes(content)
        from_path, from_bytes = scan_file(path), scan_file(content)
        assert from_path.values == from_bytes.values and from_path.pixel_data is not None
        assert from_path.pixel_data.value_offset == len(content) - 32


def test_a_file_is_scanned_from_whatever_holds_it(tmp_path: Path) -> None:
    content = part10_bytes(ct_slice(4, 4))
    path = tmp_path / "one.dcm"
    path.write_bytes(content)
    reference = scan_file(content)
    with path.open("rb") as file:
        for source in (path, str(path), file, file.fileno(), io.BytesIO(content)):
            header = scan_file(source)
            assert (header.values, header.pixel_data) == (reference.values, reference.pixel_data)


def test_a_sparse_file_of_four_gigabytes_is_scanned_by_its_header(tmp_path: Path) -> None:
    dataset = multi_frame(1, 8, 8, NumberOfFrames=33_000_000)
    content = bytearray(part10_bytes(dataset))
    length = 33_000_000 * 128
    content[-132:-128] = struct.pack("<I", length)
    path = tmp_path / "huge.dcm"
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) - 128 + length)
    header = scan_file(path)
    assert header.pixel_data is not None and header.pixel_data.length == length


def test_deflated_files_are_scanned_and_bombs_stopped() -> None:
    dataset = ct_slice(64, 64)
    header = scan_file(part10_bytes(dataset, "1.2.840.10008.1.2.1.99"))
    assert header.inflated and header.text(tags.PatientName) == "Doe^Jane"
    compressor = zlib.compressobj(9, wbits=-15)
    element = struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 1 << 30)
    bomb = compressor.compress(element)
    bomb += b"".join(compressor.compress(bytes(1 << 20)) for _ in range(130)) + compressor.flush()
    with pytest.raises(LimitExceeded, match="inflated"):
        scan_file(file_meta_bytes("1.2", "1.2.3", "1.2.840.10008.1.2.1.99") + bomb)


def test_an_unknown_transfer_syntax_is_an_error() -> None:
    content = part10_bytes(small_object()).replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"
    )
    with pytest.raises(UnsupportedTransferSyntax, match="1.2.840.99999.1.2.1"):
        scan_file(content)


@pytest.mark.parametrize("value", [b"", b"x ", b"-3", b"1e3 ", b"9" * 5000, b"0 ", b"\xff\xfe"])
def test_a_senseless_number_of_frames_counts_as_one(value: bytes) -> None:
    data = struct.pack("<HH2sH", 0x0028, 0x0008, b"IS", len(value)) + value
    assert scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True).number_of_frames == 1


def test_text_is_decoded_in_its_character_set() -> None:
    path = corpus.named("chrH31.dcm")
    header, reference = scan_file(path), corpus.read(path)
    assert header.text(tags.PatientName) == str(reference.PatientName)


def test_an_unknown_long_value_representation_is_passed_over() -> None:
    after = struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 2) + b"ID"
    for vr, head in (
        (b"ZZ", struct.pack("<HI", 0, 6)),  # 32 bits, as new ones have
        (b"ZZ", struct.pack("<H", 6)),  # 16 bits, as old writers did
        (struct.pack("<I", 6), b""),  # none: Implicit VR in the middle
    ):
        data = struct.pack("<HH2sH", 8, 0x16, b"UI", 2) + b"1\0"
        data += struct.pack("<HH", 9, 0x1001) + vr + head + b"abcdef" + after
        assert scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True).text(tags.PatientID) == "ID"


def short(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


@pytest.mark.parametrize(
    "elements",
    [
        short(tags.PatientID, b"LO", b"odd") + short(tags.PatientSex, b"CS", b"F"),
        short(tags.PatientID, b"LO", b"1 ") + short(tags.PatientID, b"LO", b"2 "),
        short(tags.PatientSex, b"CS", b"F ") + short(tags.PatientID, b"LO", b"ID"),
        short(tags.PatientID, b"LO", b"ID") + short(tags.SOPInstanceUID, b"UI", b"1.2\0"),
    ],
    ids=["odd lengths", "twice the same tag", "tags out of order", "groups out of order"],
)
def test_elements_that_break_the_rules_are_what_pydicom_reads(elements: bytes) -> None:
    header = scan(elements, EXPLICIT_VR_LITTLE_ENDIAN, final=True)
    head = file_meta_bytes("1.2", "1.2.3", EXPLICIT_VR_LITTLE_ENDIAN.uid)
    reference = pydicom.dcmread(io.BytesIO(head + elements))
    for tag in (tags.PatientID, tags.PatientSex, tags.SOPInstanceUID):
        assert header.text(tag) == (reference[tag].value if tag in reference else "")


def undefined(depth: int) -> bytes:
    """Sequences of undefined length, so deep in each other."""
    head = struct.pack("<HH2sHIHHI", 9, 0x1001, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    return head * depth + struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0) * depth


def test_sequences_nested_too_deep_are_refused() -> None:
    assert scan(undefined(64), EXPLICIT_VR_LITTLE_ENDIAN, final=True).pixel_data is None
    for depth in (65, 1000, 100_000):
        with pytest.raises(LimitExceeded, match="deeper than 64"):
            scan(undefined(depth), EXPLICIT_VR_LITTLE_ENDIAN, final=True)


def test_something_else_where_an_item_must_be_is_refused() -> None:
    data = struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 0xFFFFFFFF) + bytes(16)
    with pytest.raises(InvalidDicom, match=r"expected an Item \(FFFE,E000\)"):
        scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True)


@pytest.mark.parametrize("length", [MAXIMUM_VALUE_LENGTH + 2, 0xFFFFFFF0])
def test_an_index_value_of_megabytes_is_refused_before_it_is_copied(length: int) -> None:
    data = struct.pack("<HH2sHI", 0x0010, 0x0020, b"UN", 0, length)
    with pytest.raises(LimitExceeded, match=r"\(0010,0020\)"):
        scan(data, EXPLICIT_VR_LITTLE_ENDIAN)
    with pytest.raises(LimitExceeded, match=r"\(0010,0020\)"):
        scan(struct.pack("<HHI", 0x0010, 0x0020, length), transfer_syntax("1.2.840.10008.1.2"))


def test_fragments_in_an_icon_are_passed_over() -> None:
    icon = multi_frame(1, 8, 8, bits=8)
    dataset = ct_slice(4, 4)
    encapsulated = pydicom.Dataset()
    encapsulated.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 no picture"])
    encapsulated["PixelData"].VR = "OB"
    encapsulated["PixelData"].is_undefined_length = True
    encapsulated.Rows = icon.Rows
    encapsulated.is_undefined_length_sequence_item = True
    dataset.IconImageSequence = [encapsulated]
    dataset["IconImageSequence"].is_undefined_length = True
    data = data_set_bytes(dataset)
    header = scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True)
    assert header.pixel_data is not None and header.integer(tags.Rows) == 4
    assert header.pixel_data.value_offset == len(data) - 32


def test_a_file_of_zeros_behind_its_data_set_is_scanned_at_once(tmp_path: Path) -> None:
    path = tmp_path / "padded.dcm"
    for uid in NATIVE:
        content = part10_bytes(small_object(), uid)
        with path.open("wb") as file:
            file.write(content)
            file.truncate(20 << 20)
        assert scan_file(path).text(tags.PatientID) == "PID-1"


def test_a_caret_ends_an_extension_in_names_only() -> None:
    data = b""
    for group, number, vr, value in (
        (0x0008, 0x0005, b"CS", b"ISO 2022 IR 100\\ISO 2022 IR 144 "),
        (0x0008, 0x1030, b"LO", b"\x1b-L\xbb^\xe9"),
        (0x0010, 0x0010, b"PN", b"\x1b-L\xbb^\xe9"),
    ):
        data += struct.pack("<HH2sH", group, number, vr, len(value)) + value
    header = scan(data, EXPLICIT_VR_LITTLE_ENDIAN, final=True)
    assert header.text(tags.PatientName) == "Л^é"
    assert header.text(tags.StudyDescription) == "Л^щ"


def _with_something_behind() -> bytes:
    data_set = multi_frame(1, bits=8)
    data_set.DataSetTrailingPadding = bytes(40)
    content = file_meta_bytes(data_set.SOPClassUID, data_set.SOPInstanceUID, NATIVE[1])
    return content + data_set_bytes(data_set, NATIVE[1])


def test_an_object_cut_off_behind_native_pixel_data_is_refused_wherever_it_ends() -> None:
    content = _with_something_behind()
    assert scan_file(content).pixel_data is not None
    whole = 52  # of Data Set Trailing Padding: 12 bytes of header, 40 of value
    for missing in range(1, whole):
        with pytest.raises(InvalidDicom, match="truncated"):
            scan_file(content[:-missing])
    assert scan_file(content[:-whole]).pixel_data is not None


def test_zeros_behind_native_pixel_data_are_padding() -> None:
    content = _with_something_behind()
    for zeros in (1, 7, 8, 100_000):
        assert scan_file(content[:-52] + bytes(zeros)).pixel_data is not None


BEHIND = {
    "Data Set Trailing Padding": struct.pack("<HHI4s", 0xFFFC, 0xFFFC, 4, b"abcd"),
    "padding that is cut off": struct.pack("<HHI4s", 0xFFFC, 0xFFFC, 40, b"abcd"),
    "the first bytes of padding": b"\xfc\xff\xfc\xff",
    "a line feed": b"\n",
    "the end of a multipart body": b"\r\n--boundary--\r\n",
    "blanks": b" " * 64,
    "an erased flash memory": b"\xff" * 64,
}


@pytest.mark.skipif(shutil.which("dcmconv") is None, reason="needs DCMTK")
@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND.keys())
def test_what_stands_behind_native_pixel_data_is_judged_as_dcmtk_does(
    tmp_path: Path, behind: bytes
) -> None:
    """PS3.10 7.2 knows padding as an element; other bytes might be what is left of one."""
    data_set = multi_frame(1, bits=8)
    content = file_meta_bytes(data_set.SOPClassUID, data_set.SOPInstanceUID, NATIVE[0])
    path = tmp_path / "object.dcm"
    path.write_bytes(content + data_set_bytes(data_set, NATIVE[0]) + behind)
    judge = subprocess.run(
        ["dcmconv", path, tmp_path / "copy.dcm"], capture_output=True, timeout=60, check=False
    )
    if judge.returncode == 0:
        assert scan_file(path).pixel_data is not None
    else:
        with pytest.raises(InvalidDicom):
            scan_file(path)


def test_a_sequence_behind_native_pixel_data_is_walked_to_its_end() -> None:
    signature = struct.pack("<HH2sHI", 0xFFFA, 0xFFFA, b"SQ", 0, 0xFFFFFFFF)
    signature += struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    content = _with_something_behind()[:-52] + signature
    assert scan_file(content).pixel_data is not None
    with pytest.raises(InvalidDicom, match="truncated"):
        scan_file(content[:-8])


def test_an_object_cut_off_behind_encapsulated_pixel_data_is_refused() -> None:
    layout = EXPLICIT_LITTLE
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack(
        "<HHI4s", 0xFFFE, 0xE000, 4, b"abcd"
    )
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    padding = struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 20) + bytes(20)
    data = items + end + padding
    check_fragments(_reading(data), len(data), layout, 0, at_least=1)
    for missing in range(1, 32):
        with pytest.raises(InvalidDicom, match="truncated"):
            cut = data[:-missing]
            check_fragments(_reading(cut), len(cut), layout, 0, at_least=1)


def _reading(data: bytes) -> ReadAt:
    return lambda offset, length: data[offset : offset + length]


def test_a_deflated_file_is_scanned_in_the_memory_of_a_piece_of_it() -> None:
    """A few kilobytes may claim that megabytes stand before what the index wants."""
    compressor = zlib.compressobj(9, wbits=-15)
    start = struct.pack("<HH2sH", 0x0008, 0x0018, b"UI", 4) + b"1.2\0"
    start += struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 100 << 20)
    packed = compressor.compress(start)
    packed += b"".join(compressor.compress(bytes(1 << 20)) for _ in range(100))
    packed += compressor.compress(struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 2) + b"ID")
    content = file_meta_bytes("1.2", "1.2.3", "1.2.840.10008.1.2.1.99")
    content += packed + compressor.flush()
    tracemalloc.start()
    try:
        header = scan_file(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert header.text(tags.PatientID) == "ID" and header.sop_instance_uid == "1.2"
    assert peak < 2_000_000
