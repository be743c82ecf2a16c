"""WADO-RS: metadata, served as the archive keeps it (PS3.18 10.4.1.1.2)."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, Metadata
from isocenter.archive.opening import BULK_DATA_ROOT
from isocenter.dicomweb import (
    DICOM_JSON,
    DICOM_XML,
    JSON,
    MultipartWriter,
    Representation,
    data_set_to_xml,
)
from isocenter.services.resources import resource_of
from isocenter.services.streaming import IteratorResponse
from isocenter.services.web import (
    accepts_gzip,
    answered,
    forwarded_prefix,
    negotiate,
    not_modified,
)

__all__ = ["routes"]

_FORMS: Final = (
    Representation(DICOM_JSON),
    Representation(DICOM_XML, multipart=True),
    Representation(JSON),
)
_LINK: Final = b'"BulkDataURI":"'


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the routes of the metadata resources.

    Parameters
    ----------
    archive
        Where the metadata is prepared and kept.
    pool
        Where it is read.
    """

    async def metadata(request: Request) -> Response:
        form = negotiate(request, _FORMS, "the metadata")
        resource = resource_of(request)
        found = await asyncio.get_running_loop().run_in_executor(
            pool, archive.metadata, resource.study, resource.series, resource.instance
        )
        headers = {"etag": found.etag, "vary": "accept, accept-encoding"}
        if not_modified(request, found.etag):
            return Response(status_code=304, headers=headers)
        return _answer(request, form, found, headers, pool)

    endpoint = answered(metadata)
    return [
        Route(f"{path}/metadata", endpoint, methods=["GET"])
        for path in (
            "/studies/{study}",
            "/studies/{study}/series/{series}",
            "/studies/{study}/series/{series}/instances/{instance}",
        )
    ]


def _answer(
    request: Request,
    form: Representation,
    found: Metadata,
    headers: dict[str, str],
    pool: ThreadPoolExecutor,
) -> Response:
    root = forwarded_prefix(request) + request.scope.get("root_path", "")
    if form.media_type == DICOM_XML:
        writer = MultipartWriter(DICOM_XML)
        headers["content-type"] = writer.content_type
        return IteratorResponse(_as_xml(writer, _json_parts(found, root)), headers, pool)
    headers["content-type"] = form.media_type
    if root == BULK_DATA_ROOT and accepts_gzip(request):
        return Response(found.gzip(), headers=headers | {"content-encoding": "gzip"})
    return IteratorResponse(_json_parts(found, root), headers, pool)


def _json_parts(found: Metadata, root: str) -> Iterator[bytes]:
    """Yield the JSON, its links turned to where the user agent finds this service."""
    if root == BULK_DATA_ROOT:
        yield from found.parts()
        return
    kept, wanted = _LINK + BULK_DATA_ROOT.encode() + b"/", _LINK + root.encode() + b"/"
    for part in found.parts():
        # No part ends inside of an instance, so none ends inside of a link.
        yield part.replace(kept, wanted)


def _as_xml(writer: MultipartWriter, parts: Iterator[bytes]) -> Iterator[bytes]:
    instances = json.loads(b"".join(parts), parse_float=str, parse_int=str)
    for index, instance in enumerate(instances):
        yield writer.head(DICOM_XML, first=index == 0) + data_set_to_xml(instance)
    yield writer.closing
