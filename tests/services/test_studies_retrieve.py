"""WADO-RS: whole objects, frames, metadata and bulk data, and deleting them."""

import asyncio
import contextlib
import gc
import gzip
import io
import json
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from httpx import Response
from pydicom import Dataset, dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.factories import (
    ct_series,
    ct_slice,
    multi_frame,
    native_frames,
    part10_bytes,
    small_object,
)
from tests.page_cache import forget
from tests.services.conftest import Web, path_of

from isocenter.archive import StoredInstance
from isocenter.dicom import validate_files
from isocenter.errors import LimitExceeded
from isocenter.pixels import render_file
from isocenter.services import studies
from isocenter.services.viewer.tag_table import tag_table

OBJECTS = 'multipart/related; type="application/dicom"'
FRAMES = 'multipart/related; type="application/octet-stream"'


def parts(answer: Response) -> list[bytes]:
    """The contents of a multipart answer, split where its boundary stands."""
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    boundary = message_from_bytes(head, policy=policy.HTTP).get_boundary()
    pieces = (b"\r\n" + answer.content).split(b"\r\n--" + str(boundary).encode())
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]]


def syntax_of(answer: Response) -> str:
    [part] = parts(answer)
    return dcmread(io.BytesIO(part), stop_before_pixels=True).file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless,
        RLELossless,
    ],
)
def test_an_object_comes_back_byte_for_byte_as_it_is_kept(web: Web, syntax: str) -> None:
    dataset = ct_slice(16, 16)
    sent = part10_bytes(dataset, syntax)
    web.archive.ingest(sent)
    kept = web.get(path_of(dataset), accept="application/dicom; transfer-syntax=*")
    assert kept.headers["content-type"] == f"application/dicom; transfer-syntax={syntax}"
    assert int(kept.headers["content-length"]) == len(sent)
    assert kept.content == sent
    assert parts(web.get(path_of(dataset), accept=f"{OBJECTS}; transfer-syntax=*")) == [sent]


