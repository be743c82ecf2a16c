"""STOW-RS: what is stored, what is refused, and what is said of it."""

import asyncio
import io
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from pydicom import dcmread
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.factories import ct_slice, data_set_bytes, part10_bytes, small_object
from tests.services.conftest import BOUNDARY, Web, multipart, opened

from isocenter.archive import (
    Archive,
    Incoming,
    Level,
    Origin,
    Query,
    Stored,
    commit_together,
)
from isocenter.archive.arrivals import Arrival
from isocenter.archive.registration import Registrar
from isocenter.errors import OutOfResources
from isocenter.services.intake import Intake
from isocenter.services.studies import StoreLimits, routes
from isocenter.services.waiting_room import WaitingRoom

MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def referenced(payload: dict) -> list[str]:
    return uids_named(payload, "00081199")


def reasons(payload: dict) -> list[int]:
    items = payload.get("00081198", {"Value": []})["Value"]
    return [item["00081197"]["Value"][0] for item in items]


def uids_named(payload: dict, tag: str) -> list[str]:
    """The instances that one of the two sequences of an answer names."""
    return [item["00081155"]["Value"][0] for item in payload.get(tag, {"Value": []})["Value"]]


def kept(web: Web) -> int:
    return web.archive.count(Query(Level.INSTANCE))


def test_every_part_is_kept_and_named_with_its_url(web: Web) -> None:
    objects = [small_object(), small_object(), small_object()]
    answer = web.store(*map(part10_bytes, objects))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    payload = answer.json()
    assert referenced(payload) == [o.SOPInstanceUID for o in objects]
    assert "00081198" not in payload
    item = payload["00081199"]["Value"][0]
    assert item["00081190"]["Value"] == [
        f"http://testserver/dicomweb/studies/{objects[0].StudyInstanceUID}"
        f"/series/{objects[0].SeriesInstanceUID}/instances/{objects[0].SOPInstanceUID}"
    ]
    assert kept(web) == 3


def test_the_bytes_kept_are_the_bytes_sent_but_for_the_preamble(web: Web) -> None:
    dataset = ct_slice(16, 16)
    sent = part10_bytes(dataset, preamble=b"MZ" * 64)
    assert web.store(sent).status_code == 200
    path = next(web.archive.directory.glob(f"*/*/{dataset.SOPInstanceUID}.dcm"))
    assert path.read_bytes() == bytes(128) + sent[128:]


def test_one_study_is_named_when_everything_belongs_to_it(web: Web) -> None:
    study = small_object().StudyInstanceUID
    two = [small_object(StudyInstanceUID=study) for _ in range(2)]
    payload = web.store(*map(part10_bytes, two), path=f"/studies/{study}").json()
    assert payload["00081190"]["Value"] == [f"http://testserver/dicomweb/studies/{study}"]
    assert "00081190" not in web.store(*map(part10_bytes, [small_object(), *two])).json()


def test_a_single_part_is_kept(web: Web) -> None:
    answer = web.post(part10_bytes(small_object()), "application/dicom")
    assert (answer.status_code, kept(web)) == (200, 1)


def test_the_answer_comes_as_xml_where_asked(web: Web) -> None:
    answer = web.store(part10_bytes(small_object()), b"junk", accept="application/dicom+xml")
    assert answer.headers["content-type"] == "application/dicom+xml"
    root = ElementTree.fromstring(answer.content)
    assert {e.attrib["keyword"] for e in root} == {
        "RetrieveURL",
        "FailedSOPSequence",
        "ReferencedSOPSequence",
    }


@pytest.mark.parametrize("head", ["", "Content-Type: application/dicom; transfer-syntax=*\r\n"])
def test_a_part_may_leave_its_content_type_out(web: Web, head: str) -> None:
    body = multipart(part10_bytes(small_object()), head=head)
    assert web.post(body, MULTIPART).status_code == 200


