"""Video: endoscopy, microscopy, photography, and captures of screens (PS3.3 A.32.5 to A.32.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydicom.encaps import encapsulate

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.captures.headers import add_header
from isocenter.compose.captures.image_pixel import (
    ANATOMIC_IMAGE,
    describe_pixels,
    general_image,
    mark_lossy,
    reference_sources,
    sc_equipment,
)
from isocenter.compose.captures.video_streams import VideoStream, read_video
from isocenter.compose.codes import Code, named_code
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.sources import SourceLike
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose

__all__ = ["film_in", "video"]

_FILMS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})
_REGIONS = (4, 4031)

_KINDS = {
    "photographic": ("1.2.840.10008.5.1.4.1.1.77.1.4.1", "XC"),
    "endoscopic": ("1.2.840.10008.5.1.4.1.1.77.1.1.1", "ES"),
    "microscopic": ("1.2.840.10008.5.1.4.1.1.77.1.2.1", "GM"),
    "capture": ("1.2.840.10008.5.1.4.1.1.7.4", "OT"),
}
_ENTIRE_BODY = Code("38266002", "SCT", "Entire body")


@checked
def video(
    file: str | Path,
    *,
    source: SourceLike | None = None,
    kind: str = "photographic",
    anatomic_region: str | Code | None = None,
    conversion_type: str = "WSD",
    burned_in_annotation: bool = False,
    series_description: str | None = None,
    series_number: int | None = None,
    series_of: SourceLike | None = None,
    instance_number: int | None = None,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a video as Video Photographic, Endoscopic or Microscopic image, or as a capture.

    Parameters
    ----------
    file
        Any video that PyAV reads; see `video_streams.read_video` for what is kept as it is.
    source
        What patient and study are inherited from; without it a new study begins.
    kind
        `photographic`, `endoscopic` or `microscopic`; or `capture`, of a screen, which makes a
        Multi-frame True Color Secondary Capture.
    anatomic_region
        What is shown, by its meaning in PS3.16 CID 4 or as a code; by default what the source
        says, else the entire body.
    conversion_type
        Conversion Type (0008,0064) of a capture.
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
    NotFound
        When the file does not exist.
    ConfigurationError
        When PyAV is not installed.
    CannotCompose
        When the file is no video, or no encoder is there for one that cannot be kept.

    References
    ----------
    PS3.3 A.32.5, A.32.6, A.32.7; PS3.5 8.2.5 to 8.2.10.
    """
    kind = kind.lower()
    if kind not in _KINDS:
        raise CannotCompose(f"There is no video of kind {kind!r}; expected {', '.join(_KINDS)}.")
    sop_class_uid, modality = _KINDS[kind]
    stream = read_video(file)
    composition = Composition(
        sop_class_uid,
        kind="video",
        sources=sources.load(source),
        template=template(template_file),
        overrides=overrides,
    )
    number = add_header(
        composition,
        modality,
        number=series_number,
        description=series_description,
        series_of=series_of,
        instance_number=instance_number,
    )
    general_image(composition, number, burned_in_annotation)
    reference_sources(composition, purpose=ANATOMIC_IMAGE)
    composition.generate("ImageType", ["ORIGINAL", "PRIMARY"])
    if kind == "capture":
        sc_equipment(composition, conversion_type)
    else:
        composition.generate("AcquisitionContextSequence", None, "Type 2")
        _anatomic_region(composition, anatomic_region)
    _add_stream(composition, stream)
    return composition.finish()


def film_in(content: object) -> Path | None:
    """Return the path if the content is the file of one video, told by its name."""
    if isinstance(content, Sequence) and not isinstance(content, str):
        many = cast("Sequence[object]", content)
        content = many[0] if len(many) == 1 else None
    if isinstance(content, str | Path) and Path(content).suffix.lower() in _FILMS:
        return Path(content)
    return None


def _anatomic_region(composition: Composition, region: str | Code | None) -> None:
    """Say what is shown: videos have to (Type 1C of the VL Image module, PS3.3 C.8.12.1)."""
    if region is not None:
        code = named_code(
            region, _REGIONS, what="anatomic region", tag=0x00082218, module="VL Image"
        )
        composition.give("AnatomicRegionSequence", [code.whole_item()])
        return
    composition.copy(("AnatomicRegionSequence",))
    if not composition.data_set.get("AnatomicRegionSequence"):
        composition.generate(
            "AnatomicRegionSequence", [_ENTIRE_BODY.item()], "no closer region is known"
        )
        if not composition.data_set.get("Laterality"):  # the whole is no paired part
            composition.remove("Laterality")


def _add_stream(composition: Composition, stream: VideoStream) -> None:
    """Add the Cine, Multi-frame and Image Pixel modules (PS3.3 C.7.6.5, C.7.6.6, C.7.6.3)."""
    composition.generate("FrameTime", float(1000 / stream.rate), "the rate of the video")
    composition.generate("CineRate", max(1, round(stream.rate)))
    composition.generate("NumberOfFrames", stream.frames)
    composition.generate("FrameIncrementPointer", 0x00181063, "Frame Time")
    describe_pixels(
        composition,
        (stream.rows, stream.columns),
        samples=3,
        bits_allocated=8,
        bits_stored=8,
        signed=False,
        photometric="YBR_PARTIAL_420",
    )
    mark_lossy(composition, stream.compression_ratio, stream.method)
    # The whole stream is one fragment, whatever its number of frames (PS3.5 A.4.1).
    composition.set_pixel_data(
        encapsulate([stream.stream], has_bot=False), stream.transfer_syntax_uid, vr="OB"
    )
