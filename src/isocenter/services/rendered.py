"""WADO-RS: rendered resources and thumbnails, for eyes instead of programs (PS3.18 10.4.1.1.3)."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, KeptInstance, Level, StoredInstance
from isocenter.dicom import tags
from isocenter.dicomweb import (
    MultipartWriter,
    RenderingParameters,
    Representation,
    Viewport,
    parse_rendering,
    select,
)
from isocenter.errors import (
    InvalidAttribute,
    InvalidDicom,
    InvalidRequest,
    NotFound,
    PixelDataError,
)
from isocenter.pixels import to_gif
from isocenter.services.bulk_data import document_type, value_content
from isocenter.services.burned_text import annotated
from isocenter.services.colour_characteristics import characterised
from isocenter.services.frames import frame_content
from isocenter.services.partial_content import content_answer
from isocenter.services.pictures import (
    Picture,
    Pictures,
    encoded,
    is_picture,
    representative_frame,
    require_part,
    whole_frames,
)
from isocenter.services.presented import Presented, is_presentation_state
from isocenter.services.resources import Resource, frame_numbers, resource_of
from isocenter.services.streaming import IteratorResponse, primed
from isocenter.services.web import (
    Accept,
    answered,
    base_url,
    document_headers,
    not_modified,
)

__all__ = ["routes"]

_STUDY: Final = "/studies/{study}"
_SERIES: Final = f"{_STUDY}/series/{{series}}"
_INSTANCE: Final = f"{_SERIES}/instances/{{instance}}"
_FRAMES: Final = f"{_INSTANCE}/frames/{{frames}}"

_THUMBNAIL: Final = Viewport(128, 128)
_LARGEST_THUMBNAIL: Final = 1024
_MOST_GIF_FRAMES: Final = 1000

_STILL: Final = ("image/jpeg", "image/png", "image/gif")
_ONE: Final = (
    *(Representation(media_type) for media_type in _STILL),
    *(Representation(media_type, multipart=True) for media_type in _STILL),
)
_SEVERAL: Final = (
    *(Representation(media_type, multipart=True) for media_type in _STILL),
    Representation("image/gif"),
)
_Planned = tuple[KeptInstance, Sequence[int]]

_THUMBNAILS: Final = tuple(Representation(media_type) for media_type in _STILL)


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the routes of rendered resources and thumbnails, at every level.

    Parameters
    ----------
    archive
        Where the instances are.
    pool
        Where pictures are made.
    """
    service = _RenderedService(archive, pool)
    rendered, thumbnail = answered(service.rendered), answered(service.thumbnail)
    made: list[Route] = []
    for path in (_FRAMES, _INSTANCE, _SERIES, _STUDY):
        made.append(Route(f"{path}/rendered", rendered, methods=["GET"]))
        made.append(Route(f"{path}/thumbnail", thumbnail, methods=["GET"]))
    return made