def test_one_bad_part_does_not_stop_the_others(web: Web) -> None:
    first, last = small_object(), small_object()
    answer = web.store(part10_bytes(first), b"no DICOM at all" * 50, part10_bytes(last))
    assert answer.status_code == 202
    assert referenced(answer.json()) == [first.SOPInstanceUID, last.SOPInstanceUID]
    assert reasons(answer.json()) == [0xC000]
    [failed] = answer.json()["00081198"]["Value"]
    assert failed["00741048"]["Value"][0]["00000902"]["Value"][0].startswith("DICOM100: ")


def test_a_part_of_another_type_fails_alone(web: Web) -> None:
    head = "Content-Type: application/pdf\r\n"
    body = multipart(b"%PDF", head=head)[: -len(f"--{BOUNDARY}--\r\n")]
    body += multipart(part10_bytes(small_object()))
    answer = web.post(body, MULTIPART)
    assert (answer.status_code, reasons(answer.json())) == (202, [0xC000])
    assert "application/pdf" in answer.text


def test_an_object_of_another_study_is_refused(web: Web) -> None:
    dataset = small_object()
    answer = web.store(part10_bytes(dataset), path="/studies/1.2.3")
    assert (answer.status_code, reasons(answer.json())) == (409, [43265])
    [failed] = answer.json()["00081198"]["Value"]
    assert failed["00081155"]["Value"] == [dataset.SOPInstanceUID]
    assert failed["00081150"]["Value"] == [dataset.SOPClassUID]
    assert kept(web) == 0


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_object_without_a_needed_attribute_is_refused(web: Web, keyword: str) -> None:
    answer = web.store(part10_bytes(small_object(**{keyword: None})))
    assert (answer.status_code, reasons(answer.json())) == (409, [43264])
    assert keyword in answer.text


def test_the_same_instance_twice_in_one_request_is_kept_once(web: Web) -> None:
    dataset = small_object()
    answer = web.store(part10_bytes(dataset), part10_bytes(dataset))
    assert answer.status_code == 200
    assert referenced(answer.json()) == [dataset.SOPInstanceUID] * 2
    assert kept(web) == 1


def versions_of_one_instance() -> list[bytes]:
    dataset = small_object(PatientComments="first")
    first = part10_bytes(dataset)
    dataset.PatientComments = "second"
    return [first, part10_bytes(dataset)]


def sent_at_once(web: Web, limits: StoreLimits, *contents: bytes) -> httpx.Response:
    headers = {"content-type": MULTIPART}
    client = limited(web.archive, limits)
    return client.post("/dicomweb/studies", content=multipart(*contents), headers=headers)


def comments_kept(web: Web) -> str:
    [path] = web.archive.directory.glob("[0-9]*/*/*.dcm")
    return dcmread(path).PatientComments


POLICIES = pytest.mark.parametrize(
    ("policy", "status", "kept_one"),
    [("refuse", 202, "first"), ("replace", 200, "second"), ("keep", 202, "first")],
)


@POLICIES
@pytest.mark.parametrize("slow", ["examined", "kept"])
def test_of_two_versions_in_one_request_the_first_is_kept_first_however_slow_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    status: int,
    kept_one: str,
    slow: str,
) -> None:
    first, second = versions_of_one_instance()
    second_is_kept = threading.Event()
    examine = Incoming.examine

    def is_first(incoming: Incoming) -> bool:
        assert incoming._temporary
        return b"first" in incoming._temporary.read(0, len(first))

    def examined(incoming: Incoming) -> Arrival:
        if slow == "examined" and is_first(incoming):
            second_is_kept.wait(0.3)  # which it would be by then if it went its own way
        return examine(incoming)

    def kept_together(incomings: Sequence[Incoming], since: float) -> list[Stored | Exception]:
        if is_first(incomings[0]):
            second_is_kept.wait(0.3)
            return commit_together(incomings)
        try:
            return commit_together(incomings)
        finally:
            second_is_kept.set()

    with opened(tmp_path / "archive", on_conflict=policy) as web:
        monkeypatch.setattr(Incoming, "examine", examined)
        monkeypatch.setattr("isocenter.services.intake.commit_together", kept_together)
        answer = sent_at_once(web, StoreLimits(patience_seconds=-1), first, second)
        monkeypatch.undo()
        assert (answer.status_code, comments_kept(web)) == (status, kept_one)
    payload = answer.json()
    assert len(uids_named(payload, "00081198")) == (policy == "refuse")
    assert len({*referenced(payload), *uids_named(payload, "00081198")}) == 1
    warned = ["00081196" in item for item in payload["00081199"]["Value"]]
    assert warned == {"refuse": [False], "replace": [False] * 2, "keep": [False, True]}[policy]


