"""Byte ranges and conditions of what is sent as it stands in a file (RFC 9110 13, 14)."""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from httpx import Response
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from tests.factories import composite, ct_slice, multi_frame, part10_bytes
from tests.services.conftest import Web, opened, path_of

from isocenter.dicom.inflation import inflated_pieces
from isocenter.dicom.source import ReadAt

H264 = "1.2.840.10008.1.2.4.102"
VIDEO_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.4.1"  # Video Photographic Image Storage
PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
STREAM = bytes(range(256)) * 24_000  # 6 MB, of which every place can be told

Resource = Callable[[Web], tuple[str, str, bytes]]


def video(stream: bytes, fragments: int = 3) -> bytes:
    """An object of a video whose stream is in several fragments."""
    dataset = composite(VIDEO_CLASS, "XC")
    dataset.SamplesPerPixel, dataset.Rows, dataset.Columns = 3, 16, 16
    dataset.PhotometricInterpretation = "YBR_PARTIAL_420"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.NumberOfFrames = 7, 0, 25
    content = part10_bytes(dataset, ExplicitVRLittleEndian)
    file = dcmread(io.BytesIO(content))
    file.file_meta.TransferSyntaxUID = H264
    file.PixelData = encapsulate([stream], fragments_per_frame=fragments, has_bot=False)
    file["PixelData"].VR = "OB"
    file["PixelData"].is_undefined_length = True
    written = io.BytesIO()
    file.save_as(written, enforce_file_format=True)
    return written.getvalue()


def kept_video(web: Web) -> Dataset:
    content = video(STREAM)
    web.archive.ingest(content)
    return dcmread(io.BytesIO(content), stop_before_pixels=True)


def _instance(syntax: str) -> Resource:
    def keep(web: Web) -> tuple[str, str, bytes]:
        dataset = ct_slice(64, 64)
        sent = part10_bytes(dataset, syntax)
        web.archive.ingest(sent)
        return path_of(dataset), "application/dicom; transfer-syntax=*", sent

    return keep


def _pixels(syntax: str) -> Resource:
    def keep(web: Web) -> tuple[str, str, bytes]:
        dataset = ct_slice(64, 64)
        web.keep(dataset, transfer_syntax=syntax)
        return path_of(dataset, "bulkdata/7FE00010"), "*/*", dataset.PixelData

    return keep


def _double_words(web: Web) -> tuple[str, str, bytes]:
    dataset = ct_slice(16, 16)
    dataset.add_new(0x00089999, "OF", bytes(range(200)) * 8)
    values = bytes(range(200)) * 8
    web.keep(dataset, transfer_syntax=ExplicitVRBigEndian)
    [metadata] = web.get(path_of(dataset, "metadata")).json()
    path = metadata["00089999"]["BulkDataURI"].removeprefix("/dicomweb")
    turned = b"".join(values[at : at + 4][::-1] for at in range(0, len(values), 4))
    return path, "application/octet-stream", turned


def _native_frame(web: Web) -> tuple[str, str, bytes]:
    dataset = multi_frame(3)
    web.keep(dataset)
    size = len(dataset.PixelData) // 3
    return path_of(dataset, "frames/2"), "application/octet-stream", dataset.PixelData[size:-size]


def _compressed_frame(web: Web) -> tuple[str, str, bytes]:
    dataset = ct_slice(64, 64)
    web.keep(dataset, transfer_syntax=JPEG2000Lossless)
    accept = "image/jp2; transfer-syntax=*"
    return (
        path_of(dataset, "frames/1"),
        accept,
        web.get(path_of(dataset, "frames/1"), accept).content,
    )


def _video(resource: str, accept: str) -> Resource:
    return lambda web: (path_of(kept_video(web), resource), accept, STREAM)


def _document(web: Web) -> tuple[str, str, bytes]:
    dataset = composite(PDF_CLASS, "DOC")
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\n"
    web.keep(dataset)
    return path_of(dataset, "rendered"), "*/*", dataset.EncapsulatedDocument


RESOURCES = {
    "instance": _instance(ExplicitVRLittleEndian),
    "compressed instance": _instance(JPEG2000Lossless),
    "deflated instance": _instance(DeflatedExplicitVRLittleEndian),
    "pixel data": _pixels(ExplicitVRLittleEndian),
    "implicit pixel data": _pixels(ImplicitVRLittleEndian),
    "big endian pixel data": _pixels(ExplicitVRBigEndian),
    "deflated pixel data": _pixels(DeflatedExplicitVRLittleEndian),
    "big endian floats": _double_words,
    "native frame": _native_frame,
    "compressed frame": _compressed_frame,
    "rendered video": _video("rendered", "*/*"),
    "video frame": _video("frames/1", "video/mp4"),
    "video as bytes": _video("frames/1", "application/octet-stream; transfer-syntax=*"),
    "video bulk data": _video("bulkdata/7FE00010", "video/mp4"),
    "link to a video": _video("bulkdata/7FE00010", "*/*"),
    "document": _document,
}


