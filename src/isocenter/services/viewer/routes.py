"""The viewer API under `/api/studies`: study list, display models, frames, overlays, tags."""

import asyncio
import ipaddress
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from isocenter.archive import Archive
from isocenter.dicom import is_path_safe_uid
from isocenter.errors import (
    InvalidDicom,
    IsocenterError,
    LimitExceeded,
    NotFound,
    OutOfResources,
    PixelDataError,
    QueryError,
    UnsupportedTransferSyntax,
)
from isocenter.services.frame_cache import FrameCache

from . import schema
from .frames import Address, Replaced, ViewerFrames, worth_compressing
from .shown_series import SeriesShelf
from .study_list import StudySearch, find_studies, first_displayable, study_contents
from .tag_table import tag_table
from .thumbnails import thumbnail

__all__ = ["router"]

T = TypeVar("T")

_UID = r"^[0-9.]{1,64}$"
_DATE = r"^([0-9]{8})?$"
# Whoever followed a link with a slip in it is no reader of regular expressions.
_EXPECTED = {_UID: "a UID of 1 to 64 digits and dots", _DATE: "a date as YYYYMMDD"}

Uid = Annotated[str, Path(pattern=_UID, description="A UID")]
FrameNumber = Annotated[int, Path(ge=1, le=0x7FFFFFFF, description="Counted from 1")]
Text = Annotated[str, Query(max_length=128)]
Version = Annotated[str | None, Query(max_length=64, description="As a series' images name it")]

_STATUSES = (
    (Replaced, 410),
    (NotFound, 404),
    (QueryError, 400),
    (PixelDataError, 422),
    (InvalidDicom, 422),
    (UnsupportedTransferSyntax, 415),
    (LimitExceeded, 413),
    (OutOfResources, 503),
)
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": schema.Problem} for status in sorted({400} | {s for _, s in _STATUSES})
}
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}, "image/jphc": {}}}
}
_EARLY = {**_BINARY, 204: {"description": "There is no frame, or it cannot be read"}}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
# An instance may be replaced, and its model is always the latest: pixels from a cache must never
# stand under it unasked. What names its version is never anything else.
_FRESH = "private, no-cache"
_FOR_GOOD = "private, max-age=86400, immutable"
# Names of patients do not belong into the cache of a browser.
_PRIVATE = {"cache-control": "no-store"}


