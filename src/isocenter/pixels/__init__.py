"""Pixels: decode, transcode, look up, window, overlay and render frames.

Reading a frame takes a `PixelDescription`; showing it takes a `DisplayModel`:

>>> description = PixelDescription.from_header(header)          # doctest: +SKIP
>>> stored = decode_frame(data, description)                    # doctest: +SKIP
>>> frame = display_models(attributes, description)[0]          # doctest: +SKIP
>>> samples = displayed_samples(stored, description, frame.model.palette)  # doctest: +SKIP
>>> to_png(render_frame(samples, frame.model, window=frame.voi[0]))  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from .attributes import Attributes, DataSetAttributes, JsonAttributes
from .codestreams import CodestreamHeader, Coding, read_codestream_header
from .decode import decode_frame, decodes
from .description import MAX_FRAME_BYTES, PhotometricInterpretation, PixelDescription
from .display import DisplayResolver, display_models
from .display_model import DisplayedFrame, DisplayModel, Lossy, Presentation
from .geometry import PixelSpacing, cross
from .lookup_tables import LookupTable, Palette, read_lookup_table, read_palette
from .modality import ModalityTransform, Padding, RealWorldMapping, Rescale, TabulatedModality
from .overlays import OverlayPlane, embedded_overlay, overlay_bits, read_overlays
from .patient_orientation import PatientOrientation
from .pictures import to_gif, to_jpeg, to_png
from .render import render_frame
from .samples import display_format, displayed_samples, palette_of, stored_bounds
from .scaling import scaled
from .transcode import (
    can_transcode,
    encode_frame,
    encode_htj2k,
    encodes,
    transcode_frame,
    transcoded,
)
from .voi import VoiFunction, VoiTransform, Window, apply_voi, full_window

if TYPE_CHECKING:
    from .files import render_file

__all__ = [
    "MAX_FRAME_BYTES",
    "Attributes",
    "CodestreamHeader",
    "Coding",
    "DataSetAttributes",
    "DisplayModel",
    "DisplayResolver",
    "DisplayedFrame",
    "JsonAttributes",
    "LookupTable",
    "Lossy",
    "ModalityTransform",
    "OverlayPlane",
    "Padding",
    "Palette",
    "PatientOrientation",
    "PhotometricInterpretation",
    "PixelDescription",
    "PixelSpacing",
    "Presentation",
    "RealWorldMapping",
    "Rescale",
    "TabulatedModality",
    "VoiFunction",
    "VoiTransform",
    "Window",
    "apply_voi",
    "can_transcode",
    "cross",
    "decode_frame",
    "decodes",
    "display_format",
    "display_models",
    "displayed_samples",
    "embedded_overlay",
    "encode_frame",
    "encode_htj2k",
    "encodes",
    "full_window",
    "overlay_bits",
    "palette_of",
    "read_codestream_header",
    "read_lookup_table",
    "read_overlays",
    "read_palette",
    "render_file",
    "render_frame",
    "scaled",
    "stored_bounds",
    "to_gif",
    "to_jpeg",
    "to_png",
    "transcode_frame",
    "transcoded",
]


def __getattr__(name: str) -> Any:
    # Presentation states and their drawing are loaded when they are first asked for.
    if name != "render_file":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .files import render_file

    return render_file
