"""Visible light images: photographs, endoscopy, microscopy (PS3.3 A.32.1, A.32.2, A.32.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from isocenter.compose import sources
from isocenter.compose.argument_types import check_positive, checked
from isocenter.compose.captures import images
from isocenter.compose.captures.headers import add_header
from isocenter.compose.captures.image_pixel import (
    ANATOMIC_IMAGE,
    add_pixels,
    general_image,
    reference_sources,
)
from isocenter.compose.captures.images import ImageLike, Picture
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.sources import SourceLike
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose

__all__ = ["VisibleLight", "photograph"]


class VisibleLight(Enum):
    """What took the picture: name, SOP Class and Modality (0008,0060)."""

    PHOTOGRAPHIC = ("photographic", "1.2.840.10008.5.1.4.1.1.77.1.4", "XC")
    ENDOSCOPIC = ("endoscopic", "1.2.840.10008.5.1.4.1.1.77.1.1", "ES")
    MICROSCOPIC = ("microscopic", "1.2.840.10008.5.1.4.1.1.77.1.2", "GM")

    @property
    def sop_class_uid(self) -> str:
        """The SOP Class of one picture."""
        return self.value[1]

    @property
    def modality(self) -> str:
        """Modality (0008,0060), which the IOD fixes."""
        return self.value[2]

    @classmethod
    def of(cls, kind: VisibleLight | str) -> VisibleLight:
        """Return the kind of that name.

        Raises
        ------
        CannotCompose
            When there is none.
        """
        if isinstance(kind, VisibleLight):
            return kind
        for one in cls:
            if one.value[0] == kind.lower():
                return one
        names = ", ".join(one.value[0] for one in cls)
        raise CannotCompose(f"There is no visible light image of kind {kind!r}; expected {names}.")


@checked
def photograph(
    image: ImageLike,
    *,
    source: SourceLike | None = None,
    kind: VisibleLight | str = VisibleLight.PHOTOGRAPHIC,
    pixel_spacing: tuple[float, float] | None = None,
    burned_in_annotation: bool = False,
    series_description: str | None = None,
    series_number: int | None = None,
    series_of: SourceLike | None = None,
    instance_number: int | None = None,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a VL Photographic, Endoscopic or Microscopic image.

    Parameters
    ----------
    image
        Pixels of shape (rows, columns) or (rows, columns, 3), 8 bit unsigned; or a JPEG, PNG, TIFF
        or BMP file. A baseline JPEG is kept as it is.
    source
        What patient and study are inherited from; without it a new study begins.
    kind
        `photographic`, `endoscopic` or `microscopic`.
    pixel_spacing
        Distance of pixel centres in mm, between rows and between columns, when it is known.
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
        The object; `save` writes it.

    Raises
    ------
    CannotCompose
        When there are several frames, or pixels of other than 8 bits.

    References
    ----------
    PS3.3 A.32.1, A.32.2, A.32.4, C.8.12.1.
    """
    what = VisibleLight.of(kind)
    picture = images.read(image)
    _check(picture)
    composition = Composition(
        what.sop_class_uid,
        kind="photograph",
        sources=sources.load(source),
        template=template(template_file),
        overrides=overrides,
    )
    number = add_header(
        composition,
        what.modality,
        number=series_number,
        description=series_description,
        series_of=series_of,
        instance_number=instance_number,
    )
    general_image(composition, number, burned_in_annotation)
    reference_sources(composition, purpose=ANATOMIC_IMAGE)
    composition.generate("ImageType", ["ORIGINAL", "PRIMARY"])
    composition.generate("AcquisitionContextSequence", None, "Type 2")
    if pixel_spacing is not None:
        check_positive("pixel_spacing", pixel_spacing, 0x00280030)
        composition.give("PixelSpacing", list(pixel_spacing))
    composition.generate("LossyImageCompression", "00")
    add_pixels(composition, [picture])
    return composition.finish()


def _check(picture: Picture) -> None:
    pixels, stream = picture.pixels, picture.jpeg
    frames = 1 if pixels is None else len(pixels)
    bits = 8 * pixels.dtype.itemsize if pixels is not None else stream.bits if stream else 8
    if frames != 1:
        raise CannotCompose(
            f"There are {frames} frames; a visible light image has one. Compose one object for "
            "each, or a video.",
            tag=0x00280008,
            module="VL Image",
        )
    if bits != 8 or (pixels is not None and pixels.dtype.kind == "i"):
        raise CannotCompose(
            f"The pixels are of {bits} bits or have a sign; a visible light image has 8 bits "
            "without one. Scale them first.",
            tag=0x00280100,
            module="VL Image",
        )