class _RenderedService:
    """Answers requests for pictures.

    Parameters
    ----------
    archive
        Where the instances are.
    pool
        Where pictures are made.
    """

    def __init__(self, archive: Archive, pool: ThreadPoolExecutor) -> None:
        self._archive = archive
        self._pool = pool
        self._pictures = Pictures()

    async def rendered(self, request: Request) -> Response:
        """Answer with pictures of what a path names."""
        resource = resource_of(request)
        parameters = parse_rendering(request.query_params.multi_items())
        numbers = _asked_frames(request)
        if resource.level is Level.INSTANCE:
            work = partial(self._instance, request, resource, numbers, parameters)
        else:
            work = partial(self._above, request, resource, parameters)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def thumbnail(self, request: Request) -> Response:
        """Answer with one small picture that stands for what a path names."""
        resource = resource_of(request)
        form = select(Accept.of(request).ranges(), _THUMBNAILS, "the thumbnail")
        asked = parse_rendering(request.query_params.multi_items()).viewport or _THUMBNAIL
        if asked != Viewport(asked.width, asked.height):
            raise InvalidRequest("viewport must be width,height for a thumbnail")
        viewport = Viewport(
            min(asked.width, _LARGEST_THUMBNAIL), min(asked.height, _LARGEST_THUMBNAIL)
        )
        numbers = _asked_frames(request)
        work = partial(self._thumbnail, request, resource, numbers, form, viewport)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _thumbnail(
        self,
        request: Request,
        resource: Resource,
        numbers: Sequence[int],
        form: Representation,
        viewport: Viewport,
    ) -> Response:
        instance = self._representative(resource)
        number = numbers[0] if numbers else representative_frame(instance)
        etag = f'"{instance.version}-{number}-{viewport.width}-{viewport.height}"'
        headers = {"etag": etag, "cache-control": "private, no-cache"}
        if not_modified(request, etag):
            return Response(status_code=304, headers=headers)
        picture = self._pictures.picture(instance, number, RenderingParameters(viewport=viewport))
        content = encoded(picture, form.media_type, 80)
        return Response(content, headers=headers, media_type=form.media_type)

    def _instance(
        self,
        request: Request,
        resource: Resource,
        numbers: Sequence[int],
        parameters: RenderingParameters,
    ) -> Response:
        instance = self._archive.open_instance(*resource.uids)
        if not numbers and is_presentation_state(instance):
            return self._presented(request, instance, parameters)
        if not numbers and not is_picture(instance):
            return _as_it_is(request, instance, parameters, self._pool)
        whole_frames(instance, numbers)
        offered = _SEVERAL if len(numbers) > 1 else _ONE
        form = select(Accept.of(request).ranges(), offered, "the pictures")
        if not numbers and (form.multipart or form.media_type == "image/gif"):
            numbers = whole_frames(instance)
        if form.multipart:
            frames = ((instance, number) for number in numbers)
            return self._all(frames, form, parameters)
        if form.media_type == "image/gif":
            return self._animated(instance, numbers, parameters)
        number = numbers[0] if numbers else representative_frame(instance)
        return self._one(instance, number, form, parameters)

    def _one(
        self,
        instance: StoredInstance,
        number: int,
        form: Representation,
        parameters: RenderingParameters,
    ) -> Response:
        picture = self._picture(instance, number, parameters)
        content = _file(picture, instance, form, parameters)
        return Response(content, media_type=form.media_type)

    def _picture(
        self, instance: StoredInstance, number: int, parameters: RenderingParameters
    ) -> Picture:
        picture = self._pictures.picture(instance, number, parameters)
        return annotated(picture, instance, parameters.annotations)

    def _presented(
        self, request: Request, instance: StoredInstance, parameters: RenderingParameters
    ) -> Response:
        """Answer with what a presentation state shows: every frame as a part, or the first."""
        form = select(Accept.of(request).ranges(), _ONE, "the pictures")
        shown = Presented(self._archive, instance, parameters)
        if form.multipart:
            shown.require_frames()
        pictures = (
            annotated(each, image, parameters.annotations) for image, each in shown.pictures()
        )
        files = (_file(picture, instance, form, parameters) for picture in pictures)
        if form.multipart:
            return self._parts(files, form)
        return Response(next(files), media_type=form.media_type)

    def _above(
        self, request: Request, resource: Resource, parameters: RenderingParameters
    ) -> Response:
        """Answer for a study or series: every frame as a part, or one picture for all."""
        form = select(Accept.of(request).ranges(), _ONE, "the pictures")
        if form.multipart:
            planned = self._planned(resource, parameters.viewport)
            return self._all(self._opened(planned), form, parameters)
        instance = self._representative(resource)
        return self._one(instance, representative_frame(instance), form, parameters)

    def _planned(self, resource: Resource, viewport: Viewport | None) -> list[_Planned]:
        """List the instances that can be shown and their frames, before the answer begins.

        Raises
        ------
        NotFound
            There are none, or the viewport shows nothing of one.
        PixelDataError
            One of them lacks frames that it promises, or was cut off.
        """
        found = self._archive.instances(resource.study, resource.series)
        planned = [(kept, self._frames_of(kept, viewport)) for kept in found]
        planned = [(kept, numbers) for kept, numbers in planned if numbers]
        if not planned:
            raise NotFound(f"{resource} has no pictures")
        return planned

    def _frames_of(self, kept: KeptInstance, viewport: Viewport | None) -> Sequence[int]:
        try:
            instance = self._archive.open_instance(*kept.uids)
            if not is_picture(instance):
                return ()
            if viewport is not None:
                rows, columns = map(instance.header.integer, (tags.Rows, tags.Columns))
                require_part(rows or 0, columns or 0, viewport)
            return whole_frames(instance)
        except (InvalidDicom, PixelDataError) as error:
            raise PixelDataError(f"instance {kept.instance}: {error}") from error

    def _opened(self, planned: Sequence[_Planned]) -> Iterator[tuple[StoredInstance, int]]:
        for kept, numbers in planned:
            instance = self._archive.open_instance(*kept.uids)
            for number in numbers:
                yield instance, number

    def _all(
        self,
        frames: Iterator[tuple[StoredInstance, int]],
        form: Representation,
        parameters: RenderingParameters,
    ) -> Response:
        files = (
            _file(self._picture(instance, number, parameters), instance, form, parameters)
            for instance, number in frames
        )
        return self._parts(files, form)

    def _parts(self, files: Iterator[bytes], form: Representation) -> Response:
        writer = MultipartWriter(form.media_type)

        def body() -> Iterator[bytes]:
            for index, file in enumerate(files):
                yield writer.head(form.media_type, first=index == 0) + file
            yield writer.closing

        return IteratorResponse(primed(body()), {"content-type": writer.content_type}, self._pool)

    def _animated(
        self,
        instance: StoredInstance,
        numbers: Sequence[int],
        parameters: RenderingParameters,
    ) -> Response:
        if len(numbers) > _MOST_GIF_FRAMES:
            raise NotFound(f"{len(numbers)} frames are too many for a GIF; ask for fewer")
        parameters = replace(parameters, quality=None)
        asked = parameters.icc_profile
        pictures = [
            characterised(self._picture(instance, n, parameters), instance, asked, "image/gif")[0]
            for n in numbers
        ]
        gif = to_gif(pictures, self._pictures.frame_time(instance))
        return Response(gif, media_type="image/gif")

    def _representative(self, resource: Resource) -> StoredInstance:
        """Find the instance in the middle that can be shown, or the one nearest to it."""
        found = self._archive.instances(resource.study, resource.series, resource.instance)
        middle = len(found) // 2
        for place in sorted(range(len(found)), key=lambda each: abs(each - middle)):
            instance = self._archive.open_instance(*found[place].uids)
            if is_picture(instance):
                return instance
        raise NotFound(f"{resource} has no pictures")