class _Route(APIRoute):
    """Turns the errors of this project into their status and sentence."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the endpoint."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except IsocenterError as error:
                status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
                raise HTTPException(status, str(error)) from error
            except RequestValidationError as error:
                raise HTTPException(422, _sentence(error)) from error

        return guarded


def _sentence(error: RequestValidationError) -> str:
    """Say which parameters are wrong, and how; `loc` begins with where in the request they are."""
    faults: Sequence[Any] = error.errors()
    return "; ".join(map(_fault, faults))


def _fault(fault: Any) -> str:
    name = ".".join(map(str, fault["loc"][1:]))
    expected = _EXPECTED.get(fault.get("ctx", {}).get("pattern"))
    if expected is None:
        return f"{name}: {fault['msg']}"
    return f"{name} is {fault['input'][:80]!r}; expected {expected}"


def router(archive: Archive, *, cache_directory: FilePath | None = None) -> APIRouter:
    """Make the viewer API.

    Parameters
    ----------
    archive
        What is shown.
    cache_directory
        Where encoded frames and thumbnails are kept; `.cache` in the archive by default.

    Returns
    -------
    APIRouter
        `GET /api/studies` and all below it.
    """
    api = APIRouter(prefix="/api/studies", tags=["viewer"], route_class=_Route, responses=_PROBLEMS)
    workers = ThreadPoolExecutor(max(4, os.cpu_count() or 1), thread_name_prefix="viewer")
    frames = ViewerFrames(archive)
    cache = FrameCache(cache_directory or archive.directory / ".cache", workers)
    shelf = SeriesShelf(archive, frames, workers)
    _add_lists(api, archive, shelf, workers)
    _add_frames(api, frames, cache, workers)
    _add_first_frame(api, archive, frames, shelf, workers)
    _add_details(api, archive, frames, cache, shelf, workers)
    return api


def _worker(workers: ThreadPoolExecutor) -> Callable[..., Any]:
    async def run(function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(workers, function, *arguments)

    return run


def _add_lists(
    api: APIRouter, archive: Archive, shelf: SeriesShelf, workers: ThreadPoolExecutor
) -> None:
    run = _worker(workers)

    @api.get("", response_model=schema.StudyPage)
    async def studies(
        patient_name: Annotated[str, Query(alias="patientName", max_length=128)] = "",
        patient_id: Annotated[str, Query(alias="patientId", max_length=128)] = "",
        date_from: Annotated[str, Query(alias="dateFrom", pattern=_DATE)] = "",
        date_to: Annotated[str, Query(alias="dateTo", pattern=_DATE)] = "",
        modality: Text = "",
        accession: Text = "",
        description: Text = "",
        sort: Annotated[str, Query(max_length=32)] = "-studyDate",
        offset: Annotated[int, Query(ge=0, le=100_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """List studies, newest first unless asked otherwise."""
        search = StudySearch(
            patient_name, patient_id, date_from, date_to, modality, accession, description, sort
        )
        page = await run(find_studies, archive, search, offset, limit)
        return _json(page.model_dump_json(by_alias=True))

    @api.get("/{study}", response_model=schema.StudyContents)
    async def study_series(request: Request, study: Uid, display: bool = False) -> Response:
        """List the series of a study in display order, with the model of the first to show."""
        contents = await run(study_contents, archive, study)
        first = next((series.uid for series in contents.series if series.displayable), None)
        body = contents.model_dump_json(by_alias=True, exclude={"display"}).encode()
        if display and first is not None:
            shown = await shelf.get(study, first)
            body = b'%s,"display":%s}' % (body[:-1], shown.body)
        return await _compressed(request, body, "application/json", run, _PRIVATE)

    @api.get("/{study}/series/{series}", response_model=schema.SeriesModel)
    async def series_model(request: Request, study: Uid, series: Uid) -> Response:
        """Resolve how every frame of a series is shown."""
        _check_uids(study, series)
        shown = await shelf.get(study, series)
        return await _compressed(request, shown.body, "application/json", run, _PRIVATE)


def _json(text: str) -> Response:
    return Response(text, media_type="application/json", headers=_PRIVATE)


def _add_frames(
    api: APIRouter, frames: ViewerFrames, cache: FrameCache, workers: ThreadPoolExecutor
) -> None:
    run = _worker(workers)
    instance = "/{study}/series/{series}/instances/{instance}"

    @api.get(instance + "/frames/{number}", response_class=Response, responses=_BINARY)
    async def frame(
        request: Request,
        study: Uid,
        series: Uid,
        instance: Uid,
        number: FrameNumber,
        encoding: Literal["raw", "htj2k"] = "raw",
        version: Version = None,
    ) -> Response:
        """Give one frame, normalised to its model's format, raw or as lossless HTJ2K."""
        address = _address(study, series, instance)
        stored = frames.open_at_once(address, version) or await run(frames.open, address, version)
        made_of = f"{stored.version}-{number}"
        headers = _headers(made_of if encoding == "raw" else f"{made_of}-j", version)
        if _known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        if encoding == "raw":
            data = frames.raw_at_once(stored, number) or await run(frames.raw, stored, number)
            return await _compressed(request, data, "application/octet-stream", run, headers)
        key = f"htj2k/{'/'.join(address)}/{stored.version}/{number}"
        data = await cache.get(key, lambda: frames.htj2k(stored, number))
        return Response(data, media_type="image/jphc", headers=headers)

    @api.get(instance + "/overlays/{index}", response_class=Response, responses=_BINARY)
    async def overlay(
        request: Request,
        study: Uid,
        series: Uid,
        instance: Uid,
        index: Annotated[int, Path(ge=0, le=15)],
        frame: Annotated[int, Query(ge=1, le=0x7FFFFFFF)] = 1,
        version: Version = None,
    ) -> Response:
        """Give an overlay plane, one byte of 0 or 1 a pixel."""
        stored = await run(frames.open, _address(study, series, instance), version)
        headers = _headers(f"{stored.version}-{index}-{frame}-o", version)
        if _known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        data = await run(frames.overlay, stored, index, frame)
        return await _compressed(request, data, "application/octet-stream", run, headers)


