"""Secondary Capture: a picture as a DICOM image (PS3.3 A.8), single frame or multi-frame.

The SOP class follows from the pixels: one frame makes Secondary Capture Image Storage; several
frames make Multi-frame Single Bit, Grayscale Byte, Grayscale Word or True Color Secondary Capture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from isocenter.compose import sources
from isocenter.compose.argument_types import check_positive, checked
from isocenter.compose.captures import images
from isocenter.compose.captures.headers import add_header
from isocenter.compose.captures.image_pixel import (
    add_pixels,
    general_image,
    reference_sources,
    sc_equipment,
)
from isocenter.compose.captures.images import ImageLike, Picture
from isocenter.compose.captures.video import film_in, video
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.sources import SourceLike
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose

__all__ = ["secondary_capture"]


@checked
def secondary_capture(
    image: ImageLike | Sequence[ImageLike],
    *,
    source: SourceLike | None = None,
    source_frame: int | None = None,
    modality: str | None = None,
    conversion_type: str = "WSD",
    pixel_spacing: tuple[float, float] | None = None,
    frame_time: float | None = None,
    burned_in_annotation: bool = False,
    series_description: str | None = None,
    series_number: int | None = None,
    series_of: SourceLike | None = None,
    instance_number: int | None = None,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Secondary Capture image.

    Parameters
    ----------
    image
        Pixels of shape (rows, columns), (rows, columns, 3), (frames, rows, columns) or
        (frames, rows, columns, 3), bool or integers of 8 or 16 bit; or a JPEG, PNG, TIFF or BMP
        file. A sequence of them becomes the frames of one object. A baseline JPEG is kept as it
        is, never encoded again. The file of a video becomes a capture by `video`.
    source
        What patient and study are inherited from; without it a new study begins.
    source_frame
        The frame of a multi-frame source that is shown, from 1.
    modality
        Modality (0008,0060) of the new series; by default what a worklist item says, else OT.
    conversion_type
        Conversion Type (0008,0064): DV, DI, DF, WSD, SD, SI, DRW or SYN.
    pixel_spacing
        Distance of pixel centres in mm: between rows, between columns; when it is known. It is
        written as Nominal Scanned Pixel Spacing with the calibration left to the reader (PS3.3
        C.8.6.2).
    frame_time
        Milliseconds from frame to frame; without it several frames are pages.
    burned_in_annotation
        Whether the pixels show who the patient is.
    series_description, series_number, instance_number
        Where and how the object files itself.
    series_of
        Objects whose series it joins; by default it begins a series.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed

    Raises
    ------
    CannotCompose
        When the pixels or the sources do not make a valid object.

    References
    ----------
    PS3.3 A.8, C.8.6.1 to C.8.6.3.
    """
    if (film := film_in(image)) is not None:
        _refuse_of_video(source_frame, modality, pixel_spacing, frame_time)
        return video(
            film,
            kind="capture",
            source=source,
            burned_in_annotation=burned_in_annotation,
            conversion_type=conversion_type,
            series_description=series_description,
            series_number=series_number,
            series_of=series_of,
            instance_number=instance_number,
            template_file=template_file,
            overrides=overrides,
        )
    pictures = images.read_all(image)
    composition = _composition(pictures, source, template_file, overrides)
    number = add_header(
        composition,
        modality or _ordered_modality(composition) or "OT",
        number=series_number,
        description=series_description,
        series_of=series_of,
        instance_number=instance_number,
    )
    sc_equipment(composition, conversion_type)
    general_image(composition, number, burned_in_annotation, source_frame=source_frame)
    reference_sources(composition, source_frame)
    _spacing(composition, pixel_spacing)
    _frames(composition, pictures, frame_time)
    return composition.finish()


