"""The images that a presentation state is for: which frames, and how they would be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from isocenter.compose.references import Reference
from isocenter.compose.sources import Source, Sources
from isocenter.dicom import transfer_syntax
from isocenter.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN
from isocenter.errors import CannotCompose, PixelDataError
from isocenter.pixels import DataSetAttributes, DisplayedFrame, DisplayResolver, PixelDescription
from isocenter.pixels.presentation import ReferencedImage

__all__ = ["ShownImage", "check_frames", "referenced", "shown_images"]

_MODULE = "Presentation State Relationship"


@dataclass(frozen=True)
class ShownImage:
    """One image that a presentation state is for.

    Parameters
    ----------
    data_set
        Without pixel data.
    reference
        The image and the frames that are meant, empty for all.
    frames
        How each of its frames would be shown without a presentation state.
    """

    data_set: Dataset
    reference: ReferencedImage
    frames: tuple[DisplayedFrame, ...]

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.reference.sop_instance_uid

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID."""
        return self.reference.series_instance_uid

    @property
    def rows(self) -> int:
        """Rows of the stored image."""
        return self.frames[0].model.rows

    @property
    def columns(self) -> int:
        """Columns of the stored image."""
        return self.frames[0].model.columns

    @property
    def colour(self) -> bool:
        """Whether it has colour."""
        return self.frames[0].model.colour

    @property
    def meant(self) -> tuple[DisplayedFrame, ...]:
        """The frames that are meant."""
        numbers = self.reference.frames
        return tuple(self.frames[number - 1] for number in numbers) if numbers else self.frames


def shown_images(loaded: Sources, wanted: Sequence[ReferencedImage]) -> tuple[ShownImage, ...]:
    """Return the images of the sources that are wanted, all of them when nothing is said.

    Raises
    ------
    CannotCompose
        When there is none, one is no image or not among the sources, a frame does not exist, or
        they belong to several studies or mix gray and colour.
    """
    by_uid = {str(one.data_set.get("SOPInstanceUID", "")): one for one in loaded}
    _check_study(loaded)
    resolver = DisplayResolver()
    if not wanted:
        images = tuple(_image(one, (), resolver) for one in by_uid.values())
    else:
        images = tuple(_image(_among(by_uid, one), one.frames, resolver) for one in wanted)
    if not images:
        raise CannotCompose(
            "There is no image to present; give at least one as source.",
            tag=0x00081115,
            module=_MODULE,
        )
    if len({image.colour for image in images}) > 1:
        gray = next(image for image in images if not image.colour)
        colour = next(image for image in images if image.colour)
        raise CannotCompose(
            f"{colour.uid} has colour and {gray.uid} has not; a presentation state is for gray or "
            "for colour images: compose one for each.",
            tag=0x00280004,
            module=_MODULE,
        )
    return images


def _among(by_uid: dict[str, Source], image: ReferencedImage) -> Source:
    if image.sop_instance_uid not in by_uid:
        raise CannotCompose(
            f"{image.sop_instance_uid} is none of the {len(by_uid)} sources; give the image as "
            "source, too.",
            tag=0x00081155,
            module=_MODULE,
        )
    return by_uid[image.sop_instance_uid]


def _check_study(loaded: Sources) -> None:
    studies = {str(one.data_set.get("StudyInstanceUID", "")): one for one in loaded}
    if len(studies) > 1:
        first, second = list(studies.items())[:2]
        raise CannotCompose(
            f"The images belong to {len(studies)} studies: {first[1].name} to {first[0]}, "
            f"{second[1].name} to {second[0]}; a presentation state is for images of one study.",
            tag=0x0020000D,
            module=_MODULE,
        )
    ordered = loaded.order.data_set.get("StudyInstanceUID") if loaded.order else None
    if ordered and ordered not in studies:
        raise CannotCompose(
            "The worklist item is of another study than the images; a presentation state is of "
            "theirs: leave the worklist item out, or correct the images first.",
            tag=0x0020000D,
            module=_MODULE,
        )


def _image(source: Source, frames: tuple[int, ...], resolver: DisplayResolver) -> ShownImage:
    data_set = source.data_set
    if "Rows" not in data_set or "Columns" not in data_set:
        raise CannotCompose(
            f"{source.name} has no Rows (0028,0010) and Columns: it is no image; presentation "
            "states are for images.",
            tag=0x00280010,
            module=_MODULE,
        )
    one = Reference.to(data_set)
    reference = ReferencedImage(
        sop_instance_uid=one.sop_instance_uid,
        frames=frames,
        sop_class_uid=one.sop_class_uid,
        series_instance_uid=one.series_instance_uid,
    )
    shown = _frames(source, resolver)
    check_frames(reference, len(shown))
    return ShownImage(data_set, reference, shown)


def check_frames(reference: ReferencedImage, count: int) -> None:
    """Refuse frames that an image does not have.

    Raises
    ------
    CannotCompose
        When there is one.
    """
    wrong = [number for number in reference.frames if not 1 <= number <= count]
    if wrong:
        raise CannotCompose(
            f"Frame {wrong[0]} is referred to, and {reference.sop_instance_uid} has {count}.",
            tag=0x00081160,
            module=_MODULE,
        )


def _frames(source: Source, resolver: DisplayResolver) -> tuple[DisplayedFrame, ...]:
    attributes = DataSetAttributes(source.data_set)
    meta = getattr(source.data_set, "file_meta", None)
    uid = str((meta and meta.get("TransferSyntaxUID")) or EXPLICIT_VR_LITTLE_ENDIAN.uid)
    try:
        description = PixelDescription.from_attributes(
            attributes, transfer_syntax(uid), pixels_left_out=True
        )
        return resolver.resolve(attributes, description)
    except PixelDataError as problem:
        raise CannotCompose(
            f"{source.name} cannot be presented: {problem}.", module=_MODULE
        ) from None


def referenced(image: ShownImage, frames: Sequence[int]) -> ReferencedImage:
    """Return a reference to some of the frames of an image; to all when these are all."""
    numbers = tuple(frames)
    everything = len(numbers) == len(image.frames)
    return replace(image.reference, frames=() if everything else numbers)
