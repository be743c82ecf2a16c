import io
import struct
import tracemalloc
import zlib

import pydicom
import pytest
from tests.dicom import corpus
from tests.factories import ct_slice, data_set_bytes, part10_bytes, small_object

from isocenter.dicom import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    TRANSFER_SYNTAXES,
    file_meta_bytes,
    inflate,
    read_file_meta,
)
from isocenter.dicom.inflation import inflated_length
from isocenter.dicom.part10 import MAXIMUM_META_LENGTH
from isocenter.errors import InvalidAttribute, InvalidDicom, LimitExceeded, NeedMoreData, NotDicom

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("path", corpus.files()[::3], ids=lambda path: path.name)
def test_file_meta_information_is_what_pydicom_reads(path: object) -> None:
    content = corpus.Path(str(path)).read_bytes()
    meta, reference = read_file_meta(content, final=True), corpus.read(corpus.Path(str(path)))
    if uid := reference.file_meta.get("TransferSyntaxUID"):
        assert meta.transfer_syntax_uid == uid and not meta.is_guess
    for keyword, value in (
        ("MediaStorageSOPClassUID", meta.media_storage_sop_class_uid),
        ("MediaStorageSOPInstanceUID", meta.media_storage_sop_instance_uid),
        ("ImplementationClassUID", meta.implementation_class_uid),
        ("SourceApplicationEntityTitle", meta.source_application_entity_title),
    ):
        assert value == (reference.file_meta.get(keyword) or "")
    assert meta.has_preamble == (reference.preamble is not None)


@pytest.mark.parametrize("uid", sorted(TRANSFER_SYNTAXES))
def test_pydicom_reads_the_file_meta_information_that_is_written(uid: str) -> None:
    written = file_meta_bytes(
        "1.2.840.10008.5.1.4.1.1.2", "1.2.3", uid, source_application_entity_title="SENDER"
    )
    assert written[:132] == bytes(128) + b"DICM" and len(written) % 2 == 0
    meta = pydicom.dcmread(io.BytesIO(written)).file_meta
    assert meta.FileMetaInformationGroupLength == len(written) - 144
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert meta.TransferSyntaxUID == uid
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert meta.SourceApplicationEntityTitle == "SENDER"
    assert read_file_meta(written, final=True).data_set_offset == len(written)


def test_a_data_set_with_written_meta_information_is_a_file() -> None:
    dataset = ct_slice(4, 4)
    content = file_meta_bytes(
        dataset.SOPClassUID, dataset.SOPInstanceUID, EXPLICIT
    ) + data_set_bytes(dataset)
    assert pydicom.dcmread(io.BytesIO(content)) == dataset


@pytest.mark.parametrize("uid", ["1.2.\xe9", "1" * 65])
def test_a_uid_that_cannot_be_written_is_an_error_that_names_its_attribute(uid: str) -> None:
    with pytest.raises(InvalidAttribute, match=r"\(0002,0003\)"):
        file_meta_bytes("1.2", uid, EXPLICIT)


@pytest.mark.parametrize("cut", [0, 100, 131, 132, 140, 200, 300])
def test_a_beginning_asks_for_more(cut: int) -> None:
    with pytest.raises(NeedMoreData):
        read_file_meta(part10_bytes(small_object())[:cut])


@pytest.mark.parametrize("cut", [140, 200, 300])
def test_a_file_cut_off_in_its_meta_information_is_an_error(cut: int) -> None:
    with pytest.raises(InvalidDicom, match="cut off"):
        read_file_meta(part10_bytes(small_object())[:cut], final=True)


def test_a_group_length_that_lies_is_not_believed() -> None:
    content = bytearray(part10_bytes(small_object()))
    reference = read_file_meta(content)
    for length in (0, 10, 0xFFFFFFF0):
        content[140:144] = struct.pack("<I", length)
        assert read_file_meta(content) == reference


def test_meta_information_of_megabytes_is_refused_before_it_is_read() -> None:
    for vr in (b"OB", b"UN", b"zz"):
        element = struct.pack("<HH2sHI", 0x0002, 0x0102, vr, 0, MAXIMUM_META_LENGTH + 1)
        if vr == b"zz":  # no value representation: the length is where Implicit VR has it
            element = struct.pack("<HHI", 0x0002, 0x0102, MAXIMUM_META_LENGTH + 1)
        with pytest.raises(LimitExceeded, match=r"\(0002,0102\)"):
            read_file_meta(bytes(128) + b"DICM" + element)


