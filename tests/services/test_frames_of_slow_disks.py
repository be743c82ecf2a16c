"""Frames of which a part is not in memory, while the disk does not answer."""

import asyncio
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.factories import ct_slice, part10_bytes
from tests.services.conftest import path_of

from isocenter.archive import Archive, StoredInstance
from isocenter.services import studies
from isocenter.services.unsent import UNSENT_ANSWERS, UnsentAnswers

PAGE = 4096
FRAME = 512 * 512 * 2
LIMIT = 16 * FRAME


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The last page of each frame has to come from a disk that answers once this is set."""
    in_memory, from_disk = StoredInstance.try_read_into, StoredInstance.read_into
    read = StoredInstance.read
    answers = threading.Event()

    def try_read_into(self: StoredInstance, offset: int, target: Any) -> int:
        end = len(target) - PAGE if len(target) == FRAME else len(target)
        return in_memory(self, offset, memoryview(target)[:end])

    def read_into(self: StoredInstance, offset: int, target: memoryview) -> int:
        assert answers.wait(60)
        return from_disk(self, offset, target)

    def read_slowly(self: StoredInstance, offset: int, length: int) -> bytes:
        assert answers.wait(60)
        return read(self, offset, length)

    monkeypatch.setattr(StoredInstance, "try_read_into", try_read_into)
    monkeypatch.setattr(StoredInstance, "read_into", read_into)
    monkeypatch.setattr(StoredInstance, "read", read_slowly)
    yield answers
    answers.set()


def test_frames_that_wait_for_the_disk_are_held_within_the_bound_of_all_answers(
    tmp_path: Path, disk: threading.Event
) -> None:
    dataset = ct_slice(512, 512)
    unsent = UnsentAnswers(LIMIT)

    async def ask_often(archive: Archive) -> tuple[list[bytes], int, int]:
        service = Starlette(routes=[Mount("/dicomweb", routes=studies.routes(archive))])

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await service(scope | {"state": {UNSENT_ANSWERS: unsent}}, receive, send)

        transport = httpx.ASGITransport(app)
        url = f"http://test/dicomweb{path_of(dataset, 'frames/1')}"
        headers = {"accept": "application/octet-stream"}
        async with httpx.AsyncClient(transport=transport, timeout=60) as client:
            tracemalloc.start()
            try:
                asked = [
                    asyncio.create_task(client.get(url, headers=headers)) for _ in range(4 * 16)
                ]
                await asyncio.sleep(1)
                held, counted = tracemalloc.get_traced_memory()[0], unsent.total
            finally:
                tracemalloc.stop()
            disk.set()
            return [answer.content for answer in await asyncio.gather(*asked)], held, counted

    with Archive.open(tmp_path / "archive", durability="fast") as archive:
        archive.ingest(part10_bytes(dataset, "1.2.840.10008.1.2.1"))
        assert archive.opened_instance(*path_of(dataset).split("/")[2::2])  # its header is known
        contents, held, counted = asyncio.run(ask_often(archive))
    assert contents == [dataset.PixelData] * 64
    assert held < LIMIT
    assert 0 < counted <= LIMIT
    assert unsent.total == 0