def _file(
    picture: Picture,
    instance: StoredInstance,
    form: Representation,
    parameters: RenderingParameters,
) -> bytes:
    """Make the file of a picture, in the colour space that was asked for."""
    asked = parameters.icc_profile
    picture, profile = characterised(picture, instance, asked, form.media_type)
    try:
        return encoded(picture, form.media_type, parameters.quality, profile)
    except InvalidAttribute as error:
        raise InvalidRequest(f"{error}; ask for iccprofile=no") from error


def _asked_frames(request: Request) -> Sequence[int]:
    text = request.path_params.get("frames")
    return () if text is None else frame_numbers(text)


def _as_it_is(
    request: Request,
    instance: StoredInstance,
    parameters: RenderingParameters,
    pool: ThreadPoolExecutor,
) -> Response:
    """Answer with a document or a video, which are made for eyes already.

    Raises
    ------
    NotFound
        The instance has nothing to show.
    """
    header = instance.header
    ranges = Accept.of(request).ranges()
    warning = _not_drawn(request, parameters)
    if header.pixel_data is not None and header.transfer_syntax.video:
        form = Representation(header.transfer_syntax.media_type or "video/mp4")
        select(ranges, [form], "the video")
        headers = {"content-type": form.media_type} | warning
        return content_answer(request, frame_content(instance, 1), headers, pool)
    media_type = document_type(instance)
    if media_type is None:
        raise NotFound(f"instance {header.sop_instance_uid} has no pictures")
    form = select(ranges, [Representation(media_type)], "the document")
    document = value_content(instance, f"{tags.EncapsulatedDocument:08X}")
    return content_answer(request, document, document_headers(form.media_type) | warning, pool)


def _not_drawn(request: Request, parameters: RenderingParameters) -> dict[str, str]:
    """Tell what was asked to be written onto something that is sent as it is."""
    if not parameters.annotations:
        return {}
    values = ",".join(parameters.annotations)
    text = f"The following annotation values are not supported: {values}"
    return {"warning": f'299 {urlsplit(base_url(request)).netloc} "{text}"'}
