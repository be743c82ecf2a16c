"""What browsers are told while the archive changes."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from tests.factories import ct_slice, part10_bytes

from isocenter.archive import Action, Archive, Change
from isocenter.services import changes
from isocenter.services.changes import routes, summaries


def change(sequence: int, action: Action, study: str) -> Change:
    return Change(sequence, action, study, "1.2", f"1.2.{sequence}", datetime.now(UTC))


def events(text: str) -> list[dict]:
    lines = text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_the_changes_of_a_study_become_one_event_an_action():
    many = [change(n, Action.CREATED, "1.1") for n in range(1, 401)]
    many += [change(401, Action.CREATED, "1.2"), change(402, Action.DELETED, "1.1")]
    assert events(b"".join(summaries(many)).decode()) == [
        {"sequence": 400, "action": "created", "study": "1.1", "instances": 400},
        {"sequence": 401, "action": "created", "study": "1.2", "instances": 1},
        {"sequence": 402, "action": "deleted", "study": "1.1", "instances": 1},
    ]


def test_each_event_carries_the_number_to_resume_after():
    (event,) = summaries([change(7, Action.REPLACED, "1.1")])
    assert event.startswith(b"id: 7\nevent: change\ndata: {")
    assert event.endswith(b"}\n\n")


class Listener:
    """A browser that reads an event stream, over plain ASGI."""

    def __init__(self, archive: Archive, closing: asyncio.Event, **headers: str) -> None:
        self.text = ""
        self._app = Starlette(routes=routes(archive, closing))
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/events",
            "query_string": b"",
            "headers": [
                (name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()
            ],
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }

    async def listen(self) -> None:
        async def receive():
            await asyncio.sleep(3600)

        async def send(message):
            self.text += message.get("body", b"").decode()

        await self._app(self._scope, receive, send)

    async def until(self, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in self.text:
                await asyncio.sleep(0.01)


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "data", durability="fast") as archive:
        yield archive


def test_a_listener_hears_of_what_is_stored_and_the_stream_ends_when_the_server_stops(archive):
    async def scene() -> Listener:
        closing = asyncio.Event()
        listener = Listener(archive, closing)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.listen())
            await listener.until("retry")
            await asyncio.to_thread(archive.ingest, part10_bytes(ct_slice(8, 8)))
            await listener.until("event: change")
            closing.set()
        return listener

    (event,) = events(asyncio.run(scene()).text)
    (stored,) = archive.changes()
    assert event["action"] == "created"
    assert event["study"] == stored.study_instance_uid


def test_a_listener_that_was_away_hears_what_it_missed_once(archive):
    for _ in range(3):
        archive.ingest(part10_bytes(ct_slice(8, 8)))
    _, second, third = archive.changes()

    async def scene() -> Listener:
        closing = asyncio.Event()
        listener = Listener(archive, closing, last_event_id="1")
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.listen())
            await listener.until("id: 3\n")
            closing.set()
        return listener

    heard = [event["study"] for event in events(asyncio.run(scene()).text)]
    assert heard == [second.study_instance_uid, third.study_instance_uid]


def test_a_listener_that_says_nonsense_hears_from_now_on(archive):
    async def scene():
        closing = asyncio.Event()
        listener = Listener(archive, closing, last_event_id="9" * 5000)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.listen())
            await listener.until("retry")
            closing.set()

    asyncio.run(scene())


def test_a_listener_that_missed_too_much_is_told_to_begin_anew(archive, monkeypatch):
    monkeypatch.setattr(changes, "_MOST_CHANGES", 3)
    for _ in range(5):
        archive.ingest(part10_bytes(ct_slice(8, 8)))

    async def scene() -> Listener:
        closing = asyncio.Event()
        listener = Listener(archive, closing, last_event_id="0")
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.listen())
            await listener.until("event: reset")
            await asyncio.to_thread(archive.ingest, part10_bytes(ct_slice(8, 8)))
            await listener.until("event: change")
            closing.set()
        return listener

    told = asyncio.run(scene()).text
    # From where to resume is never more than what the reset stands for.
    assert "id: 4\nevent: reset" in told
    assert max(event["sequence"] for event in events(told) if event) == 6


def test_a_listener_that_reads_slowly_costs_no_more_memory_than_a_few_thousand_changes():
    news = changes._News(asyncio.Event())
    for number in range(1, 50_001, 100):
        news.add([change(n, Action.CREATED, f"1.{n}") for n in range(number, number + 100)])
        assert len(news._pending) <= changes._MOST_CHANGES
    assert news.take() == [b"id: 50000\nevent: reset\ndata: {}\n\n"]
    news.add([change(50_001, Action.CREATED, "1.1")])
    (event,) = news.take()
    assert event.startswith(b"id: 50001\nevent: change")