def _add_first_frame(
    api: APIRouter,
    archive: Archive,
    frames: ViewerFrames,
    shelf: SeriesShelf,
    workers: ThreadPoolExecutor,
) -> None:
    run = _worker(workers)

    @api.get("/{study}/first-frame", response_class=Response, responses=_EARLY)
    async def first_frame(
        request: Request,
        study: Uid,
        series: Annotated[str | None, Query(pattern=_UID)] = None,
    ) -> Response:
        """Give the raw frame that is shown first, before anybody can know which that is.

        `Content-Location` is its own address. Where there is none, or it cannot be read, the answer
        is empty: asked for at that address, it says why.
        """
        try:
            shown = series or await run(first_displayable, archive, study)
            _check_uids(study, shown)
            first = (await shelf.get(study, shown)).first()
            address = _address(study, shown, first.instance)
            stored = await run(frames.open, address, first.version)
            number = first.shown.number
            data = frames.raw_at_once(stored, number) or await run(frames.raw, stored, number)
        except IsocenterError:
            return Response(status_code=204, headers=_PRIVATE)
        path = f"{request.url.path.removesuffix('/first-frame')}/series/{shown}"
        place = f"{path}/instances/{first.instance}/frames/{number}"
        location = f"{place}?encoding=raw&version={first.version}"
        headers = {**_PRIVATE, "content-location": location}
        return await _compressed(request, data, "application/octet-stream", run, headers)


def _add_details(
    api: APIRouter,
    archive: Archive,
    frames: ViewerFrames,
    cache: FrameCache,
    shelf: SeriesShelf,
    workers: ThreadPoolExecutor,
) -> None:
    run = _worker(workers)

    @api.get("/{study}/series/{series}/thumbnail", response_class=Response, responses=_JPEG)
    async def series_thumbnail(request: Request, study: Uid, series: Uid) -> Response:
        """Show the middle frame of a series in its first window, as a small JPEG."""
        return await picture(request, study, series, None)

    instance_path = "/{study}/series/{series}/instances/{instance}"

    @api.get(instance_path + "/thumbnail", response_class=Response, responses=_JPEG)
    async def instance_thumbnail(
        request: Request, study: Uid, series: Uid, instance: Uid
    ) -> Response:
        """Show the middle frame of an instance in its first window, as a small JPEG."""
        return await picture(request, study, series, instance)

    async def picture(request: Request, study: str, series: str, instance: str | None) -> Response:
        _check_uids(study, series)
        place = (await shelf.get(study, series)).middle(instance)
        address = _address(study, series, place.instance)
        stored = await run(frames.open, address, place.version)
        headers = _headers(f"{stored.version}-{place.shown.number}-t")
        if _known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)

        def make() -> bytes:
            samples = frames.samples(stored, place.shown.number)
            voi = place.shown.voi[0] if place.shown.voi else None
            return thumbnail(samples, place.shown.model, voi, place.shutter)

        key = f"thumbnail/{'/'.join(address)}/{stored.version}/{place.shown.number}"
        return Response(await cache.get(key, make), media_type="image/jpeg", headers=headers)

    @api.get(instance_path + "/tags", response_model=list[schema.TagRow])
    async def tag_rows(request: Request, study: Uid, series: Uid, instance: Uid) -> Response:
        """List every data element of an instance as text, sequences flattened."""
        stored = await run(archive.open_instance, *_address(study, series, instance))
        rows = await run(tag_table, stored)
        body = b"[" + b",".join(r.model_dump_json(by_alias=True).encode() for r in rows) + b"]"
        return await _compressed(request, body, "application/json", run, _PRIVATE)


def _address(study: str, series: str, instance: str) -> Address:
    _check_uids(study, series, instance)
    return study, series, instance


def _check_uids(*uids: str) -> None:
    for uid in uids:
        if not is_path_safe_uid(uid):
            raise NotFound(f"{uid[:64]!r} is no UID")


def _headers(made_of: str, asked_version: str | None = None) -> dict[str, str]:
    cached = _FRESH if asked_version is None else _FOR_GOOD
    return {"etag": f'"{made_of}"', "cache-control": cached}


def _known(request: Request, etag: str) -> bool:
    return etag in request.headers.get("if-none-match", "")


async def _compressed(
    request: Request,
    body: bytes | memoryview,
    media_type: str,
    run: Callable[..., Any],
    headers: dict[str, str],
) -> Response:
    """Answer with gzip where the way is long enough for it to pay."""
    headers = {**headers, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", "") and not _is_near(request):
        packed = await run(worth_compressing, body)
        if packed is not None:
            return Response(
                packed, media_type=media_type, headers={**headers, "content-encoding": "gzip"}
            )
    return Response(body, media_type=media_type, headers=headers)


def _is_near(request: Request) -> bool:
    """Tell whether the user agent is on this machine, where sending costs less than packing."""
    if (
        request.client is None
        or "forwarded" in request.headers
        or ("x-forwarded-for" in request.headers)
    ):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