def _composition(
    pictures: Sequence[Picture],
    source: SourceLike | None,
    template_file: Template | str | Path | None,
    overrides: Mapping[str, Any] | None,
) -> Composition:
    """Begin the object, of the SOP class that the pictures make."""
    return Composition(
        _sop_class(pictures),
        kind="secondary_capture",
        sources=sources.load(source),
        template=template(template_file),
        overrides=overrides,
    )


def _ordered_modality(composition: Composition) -> str:
    order = composition.sources.order
    return str(order.data_set.get("Modality") or "") if order is not None else ""


def _spacing(composition: Composition, pixel_spacing: tuple[float, float] | None) -> None:
    """Add the spacing, uncalibrated, of the SC Image module (PS3.3 C.8.6.2)."""
    if pixel_spacing is not None:
        check_positive("pixel_spacing", pixel_spacing, 0x00280030)
        composition.give("NominalScannedPixelSpacing", list(pixel_spacing))
        composition.give("PixelSpacing", list(pixel_spacing))


def _refuse_of_video(
    source_frame: int | None,
    modality: str | None,
    pixel_spacing: tuple[float, float] | None,
    frame_time: float | None,
) -> None:
    """Refuse what is said of pictures where there is a video, which says it itself or has none."""
    given = {
        "source_frame": (source_frame, 0x00081160),
        "modality": (modality, 0x00080060),
        "pixel_spacing": (pixel_spacing, 0x00182010),
        "frame_time": (frame_time, 0x00181063),
    }
    for name, (value, tag) in given.items():
        if value is not None:
            raise CannotCompose(f"{name} is said of a video, which cannot have it.", tag=tag)


def _frame_count(pictures: Sequence[Picture]) -> int:
    return sum(1 if one.pixels is None else len(one.pixels) for one in pictures)


def _sop_class(pictures: Sequence[Picture]) -> str:
    frames = _frame_count(pictures)
    if frames == 0:
        raise CannotCompose("There is no picture; give at least one.")
    first = pictures[0]
    if frames == 1:
        return SecondaryCaptureImageStorage
    if first.pixels is None:
        assert first.jpeg is not None
        color, bits = first.jpeg.samples == 3, first.jpeg.bits
        kind = "u"
    else:
        color, bits = first.pixels.ndim == 4, 8 * first.pixels.dtype.itemsize
        kind = first.pixels.dtype.kind
    if color:
        return MultiFrameTrueColorSecondaryCaptureImageStorage
    if kind == "b":
        return MultiFrameSingleBitSecondaryCaptureImageStorage
    if bits == 8:
        return MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    return MultiFrameGrayscaleWordSecondaryCaptureImageStorage


def _frames(
    composition: Composition, pictures: Sequence[Picture], frame_time: float | None
) -> None:
    """Add the pixels, and of several frames how they follow each other."""
    multi_frame = _frame_count(pictures) > 1
    if frame_time is not None:
        check_positive("frame_time", (frame_time,), 0x00181063)
    add_pixels(composition, pictures, multi_frame=multi_frame)
    if multi_frame:
        _multi_frame(composition, frame_time)


def _multi_frame(composition: Composition, frame_time: float | None) -> None:
    """Add the Multi-frame, Cine and SC Multi-frame modules (PS3.3 C.7.6.5, C.7.6.6, C.8.6.3)."""
    frames = int(composition.data_set.NumberOfFrames)
    if frame_time is not None:
        composition.give("FrameTime", frame_time)
        composition.generate("FrameIncrementPointer", 0x00181063, "Frame Time")
    else:
        composition.generate("PageNumberVector", list(range(1, frames + 1)))
        composition.generate("FrameIncrementPointer", 0x00182001, "Page Number Vector")
    if composition.data_set.SamplesPerPixel == 1 and composition.data_set.BitsAllocated > 1:
        composition.generate("PresentationLUTShape", "IDENTITY")
        composition.generate("RescaleIntercept", 0)
        composition.generate("RescaleSlope", 1)
        composition.generate("RescaleType", "US")