@pytest.mark.parametrize(
    "element",
    [
        struct.pack("<HH2sHI", 2, 0x0102, b"SQ", 0, 0xFFFFFFFF),  # no end is said
        struct.pack("<HH2sHI", 2, 0x0102, b"ZZ", 0, 0xFFFFFFF0),  # no value representation
        struct.pack("<HHI", 2, 0x0102, 0xFFFFFFF0),
        struct.pack("<HH2sH", 2, 0x0102, b"SH", 0) * 200_000,
    ],
    ids=["undefined length", "ZZ", "implicit", "many"],
)
def test_odd_elements_of_meta_information_take_no_memory(element: bytes) -> None:
    """CVE-2026-3650 reserved what a value representation that is none claimed."""
    content = part10_bytes(small_object())
    content = content[:144] + element + content[144:]
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded, match=r"\(0002,0102\)"):
            read_file_meta(content, final=True)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_last_of_two_transfer_syntaxes_counts_as_with_pydicom() -> None:
    content = part10_bytes(small_object())
    other = struct.pack("<HH2sH", 2, 0x10, b"UI", 18) + b"1.2.840.10008.1.2\0"
    content = content[:144] + other + content[144:]
    reference = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
    assert read_file_meta(content).transfer_syntax_uid == reference.file_meta.TransferSyntaxUID


def test_files_without_preamble_prefix_or_meta_information_are_recognised() -> None:
    dataset = small_object()
    content = part10_bytes(dataset)
    bare = read_file_meta(content[128:], final=True)
    assert not bare.has_preamble and bare.transfer_syntax_uid == EXPLICIT
    assert read_file_meta(content[132:], final=True).transfer_syntax_uid == EXPLICIT
    for uid in ("1.2.840.10008.1.2", EXPLICIT, "1.2.840.10008.1.2.2"):
        meta = read_file_meta(data_set_bytes(dataset, uid), final=True)
        assert (meta.transfer_syntax_uid, meta.is_guess, meta.data_set_offset) == (uid, True, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"PK\3\4" + bytes(200),
        b"%PDF-1.7" + bytes(200),
        bytes(300),
        b"<html>" * 50,
        b"\xff" * 300,
    ],
)
def test_what_is_no_dicom_file_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NotDicom):
        read_file_meta(content, final=True)


def test_a_deflated_data_set_is_inflated() -> None:
    dataset = ct_slice(32, 32)
    deflated = data_set_bytes(dataset, "1.2.840.10008.1.2.1.99")
    assert inflate(deflated) == data_set_bytes(dataset)


def test_a_deflate_bomb_is_stopped_at_its_limit() -> None:
    compressor = zlib.compressobj(9, wbits=-15)
    bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(64)) + compressor.flush()
    assert len(bomb) < 1 << 17
    with pytest.raises(LimitExceeded, match="larger than 1000 bytes"):
        inflate(bomb, limit=1000)
    assert len(inflate(bomb, limit=64 << 20)) == 64 << 20


def test_a_deflated_data_set_that_is_broken_or_cut_off_is_an_error() -> None:
    deflated = data_set_bytes(ct_slice(32, 32), "1.2.840.10008.1.2.1.99")
    with pytest.raises(InvalidDicom, match="truncated"):
        inflate(deflated[: len(deflated) // 2])
    with pytest.raises(InvalidDicom, match="cannot be inflated"):
        inflate(b"\xff" * 100)


def test_the_length_of_a_deflated_data_set_is_found_without_keeping_it() -> None:
    whole = data_set_bytes(ct_slice(512, 512)) * 3
    deflated = raw_deflate(whole)

    def length(data: bytes, **limits: int) -> int:
        return inflated_length(lambda at, size: data[at : at + size], 0, **limits)

    assert length(deflated) == length(deflated + b"\0") == len(whole)
    for cut in (1, 100, len(deflated) // 2):
        with pytest.raises(InvalidDicom, match="truncated"):
            length(deflated[:-cut])
    zeros = raw_deflate(bytes(1 << 25))
    with pytest.raises(LimitExceeded):
        length(zeros, limit=1 << 20)
    assert length(zeros) == 1 << 25


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