@pytest.mark.parametrize("accept", ["application/dicom", OBJECTS])
def test_an_object_whose_file_was_cut_off_is_no_answer(web: Web, accept: str) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    [file] = web.archive.directory.rglob(f"{dataset.SOPInstanceUID}.dcm")
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 100)
    answer = web.get(path_of(dataset), accept=f"{accept}; transfer-syntax=*")
    assert answer.status_code == 422
    assert "were stored" in answer.text


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
def test_a_deleted_object_is_let_go_of_whatever_was_asked_of_it(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    for resource in ("frames/1", "rendered", "thumbnail", "metadata"):
        assert web.get(path_of(dataset, resource)).status_code == 200
    assert _descriptors_of(dataset.SOPInstanceUID)
    web.delete(f"/studies/{dataset.StudyInstanceUID}")
    end = time.monotonic() + 10
    while (left := _descriptors_of(dataset.SOPInstanceUID)) and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    assert not left


def _descriptors_of(uid: str) -> list[str]:
    found: list[str] = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it may be closed meanwhile
            found.append(str(entry.readlink()))
    return [name for name in found if uid in name]


def test_an_object_that_inflates_to_too_much_is_refused_before_memory_is_taken(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ct_slice(64, 64)
    path = tmp_path / "deflated.dcm"
    path.write_bytes(part10_bytes(dataset, DeflatedExplicitVRLittleEndian))
    web.archive.ingest(path)
    for module in ("dicom.inflation", "archive.stored_instance"):
        monkeypatch.setattr(f"isocenter.{module}.MAXIMUM_INFLATED_LENGTH", 4000)
    answer = web.get(path_of(dataset), accept="application/dicom")
    assert (answer.status_code, "4000 bytes" in answer.text) == (413, True)
    for read in (render_file, validate_file):
        with pytest.raises(LimitExceeded, match="4000 bytes"):
            read(path)


def test_what_stands_in_front_of_the_pixels_is_read_without_inflating_them(web: Web) -> None:
    dataset = ct_slice(64, 64, PixelData=bytes(64 << 20))
    dataset.NumberOfFrames = 8192
    web.keep(dataset, transfer_syntax=DeflatedExplicitVRLittleEndian)
    stored = web.archive.open_instance(
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    )
    tag_table(stored)
    tracemalloc.start()
    try:
        rows = {row.keyword: row.value for row in tag_table(stored)}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (rows["PatientName"], rows["PixelData"]) == ("Doe^Jane", f"{64 << 20} bytes")
    assert most < 1 << 20


def validate_file(path: Path) -> None:
    [(_, reason)] = validate_files([path]).unreadable
    raise LimitExceeded(reason)


async def pieces_sent(web: Web, path: str, look: Callable[[], None]) -> None:
    """Get a resource as a user agent that has taken a few pieces, then takes nothing more."""
    taken = 0

    async def receive() -> dict:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        nonlocal taken
        taken += message["type"] == "http.response.body"
        if taken == 4:
            del message
            look()
            raise ConnectionError

    scope = {"type": "http", "method": "GET", "path": f"/dicomweb{path}", "http_version": "1.1"}
    scope |= {"query_string": b"", "headers": [], "server": ("testserver", 80), "scheme": "http"}
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(web.client.app(scope, receive, send), 60)


def test_who_is_slow_to_take_many_frames_holds_few_megabytes(web: Web) -> None:
    dataset = multi_frame(1, 512, 512)
    dataset.NumberOfFrames = 96
    dataset.PixelData = bytes(96 * (1 << 19))
    web.keep(dataset)
    path = path_of(dataset, "frames/" + ",".join(map(str, range(1, 97))))
    del dataset
    held: list[int] = []

    def look() -> None:
        time.sleep(0.5)  # for the step ahead of this piece
        held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        asyncio.run(pieces_sent(web, path, look))
    finally:
        tracemalloc.stop()
    assert held[0] < 4 << 20


def test_searches_and_metadata_do_not_wait_for_pictures(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    going_on = threading.Event()

    def slow(*_: object) -> bytes:
        assert going_on.wait(60)
        return b"frame"

    monkeypatch.setattr("isocenter.services.frames.transcode_frame", slow)
    headers = {"accept": "image/jp2"}
    path = f"/dicomweb{path_of(dataset)}"

    async def scene() -> list[int]:
        transport = httpx.ASGITransport(web.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            frames = [
                asyncio.create_task(client.get(f"{path}/frames/1", headers=headers))
                for _ in range(40)
            ]
            await asyncio.sleep(0)
            try:
                found = await asyncio.wait_for(client.get("/dicomweb/studies"), 20)
                described = await asyncio.wait_for(client.get(f"{path}/metadata"), 20)
            finally:
                going_on.set()
            answers = [found, described, *[await frame for frame in frames]]
            return [answer.status_code for answer in answers]

    assert asyncio.run(scene()) == [200] * 42


def test_a_study_and_a_series_come_as_parts_in_order(web: Web) -> None:
    first = ct_series(3, 8, 8)
    second = ct_series(2, 8, 8, StudyInstanceUID=first[0].StudyInstanceUID, SeriesNumber=5)
    web.keep(*reversed(second), *reversed(first))
    everything = [part10_bytes(dataset) for dataset in (*first, *second)]
    answer = web.get(f"/studies/{first[0].StudyInstanceUID}")
    assert parts(answer) == everything
    assert int(answer.headers["content-length"]) == len(answer.content)
    series = path_of(second[0]).rpartition("/instances")[0]
    assert parts(web.get(series)) == everything[3:]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_the_default_is_explicit_little_endian(web: Web, syntax: str) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset, transfer_syntax=syntax)
    answer = web.get(path_of(dataset), accept=OBJECTS)
    assert syntax_of(answer) == ExplicitVRLittleEndian
    found = dcmread(io.BytesIO(parts(answer)[0]))
    assert found.PixelData == dataset.PixelData
    assert public(found) == public(dataset)


def public(dataset: Dataset) -> dict[int, object]:
    """All but pixels, and private elements, whose VR is unknown to who reads Implicit VR."""
    return {e.tag: e.value for e in dataset if not e.tag.is_private and e.tag.group != 0x7FE0}


def test_what_was_kept_with_loss_stays_so_unless_asked_otherwise(web: Web) -> None:
    dataset = multi_frame(1, bits=8)
    web.keep(dataset, transfer_syntax=JPEGBaseline8Bit)
    assert syntax_of(web.get(path_of(dataset), accept=OBJECTS)) == JPEGBaseline8Bit
    asked = f"{OBJECTS}; transfer-syntax={ExplicitVRLittleEndian}"
    assert syntax_of(web.get(path_of(dataset), accept=asked)) == ExplicitVRLittleEndian


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_objects_are_transcoded_frame_by_frame(web: Web, syntax: str) -> None:
    dataset = multi_frame(3)
    web.keep(dataset)
    answer = web.get(path_of(dataset), accept=f"{OBJECTS}; transfer-syntax={syntax}")
    assert syntax_of(answer) == syntax
    found = dcmread(io.BytesIO(parts(answer)[0]))
    assert np.array_equal(found.pixel_array, np.stack(native_frames(dataset)))


def test_a_report_beside_images_has_nothing_to_compress(web: Web) -> None:
    image = ct_slice(16, 16)
    report = small_object(StudyInstanceUID=image.StudyInstanceUID, SeriesNumber=9)
    web.keep(image, report)
    asked = f"{OBJECTS}; transfer-syntax={JPEGLSLossless}"
    found = parts(web.get(f"/studies/{image.StudyInstanceUID}", accept=asked))
    syntaxes = [dcmread(io.BytesIO(part)).file_meta.TransferSyntaxUID for part in found]
    assert syntaxes == [JPEGLSLossless, ExplicitVRLittleEndian]


def test_a_study_of_several_syntaxes_comes_as_kept_only_for_a_star(web: Web) -> None:
    image = ct_slice(16, 16)
    other = ct_slice(16, 16, StudyInstanceUID=image.StudyInstanceUID, InstanceNumber=2)
    broken = multi_frame(1, StudyInstanceUID=image.StudyInstanceUID, BitsStored=17, HighBit=16)
    web.keep(image, broken)
    web.keep(other, transfer_syntax=JPEG2000Lossless)
    path = f"/studies/{image.StudyInstanceUID}"
    asked = f"{OBJECTS}; transfer-syntax={RLELossless}"
    assert web.get(path, accept=asked).status_code == 406
    kept = parts(web.get(path, accept=f"{OBJECTS}; transfer-syntax=*"))
    assert len(kept) == 3
    assert part10_bytes(other, JPEG2000Lossless) in kept


@pytest.mark.parametrize("accept", ["image/png", "application/dicom+json", "application/dicom"])
def test_a_study_in_another_form_is_not_acceptable(web: Web, accept: str) -> None:
    dataset = small_object()
    web.keep(dataset)
    assert web.get(f"/studies/{dataset.StudyInstanceUID}", accept=accept).status_code == 406


@pytest.mark.parametrize(
    "path",
    [
        "/studies/1.2.3",
        "/studies/1.2.3/metadata",
        "/studies/1.2.3/rendered",
        "/studies/1.2.3/thumbnail",
        "/studies/1.2.3/series/1.2",
        "/studies/1.2.3/series/1.2/metadata",
        "/studies/1.2.3/series/1.2/instances/1.4",
        "/studies/1.2.3/series/1.2/instances/1.4/metadata",
        "/studies/1.2.3/series/1.2/instances/1.4/frames/1",
        "/studies/1.2.3/series/1.2/instances/1.4/bulkdata/7FE00010",
        "/studies/1.2.3/series/1.2/instances/1.4/rendered",
    ],
)
def test_what_is_not_kept_is_not_found(web: Web, path: str) -> None:
    assert web.get(path).status_code == 404


def test_a_frame_of_which_a_page_is_not_in_memory_is_read_on_from_there(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ct_slice(512, 512)
    web.keep(dataset)
    [file] = web.archive.directory.rglob("*.dcm")
    read_on: list[int] = []

    def read_into(self: StoredInstance, offset: int, target: memoryview) -> int:
        read_on.append(len(target))
        return original(self, offset, target)

    original = StoredInstance.read_into
    monkeypatch.setattr(StoredInstance, "read_into", read_into)
    for accept in (FRAMES, "application/octet-stream"):
        file.read_bytes()
        forget(file, 300 << 10, 4096)
        answer = web.get(path_of(dataset, "frames/1"), accept=accept)
        frame = answer.content if accept != FRAMES else parts(answer)[0]
        assert frame == dataset.PixelData
    # Where the system forgets nothing, or cannot tell, it is read at once or as a whole.
    assert all(length == 512 * 512 * 2 or length < 230 << 10 for length in read_on)


@pytest.mark.parametrize("path", ["/studies/x", "/studies/1.2/series/-/instances/1/frames/1"])
def test_a_path_without_uids_is_a_bad_request(web: Web, path: str) -> None:
    assert web.get(path).status_code == 400


@pytest.fixture(
    params=[
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless,
        RLELossless,
    ]
)
def frames_kept(web: Web, request: pytest.FixtureRequest) -> Iterator[Dataset]:
    dataset = multi_frame(4)
    web.keep(dataset, transfer_syntax=request.param)
    yield dataset


def test_frames_come_uncompressed_by_default(web: Web, frames_kept: Dataset) -> None:
    frames = [frame.tobytes() for frame in native_frames(frames_kept)]
    for accept in ("*/*", FRAMES):
        answer = web.get(path_of(frames_kept, "frames/2"), accept=accept)
        assert parts(answer) == [frames[1]]
    assert parts(web.get(path_of(frames_kept, "frames/4,1,4"))) == [frames[3], frames[0], frames[3]]
    single = web.get(path_of(frames_kept, "frames/3"), accept="application/octet-stream")
    assert single.content == frames[2]


def test_frames_as_kept_come_with_their_length(web: Web) -> None:
    large, small = ct_slice(2048, 1100), multi_frame(3, 16, 16)
    web.keep(large, small)
    for path in (
        path_of(large, "frames/1"),
        path_of(small, "frames/1"),
        path_of(small, "frames/3,1"),
    ):
        whole = web.get(path, FRAMES)
        assert whole.headers["content-type"].startswith("multipart/related")
        assert int(whole.headers["content-length"]) == len(whole.content)
        head = web.client.head(f"/dicomweb{path}", headers={"accept": FRAMES})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]


def test_the_same_frame_comes_again_from_memory(web: Web) -> None:
    dataset = ct_slice(32, 32)
    web.keep(dataset)
    answers = [web.get(path_of(dataset, "frames/1"), accept=FRAMES) for _ in range(3)]
    assert [parts(answer) for answer in answers] == [[dataset.PixelData]] * 3
    assert all(int(a.headers["content-length"]) == len(a.content) for a in answers)


def test_a_star_gives_frames_as_they_are_kept(web: Web) -> None:
    dataset = multi_frame(2)
    web.keep(dataset, transfer_syntax=JPEGLSLossless)
    answer = web.get(path_of(dataset, "frames/1"), accept=f"{FRAMES}; transfer-syntax=*")
    [frame] = parts(answer)
    assert frame.startswith(b"\xff\xd8\xff")
    assert frame in part10_bytes(dataset, JPEGLSLossless)
    assert f"transfer-syntax={JPEGLSLossless}".encode() in answer.content[:300]
    by_type = web.get(path_of(dataset, "frames/1"), accept='multipart/related; type="image/jls"')
    assert parts(by_type) == [frame]


def test_frames_are_encoded_in_the_type_that_is_asked_for(web: Web) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    dataset = ct_slice(32, 32)
    web.keep(dataset)
    [frame] = parts(web.get(path_of(dataset, "frames/1"), 'multipart/related; type="image/jp2"'))
    assert np.array_equal(imagecodecs.jpeg2k_decode(frame), native_frames(dataset)[0])
    single = web.get(path_of(dataset, "frames/1"), accept="image/jphc")
    assert single.headers["content-type"].startswith("image/jphc")
    assert np.array_equal(imagecodecs.htj2k_decode(single.content), native_frames(dataset)[0])


def test_frames_of_single_bits_are_aligned(web: Web) -> None:
    dataset = multi_frame(3, 5, 7, bits=1)
    web.keep(dataset)
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    for number in (1, 2, 3):
        expected = np.packbits(bits[35 * (number - 1) : 35 * number], bitorder="little").tobytes()
        assert parts(web.get(path_of(dataset, f"frames/{number}"))) == [expected]


@pytest.mark.parametrize(
    ("frames", "status"),
    [("5", 404), ("1,5", 404), ("99999999999999", 404), ("0", 400), ("x", 400), ("1,,2", 400),
     ("-1", 400), ("1;2", 400), ("", 404)],
)  # fmt: skip
def test_frames_that_are_not_there(web: Web, frames: str, status: int) -> None:
    dataset = multi_frame(4)
    web.keep(dataset)
    assert web.get(path_of(dataset, f"frames/{frames}")).status_code == status


@pytest.mark.parametrize(
    "accept",
    ["image/tiff", 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.3'],
)
def test_frames_that_cannot_be_made_are_not_acceptable(web: Web, accept: str) -> None:
    dataset = multi_frame(2)
    web.keep(dataset)
    answer = web.get(path_of(dataset, "frames/1"), accept=accept)
    assert answer.status_code == 406
    assert "application/octet-stream" in answer.text


def test_an_object_without_pixels_has_no_frames(web: Web) -> None:
    dataset = small_object()
    web.keep(dataset)
    assert web.get(path_of(dataset, "frames/1")).status_code == 404


def test_metadata_is_what_pydicom_says_of_the_object(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    answer = web.get(path_of(dataset, "metadata"))
    assert answer.headers["content-type"] == "application/dicom+json"
    [found] = answer.json()
    pixels = found.pop("7FE00010")
    assert pixels["BulkDataURI"] == f"/dicomweb{path_of(dataset, 'bulkdata/7FE00010')}"
    expected = Dataset.from_json(json.dumps(found))
    del dataset.PixelData
    assert expected == dataset


def test_metadata_of_a_study_is_that_of_its_series(web: Web) -> None:
    first = ct_series(2, 8, 8)
    second = ct_series(2, 8, 8, StudyInstanceUID=first[0].StudyInstanceUID, SeriesNumber=7)
    web.keep(*first, *second)
    study = f"/studies/{first[0].StudyInstanceUID}"
    answers = [
        web.get(f"{study}/series/{each[0].SeriesInstanceUID}/metadata").json()
        for each in (first, second)
    ]
    assert web.get(f"{study}/metadata").json() == answers[0] + answers[1]


def test_metadata_is_compressed_only_for_those_who_take_it(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    path = f"/dicomweb{path_of(dataset, 'metadata')}"
    for encoding, compressed in (("gzip, br", True), ("identity", False), ("gzip;q=0", False)):
        with web.client.stream("GET", path, headers={"accept-encoding": encoding}) as answer:
            assert (answer.headers.get("content-encoding") == "gzip") is compressed
            raw = b"".join(answer.iter_raw())
        content = gzip.decompress(raw) if compressed else raw
        assert json.loads(content)[0]["00080018"]["Value"] == [dataset.SOPInstanceUID]


def test_metadata_that_did_not_change_is_not_sent_again(web: Web) -> None:
    first, second = ct_series(2, 8, 8)
    web.keep(first)
    path = f"/studies/{first.StudyInstanceUID}/metadata"
    etag = web.get(path).headers["etag"]
    again = web.get(path, if_none_match=f'"other", {etag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    web.keep(second)
    changed = web.get(path, if_none_match=etag)
    assert (changed.status_code, len(changed.json())) == (200, 2)
    web.delete(path_of(second))
    assert web.get(path, if_none_match=changed.headers["etag"]).status_code == 200


def test_metadata_comes_as_xml_where_asked(web: Web) -> None:
    dataset = ct_slice(8, 8)
    web.keep(dataset)
    answer = web.get(
        path_of(dataset, "metadata"), 'multipart/related; type="application/dicom+xml"'
    )
    [document] = parts(answer)
    found = {e.attrib.get("keyword"): e for e in ElementTree.fromstring(document)}
    assert found["SOPInstanceUID"][0].text == dataset.SOPInstanceUID
    assert found["PixelData"][0].attrib["uri"].endswith("/bulkdata/7FE00010")


def test_links_lead_to_where_a_proxy_serves(web: Web) -> None:
    dataset = ct_slice(8, 8)
    web.keep(dataset)
    answer = web.get(path_of(dataset, "metadata"), x_forwarded_prefix="/pacs")
    link = answer.json()[0]["7FE00010"]["BulkDataURI"]
    assert link == f"/pacs/dicomweb{path_of(dataset, 'bulkdata/7FE00010')}"
    elsewhere = TestClient(Starlette(routes=[Mount("/v2", routes=studies.routes(web.archive))]))
    link = elsewhere.get(f"/v2{path_of(dataset, 'metadata')}").json()[0]["7FE00010"]["BulkDataURI"]
    assert elsewhere.get(link, headers={"accept": "*/*"}).content == dataset.PixelData


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_link_leads_to_its_value(web: Web, syntax: str) -> None:
    dataset = multi_frame(2)
    item = Dataset()
    item.add_new(0x60003000, "OB", bytes(range(256)) * 20)
    dataset.ReferencedImageSequence = [Dataset(), item]
    web.keep(dataset, transfer_syntax=syntax)
    [metadata] = web.get(path_of(dataset, "metadata")).json()
    pixels = metadata["7FE00010"]["BulkDataURI"].removeprefix("/dicomweb")
    overlay = metadata["00081140"]["Value"][1]["60003000"]["BulkDataURI"].removeprefix("/dicomweb")
    assert web.get(pixels).content == dataset.PixelData
    assert web.get(overlay, accept="application/octet-stream").content == item[0x60003000].value
    assert parts(web.get(overlay, accept=FRAMES)) == [item[0x60003000].value]


def test_bulk_data_of_compressed_pixels_are_their_frames(web: Web) -> None:
    dataset = multi_frame(3)
    web.keep(dataset, transfer_syntax=JPEG2000Lossless)
    path = path_of(dataset, "bulkdata/7FE00010")
    assert parts(web.get(path)) == [frame.tobytes() for frame in native_frames(dataset)]
    as_kept = parts(web.get(path, accept=f"{FRAMES}; transfer-syntax=*"))
    assert [frame[:4] for frame in as_kept] == [b"\xff\x4f\xff\x51"] * 3


def test_big_endian_bulk_data_comes_in_little_endian(web: Web) -> None:
    dataset = multi_frame(1)
    web.keep(dataset, transfer_syntax=ExplicitVRBigEndian)
    assert web.get(path_of(dataset, "bulkdata/7FE00010")).content == dataset.PixelData


@pytest.mark.parametrize("path", ["00281201", "nonsense", "7FE00010/0/00100010", "a%2F..%2Fb"])
def test_a_link_to_nothing_is_not_found(web: Web, path: str) -> None:
    dataset = ct_slice(8, 8)
    web.keep(dataset)
    assert web.get(path_of(dataset, f"bulkdata/{path}")).status_code in (404, 405)


def test_deleting_is_immediate_and_told_once(web: Web) -> None:
    first, second, third = ct_series(3, 8, 8)
    web.keep(first, second, third)
    assert web.get(path_of(first, "frames/1")).status_code == 200
    assert web.delete(path_of(first)).status_code == 204
    assert web.delete(path_of(first)).status_code == 404
    assert web.get(path_of(first)).status_code == 404
    assert web.get(path_of(first, "frames/1")).status_code == 404
    assert len(web.get("/instances").json()) == 2
    series = path_of(first).rpartition("/instances")[0]
    assert [web.delete(series).status_code for _ in range(2)] == [204, 404]
    assert web.get("/studies").status_code == 204
    assert web.delete(f"/studies/{first.StudyInstanceUID}").status_code == 404
    assert web.delete("/studies/x").status_code == 400


def test_what_cannot_be_transcoded_is_told_without_a_value(web: Web) -> None:
    dataset = ct_slice(16, 16)
    # Diffusion b-value is a double, but these are six bytes.
    diffusion = struct.pack("<HHI", 0x0018, 0x9087, 6) + b"DOE^JA"
    content = part10_bytes(dataset, ImplicitVRLittleEndian)
    pixels = content.index(struct.pack("<HH", 0x0020, 0x000D))
    web.archive.ingest(content[:pixels] + diffusion + content[pixels:])
    answer = web.get(path_of(dataset), accept=f"{OBJECTS}; transfer-syntax={RLELossless}")
    assert answer.status_code >= 400
    assert "cannot be read or written" in answer.text
    assert "DOE" not in answer.text
