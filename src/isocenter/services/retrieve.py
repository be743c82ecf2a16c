"""WADO-RS: whole studies, series and instances (PS3.18 10.4)."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, KeptInstance, Level, StoredInstance
from isocenter.dicom import TRANSFER_SYNTAXES, transfer_syntax
from isocenter.dicomweb import DICOM, MediaRange, MultipartWriter, Representation, select
from isocenter.errors import InvalidDicom, NotAcceptable
from isocenter.services.partial_content import content_answer, whole_file
from isocenter.services.representations import (
    ENCODINGS,
    EXPLICIT,
    instance_representations,
    targets_of,
)
from isocenter.services.resources import Resource, resource_of
from isocenter.services.streaming import IteratorResponse, gathered, primed
from isocenter.services.transcoding import transcoded_object
from isocenter.services.web import Accept, answered

__all__ = ["routes"]


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the routes of the retrieve transaction's instance resources.

    Parameters
    ----------
    archive
        Where the instances are.
    pool
        Where files are read.
    """

    async def retrieve(request: Request) -> Response:
        resource = resource_of(request)
        ranges = Accept.of(request).ranges()

        def planned() -> Response:
            parts = _plan(archive, resource, ranges)
            if parts[0].form.multipart:
                return _multipart_answer(archive, parts, pool)
            [part] = parts
            headers = {"content-type": part.content_type}
            if part.form.as_kept:
                return content_answer(request, whole_file(part.opened(archive)), headers, pool)
            return IteratorResponse(primed(gathered(part.content(archive))), headers, pool)

        def work() -> Response:
            try:
                return planned()
            except _OtherSize as error:  # its file is replaced a moment before the index says so
                archive.versions(error.kept.study, error.kept.series)  # waits until that is over
                return planned()

        return await asyncio.get_running_loop().run_in_executor(pool, work)

    endpoint = answered(retrieve)
    return [
        Route(path, endpoint, methods=["GET"])
        for path in (
            "/studies/{study}",
            "/studies/{study}/series/{series}",
            "/studies/{study}/series/{series}/instances/{instance}",
        )
    ]


class _OtherSize(InvalidDicom):
    """A file has another size than the index says: it was cut off, or is being replaced."""

    def __init__(self, kept: KeptInstance, size: int) -> None:
        super().__init__(
            f"the file of instance {kept.instance} has {size} bytes; "
            f"{kept.size} were stored. If that is so again, run `isocenter check`"
        )
        self.kept = kept


@dataclass(frozen=True, slots=True)
class _Part:
    """An instance to send, and how."""

    kept: KeptInstance
    form: Representation

    @property
    def content_type(self) -> str:
        return f"{DICOM}; transfer-syntax={self.form.transfer_syntax}"

    def opened(self, archive: Archive) -> StoredInstance:
        instance = archive.open_instance(*self.kept.uids)
        if self.form.as_kept and instance.size != self.kept.size:
            raise _OtherSize(self.kept, instance.size)
        return instance

    def content(self, archive: Archive) -> Iterator[bytes]:
        instance = self.opened(archive)
        if self.form.as_kept:
            return instance.chunks()
        target = transfer_syntax(self.form.transfer_syntax or EXPLICIT)
        return transcoded_object(instance, target)


def _plan(archive: Archive, resource: Resource, ranges: Sequence[MediaRange]) -> list[_Part]:
    """Choose the form of every instance, before the first byte is sent.

    Raises
    ------
    NotFound
        There is no such resource.
    NotAcceptable
        One of the instances cannot be sent as asked.
    """
    single = resource.level is Level.INSTANCE
    found = archive.instances(resource.study, resource.series, resource.instance)
    alike: dict[str, Representation | None] = {}
    parts: list[_Part] = []
    for kept in found:
        syntax = kept.transfer_syntax_uid
        if syntax not in alike:
            alike[syntax] = _form_as_kept(syntax, ranges, single)
        form = alike[syntax] or _form(archive.open_instance(*kept.uids), ranges, single)
        parts.append(_Part(kept, form))
    return parts


def _form_as_kept(
    transfer_syntax_uid: str, ranges: Sequence[MediaRange], single: bool
) -> Representation | None:
    """Choose the form for all instances of a syntax, if it is that in which they are kept.

    What is sent as kept is so whatever else could be made of it; to tell that, each instance would
    have to be opened.
    """
    kept = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    if kept is None:
        return None
    offered = instance_representations(kept, ENCODINGS, single_part=single)
    with contextlib.suppress(NotAcceptable):
        form = select(ranges, offered, "the instances")
        return form if form.as_kept else None
    return None


def _form(instance: StoredInstance, ranges: Sequence[MediaRange], single: bool) -> Representation:
    targets = targets_of(instance)
    offered = instance_representations(instance.transfer_syntax, targets, single_part=single)
    name = f"instance {instance.header.sop_instance_uid}"
    try:
        return select(ranges, offered, name)
    except NotAcceptable:
        if single or instance.header.pixel_data is not None:
            raise
    # A report beside images that were asked for compressed: it has nothing to compress.
    select(ranges, [Representation(DICOM, multipart=True)], name)
    return offered[0]


def _multipart_answer(
    archive: Archive, parts: Sequence[_Part], pool: ThreadPoolExecutor
) -> Response:
    syntaxes = {part.form.transfer_syntax for part in parts}
    writer = MultipartWriter(DICOM, syntaxes.pop() if len(syntaxes) == 1 else None)
    headers = {"content-type": writer.content_type}
    heads = [writer.head(part.content_type, first=index == 0) for index, part in enumerate(parts)]
    if all(part.form.as_kept for part in parts):
        length = sum(map(len, heads)) + sum(part.kept.size for part in parts)
        headers["content-length"] = str(length + len(writer.closing))

    def body() -> Iterator[bytes]:
        for head, part in zip(heads, parts, strict=True):
            yield head
            yield from part.content(archive)
        yield writer.closing

    return IteratorResponse(primed(gathered(body())), headers, pool)
