"""Pictures in an object under construction: Image Pixel, General Image and General Reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGExtended12Bit

import isocenter
from isocenter.compose.captures import images
from isocenter.compose.captures.images import Picture
from isocenter.compose.captures.jpeg_streams import EncodedJpeg
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composition
from isocenter.compose.references import instance_reference
from isocenter.compose.sound_values import sound_text
from isocenter.compose.source_numbers import number_of_frames
from isocenter.errors import CannotCompose

__all__ = [
    "ANATOMIC_IMAGE",
    "add_pixels",
    "describe_pixels",
    "general_image",
    "mark_lossy",
    "reference_sources",
    "sc_equipment",
]

ANATOMIC_IMAGE = Code("121338", "DCM", "Anatomic image")
"""Purpose of the reference from a picture of visible light to its source (PS3.16 CID 7201)."""


def add_pixels(
    composition: Composition, pictures: Sequence[Picture], *, multi_frame: bool = False
) -> None:
    """Add the Image Pixel module (PS3.3 C.7.6.3), keeping JPEG streams as they are.

    Parameters
    ----------
    composition
        What it is added to.
    pictures
        The frames; all alike.
    multi_frame
        Whether the object says how many there are; those that do not hold bits as bytes.

    Raises
    ------
    CannotCompose
        When the pictures differ in size or type.
    """
    streams = [picture.jpeg for picture in pictures if picture.jpeg is not None]
    if len(streams) == len(pictures) and _can_be_kept(streams, multi_frame):
        _add_jpeg(composition, streams, multi_frame)
    else:
        _add_native(composition, _stacked(pictures), multi_frame)
        losses = [picture.loss for picture in pictures if picture.loss is not None]
        if losses:
            ratio = sum(one.ratio for one in losses) / len(losses)
            mark_lossy(composition, ratio, losses[0].method)


def sc_equipment(composition: Composition, conversion_type: str) -> None:
    """Name this software as what converted the picture (PS3.3 C.8.6.1)."""
    composition.take("ConversionType", conversion_type)
    composition.generate("SecondaryCaptureDeviceManufacturer", "Isocenter")
    composition.generate("SecondaryCaptureDeviceManufacturerModelName", "Isocenter")
    composition.generate("SecondaryCaptureDeviceSoftwareVersions", isocenter.__version__)


def general_image(
    composition: Composition, number: int, burned_in: bool, *, source_frame: int | None = None
) -> None:
    """Add what the General Image module says of a new image (PS3.3 C.7.6.1)."""
    composition.take("InstanceNumber", number)
    composition.content_moment()
    composition.generate("PatientOrientation", None, "Type 2C, unknown")
    composition.generate("BurnedInAnnotation", "YES" if burned_in else "NO")
    images_of = [source for source in composition.sources if "Rows" in source.data_set]
    if len(images_of) == 1:
        known = images_of[0].data_set
        described = sound_text(known, "SeriesDescription")
        words = [described, known.get("InstanceNumber"), source_frame]
        comments = " ".join(str(word) for word in words if word)
        if comments:
            composition.generate(
                "ImageComments", comments, "series, number and frame of the source"
            )


def reference_sources(
    composition: Composition, source_frame: int | None = None, *, purpose: Code | None = None
) -> None:
    """Refer to the source when it is an image (General Reference module, PS3.3 C.12.4).

    Parameters
    ----------
    composition
        What it is added to.
    source_frame
        The frame of the source that is meant, from 1; None for all of it.
    purpose
        Why, of PS3.16 CID 7201, where the object's module asks for it.

    Raises
    ------
    CannotCompose
        When a source does not have that frame.
    """
    referenced = [
        _image_reference(source.data_set, source_frame)
        for source in composition.sources
        if "Rows" in source.data_set and "SOPInstanceUID" in source.data_set
    ]
    if purpose is not None:
        for item in referenced:
            item["PurposeOfReferenceCodeSequence"] = [purpose.item()]
    if referenced:
        composition.generate("ReferencedImageSequence", referenced, "the sources")


def _can_be_kept(streams: Sequence[EncodedJpeg], multi_frame: bool) -> bool:
    """Whether one Photometric Interpretation holds for all; True Color has YBR_FULL_422 alone."""
    found = {one.photometric_interpretation for one in streams if one.samples == 3}
    return len(found) < 2 and not (multi_frame and "RGB" in found)


def _image_reference(source: Dataset, frame: int | None) -> dict[str, Any]:
    found = instance_reference(source)
    if frame is not None:
        frames = number_of_frames(source)
        if not 1 <= frame <= frames:
            raise CannotCompose(
                f"Frame {frame} of a source with {frames} frames; give one of those.",
                tag=0x00081160,
                module="General Reference",
            )
        found["ReferencedFrameNumber"] = frame
    return found


def _stacked(pictures: Sequence[Picture]) -> NDArray[Any]:
    arrays = [
        images.decoded(picture.jpeg) if picture.pixels is None else picture.pixels  # type: ignore[arg-type]
        for picture in pictures
    ]
    shapes = {(array.shape[1:], array.dtype) for array in arrays}
    if len(shapes) > 1:
        raise CannotCompose(
            "The pictures differ in size or type: "
            + ", ".join(f"{shape} {dtype}" for shape, dtype in sorted(shapes, key=str))
            + "; frames of one object are all alike.",
            tag=0x00280010,
            module="Image Pixel",
        )
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _suited_to_frames(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels as multi-frame captures hold them (PS3.3 C.8.6.3, A.8.3 to A.8.5)."""
    if pixels.ndim == 4 and pixels.dtype.itemsize > 1:
        raise CannotCompose(
            "Several frames of colour have 8 bits a sample, these 16; scale them to 8 bits, or "
            "give them one by one.",
            tag=0x00280100,
            module="Image Pixel",
        )
    if pixels.dtype.kind != "i":
        return pixels
    if pixels.min() < 0:
        raise CannotCompose(
            f"The frames have values down to {pixels.min()}; several frames of a capture hold none "
            "below 0. Add an offset, give them one by one, or compose a series.",
            tag=0x00280103,
            module="Image Pixel",
        )
    return pixels.astype(pixels.dtype.str.replace("i", "u"))


