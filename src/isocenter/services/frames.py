"""WADO-RS: frames, read by their offset in the file (PS3.18 10.4.1.1.6)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, StoredInstance
from isocenter.dicom import FrameTable, TransferSyntax, transfer_syntax
from isocenter.dicom.frames import Span
from isocenter.dicomweb import MultipartWriter, Representation, select
from isocenter.errors import NotAcceptable
from isocenter.pixels import PixelDescription, transcode_frame
from isocenter.services.partial_content import (
    Content,
    asks_for_part,
    content_answer,
    content_headers,
    stretches_of,
)
from isocenter.services.representations import (
    ENCODINGS,
    EXPLICIT,
    frame_representations,
    targets_of,
)
from isocenter.services.resources import frame_numbers, resource_of
from isocenter.services.streaming import IteratorResponse, gathered, primed
from isocenter.services.unsent import unsent_answers
from isocenter.services.web import Accept, answered

__all__ = ["frame_content", "frames_answer", "routes", "video_answer"]

_PATH = "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}"
# A frame up to this size is read on the event loop if it is in memory: copying it takes less time
# than handing the work to a thread and back.
_AT_ONCE: Final = 1 << 20
# A frame up to this size is sent at once; more is streamed.
_GATHERED: Final = 4 << 20


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the route of the frames resource.

    Parameters
    ----------
    archive
        Where the instances are.
    pool
        Where files are read and frames transcoded.
    """
    service = _FrameService(archive, pool)
    return [Route(_PATH, answered(service.frames), methods=["GET"])]


