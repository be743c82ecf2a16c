"""STOW-RS: objects come in by POST and are kept before the answer says so (PS3.18 10.5)."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter import errors
from isocenter.archive import Archive, Origin, Outcome, Stored
from isocenter.dicom.uids import is_path_safe_uid
from isocenter.dicomweb import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    JSON,
    BodyEnded,
    FailedItem,
    FailureReason,
    MediaType,
    MultipartLimits,
    MultipartReader,
    PartData,
    PartEnded,
    PartStarted,
    Representation,
    StoredItem,
    WarningReason,
    boundary_of,
    data_set_to_xml,
    may_be_sent_again,
    parse_media_type,
    response_data_set,
    response_status,
)
from isocenter.services.intake import Intake, PartResult, StoreLimits
from isocenter.services.waiting_room import WaitingRoom
from isocenter.services.web import answered, base_url, negotiate

__all__ = ["StoreLimits", "routes"]

_RESPONSES: Final = (Representation(DICOM_JSON), Representation(DICOM_XML), Representation(JSON))
_METADATA_TYPES: Final = (DICOM_JSON, DICOM_XML)
_LEAST_PROGRESS: Final = 1 << 14
"""Bytes that have to come within the time for which silence is borne."""


def routes(archive: Archive, limits: StoreLimits | None = None) -> list[Route]:
    """Make the routes of the store transaction.

    Parameters
    ----------
    archive
        Where the objects go.
    limits
        What to refuse.
    """
    service = _StoreService(archive, limits or StoreLimits())
    store = answered(service.store)
    return [
        Route("/studies", store, methods=["POST"]),
        Route("/studies/{study}", store, methods=["POST"]),
    ]


class _StoreService:
    """Answers store requests; one for all of them, so that its limits bind them together."""

    def __init__(self, archive: Archive, limits: StoreLimits) -> None:
        self._archive = archive
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.at_once, thread_name_prefix="store")
        self._places = asyncio.Semaphore(limits.at_once)
        self._room = WaitingRoom(limits.waiting)
        self._requests = 0

    async def store(self, request: Request) -> Response:
        """Answer one request, or refuse it where there are too many."""
        if self._requests >= self._limits.requests:
            raise errors.OutOfResources(
                f"{self._requests} store requests are under way, which is all that this server "
                "takes at a time; try again"
            )
        self._requests += 1
        try:
            return await self._store(request)
        finally:
            self._requests -= 1

    async def _store(self, request: Request) -> Response:
        study = request.path_params.get("study")
        if study is not None and not is_path_safe_uid(study):
            raise errors.InvalidRequest(
                f"{study[:80]!r} is no UID; expected 1 to 64 digits and dots (PS3.5 9.1)"
            )
        form = negotiate(request, _RESPONSES, "the response of a store request")
        content_type = _content_type(request)
        intake = Intake(
            self._archive,
            self._limits,
            self._pool,
            self._places,
            self._room,
            _origin(request),
            study,
        )
        problem = None
        try:
            if content_type is not None:
                await self._receive(request, content_type, intake)
        except (errors.InvalidRequest, errors.LimitExceeded) as error:
            problem = error
        except ClientDisconnect:
            problem = errors.InvalidRequest("the user agent went away")
        finally:
            await intake.close()
        if problem is not None and not intake.results:
            raise problem
        return _response(request, form, intake.results, problem)

    async def _receive(self, request: Request, content_type: MediaType, intake: Intake) -> None:
        chunks = _chunks(request, self._limits.silence_seconds)
        if content_type.type != "multipart":
            intake.begin()
            async for chunk in chunks:
                await intake.write(chunk)
            await intake.end()
            return
        limits = MultipartLimits(parts=self._limits.parts, part_bytes=self._limits.object_bytes)
        reader = MultipartReader(boundary_of(content_type), limits)
        empty = True
        async for chunk in chunks:
            empty = empty and not chunk
            for event in reader.receive(chunk):
                match event:
                    case PartData(data):
                        await intake.write(data)
                    case PartStarted():
                        intake.begin(_part_problem(event))
                    case PartEnded():
                        await intake.end()
                    case BodyEnded():
                        pass
        if not empty:
            reader.finish()


def _content_type(request: Request) -> MediaType | None:
    """Check what is sent; None where nothing is.

    Raises
    ------
    UnsupportedMediaType
        What is sent is not what this transaction takes.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise errors.UnsupportedMediaType("the payload has a Content-Encoding; send it without one")
    text = request.headers.get("content-type")
    if text is None:
        if request.headers.get("content-length", "0") == "0" and (
            "transfer-encoding" not in request.headers
        ):
            return None
        raise errors.UnsupportedMediaType(
            f'the payload has no Content-Type; expected multipart/related; type="{DICOM}"'
        )
    media_type = parse_media_type(text)
    content = media_type.essence
    if content == "multipart/related":
        content = (media_type.parameter("type") or DICOM).lower()
    _refuse_metadata(content)
    if content != DICOM:
        raise errors.UnsupportedMediaType(
            f'the payload is {content}; expected multipart/related; type="{DICOM}", or {DICOM}'
        )
    return media_type


