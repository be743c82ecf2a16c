"""WADO-RS: the values behind the links of metadata, read by their offset (PS3.18 10.4.1.1.5)."""

import asyncio
import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, StoredInstance
from isocenter.dicom import inflate, locate, tags
from isocenter.dicomweb import (
    OCTET_STREAM,
    MultipartWriter,
    Representation,
    parse_media_type,
    select,
)
from isocenter.errors import InvalidRequest
from isocenter.services.frames import frames_answer
from isocenter.services.resources import resource_of
from isocenter.services.web import Accept, IteratorResponse, answered, document_headers

__all__ = ["document_type", "routes", "value_of"]

_PATH = "/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}"
_PIXEL_DATA: Final = f"{tags.PixelData:08X}"
_DOCUMENT: Final = f"{tags.EncapsulatedDocument:08X}"


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the route of the bulk data resources.

    Parameters
    ----------
    archive
        Where the instances are.
    pool
        Where files are read.
    """

    async def bulk_data(request: Request) -> Response:
        uids, path = resource_of(request).uids, str(request.path_params["path"])
        loop = asyncio.get_running_loop()

        def work() -> Response:
            instance = archive.open_instance(*uids)
            if path.upper() == _PIXEL_DATA and instance.transfer_syntax.encapsulated:
                frames = range(1, instance.frame_table.number_of_frames + 1)
                return frames_answer(request, instance, frames, pool)
            value = _find(instance, path)
            form = select(Accept.of(request).ranges(), _forms(instance, path), "the bulk data")
            return _answer(value, form, pool)

        return await loop.run_in_executor(pool, work)

    return [Route(_PATH, answered(bulk_data), methods=["GET"])]


@dataclass(frozen=True, slots=True)
class _Value:
    """A value to send.

    Parameters
    ----------
    length
        In bytes.
    parts
        Its bytes.
    """

    length: int
    parts: Iterator[bytes]


def value_of(instance: StoredInstance, path: str) -> bytes:
    """Read the value of an element, in little endian order.

    Parameters
    ----------
    instance
        Where it is.
    path
        As metadata names it, such as `00081140/0/00091010`.

    Raises
    ------
    NotFound
        The path names no value of this instance.
    """
    return b"".join(_find(instance, path).parts)


def _find(instance: StoredInstance, path: str) -> _Value:
    """Find a value without reading what is around it.

    Raises
    ------
    NotFound
        The path names no value of this instance.
    """
    header = instance.header
    if header.inflated:
        start = header.data_set_offset
        data = inflate(instance.read(start, instance.size - start))
        place = locate(data, instance.transfer_syntax, path)
        return _Value(place.length, iter([data[place.offset : place.offset + place.length]]))
    with (
        mmap.mmap(instance.descriptor, 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
        view[header.data_set_offset :] as data_set,
    ):
        place = locate(data_set, instance.transfer_syntax, path)
    parts = instance.chunks(header.data_set_offset + place.offset, place.length)
    if place.word_size > 1:
        parts = (_swapped(part, place.word_size) for part in parts)
    return _Value(place.length, parts)


def _swapped(part: bytes, size: int) -> bytes:
    """Turn words of a big endian value over; parts are whole numbers of words."""
    turned = bytearray(len(part))
    for index in range(size):
        turned[index::size] = part[size - 1 - index :: size]
    return bytes(turned)


def _forms(instance: StoredInstance, path: str) -> list[Representation]:
    forms = [Representation(OCTET_STREAM), Representation(OCTET_STREAM, multipart=True)]
    if path.upper() == _DOCUMENT:
        media_type = document_type(instance)
        if media_type is not None:
            forms += [Representation(media_type), Representation(media_type, multipart=True)]
    return forms


def document_type(instance: StoredInstance) -> str | None:
    """Return the media type of an encapsulated document, None where there is none to believe."""
    text = instance.header.text(tags.MIMETypeOfEncapsulatedDocument)
    try:
        return parse_media_type(text).essence
    except InvalidRequest:
        return None


def _answer(value: _Value, form: Representation, pool: ThreadPoolExecutor) -> Response:
    if not form.multipart:
        headers = document_headers(form.media_type) | {"content-length": str(value.length)}
        return IteratorResponse(value.parts, headers, pool)
    writer = MultipartWriter(form.media_type)
    head = writer.head(form.media_type, first=True)
    headers = {
        "content-type": writer.content_type,
        "content-length": str(len(head) + value.length + len(writer.closing)),
    }
    return IteratorResponse(chain([head], value.parts, [writer.closing]), headers, pool)
