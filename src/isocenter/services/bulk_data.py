"""WADO-RS: the values behind the links of metadata, read by their offset (PS3.18 10.4.1.1.5)."""

import asyncio
import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, StoredInstance
from isocenter.dicom import locate, tags
from isocenter.dicomweb import (
    OCTET_STREAM,
    MultipartWriter,
    Representation,
    parse_media_type,
    select,
)
from isocenter.errors import InvalidRequest
from isocenter.services.frames import frames_answer, video_answer
from isocenter.services.partial_content import (
    Content,
    content_answer,
    inflated_stretch,
    stretches_of,
)
from isocenter.services.resources import resource_of
from isocenter.services.streaming import IteratorResponse
from isocenter.services.web import Accept, answered, document_headers

__all__ = ["document_type", "routes", "value_content", "value_of"]

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
            if path.upper() == _PIXEL_DATA and instance.transfer_syntax.video:
                return video_answer(request, instance, pool)
            if path.upper() == _PIXEL_DATA and instance.transfer_syntax.encapsulated:
                frames = range(1, instance.frame_table.number_of_frames + 1)
                return frames_answer(request, instance, frames, pool)
            value = value_content(instance, path)
            form = select(Accept.of(request).ranges(), _forms(instance, path), "the bulk data")
            return _answer(request, value, form, pool)

        return await loop.run_in_executor(pool, work)

    return [Route(_PATH, answered(bulk_data), methods=["GET"])]


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
    value = value_content(instance, path)
    return b"".join(value.read(0, value.size))


def value_content(instance: StoredInstance, path: str) -> Content:
    """Find the value of an element, in little endian order, without reading what is around it.

    Parameters
    ----------
    instance, path
        As for `value_of`.

    Raises
    ------
    NotFound
        The path names no value of this instance.
    """
    header = instance.header
    if header.inflated:
        place = locate(instance.inflated, instance.transfer_syntax, path)
        return inflated_stretch(instance, place.offset, place.length)
    with (
        mmap.mmap(instance.descriptor, 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
        view[header.data_set_offset :] as data_set,
    ):
        place = locate(data_set, instance.transfer_syntax, path)
    content = stretches_of(instance, [(header.data_set_offset + place.offset, place.length)])
    if place.word_size == 1:
        return content
    return replace(content, read=partial(_read_swapped, content, place.word_size))


def _read_swapped(content: Content, size: int, offset: int, length: int) -> Iterator[bytes]:
    """Read words of a big endian value turned over, from within one and to within another."""
    begin, end = offset - offset % size, offset + length
    surplus = -end % size
    left = offset - begin
    for part in content.read(begin, end + surplus - begin):
        turned = _swapped(part, size)
        yield turned[left : left + length]
        length -= len(turned) - left
        left = 0


def _swapped(part: bytes, size: int) -> bytes:
    """Turn words of a big endian value over; what is behind the last whole one stays."""
    turned = bytearray(part)
    end = len(part) - len(part) % size
    for index in range(size):
        turned[index:end:size] = part[size - 1 - index : end : size]
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


def _answer(
    request: Request, value: Content, form: Representation, pool: ThreadPoolExecutor
) -> Response:
    if not form.multipart:
        return content_answer(request, value, document_headers(form.media_type), pool)
    writer = MultipartWriter(form.media_type)
    head = writer.head(form.media_type, first=True)
    headers = {
        "content-type": writer.content_type,
        "content-length": str(len(head) + value.size + len(writer.closing)),
    }
    parts = value.read(0, value.size)
    return IteratorResponse(chain([head], parts, [writer.closing]), headers, pool)