def _refuse_metadata(content: str) -> None:
    if content in _METADATA_TYPES:
        raise errors.UnsupportedMediaType(
            f"metadata and bulk data as separate parts ({content}) are not taken; send whole "
            f"objects as {DICOM}"
        )


def _part_problem(part: PartStarted) -> str | None:
    """Say why a part cannot be an object; one that says nothing of its type is taken for one."""
    try:
        media_type = part.media_type
    except errors.InvalidRequest as error:
        return f"the Content-Type of the part cannot be read: {error}"
    if media_type is None or media_type.essence == DICOM:
        return None
    return f"the part is {media_type.essence}; expected {DICOM}"


async def _chunks(request: Request, silence_seconds: float) -> AsyncIterator[bytes]:
    """Yield the payload as it arrives.

    Raises
    ------
    InvalidRequest
        The user agent fell silent, or nearly so.
    """
    stream = request.stream()
    clock = asyncio.get_running_loop().time
    patience, received = silence_seconds, 0
    while True:
        waiting_since = clock()
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise errors.InvalidRequest(
                f"the payload went on by {received} bytes in {silence_seconds:.0f} seconds; "
                f"expected {_LEAST_PROGRESS} or its end"
            ) from None
        # Only waiting counts: while the disk is slow the user agent has to wait, too.
        patience -= clock() - waiting_since
        received += len(chunk)
        if received >= _LEAST_PROGRESS:
            patience, received = silence_seconds, 0
        yield chunk


def _origin(request: Request) -> Origin:
    return Origin(address=request.client.host if request.client else "")


def _response(
    request: Request,
    form: Representation,
    results: Sequence[PartResult],
    problem: errors.IsocenterError | None,
) -> Response:
    base = base_url(request)
    stored = [_stored_item(base, r.stored) for r in results if r.stored is not None]
    failed = [r.failure for r in results if r.failure is not None]
    if problem is not None:
        failed.append(FailedItem(FailureReason.PROCESSING_FAILURE, str(problem)))
    status = response_status(stored, failed)
    if status == 204:
        return Response(status_code=204)
    studies = {r.stored.study_instance_uid for r in results if r.stored is not None}
    study_url = f"{base}/studies/{studies.pop()}" if len(studies) == 1 else None
    payload = response_data_set(stored, failed, study_url)
    content = json.dumps(payload).encode()
    if form.media_type == DICOM_XML:
        content = data_set_to_xml(payload)
    headers = {"retry-after": "30"} if may_be_sent_again(failed) else None
    return Response(content, status, headers, form.media_type)


def _stored_item(base: str, stored: Stored) -> StoredItem:
    url = (
        f"{base}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}"
    )
    comments = (*stored.warnings, *stored.violations)
    if stored.outcome is Outcome.KEPT:
        comments = (*comments, "another version of this instance stays in its place")
    warning = WarningReason.DATA_SET_MISMATCH if comments else None
    return StoredItem(stored.sop_class_uid, stored.sop_instance_uid, url, warning, comments)
