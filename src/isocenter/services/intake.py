"""Objects of a store request on their way into the archive, none of them in memory whole."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from isocenter import errors
from isocenter.archive import Archive, Incoming, Origin, Stored, commit_together
from isocenter.archive.arrivals import Arrival
from isocenter.archive.busy_index import IndexBusy
from isocenter.archive.stored_instance import allowed_files
from isocenter.dicom import read_file_meta, tags
from isocenter.dicomweb import FailedItem, FailureReason
from isocenter.services.waiting_room import WaitingRoom

__all__ = ["Intake", "PartResult", "StoreLimits"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_MOST_TOGETHER: Final = 16
_MOST_HEAD: Final = 1 << 14
_LEAST_CHUNK: Final = 512
"""Bytes that a chunk takes in memory, however small it is."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What one server takes from those who store.

    Parameters
    ----------
    object_bytes
        Of one object.
    parts
        In one request.
    spool_bytes
        How much of an object is gathered in memory before it is written.
    at_once
        How many objects are on their way to the disk at the same time, in all requests.
    waiting
        How many objects whose bytes are all here are not kept yet, in all requests: each has a file
        open. By default a quarter of the files that this process may open, and at most 64.
    requests
        How many requests are taken at the same time: each may hold an object of up to `spool_bytes`
        in memory, and so may each object on its way to the disk. Each has a connection and perhaps
        a file open: by default an eighth of what this process may open, and at most 64.
    silence_seconds
        How long to wait for the next 16 kB of a request, or its end.
    patience_seconds
        How long an object whose bytes are all here waits for others to be kept with; it is looked
        at when the next one is complete.
    """

    object_bytes: int = 64 << 30
    parts: int = 100_000
    spool_bytes: int = 4 << 20
    at_once: int = 16
    waiting: int = field(default_factory=lambda: _part_of_files(4))
    requests: int = field(default_factory=lambda: _part_of_files(8))
    silence_seconds: float = 60.0
    patience_seconds: float = 0.5


def _part_of_files(parts: int) -> int:
    return max(1, min(64, allowed_files() // parts))


@dataclass(slots=True)
class PartResult:
    """What became of one part; filled in when it is known."""

    stored: Stored | None = None
    failure: FailedItem | None = None


@dataclass(slots=True)
class _Part:
    """A part that is arriving, or has arrived and is not kept yet."""

    number: int
    result: PartResult
    problem: str | None
    chunks: list[bytes | memoryview] = field(default_factory=list[bytes | memoryview])
    pending: int = 0
    size: int = 0
    head: bytes = b""
    incoming: Incoming | None = None
    arrival: Arrival | None = None


class _Batch(NamedTuple):
    """Parts that are being kept together: their places, and since when."""

    places: set[str]
    since: float


class Intake:
    """Takes the parts of one request to the archive, several at a time, none in memory whole.

    Each is written and examined as soon as it is complete. They are kept together, up to 16 and
    those that are left at the end: they share the waits for the disk, and while more arrives the
    processor is theirs alone. Parts of one instance are kept in their order in the request. Once
    some of them were refused because others have the index locked, so are all that are left.

    Parameters
    ----------
    archive, limits, pool, places, room
        Of the service.
    origin
        Who sends.
    study
        The study that every object must belong to, None for any.
    """

    def __init__(
        self,
        archive: Archive,
        limits: StoreLimits,
        pool: ThreadPoolExecutor,
        places: asyncio.Semaphore,
        room: WaitingRoom,
        origin: Origin,
        study: str | None,
    ) -> None:
        self._archive = archive
        self._limits = limits
        self._pool = pool
        self._places = places
        self._room = room
        self._origin = origin
        self._study = study
        self._part: _Part | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._examining: set[int] = set()
        self._complete: list[_Part] = []
        self._keeping: dict[asyncio.Task[None], _Batch] = {}
        self._gave_up: IndexBusy | None = None
        self._complete_since = 0.0
        self._closed = False
        self.results: list[PartResult] = []
        room.open_to(self._keep_now)

    def begin(self, problem: str | None = None) -> None:
        """Begin a part; with a problem its content is passed over."""
        result = PartResult()
        self._part = _Part(len(self.results), result, problem)

    async def write(self, data: bytes | memoryview) -> None:
        """Take content; returns when there is room for more."""
        part = self._part
        assert part is not None
        if part.problem is not None:
            return
        part.size += len(data)
        if part.size > self._limits.object_bytes:
            raise errors.LimitExceeded(
                f"an object of more than {self._limits.object_bytes} bytes; that is the limit here"
            )
        if self._gave_up is not None and part.pending >= _MOST_HEAD:
            return  # that much says which object it is
        part.chunks.append(data)
        part.pending += max(len(data), _LEAST_CHUNK)
        if part.pending >= self._limits.spool_bytes and self._gave_up is None:
            await self._spill(part)

    async def end(self) -> None:
        """Hand the part to the archive, without waiting until it is kept."""
        part = self._part
        assert part is not None
        self.results.append(part.result)
        if part.problem is not None:
            self._part = None
            part.result.failure = part.result.failure or FailedItem(
                FailureReason.CANNOT_UNDERSTAND, part.problem
            )
            return
        if self._gave_up is not None:
            self._part = None
            await self._refuse(part, self._gave_up)
            return
        await self._room.enter()
        try:
            await self._places.acquire()
        except asyncio.CancelledError:
            self._room.leave()
            raise
        self._part = None
        self._examining.add(part.number)
        self._start(self._completed(part))

    async def close(self) -> None:
        """Wait for what was handed over, and leave nothing of a part that is not complete."""
        part, self._part = self._part, None
        try:
            if part is not None:
                await self._discard(part)
            while self._tasks or self._complete:
                if self._tasks:
                    await asyncio.wait(self._tasks)
                else:
                    self._keep_now()
        finally:
            self._room.close_to(self._keep_now)
            # Where this is cancelled, what goes on leaves its places all the same.
            self._closed = True
            self._keep_now()

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _spill(self, part: _Part) -> None:
        """Write what was gathered to the disk."""
        try:
            async with self._places:
                await self._run(lambda: self._write(part))
        except errors.IsocenterError as error:
            # The rest of this part is passed over; the parts behind it may still be kept.
            part.problem = str(error)
            await self._refuse(part, error)

    def _write(self, part: _Part) -> None:
        if part.incoming is None:
            part.head = _first_bytes(part)
            part.incoming = self._archive.receiving(
                origin=self._origin, study_instance_uid=self._study
            )
        if part.chunks:
            part.incoming.write(part.chunks)
        part.chunks, part.pending = [], 0

    async def _completed(self, part: _Part) -> None:
        """Write and examine a part that has arrived, and keep it as soon as there are enough."""
        sound = False
        try:
            sound = await self._is_sound(part)
        finally:
            self._examining.discard(part.number)
            self._places.release()
            if sound:
                if not self._complete:
                    self._complete_since = time.monotonic()
                self._complete.append(part)
            else:
                self._room.leave()
            # Also where this part is refused: those behind it may have waited for it alone.
            if self._is_time_to_keep():
                self._keep_now()

    async def _is_sound(self, part: _Part) -> bool:
        try:
            await self._run(lambda: self._examine(part))
        except Exception as error:
            await self._refuse(part, error)
            return False
        return True

    def _examine(self, part: _Part) -> None:
        self._write(part)
        assert part.incoming is not None
        part.arrival = part.incoming.examine()

    def _is_time_to_keep(self) -> bool:
        return (
            len(self._complete) >= _MOST_TOGETHER
            or time.monotonic() - self._complete_since > self._limits.patience_seconds
            or self._room.full
            or self._closed
        )

    def _keep_now(self) -> None:
        """Begin to keep the parts that are complete, save those behind one that may be the same."""
        unknown_from = min(self._examining, default=len(self.results))
        parts = [part for part in self._complete if part.number < unknown_from]
        if not parts:
            return
        self._complete = [part for part in self._complete if part.number >= unknown_from]
        parts.sort(key=lambda part: part.number)
        places = {part.arrival.place for part in parts if part.arrival is not None}
        earlier = [task for task, batch in self._keeping.items() if batch.places & places]
        now = time.monotonic()
        # A request has one patience where the index is locked, not one for each of its batches.
        since = min([now, *(batch.since for batch in self._keeping.values())])
        task = self._start(self._keep(parts, earlier, since))
        self._keeping[task] = _Batch(places, now)
        task.add_done_callback(self._keeping.pop)

    async def _keep(
        self, parts: Sequence[_Part], earlier: Sequence[asyncio.Task[None]], since: float
    ) -> None:
        try:
            if earlier:
                await asyncio.wait(earlier)
            await self._keep_together(parts, since)
        finally:
            self._room.leave(len(parts))

    async def _keep_together(self, parts: Sequence[_Part], since: float) -> None:
        for part, outcome in zip(parts, await self._outcomes(parts, since), strict=True):
            if isinstance(outcome, IndexBusy):
                self._gave_up = outcome
            if isinstance(outcome, Exception):
                await self._refuse(part, outcome)
            else:
                part.result.stored = outcome

    async def _outcomes(self, parts: Sequence[_Part], since: float) -> Sequence[Stored | Exception]:
        if self._gave_up is not None:
            return [self._gave_up] * len(parts)
        incomings = [part.incoming for part in parts if part.incoming is not None]
        try:
            return await self._run(lambda: commit_together(incomings, since))
        except Exception as error:
            return [error] * len(parts)

    async def _refuse(self, part: _Part, error: Exception) -> None:
        part.head = part.head or _first_bytes(part)
        part.result.failure = self._failure(part, error)
        await self._discard(part)

    async def _discard(self, part: _Part) -> None:
        part.chunks = []
        if part.incoming is not None:
            await self._run(part.incoming.discard)
            part.incoming = None

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _failure(self, part: _Part, error: Exception) -> FailedItem:
        sop_class_uid, sop_instance_uid = _uids(part)
        if isinstance(error, errors.IsocenterError):
            reason, comment = self._reason(error), str(error)
        else:
            _log.error("an object could not be stored", exc_info=error)
            reason, comment = FailureReason.PROCESSING_FAILURE, "the server failed; see its log"
        return FailedItem(reason, comment, sop_class_uid, sop_instance_uid)

    def _reason(self, error: errors.IsocenterError) -> FailureReason:
        if isinstance(error, errors.InvalidAttribute):
            if self._study is not None and error.tag == tags.StudyInstanceUID:
                return FailureReason.STUDY_MISMATCH
            return FailureReason.DATA_SET_MISMATCH
        return next(
            (reason for kind, reason in _REASONS if isinstance(error, kind)),
            FailureReason.PROCESSING_FAILURE,
        )


_REASONS: Final[tuple[tuple[type[errors.IsocenterError], FailureReason], ...]] = (
    (errors.InstanceConflict, FailureReason.DUPLICATE),
    (errors.OutOfResources, FailureReason.OUT_OF_RESOURCES),
    (errors.UnsupportedTransferSyntax, FailureReason.SYNTAX_NOT_SUPPORTED),
    (errors.InvalidDicom, FailureReason.CANNOT_UNDERSTAND),
)


def _first_bytes(part: _Part) -> bytes:
    """Give the beginning of a part of which nothing is written yet."""
    first = b""
    for chunk in part.chunks:
        if len(first) >= _MOST_HEAD:
            break
        first += chunk[: _MOST_HEAD - len(first)]
    return first


def _uids(part: _Part) -> tuple[str | None, str | None]:
    """Tell which object a part is, or claims to be; None where it does not say."""
    if part.arrival is not None:
        return part.arrival.sop_class, part.arrival.instance
    try:
        meta = read_file_meta(part.head)
    except errors.IsocenterError:
        return None, None
    return meta.media_storage_sop_class_uid or None, meta.media_storage_sop_instance_uid or None