@pytest.mark.parametrize("name", RESOURCES)
def test_every_part_of_what_stands_in_a_file_can_be_had(web: Web, name: str) -> None:
    path, accept, content = RESOURCES[name](web)
    size = len(content)
    whole = web.get(path, accept)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["vary"] == "accept"
    for text, first, last in (
        ("0-0", 0, 0),
        ("1-6", 1, 6),
        (f"{size // 3}-{2 * size // 3}", size // 3, 2 * size // 3),
        (f"{size // 2 + 1}-", size // 2 + 1, size - 1),
        ("-3", size - 3, size - 1),
        (f"-{size + 5}", 0, size - 1),
        (f"5-{10 * size}", 5, size - 1),
    ):
        part = web.get(path, accept, range=f"bytes={text}")
        assert (part.status_code, part.content) == (206, content[first : last + 1]), text
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert int(part.headers["content-length"]) == last + 1 - first
        for header in ("content-type", "etag", "vary", "accept-ranges"):
            assert part.headers[header] == whole.headers[header]
        assert part.headers.get("content-disposition") == whole.headers.get("content-disposition")


def _large(web: Web) -> tuple[str, bytes]:
    dataset = kept_video(web)
    return path_of(dataset, "rendered"), STREAM


def test_what_lies_behind_the_end_is_told_with_the_size(web: Web) -> None:
    path, content = _large(web)
    for text in (f"bytes={len(content)}-", "bytes=-0", "bytes=99999999999-"):
        answer = web.get(path, range=text)
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        assert str(len(content)) in answer.text


@pytest.mark.parametrize("text", ["bytes=0-1,4-5", "bytes=9-1", "bytes=x", "lines=1-2"])
def test_several_ranges_and_what_is_none_get_the_whole(web: Web, text: str) -> None:
    path, content = _large(web)
    answer = web.get(path, range=text)
    assert (answer.status_code, answer.content) == (200, content)
    assert "content-range" not in answer.headers


def test_a_range_goes_on_only_with_the_bytes_it_began_with(web: Web) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset)
    path = path_of(dataset, "bulkdata/7FE00010")
    etag = web.get(path).headers["etag"]
    assert etag.startswith('"')
    assert web.get(path, range="bytes=10-", if_range=etag).status_code == 206
    others = (f"W/{etag}", '"other"', "Sun, 22 Nov 2026 08:00:00 GMT")
    for other in others:
        whole = web.get(path, range="bytes=10-", if_range=other)
        assert (whole.status_code, whole.content) == (200, dataset.PixelData)
    # A range that lies behind the end does not count either where the bytes are others.
    assert web.get(path, range="bytes=99999999-", if_range='"other"').status_code == 200
    assert web.get(path, range="bytes=99999999-", if_range=etag).status_code == 416


def test_bytes_that_did_not_change_are_not_sent_again(web: Web) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset)
    for path, accept in (
        (path_of(dataset, "bulkdata/7FE00010"), "*/*"),
        (path_of(dataset, "frames/1"), "application/octet-stream"),
        (path_of(dataset), "application/dicom"),
    ):
        etag = web.get(path, accept).headers["etag"]
        known = web.get(path, accept, if_none_match=f'"other", {etag}', range="bytes=0-1")
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
        assert web.get(path, accept, if_none_match='"other"', range="bytes=0-1").status_code == 206
        assert web.get(path, accept, if_match=f'"other", {etag}').status_code == 200
        assert web.get(path, accept, if_match='"other"', range="bytes=0-1").status_code == 412
        assert web.get(path, accept, if_match=f"W/{etag}").status_code == 412
        assert web.get(path, accept, if_match="*").status_code == 200


def test_conditions_may_be_written_in_several_lines(web: Web) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset)
    for path in (path_of(dataset, "bulkdata/7FE00010"), path_of(dataset, "metadata")):
        etag = web.get(path).headers["etag"]
        known = [("if-none-match", '"other"'), ("if-none-match", etag)]
        assert web.client.get(f"/dicomweb{path}", headers=known).status_code == 304
    url = f"/dicomweb{path_of(dataset, 'bulkdata/7FE00010')}"
    for last, status in ((etag_of(web, url), 200), ('"another"', 412), ("", 412)):
        lines = [("if-match", '"other"'), ("if-match", last)]
        assert web.client.get(url, headers=lines).status_code == status


