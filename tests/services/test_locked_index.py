"""What DICOMweb answers while another program has the index locked."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from pydicom import Dataset
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.archive.conftest import (
    make_database as make_database,  # noqa: PLC0414 - fixtures of another package
)
from tests.archive.conftest import postgresql as postgresql  # noqa: PLC0414
from tests.archive.test_busy_index import HOLD_SQLITE
from tests.factories import part10_bytes, small_object
from tests.services.conftest import BOUNDARY, Web, multipart, opened, path_of

from isocenter.archive import Level, Query, busy_index, connections, group_commit, index
from isocenter.services.studies import StoreLimits, routes

PATIENCE = 2.0
ENOUGH = PATIENCE + 3 * busy_index.ONE_TRY + 1.0  # a busy machine
MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@pytest.fixture(autouse=True)
def less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (index, group_commit, connections):
        monkeypatch.setattr(module, "PATIENCE", PATIENCE)


@pytest.fixture
def lock(web: Web) -> Iterator[Callable[[], Callable[[], None]]]:
    """Have another process take SQLite's write lock; gives what has it let go."""
    holders: list[subprocess.Popen[str]] = []

    def take() -> Callable[[], None]:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_SQLITE, str(web.archive.directory / "index.sqlite")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        holders.append(holder)
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        return lambda: let_go(holder)

    def let_go(holder: subprocess.Popen[str]) -> None:
        if holder.poll() is None:
            holder.communicate(timeout=30)

    yield take
    for holder in holders:
        let_go(holder)


def stored(web: Web, body: bytes | AsyncIterator[bytes], limits: StoreLimits) -> httpx.Response:
    app = Starlette(routes=[Mount("/dicomweb", routes=routes(web.archive, limits=limits))])

    async def scene() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"content-type": MULTIPART}
            return await client.post("/dicomweb/studies", content=body, headers=headers)

    return asyncio.run(asyncio.wait_for(scene(), 120))


def named(answer: httpx.Response, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json().get(tag, {"Value": []})["Value"]]


def reasons(answer: httpx.Response) -> set[int]:
    return {item["00081197"]["Value"][0] for item in answer.json()["00081198"]["Value"]}


def uids(datasets: list[Dataset]) -> list[str]:
    return [dataset.SOPInstanceUID for dataset in datasets]


def files(web: Web) -> set[str]:
    return {path.stem for path in web.archive.directory.glob("[0-9]*/*/*.dcm")}


def test_a_request_of_many_batches_gives_up_in_one_patience(web: Web, lock) -> None:
    datasets = [small_object() for _ in range(48)]
    body, limits = multipart(*map(part10_bytes, datasets)), StoreLimits(waiting=4)
    let_go, begun = lock(), time.monotonic()
    answer = stored(web, body, limits)
    assert PATIENCE / 2 < time.monotonic() - begun < ENOUGH
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert named(answer, "00081198") == uids(datasets)
    assert reasons(answer) == {0xA700}
    assert "locked by another program" in answer.text
    let_go()
    answer = stored(web, body, limits)
    assert (answer.status_code, named(answer, "00081199")) == (200, uids(datasets))
    assert files(web) == set(uids(datasets))
    assert not web.archive.check(thorough=True).problems


def test_what_was_stored_ahead_of_a_lock_is_reported_as_stored(web: Web, lock) -> None:
    datasets = [small_object() for _ in range(40)]
    ahead, behind = datasets[:3], datasets[3:]
    whole = multipart(*map(part10_bytes, datasets))
    until = whole.index(part10_bytes(behind[0]))
    took: list[float] = []

    async def body() -> AsyncIterator[bytes]:
        yield whole[:until]
        while web.archive.count(Query(Level.INSTANCE)) < len(ahead):
            await asyncio.sleep(0.01)
        lock()
        took.append(time.monotonic())
        for start in range(until, len(whole), 2000):
            yield whole[start : start + 2000]

    answer = stored(web, body(), StoreLimits(waiting=4, patience_seconds=0))
    assert time.monotonic() - took[0] < ENOUGH
    assert answer.status_code == 202
    assert named(answer, "00081199") == uids(ahead)
    assert named(answer, "00081198") == uids(behind)
    for dataset in ahead:
        assert web.get(path_of(dataset)).status_code == 200


def test_parts_that_come_after_a_request_gave_up_are_named_and_reach_no_disk(
    web: Web, lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is on its way when the first is refused, one is larger than what is gathered."""
    small, large, bare = small_object(), small_object(), b"no DICOM object" * 3000
    large.PatientComments = "of many words " * 3000
    contents = [part10_bytes(small), part10_bytes(large), bare]
    whole, written = multipart(*contents), []
    inside_large = whole.index(contents[1]) + 3000
    let_go = lock()

    async def body() -> AsyncIterator[bytes]:
        yield whole[:inside_large]
        await asyncio.sleep(ENOUGH)
        monkeypatch.setattr("isocenter.archive.incoming.Incoming.write", written.append)
        for start in range(inside_large, len(whole), 2000):
            yield whole[start : start + 2000]

    limits = StoreLimits(waiting=1, patience_seconds=0, spool_bytes=20_000)
    answer = stored(web, body(), limits)
    monkeypatch.undo()
    assert answer.status_code == 503
    items = answer.json()["00081198"]["Value"]
    assert [item.get("00081155", {"Value": [None]})["Value"][0] for item in items] == [
        small.SOPInstanceUID,
        large.SOPInstanceUID,
        None,
    ]
    assert not written
    let_go()


def test_a_short_lock_delays_a_request_of_many_batches_and_refuses_nothing(
    web: Web, lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", 10.0)
    datasets = [small_object() for _ in range(40)]
    whole, let_go = multipart(*map(part10_bytes, datasets)), lock()

    async def body() -> AsyncIterator[bytes]:
        yield whole
        await asyncio.sleep(1.5)
        let_go()

    answer = stored(web, body(), StoreLimits(waiting=64))
    assert (answer.status_code, named(answer, "00081199")) == (200, uids(datasets))


@pytest.fixture
def database(make_database: Callable[[], str]) -> str:
    return make_database()


def test_who_reads_behind_a_locked_table_is_told_to_try_again(
    tmp_path: Path, database: str
) -> None:
    dataset = small_object()
    with opened(tmp_path / "archive", index_url=database) as web:
        web.keep(dataset)
        study = f"/studies/{dataset.StudyInstanceUID}"
        with psycopg.connect(database) as connection:
            connection.execute("LOCK TABLE instance, series, study IN ACCESS EXCLUSIVE MODE")
            for path in ("/studies", study, f"{study}/metadata", path_of(dataset)):
                begun = time.monotonic()
                answer = web.get(path)
                assert time.monotonic() - begun < ENOUGH, path
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "30"), path
                assert "locked by another program" in answer.text
        assert web.get("/studies").status_code == 200
        assert web.get(path_of(dataset)).status_code == 200