class _Source:
    """An open instance, and what sending its frames needs to know.

    Parameters
    ----------
    instance
        Open for reading.
    """

    def __init__(self, instance: StoredInstance) -> None:
        self.instance = instance
        self.table: FrameTable = instance.frame_table
        self.kept: TransferSyntax = instance.transfer_syntax

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Transfer syntaxes that the frames can be brought into."""
        return targets_of(self.instance)

    def form(self, accept: Accept, *, single: bool) -> Representation:
        """Choose how to send frames.

        Raises
        ------
        NotAcceptable
            They cannot be sent as asked.
        """
        if self.table.components:
            return self._form_of_components(accept, single)
        # What is sent as kept is so whatever else could be made of it, which takes longer to tell.
        form = _if_all_could_be_made(accept, self.kept, single)
        if form is None or not form.as_kept:
            offered = frame_representations(self.kept, self.targets, single_part=single)
            form = select(accept.ranges(), offered, "the frames")
        return form

    def _form_of_components(self, accept: Accept, single: bool) -> Representation:
        """Choose how to send frames that share codestreams: none is there for itself as kept."""
        offered = frame_representations(self.kept, self.targets, single_part=single)
        # Of `transfer-syntax=*` (PS3.18 8.7.3.5.2) any of the others is as good as what is kept.
        made = [replace(form, as_kept=True) for form in offered if not form.as_kept]
        form = select(accept.ranges(), made, "frames that are components of one codestream")
        return replace(form, as_kept=False)

    def read(self, number: int, form: Representation) -> bytes:
        """Read a frame and bring it into the form that was chosen."""
        data = self.instance.frame(number)
        if form.as_kept:
            return data
        description = PixelDescription.from_header(self.instance.header)
        return transcode_frame(data, description, transfer_syntax(form.transfer_syntax or EXPLICIT))

    def spans(self, number: int, form: Representation) -> tuple[Span, ...] | None:
        """Find the stretches of the file that are the frame as it will be sent, if there are."""
        spans = self.table.spans(number)
        if not form.as_kept or self.instance.header.inflated:
            return None
        if self.table.bit_offset(number) or self.table.bit_offset(number + 1):
            return None  # it shares a byte with a frame beside it, or ends with bits of nothing
        return spans

    def content(self, number: int, form: Representation) -> Content | None:
        """Give the frame as bytes of the file, if it is sent so."""
        spans = self.spans(number, form)
        return None if spans is None else stretches_of(self.instance, spans)

    def parts(self, number: int, form: Representation) -> Iterator[bytes]:
        """Read a frame as it will be sent; a large one, such as a video, part by part."""
        if (content := self.content(number, form)) is not None:
            return content.read(0, content.size)
        return map(self.read, [number], [form])  # which holds no frame that it gave


@lru_cache(maxsize=4096)
def _if_all_could_be_made(
    accept: Accept, kept: TransferSyntax, single: bool
) -> Representation | None:
    offered = frame_representations(kept, ENCODINGS, single_part=single)
    try:
        return select(accept.ranges(), offered, "the frames")
    except NotAcceptable:
        return None


class _FrameService:
    """Answers requests for frames.

    Parameters
    ----------
    archive
        Where the instances are.
    pool
        Where blocking work is done.
    """

    def __init__(self, archive: Archive, pool: ThreadPoolExecutor) -> None:
        self._archive = archive
        self._pool = pool

    async def frames(self, request: Request) -> Response:
        """Answer one request."""
        uids = resource_of(request).uids
        numbers = frame_numbers(request.path_params["frames"])
        accept = Accept.of(request)
        instance = self._archive.opened_instance(*uids)
        if instance is not None and len(numbers) == 1 and not asks_for_part(request):
            kept = _kept_frame(_Source(instance), numbers[0], accept)
            if kept is not None and (
                kept.fill(instance.try_read_into) or await self._read_on(request, kept, instance)
            ):
                return kept.answer()
            kept = None  # while others wait for the disk

        def work() -> Response:
            source = _Source(self._archive.open_instance(*uids))
            return _answer(request, source, numbers, self._pool)

        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _read_on(
        self, request: Request, kept: "_KeptFrame", instance: StoredInstance
    ) -> bool:
        """Read the rest of a frame, and tell whether it is all there.

        A page of memory that the system took away is no reason to read all the others again; but
        where many wait for the disk, what they have is as much as answers that nobody takes.
        """
        unsent = unsent_answers(request.scope)
        if unsent.scarce:
            return False
        unsent.hold(kept.size)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, kept.fill, instance.read_into)
        finally:
            unsent.release(kept.size)


def frames_answer(
    request: Request, instance: StoredInstance, numbers: Sequence[int], pool: ThreadPoolExecutor
) -> Response:
    """Answer a request with frames of an instance; this may block.

    Parameters
    ----------
    request
        Its Accept header field says in which form.
    instance
        Where the frames are.
    numbers
        Which of them, from 1.
    pool
        Where they are read and transcoded, if there are many.

    Raises
    ------
    NotFound
        One of the frames is not there.
    NotAcceptable
        They cannot be sent as asked.
    """
    return _answer(request, _Source(instance), numbers, pool)


def video_answer(request: Request, instance: StoredInstance, pool: ThreadPoolExecutor) -> Response:
    """Answer with a video: alone, so that players can seek in it, unless a part is asked for.

    Parameters
    ----------
    request, instance, pool
        As for `frames_answer`.

    Raises
    ------
    NotAcceptable
        It cannot be sent as asked.
    """
    offered = frame_representations(instance.transfer_syntax, (), single_part=True)
    alone_first = sorted(offered, key=lambda each: each.multipart)
    form = select(Accept.of(request).ranges(), alone_first, "the video")
    return _in_form(request, _Source(instance), (1,), form, pool)


def frame_content(instance: StoredInstance, number: int) -> Content:
    """Give a frame as bytes of the file; one that shares none with its neighbours.

    Parameters
    ----------
    instance
        Where it is.
    number
        Which one, from 1.

    Raises
    ------
    NotFound, PixelDataError
        The frame is not there.
    """
    return stretches_of(instance, instance.frame_table.spans(number))


class _KeptFrame:
    """A frame that is sent as it is kept: the body of its answer, into which the file is read.

    Parameters
    ----------
    instance
        Where the frame is.
    span
        Its offset in the file and its length.
    form
        How it is sent.
    """

    def __init__(self, instance: StoredInstance, span: Span, form: Representation) -> None:
        self._instance, self._form = instance, form
        head, closing, self._content_type = _frame_of_body(form)
        self._offset, length = span
        # A bytearray would be filled with zeros first, which takes half as long as reading.
        self._body = np.empty(len(head) + length + len(closing), np.uint8).data
        self._body[: len(head)] = head
        self._body[len(head) + length :] = closing
        self._missing = self._body[len(head) : len(head) + length]

    @property
    def size(self) -> int:
        """Bytes that it holds, read or not."""
        return len(self._body)

    def fill(self, read_into: Callable[[int, memoryview], int]) -> bool:
        """Read on, and tell whether it is all there."""
        count = read_into(self._offset, self._missing)
        self._offset += count
        self._missing = self._missing[count:]
        return not self._missing

    def answer(self) -> Response:
        """Answer with what was read."""
        if self._form.multipart:
            return Response(self._body, headers={"content-type": self._content_type})
        return Response(self._body, headers=content_headers(self._instance, self._content_type))


def _kept_frame(source: _Source, number: int, accept: Accept) -> _KeptFrame | None:
    """Begin to answer with a frame as it is kept; None where it takes more than reading that."""
    source.table.spans(number)  # raises where there is no such frame
    form = source.form(accept, single=True)
    spans = source.spans(number, form)
    if spans is None or len(spans) != 1 or spans[0][1] > _AT_ONCE:
        return None
    return _KeptFrame(source.instance, spans[0], form)


def _answer(
    request: Request, source: _Source, numbers: Sequence[int], pool: ThreadPoolExecutor
) -> Response:
    for number in numbers:
        source.table.spans(number)  # raises where there is no such frame
    form = source.form(Accept.of(request), single=len(numbers) == 1)
    return _in_form(request, source, numbers, form, pool)


def _in_form(
    request: Request,
    source: _Source,
    numbers: Sequence[int],
    form: Representation,
    pool: ThreadPoolExecutor,
) -> Response:
    if not form.multipart:
        return _single_part(request, source, numbers[0], form, pool)
    writer = MultipartWriter(form.media_type, form.transfer_syntax)
    headers = {"content-type": writer.content_type}
    part_type = _content_type(form)
    heads = [writer.head(part_type, first=index == 0) for index in range(len(numbers))]
    size = _size(source, numbers, form)
    if size is not None:
        headers["content-length"] = str(sum(map(len, heads)) + size + len(writer.closing))
    pieces = _multipart(source, writer.closing, heads, numbers, form)
    if len(numbers) > 1 or (size is not None and size > _GATHERED):
        return IteratorResponse(primed(gathered(pieces)), headers, pool)
    return Response(b"".join(pieces), headers=headers)


def _size(source: _Source, numbers: Sequence[int], form: Representation) -> int | None:
    """Add up the bytes of frames; None where that takes making them."""
    size = 0
    for number in numbers:
        content = source.content(number, form)
        if content is None:
            return None
        size += content.size
    return size


def _single_part(
    request: Request,
    source: _Source,
    number: int,
    form: Representation,
    pool: ThreadPoolExecutor,
) -> Response:
    headers = {"content-type": _content_type(form)}
    content = source.content(number, form)
    if content is None:
        return Response(source.read(number, form), headers=headers)
    return content_answer(request, content, headers, pool)


def _frame_of_body(form: Representation) -> tuple[bytes, bytes, str]:
    """Write what stands before and behind a single frame, and the type of it all."""
    if not form.multipart:
        return b"", b"", _content_type(form)
    writer = MultipartWriter(form.media_type, form.transfer_syntax)
    return writer.head(_content_type(form), first=True), writer.closing, writer.content_type


def _content_type(form: Representation) -> str:
    return f"{form.media_type}; transfer-syntax={form.transfer_syntax}"


def _multipart(
    source: _Source,
    closing: bytes,
    heads: Sequence[bytes],
    numbers: Sequence[int],
    form: Representation,
) -> Iterator[bytes]:
    for head, number in zip(heads, numbers, strict=True):
        yield head
        yield from source.parts(number, form)
    yield closing
