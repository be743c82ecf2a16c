"""Images as presentation state instances show them (PS3.4 N.2, PS3.18 8.3.5.1)."""

import json
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from isocenter.archive import Archive, StoredInstance
from isocenter.dicom import file_json, tags
from isocenter.dicomweb import RenderingParameters, Viewport
from isocenter.errors import InvalidAttribute, InvalidRequest, IsocenterError, NotFound
from isocenter.pixels import JsonAttributes
from isocenter.pixels.files import ImageFile
from isocenter.pixels.presentation import (
    COLOUR_STATE,
    GRAYSCALE_STATE,
    PresentationState,
    ReferencedImage,
    read_state,
)
from isocenter.services.pictures import is_picture, whole_frames

__all__ = ["Presented", "is_presentation_state"]


def is_presentation_state(instance: StoredInstance) -> bool:
    """Tell whether an instance is a presentation state that can be applied to images."""
    return instance.header.sop_class_uid in (GRAYSCALE_STATE, COLOUR_STATE)


class Presented:
    """The frames that a presentation state instance is for, shown as it says.

    Parameters
    ----------
    archive
        Where the images are.
    instance
        The presentation state.
    parameters
        Viewport; a window or a part of an image cannot be asked for.

    Raises
    ------
    InvalidRequest
        What was asked for is the presentation state's to say.
    NotFound
        It cannot be read, or does not say for which images it is.
    """

    def __init__(
        self, archive: Archive, instance: StoredInstance, parameters: RenderingParameters
    ) -> None:
        self._archive = archive
        self._study = instance.header.text(tags.StudyInstanceUID)
        self._uid = instance.header.sop_instance_uid
        self._viewport = _size(parameters)
        self._state = _read(instance)

    def pictures(self) -> Iterator[tuple[StoredInstance, NDArray[np.uint8]]]:
        """Render the frames, in the order of the references; images that are not here are left out.

        Yields
        ------
        instance : StoredInstance
            The image.
        picture : ndarray
            `(rows, columns)` gray or `(rows, columns, 3)` RGB.

        Raises
        ------
        NotFound
            None of the images is here.
        PixelDataError, UnsupportedTransferSyntax
            A frame is missing or cannot be decoded.
        """
        found = False
        for image in self._state.images:
            instance = self._opened(image)
            if instance is None:
                continue
            file = ImageFile(instance.path)
            for number in _frames_of(image, instance):
                found = True
                yield instance, self._picture(instance, file, number)
        if not found:
            raise NotFound(f"no image that presentation state {self._uid} is for can be shown")

    def require_frames(self) -> None:
        """Make sure that all frames have their bytes, before an answer with them has begun.

        Raises
        ------
        PixelDataError
            The pixel data of an image holds fewer frames than the image promises.
        """
        for image in self._state.images:
            if instance := self._opened(image):
                _frames_of(image, instance)

    def _opened(self, image: ReferencedImage) -> StoredInstance | None:
        uids = (self._study, image.series_instance_uid, image.sop_instance_uid)
        try:
            instance = self._archive.open_instance(*uids)
            return instance if is_picture(instance) else None
        except IsocenterError:
            return None

    def _picture(self, instance: StoredInstance, file: ImageFile, number: int) -> NDArray[np.uint8]:
        try:
            picture = file.rendered(number, presentation_state=self._state, viewport=self._viewport)
        except (FileNotFoundError, NotFound):
            picture = None
        # It is read by its name: another file of that name must not pass for the one that is open.
        if picture is None or not instance.is_current():
            uid = instance.header.sop_instance_uid
            raise NotFound(f"instance {uid} was replaced or deleted meanwhile; ask again")
        return picture


def _frames_of(image: ReferencedImage, instance: StoredInstance) -> Sequence[int]:
    """List the frames of an image that are to be shown, all of which have their bytes."""
    last = instance.frame_table.number_of_frames
    numbers = [number for number in image.frames or range(1, last + 1) if 1 <= number <= last]
    return whole_frames(instance, numbers)


def _size(parameters: RenderingParameters) -> tuple[int, int] | None:
    viewport = parameters.viewport
    if parameters.window is not None:
        raise InvalidRequest("a presentation state takes no window: it says its own")
    if viewport is None:
        return None
    if viewport != Viewport(viewport.width, viewport.height):
        raise InvalidRequest("viewport must be width,height for a presentation state")
    return viewport.width, viewport.height


def _read(instance: StoredInstance) -> PresentationState:
    text = file_json(
        instance.descriptor, instance.header, bulk_data_uri="", bulk_threshold=sys.maxsize
    )
    try:
        return read_state(JsonAttributes(json.loads(text)))
    except InvalidAttribute as error:
        raise NotFound(f"the presentation state has no pictures: {error}") from error