def _add_native(composition: Composition, pixels: NDArray[Any], multi_frame: bool) -> None:
    if multi_frame:
        pixels = _suited_to_frames(pixels)
    color = pixels.ndim == 4
    signed = pixels.dtype.kind == "i"
    bits = 1 if pixels.dtype.kind == "b" else 8 * pixels.dtype.itemsize
    if bits == 1 and not multi_frame:
        pixels, bits = pixels.astype(np.uint8) * 255, 8  # single bit is for multi-frame alone
    describe_pixels(
        composition,
        pixels.shape[1:3],
        samples=3 if color else 1,
        bits_allocated=bits,
        bits_stored=bits,
        signed=signed,
        photometric="RGB" if color else "MONOCHROME2",
    )
    frames = len(pixels)
    if multi_frame:
        composition.generate("NumberOfFrames", frames)
    data = (
        np.packbits(pixels, bitorder="little").tobytes()
        if bits == 1
        else np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    )
    composition.set_pixel_data(
        data + b"\0" * (len(data) % 2), ExplicitVRLittleEndian, vr="OW" if bits == 16 else "OB"
    )


def _add_jpeg(composition: Composition, streams: Sequence[EncodedJpeg], multi_frame: bool) -> None:
    first = streams[0]
    alike = {(one.rows, one.columns, one.samples, one.bits) for one in streams}
    if len(alike) > 1:
        raise CannotCompose(
            f"The JPEG pictures differ in size or type: {sorted(alike)}; frames are all alike.",
            tag=0x00280010,
            module="Image Pixel",
        )
    describe_pixels(
        composition,
        (first.rows, first.columns),
        samples=first.samples,
        bits_allocated=8 if first.bits == 8 else 16,
        bits_stored=first.bits,
        signed=False,
        photometric=first.photometric_interpretation,
    )
    if multi_frame:
        composition.generate("NumberOfFrames", len(streams))
    ratio = sum(one.compression_ratio for one in streams) / len(streams)
    mark_lossy(composition, ratio)
    extended = any(one.extended for one in streams)
    composition.set_pixel_data(
        encapsulate([one.stream for one in streams], has_bot=True),
        JPEGExtended12Bit if extended else JPEGBaseline8Bit,
        vr="OB",
    )


def mark_lossy(composition: Composition, ratio: float, method: str = "ISO_10918_1") -> None:
    """Say that the pixels have been through lossy compression (PS3.3 C.7.6.1.1.5)."""
    composition.generate("LossyImageCompression", "01", "the pixels came compressed with loss")
    composition.generate("LossyImageCompressionRatio", round(ratio, 2))
    composition.generate("LossyImageCompressionMethod", method)


def describe_pixels(
    composition: Composition,
    size: Sequence[int],
    *,
    samples: int,
    bits_allocated: int,
    bits_stored: int,
    signed: bool,
    photometric: str,
) -> None:
    """Add what the Image Pixel module says of the pixels (PS3.3 C.7.6.3.1)."""
    composition.generate("SamplesPerPixel", samples)
    composition.generate("PhotometricInterpretation", photometric)
    if samples > 1:
        composition.generate("PlanarConfiguration", 0)
    composition.generate("Rows", size[0])
    composition.generate("Columns", size[1])
    composition.generate("BitsAllocated", bits_allocated)
    composition.generate("BitsStored", bits_stored)
    composition.generate("HighBit", bits_stored - 1)
    composition.generate("PixelRepresentation", int(signed))