def etag_of(web: Web, url: str) -> str:
    return web.client.get(url).headers["etag"]


def test_another_version_of_an_instance_has_another_name(tmp_path: Path) -> None:
    with opened(tmp_path / "archive", on_conflict="replace") as web:
        dataset = ct_slice(64, 64)
        web.keep(dataset)
        path = path_of(dataset, "bulkdata/7FE00010")
        etag = web.get(path).headers["etag"]
        dataset.PixelData = dataset.PixelData[::-1]
        web.keep(dataset)
        answer = web.get(path, range="bytes=0-9", if_range=etag)
        assert (answer.status_code, answer.content) == (200, dataset.PixelData)


def test_head_says_how_much_there_is_and_takes_no_range(web: Web) -> None:
    path, content = _large(web)
    for headers in ({}, {"range": "bytes=0-9"}, {"range": "bytes=99999999-"}):
        answer = web.client.head(f"/dicomweb{path}", headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(content)
        assert answer.headers["accept-ranges"] == "bytes"


def _offers_no_ranges(answer: Response) -> bool:
    return answer.status_code == 200 and not {"accept-ranges", "etag"} & set(answer.headers)


def test_what_is_made_for_one_answer_has_no_parts(web: Web) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset)
    for path, accept in (
        (path_of(dataset), 'multipart/related; type="application/dicom"'),
        (path_of(dataset), f"application/dicom; transfer-syntax={JPEG2000Lossless}"),
        (path_of(dataset, "frames/1"), 'multipart/related; type="application/octet-stream"'),
        (path_of(dataset, "frames/1"), "image/jphc"),
        (path_of(dataset, "bulkdata/7FE00010"), 'multipart/related; type="*/*"'),
        (path_of(dataset, "rendered"), "image/png"),
    ):
        whole, part = web.get(path, accept), web.get(path, accept, range="bytes=0-9")
        assert _offers_no_ranges(whole), path
        assert _offers_no_ranges(part), path
        assert len(part.content) == len(whole.content)
        assert whole.headers["vary"] == "accept"


def test_a_video_is_a_part_where_that_is_asked_for(web: Web) -> None:
    dataset = kept_video(web)
    accept = 'multipart/related; type="video/mp4"'
    for resource in ("bulkdata/7FE00010", "frames/1"):
        answer = web.get(path_of(dataset, resource), accept, range="bytes=0-9")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("multipart/related")
        assert STREAM in answer.content
    refused = web.get(path_of(dataset, "bulkdata/7FE00010"), "image/jpeg")
    assert (refused.status_code, "video/mp4" in refused.text) == (406, True)


def test_a_file_that_was_cut_off_has_no_parts_behind_its_end(web: Web) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset)
    [file] = web.archive.directory.rglob(f"{dataset.SOPInstanceUID}.dcm")
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size - 100)
    for resource in ("frames/1", "bulkdata/7FE00010"):
        path = path_of(dataset, resource)
        answer = web.get(path, "application/octet-stream", range="bytes=0-")
        assert answer.status_code in (404, 422), answer.text


def test_a_part_of_a_video_costs_no_more_memory_than_itself(web: Web) -> None:
    dataset = kept_video(web)
    paths = [path_of(dataset, resource) for resource in ("rendered", "frames/1")]
    for path in paths:
        web.get(path, "video/mp4", range="bytes=0-0")
    middle = len(STREAM) // 2
    tracemalloc.start()
    try:
        for path in paths:
            part = web.get(path, "video/mp4", range=f"bytes={middle}-{middle}")
            assert part.content == STREAM[middle : middle + 1]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(STREAM) / 4


def test_what_is_inflated_for_a_part_is_not_inflated_again(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset, transfer_syntax=DeflatedExplicitVRLittleEndian)
    offsets: list[int] = []

    def counted(read: ReadAt, offset: int, *, limit: int) -> Iterator[bytes]:
        offsets.append(offset)
        return inflated_pieces(read, offset, limit=limit)

    monkeypatch.setattr("isocenter.archive.stored_instance.inflated_pieces", counted)
    path = path_of(dataset, "bulkdata/7FE00010")
    for start in (0, 100, 8000):
        part = web.get(path, range=f"bytes={start}-{start + 9}")
        assert part.content == dataset.PixelData[start : start + 10]
    assert len(offsets) == 1