def test_a_refused_version_without_file_meta_is_named(web: Web) -> None:
    dataset = small_object(PatientComments="first")
    first = data_set_bytes(dataset, "1.2.840.10008.1.2")
    dataset.PatientComments = "second"
    answer = web.store(first, data_set_bytes(dataset, "1.2.840.10008.1.2"))
    assert (answer.status_code, comments_kept(web)) == (202, "first")
    [failed] = answer.json()["00081198"]["Value"]
    assert failed["00081150"]["Value"] == [dataset.SOPClassUID]
    assert failed["00081155"]["Value"] == [dataset.SOPInstanceUID]


def test_those_behind_a_slow_part_are_kept_once_it_is_refused(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [part10_bytes(small_object()) for _ in range(4)]
    complete = threading.Semaphore(0)
    examine = Incoming.examine

    def junk_is_slow(incoming: Incoming) -> Arrival:
        assert incoming._temporary
        if incoming._temporary.read(0, 4) == b"junk":
            assert all(complete.acquire(timeout=60) for _ in others)
            return examine(incoming)
        try:
            return examine(incoming)
        finally:
            complete.release()

    monkeypatch.setattr(Incoming, "examine", junk_is_slow)
    limits = StoreLimits(waiting=5, patience_seconds=600)
    answer = sent_at_once(web, limits, b"junk" * 99, *others, *others)
    assert (answer.status_code, reasons(answer.json())) == (202, [0xC000])
    assert (len(referenced(answer.json())), kept(web)) == (8, 4)


def test_another_version_of_an_instance_is_a_duplicate(web: Web) -> None:
    dataset = small_object()
    assert web.store(part10_bytes(dataset)).status_code == 200
    assert web.store(part10_bytes(dataset)).status_code == 200
    dataset.PatientComments = "changed"
    answer = web.store(part10_bytes(dataset))
    assert (answer.status_code, reasons(answer.json())) == (409, [45070])


@pytest.mark.parametrize("padding", ["\0", " "])
def test_a_padded_uid_is_the_uid_without_its_padding(web: Web, padding: str) -> None:
    dataset = small_object(StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.3.45")
    body = part10_bytes(dataset)
    assert body.count(b"1.2.3\0") == 1
    body = body.replace(b"1.2.3\0", b"1.2.3" + padding.encode())
    assert web.store(body, path="/studies/1.2.3").status_code == 200
    assert web.get("/studies/1.2.3/series").status_code == 200


@pytest.mark.parametrize("body", [b"", f"--{BOUNDARY}--\r\n".encode()])
def test_a_request_without_parts_has_nothing_to_say(web: Web, body: bytes) -> None:
    answer = web.post(body, MULTIPART)
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_request_without_payload_has_nothing_to_say(web: Web) -> None:
    assert web.client.post("/dicomweb/studies").status_code == 204


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("multipart/form-data; boundary=x", 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', 415),
        ('multipart/related; type="application/dicom+xml"; boundary=x', 415),
        ('multipart/related; type="application/dicom"', 400),
        ("nonsense", 400),
    ],
)
def test_what_is_not_taken_is_said(web: Web, content_type: str, status: int) -> None:
    answer = web.post(b"--x--", content_type)
    assert answer.status_code == status
    assert answer.text


def test_a_compressed_payload_is_not_taken(web: Web) -> None:
    answer = web.post(b"\x1f\x8b", MULTIPART, content_encoding="gzip")
    assert answer.status_code == 415


def test_an_unacceptable_answer_is_refused_before_anything_is_kept(web: Web) -> None:
    assert web.store(part10_bytes(small_object()), accept="text/html").status_code == 406
    assert kept(web) == 0


def test_a_malformed_body_is_a_bad_request(web: Web) -> None:
    assert web.post(b"no boundary in here", MULTIPART).status_code == 400


def test_a_path_that_is_no_uid_is_a_bad_request(web: Web) -> None:
    for uid in ("..", "1.2.x", "1" * 65):
        answer = web.store(part10_bytes(small_object()), path=f"/studies/{uid}")
        # The client makes `/studies/..` the base of the service, where nothing is stored.
        assert answer.status_code == (405 if uid == ".." else 400)
    assert kept(web) == 0


def test_a_body_that_is_cut_off_keeps_its_whole_parts_only(web: Web) -> None:
    first, cut = small_object(), small_object()
    body = multipart(part10_bytes(first), part10_bytes(cut))
    answer = web.post(body[: len(body) - 100], MULTIPART)
    assert answer.status_code == 202
    assert referenced(answer.json()) == [first.SOPInstanceUID]
    assert "before its closing delimiter" in answer.text
    assert kept(web) == 1
    assert leftovers(web.archive.directory) == []


def leftovers(directory: Path) -> list[Path]:
    return [p for p in directory.glob(".incoming/*/*") if p.is_file()]


def test_a_payload_may_come_in_pieces_of_any_size(web: Web) -> None:
    objects = [part10_bytes(small_object()) for _ in range(3)]
    body = multipart(*objects)
    for size in (1, 7, 1000):
        pieces = (body[at : at + size] for at in range(0, len(body), size))
        answer = web.post(pieces, MULTIPART)
        assert (answer.status_code, len(referenced(answer.json()))) == (200, 3)


def limited(archive: Archive, limits: StoreLimits) -> TestClient:
    return TestClient(Starlette(routes=[Mount("/dicomweb", routes=routes(archive, limits=limits))]))


def test_an_object_larger_than_the_spool_is_kept_whole(web: Web) -> None:
    client = limited(web.archive, StoreLimits(spool_bytes=1000, at_once=2))
    objects = [part10_bytes(ct_slice(64, 64)) for _ in range(5)]
    answer = client.post(
        "/dicomweb/studies", content=multipart(*objects), headers={"content-type": MULTIPART}
    )
    assert answer.status_code == 200
    for sent, uid in zip(objects, referenced(answer.json()), strict=True):
        assert next(web.archive.directory.glob(f"*/*/{uid}.dcm")).read_bytes() == sent


def test_an_object_beyond_the_limit_is_too_large(web: Web) -> None:
    client = limited(web.archive, StoreLimits(object_bytes=5000, spool_bytes=1000))
    answer = client.post(
        "/dicomweb/studies",
        content=part10_bytes(ct_slice(64, 64)),
        headers={"content-type": "application/dicom"},
    )
    assert answer.status_code == 413
    assert leftovers(web.archive.directory) == []


def test_a_full_disk_is_a_busy_service(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, parts: object) -> None:
            raise OutOfResources("the disk is full")

        def discard(self) -> None:
            pass

    monkeypatch.setattr(web.archive, "receiving", lambda **_: Full())
    answer = web.store(part10_bytes(small_object()))
    assert (answer.status_code, reasons(answer.json())) == (503, [0xA700])
    assert answer.headers["retry-after"]


class FullFrom:
    """An archive whose disk is full from the object of some number on."""

    def __init__(self, archive: Archive, number: int) -> None:
        self._receiving, self._left = archive.receiving, number

    def __call__(self, **named: str) -> Incoming:
        self._left -= 1
        if self._left < 0:
            raise OutOfResources("the disk is full")
        return self._receiving(**named)


@pytest.mark.parametrize(
    ("parts", "room", "status", "expected"),
    [
        ([b"junk", part10_bytes(small_object())], 1, 409, {0xC000, 0xA700}),
        ([part10_bytes(small_object()), part10_bytes(small_object())], 1, 202, {0xA700}),
        ([b"junk", b"junk"], 2, 409, {0xC000}),
    ],
    ids=["nothing stored", "something stored", "nothing to send again"],
)
def test_a_user_agent_learns_when_to_send_again_what_had_no_room(
    web: Web,
    monkeypatch: pytest.MonkeyPatch,
    parts: list[bytes],
    room: int,
    status: int,
    expected: set[int],
) -> None:
    """RFC 9110 10.2.3: how long to wait before a follow-up request, whatever the status is."""
    client = limited(web.archive, StoreLimits(at_once=1))
    monkeypatch.setattr(web.archive, "receiving", FullFrom(web.archive, room))
    answer = client.post(
        "/dicomweb/studies", content=multipart(*parts), headers={"content-type": MULTIPART}
    )
    assert (answer.status_code, set(reasons(answer.json()))) == (status, expected)
    assert ("retry-after" in answer.headers) == (0xA700 in expected)


def test_a_failure_of_the_server_names_no_details(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(web.archive, "receiving", broken)
    answer = web.store(part10_bytes(small_object()))
    assert (answer.status_code, reasons(answer.json())) == (409, [0x0110])
    assert "secret" not in answer.text


def test_a_data_set_without_file_meta_becomes_a_file(web: Web) -> None:
    dataset = small_object()
    assert web.store(data_set_bytes(dataset)).status_code == 200
    path = next(web.archive.directory.glob(f"*/*/{dataset.SOPInstanceUID}.dcm"))
    assert dcmread(io.BytesIO(path.read_bytes())).PatientName == dataset.PatientName


def test_the_answer_tells_the_address_that_a_proxy_was_asked_for(web: Web) -> None:
    answer = web.store(
        part10_bytes(small_object()),
        forwarded='for=192.0.2.60;proto=https;host="pacs.example:8443", for=10.0.0.1;host=inner',
    )
    [item] = answer.json()["00081199"]["Value"]
    assert item["00081190"]["Value"][0].startswith("https://pacs.example:8443/dicomweb/studies/")


def test_a_forged_host_is_passed_over(web: Web) -> None:
    answer = web.store(part10_bytes(small_object()), x_forwarded_host='evil"/><script>')
    assert "script" not in json.dumps(answer.json())


async def asked(
    archive: Archive, limits: StoreLimits, messages: list[dict], *, pause: float = 0
) -> int | None:
    """The status of a request whose payload comes as `messages`, then never goes on."""
    app = Starlette(routes=[Mount("/dicomweb", routes=routes(archive, limits=limits))])
    sent: list[dict] = []

    async def receive() -> dict:
        if messages:
            await asyncio.sleep(pause)
            return messages.pop(0)
        await asyncio.sleep(30)
        raise AssertionError("asked for more")

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/dicomweb/studies",
        "query_string": b"",
        "headers": [(b"content-type", MULTIPART.encode()), (b"host", b"testserver")],
        "server": ("testserver", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    await asyncio.wait_for(app(scope, receive, send), 60)
    return next((message["status"] for message in sent if "status" in message), None)


def piece(body: bytes) -> dict:
    return {"type": "http.request", "body": body, "more_body": True}


def test_a_user_agent_that_falls_silent_is_not_waited_for(web: Web) -> None:
    limits = StoreLimits(silence_seconds=0.05, spool_bytes=1000)
    half = multipart(part10_bytes(ct_slice(32, 32)))[:2000]
    assert asyncio.run(asked(web.archive, limits, [piece(half)])) == 400
    assert leftovers(web.archive.directory) == []


def test_a_user_agent_that_sends_by_drops_is_not_waited_for(web: Web) -> None:
    body = multipart(part10_bytes(ct_slice(128, 128)))[:30_000]
    drops = [piece(body[start : start + 1]) for start in range(len(body))]
    taken = len(drops)
    limits = StoreLimits(silence_seconds=0.3)
    assert asyncio.run(asked(web.archive, limits, drops, pause=0.01)) == 400
    assert len(drops) > taken - 10_000
    assert leftovers(web.archive.directory) == []


def test_a_slow_user_agent_that_goes_on_is_waited_for(web: Web) -> None:
    body = multipart(part10_bytes(ct_slice(256, 256)))
    pieces = [piece(body[start : start + 20_000]) for start in range(0, len(body), 20_000)]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})
    limits = StoreLimits(silence_seconds=1)
    assert asyncio.run(asked(web.archive, limits, pieces, pause=0.2)) == 200


def test_a_user_agent_that_goes_away_leaves_nothing_of_a_part(web: Web) -> None:
    half = multipart(part10_bytes(ct_slice(32, 32)))[:2000]
    messages = [piece(half), {"type": "http.disconnect"}]
    asyncio.run(asked(web.archive, StoreLimits(spool_bytes=1000), messages))
    assert leftovers(web.archive.directory) == []
    assert kept(web) == 0


def test_requests_beyond_the_limit_are_told_to_try_again(web: Web) -> None:
    limits = StoreLimits(requests=1)
    app = Starlette(routes=[Mount("/dicomweb", routes=routes(web.archive, limits=limits))])
    content = part10_bytes(small_object())

    async def scene() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:

            async def slow() -> AsyncIterator[bytes]:
                under_way.set()
                yield content[:100]
                await going_on.wait()
                yield content[100:]

            def post(body: bytes | AsyncIterator[bytes]) -> Coroutine[None, None, httpx.Response]:
                headers = {"content-type": "application/dicom"}
                return client.post("/dicomweb/studies", content=body, headers=headers)

            under_way, going_on = asyncio.Event(), asyncio.Event()
            first = asyncio.create_task(post(slow()))
            await under_way.wait()
            refused = await post(content)
            going_on.set()
            return [refused, await first, await post(content)]

    refused, *taken = asyncio.run(asyncio.wait_for(scene(), 60))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert [answer.status_code for answer in taken] == [200, 200]


@pytest.mark.parametrize(
    ("validation", "status", "count"), [("off", 200, 1), ("warn", 202, 1), ("refuse", 409, 0)]
)
def test_an_object_that_breaks_its_iod_is_kept_warned_of_or_refused(
    tmp_path: Path, validation: str, status: int, count: int
) -> None:
    dataset = ct_slice(16, 16, PatientName="SECRET^NAME", PatientSex="SECRET")
    del dataset.ImageOrientationPatient
    with opened(tmp_path / "archive", validation=validation) as web:
        answer = web.store(part10_bytes(dataset))
        assert (answer.status_code, kept(web)) == (status, count)
    assert "SECRET" not in answer.text
    if validation == "warn":
        (item,) = answer.json()["00081199"]["Value"]
        assert item["00081196"]["Value"] == [0xB007]
        assert "ImageOrientationPatient (0020,0037) missing-attribute" in answer.text
    if validation == "refuse":
        assert reasons(answer.json()) == [0xA900]


def test_the_objects_of_a_request_are_kept_by_one_commit_unless_they_are_many(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    transact = Registrar._transact

    def counted(
        registrar: Registrar, arrivals: Sequence[Arrival], **how: bool
    ) -> list[Stored | Exception]:
        commits.append(len(arrivals))
        return transact(registrar, arrivals, **how)

    monkeypatch.setattr(Registrar, "_transact", counted)
    client = limited(web.archive, StoreLimits(patience_seconds=600))
    for count in (10, 40):
        body = multipart(*(part10_bytes(small_object()) for _ in range(count)))
        headers = {"content-type": MULTIPART}
        answer = client.post("/dicomweb/studies", content=body, headers=headers)
        assert (answer.status_code, len(referenced(answer.json()))) == (200, count)
        if count == 10:
            assert commits == [10]
    assert sum(commits) == 50


def test_many_tiny_chunks_are_written_before_they_fill_the_memory(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks: list[int] = []
    write = Incoming.write

    def noted(incoming: Incoming, parts: Sequence[bytes]) -> None:
        chunks.append(len(parts))
        write(incoming, parts)

    monkeypatch.setattr(Incoming, "write", noted)
    content = part10_bytes(ct_slice(32, 32))
    body = multipart(content)

    async def dripping() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2):
            yield body[start : start + 2]

    async def scene() -> httpx.Response:
        app = Starlette(
            routes=[
                Mount("/d", routes=routes(web.archive, limits=StoreLimits(spool_bytes=1 << 15)))
            ]
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"content-type": MULTIPART}
            return await client.post("/d/studies", content=dripping(), headers=headers)

    assert asyncio.run(asyncio.wait_for(scene(), 60)).status_code == 200
    assert sum(chunks) > 500
    assert max(chunks) <= (1 << 15) // 512


def test_objects_of_a_slow_request_do_not_wait_for_its_end(web: Web) -> None:
    first, second, last = (part10_bytes(small_object()) for _ in range(3))
    whole = multipart(first, second, last)
    until_last = whole.index(last)
    limits = StoreLimits(patience_seconds=0)
    app = Starlette(routes=[Mount("/dicomweb", routes=routes(web.archive, limits=limits))])

    async def slow() -> AsyncIterator[bytes]:
        yield whole[:until_last]
        while kept(web) < 2:
            await asyncio.sleep(0.01)
        yield whole[until_last:]

    async def scene() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"content-type": MULTIPART}
            return await client.post("/dicomweb/studies", content=slow(), headers=headers)

    answer = asyncio.run(asyncio.wait_for(scene(), 60))
    assert (answer.status_code, kept(web)) == (200, 3)


def test_few_objects_of_many_wait_to_be_kept(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    unkept: set[Incoming] = set()
    counts: list[int] = []
    lock = threading.Lock()
    examine = Incoming.examine

    def examined(incoming: Incoming) -> Arrival:
        with lock:
            unkept.add(incoming)
            counts.append(len(unkept))
        return examine(incoming)

    def kept_together(incomings: Sequence[Incoming], since: float) -> list[Stored | Exception]:
        try:
            return commit_together(incomings)
        finally:
            with lock:
                unkept.difference_update(incomings)

    monkeypatch.setattr(Incoming, "examine", examined)
    monkeypatch.setattr("isocenter.services.intake.commit_together", kept_together)
    objects = [small_object() for _ in range(60)]
    contents = [part10_bytes(each) for each in objects]
    contents[30] = b"no DICOM object"
    client = limited(web.archive, StoreLimits(waiting=5, patience_seconds=600))
    headers = {"content-type": MULTIPART}
    answer = client.post("/dicomweb/studies", content=multipart(*contents), headers=headers)
    assert (answer.status_code, reasons(answer.json())) == (202, [0xC000])
    del objects[30]
    assert referenced(answer.json()) == [each.SOPInstanceUID for each in objects]
    assert kept(web) == 59
    # What is refused leaves its place once its bytes are gone.
    assert max(counts) <= 5 + 1


def test_objects_that_wait_for_company_make_room_for_others(web: Web) -> None:
    first = [part10_bytes(small_object()) for _ in range(4)]
    body, others = multipart(*first), [part10_bytes(small_object()) for _ in range(12)]
    before_last = body.index(first[-1])
    limits = StoreLimits(waiting=4, patience_seconds=600)
    app = Starlette(routes=[Mount("/dicomweb", routes=routes(web.archive, limits=limits))])

    async def scene() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"content-type": MULTIPART}

            async def slow() -> AsyncIterator[bytes]:
                yield body[:before_last]
                under_way.set()
                while kept(web) < len(others) + 3:
                    await asyncio.sleep(0.01)
                yield body[before_last:]

            def post(
                content: bytes | AsyncIterator[bytes],
            ) -> Coroutine[None, None, httpx.Response]:
                return client.post("/dicomweb/studies", content=content, headers=headers)

            under_way = asyncio.Event()
            going = asyncio.create_task(post(slow()))
            await under_way.wait()
            return [await post(multipart(*others)), await going]

    answers = asyncio.run(asyncio.wait_for(scene(), 60))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert kept(web) == 16


Narrow = tuple[Intake, WaitingRoom, asyncio.Semaphore]


@pytest.fixture
def narrow(web: Web) -> Iterator[Narrow]:
    """An intake with one place in its waiting room and one on the way to the disk."""
    room, places = WaitingRoom(1), asyncio.Semaphore(1)
    limits = StoreLimits(spool_bytes=100)
    with ThreadPoolExecutor(1) as pool:
        yield Intake(web.archive, limits, pool, places, room, Origin(), None), room, places


def test_who_is_cancelled_on_the_way_to_the_disk_leaves_the_waiting_room(
    web: Web, narrow: Narrow
) -> None:
    intake, room, places = narrow

    async def scene() -> None:
        intake.begin()
        await intake.write(part10_bytes(small_object()))
        await places.acquire()
        ending = asyncio.create_task(intake.end())
        while not room.full:
            await asyncio.sleep(0.001)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        assert not room.full
        places.release()
        await intake.close()

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert leftovers(web.archive.directory) == []
    assert not places.locked()


def test_who_is_cancelled_while_examined_leaves_the_waiting_room(
    web: Web, narrow: Narrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, room, places = narrow
    begun, going_on = threading.Event(), threading.Event()
    examine = Incoming.examine

    def slow(incoming: Incoming) -> Arrival:
        begun.set()
        assert going_on.wait(60)
        return examine(incoming)

    monkeypatch.setattr(Incoming, "examine", slow)

    async def scene() -> None:
        intake.begin()
        await intake.write(part10_bytes(small_object()))
        await intake.end()
        while not begun.is_set():
            await asyncio.sleep(0.001)
        assert room.full
        [examining] = asyncio.all_tasks() - {asyncio.current_task()}
        examining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await examining
        assert not room.full
        assert not places.locked()

    try:
        asyncio.run(scene())
    finally:
        going_on.set()


def test_what_has_arrived_is_kept_though_its_request_is_cancelled(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, pool = WaitingRoom(2), ThreadPoolExecutor(1)
    limits = StoreLimits(patience_seconds=600)
    intake = Intake(web.archive, limits, pool, asyncio.Semaphore(1), room, Origin(), None)
    begun, going_on = threading.Event(), threading.Event()
    examine = Incoming.examine

    def slow(incoming: Incoming) -> Arrival:
        begun.set()
        assert going_on.wait(60)
        return examine(incoming)

    monkeypatch.setattr(Incoming, "examine", slow)

    async def scene() -> None:
        intake.begin()
        await intake.write(part10_bytes(small_object()))
        await intake.end()
        closing = asyncio.create_task(intake.close())
        while not begun.is_set():
            await asyncio.sleep(0.001)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        going_on.set()
        while kept(web) < 1:
            await asyncio.sleep(0.001)

    try:
        asyncio.run(asyncio.wait_for(scene(), 30))
    finally:
        going_on.set()
        pool.shutdown()


_FEW_FILES = """
import asyncio, resource, sys
from pathlib import Path

import httpx
from tests.factories import part10_bytes, small_object
from tests.services.conftest import BOUNDARY, multipart, opened, path_of

FILES, REQUESTS, WAITING = 96, 6, 13
HEADERS = {"content-type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'}

async def scene(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        async def slow(number):
            body = multipart(*(part10_bytes(small_object()) for _ in range(WAITING + 1)))
            yield body[:-2000]
            await asyncio.sleep(1)
            yield body[-2000:]
        posts = [
            client.post("/dicomweb/studies", content=slow(each), headers=HEADERS)
            for each in range(REQUESTS)
        ]
        return await asyncio.gather(*posts)

resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
with opened(Path(sys.argv[1])) as web:
    objects = [small_object() for _ in range(FILES // 4)]
    web.keep(*objects)
    for each in objects:
        assert web.get(path_of(each), "application/dicom; transfer-syntax=*").status_code == 200
    answers = asyncio.run(scene(web.client.app))
    print([answer.status_code for answer in answers])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the limit of open files is POSIX")
def test_few_open_files_are_enough_to_read_and_to_store(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FEW_FILES, str(tmp_path / "archive")]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == f"{[200] * 6}\n", done.stderr


@pytest.mark.parametrize(
    ("allowed", "waiting", "requests"), [(128, 32, 16), (256, 64, 32), (1 << 20, 64, 64)]
)
def test_the_limits_follow_from_the_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch, allowed: int, waiting: int, requests: int
) -> None:
    monkeypatch.setattr("isocenter.services.intake.allowed_files", lambda: allowed)
    assert (StoreLimits().waiting, StoreLimits().requests) == (waiting, requests)
