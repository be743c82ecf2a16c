"""Tells browsers what changes in the archive, as it changes (server-sent events, HTML 9.2).

A study of a thousand instances is one line on the screen: the changes of a quarter of a second are
told as one event a study and action. One that misses too many is told to begin anew: `reset`.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from isocenter.archive import Action, Archive, Change

__all__ = ["routes", "summaries"]

_BATCH_SECONDS = 0.25
_SEQUENCE = re.compile(r"[0-9]{1,18}")
# A browser that was away for longer, or reads more slowly than changes come, loads its list anew.
_MOST_CHANGES = 5000
# Proxies and browsers give up on a silent connection after half a minute or more.
_HEARTBEAT_SECONDS = 15.0


def routes(archive: Archive, closing: asyncio.Event) -> list[BaseRoute]:
    """Make `GET /api/events`.

    Parameters
    ----------
    archive
        Whose changes are told.
    closing
        Set when the server stops; every stream then ends, so that stopping need not wait.
    """

    async def events(request: Request) -> Response:
        since = request.headers.get("last-event-id", "")
        last = int(since) if _SEQUENCE.fullmatch(since) else None
        return StreamingResponse(
            _stream(archive, closing, last),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    return [Route("/api/events", events, methods=["GET"])]


class _News:
    """Changes that a browser has not been told yet, up to a number; beyond it, only that there are.

    Parameters
    ----------
    changed
        Set when there is something to tell.
    """

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed
        self._pending = dict[int, Change]()  # by number: what was missed and what comes may overlap
        self._last = 0
        self._too_many = False

    def add(self, changes: Sequence[Change]) -> None:
        """Take changes to be told."""
        if not changes:
            return
        self._last = max(self._last, changes[-1].sequence)
        if not self._too_many:
            self._pending.update((change.sequence, change) for change in changes)
        if len(self._pending) > _MOST_CHANGES:
            self._too_many = True
            self._pending.clear()
        self._changed.set()

    def take(self) -> list[bytes]:
        """Give the events that tell it all."""
        if self._too_many:
            self._too_many = False
            return [f"id: {self._last}\nevent: reset\ndata: {{}}\n\n".encode()]
        return list(summaries([self._pending.pop(sequence) for sequence in sorted(self._pending)]))


async def _stream(
    archive: Archive, closing: asyncio.Event, last: int | None
) -> AsyncIterator[bytes]:
    """Yield events from the change after number `last` on, or from now on."""
    changed = asyncio.Event()
    news = _News(changed)
    loop = asyncio.get_running_loop()

    def hear(found: Sequence[Change]) -> None:
        loop.call_soon_threadsafe(news.add, found)

    unsubscribe = archive.subscribe(hear)
    try:
        yield b"retry: 2000\n\n"
        if last is not None:
            limit = _MOST_CHANGES + 1
            news.add(await asyncio.to_thread(archive.changes, since=last, limit=limit))
        while not closing.is_set():
            if not await _any_of(changed, closing, seconds=_HEARTBEAT_SECONDS):
                yield b": still here\n\n"
            changed.clear()
            for event in news.take():
                yield event
            await _any_of(closing, seconds=_BATCH_SECONDS)
    finally:
        unsubscribe()


async def _any_of(*events: asyncio.Event, seconds: float) -> bool:
    """Wait until one of the events is set; False when none is in time."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in waiting:
            task.cancel()


def summaries(changes: Iterable[Change]) -> list[bytes]:
    """Write one event for each study and action among the changes, in order of their last one.

    Returns
    -------
    list of bytes
        Each `id` (the sequence number to resume after), `event: change`, and JSON data with
        `sequence`, `action`, `study` and `instances`, the number of changes it stands for.
    """
    latest = dict[tuple[Action, str], int]()
    counts = Counter[tuple[Action, str]]()
    for change in changes:
        key = change.action, change.study_instance_uid
        counts[key] += 1
        latest.pop(key, None)  # so that the order is that of the last change
        latest[key] = change.sequence
    return [_event(sequence, *key, counts[key]) for key, sequence in latest.items()]


def _event(sequence: int, action: Action, study: str, instances: int) -> bytes:
    data = {
        "sequence": sequence,
        "action": action.name.lower(),
        "study": study,
        "instances": instances,
    }
    return f"id: {sequence}\nevent: change\ndata: {json.dumps(data)}\n\n".encode()
