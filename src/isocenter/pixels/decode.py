"""Frames to arrays, whatever their transfer syntax (PS3.5 annex A)."""

import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from isocenter.dicom.frames import ComponentFrame
from isocenter.errors import PixelDataError, UnsupportedTransferSyntax

from .codestreams import (
    CodestreamHeader,
    Coding,
    check_codestream,
    check_components,
    read_codestream_header,
)
from .colour import to_rgb
from .decoded_collections import DecodedCollections
from .description import MAX_FRAME_BYTES, PhotometricInterpretation, PixelDescription
from .jpeg_2000 import decode_components
from .jpeg_scans import check_decoded, read_scans
from .native import Buffer, decode_native
from .rle import decode_rle

__all__ = ["decode_frame", "decodes"]

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
DEFLATED_IMAGE_FRAME = "1.2.840.10008.1.2.8.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


_REFERENCED = {f"1.2.840.10008.1.2.4.{n}" for n in (94, 95, 204, 205)}
_HIERARCHICAL = {f"1.2.840.10008.1.2.4.{n}" for n in (59, 60, 61, 62, 63, 64, 65, 66)}


def decodes(description: PixelDescription) -> bool:
    """Whether `decode_frame` knows the transfer syntax of a description.

    Parameters
    ----------
    description
        What the object says of its frames.

    Returns
    -------
    bool
        False for video, hierarchical JPEG and pixels that are only referenced (JPIP).
    """
    syntax = description.transfer_syntax
    if not syntax.encapsulated:
        return syntax.uid not in _REFERENCED
    return not syntax.video and syntax.uid not in _HIERARCHICAL


def decode_frame(
    data: Buffer,
    description: PixelDescription,
    *,
    rgb: bool = True,
    limit: int = MAX_FRAME_BYTES,
) -> NDArray[Any]:
    """Decode one frame to stored values.

    Parameters
    ----------
    data
        The frame's bytes; for encapsulated syntaxes its fragments joined. Of a `ComponentFrame`
        all components are decoded, and the last ones kept for who asks for the others.
    description
        What the object says of its pixel data.
    rgb
        Whether YBR samples become RGB; otherwise they stay as encoded, chroma upsampled.
        Palette indices stay indices either way.
    limit
        Largest decoded frame, or all that one codestream holds, in bytes.

    Returns
    -------
    ndarray
        `(rows, columns)` or `(rows, columns, 3)` of `description.dtype`, unused bits cleared and
        the sign extended; may be a read-only view of `data`.

    Raises
    ------
    PixelDataError
        When data and description disagree, the frame is truncated or cannot be decoded.
    UnsupportedTransferSyntax
        When the transfer syntax is video or otherwise no still image that can be decoded.
    """
    description.check_memory(limit)
    if not decodes(description):
        raise UnsupportedTransferSyntax(
            f"{description.transfer_syntax.name} ({description.transfer_syntax.uid}) holds no "
            "still frames that can be decoded here"
        )
    if isinstance(data, ComponentFrame):
        return _decode_component(data, description, limit)
    uid = description.transfer_syntax.uid
    if uid == RLE_LOSSLESS:
        samples = decode_rle(data, description)
    elif uid == DEFLATED_IMAGE_FRAME:
        samples = decode_native(_inflate(data, description), description)
    elif uid == ENCAPSULATED_UNCOMPRESSED or not description.transfer_syntax.encapsulated:
        samples = decode_native(data, description)
    else:
        return _decode_codestream(bytes(data), description, rgb)
    return to_rgb(samples, description.photometric_interpretation) if rgb else samples


def _inflate(data: Buffer, description: PixelDescription) -> bytes:
    """Inflate a frame (PS3.5 A.4.13), never to more than it may be."""
    size = (description.frame_bits + 7) // 8
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, size + 2)
    except zlib.error as error:
        raise PixelDataError(f"the deflated frame cannot be inflated: {error}") from None
    if len(inflated) > size + 1 or (len(inflated) >= size and not inflater.eof):
        raise PixelDataError(
            f"the deflated frame does not end behind its {size} bytes (Rows (0028,0010), Columns "
            "(0028,0011), Bits Allocated (0028,0100)): it is damaged, or another frame's"
        )
    return inflated


_COLLECTIONS = DecodedCollections(256 << 20)


def _decode_component(
    frame: ComponentFrame, description: PixelDescription, limit: int
) -> NDArray[Any]:
    """Decode a frame that is a component of a codestream (PS3.5 A.4.4)."""
    header = read_codestream_header(frame)
    check_codestream(header, description, frame.components)
    check_components(frame, header)
    size = frame.components * description.decoded_bytes
    if size > limit:
        raise PixelDataError(
            f"the {frame.components} frames of one {header.coding} codestream take {size} bytes, "
            f"more than the limit of {limit}"
        )

    def decode() -> NDArray[Any]:
        shape = (description.rows, description.columns, frame.components)
        samples = _decoded(frame, header, False, shape[: 2 + (frame.components > 1)])
        samples = _fit(samples, header, description).reshape(shape)
        return np.ascontiguousarray(np.moveaxis(samples, -1, 0))

    return _COLLECTIONS.get(frame, description, decode)[frame.component].copy()


def _decode_codestream(data: bytes, description: PixelDescription, rgb: bool) -> NDArray[Any]:
    header = read_codestream_header(data)
    check_codestream(header, description)
    ybr = _holds_ybr(header, description)
    shape = (description.rows, description.columns, 3)[: 2 + (description.samples_per_pixel > 1)]
    samples = _fit(_decoded(data, header, ybr and rgb, shape), header, description)
    converted = header.coding is Coding.JPEG  # libjpeg converts on the way
    if ybr and rgb and not converted:
        return to_rgb(samples, description.photometric_interpretation)
    return samples


def _decoded(
    data: bytes, header: CodestreamHeader, to_rgb: bool, shape: tuple[int, ...]
) -> NDArray[Any]:
    try:
        samples = _CODECS[header.coding](data, header, to_rgb)
    except PixelDataError:
        raise
    except Exception as error:  # every codec of imagecodecs has an exception class of its own
        raise PixelDataError(f"the {header.coding} frame cannot be decoded: {error}") from None
    if samples.shape != shape:
        raise PixelDataError(
            f"the {header.coding} frame decodes to {samples.shape}, the description says {shape}"
        )
    return samples


def _holds_ybr(header: CodestreamHeader, description: PixelDescription) -> bool:
    """Whether the decoded components are YCbCr: the codestream is believed before the attribute."""
    if description.samples_per_pixel != 3:
        return False
    if header.coding in (Coding.JPEG, Coding.JPEG_LOSSLESS):
        if header.adobe_transform is not None:
            return header.adobe_transform == 1
        if header.component_ids in ((82, 71, 66), (114, 103, 98)):  # "RGB", "rgb"
            return False
        if header.jfif:
            return True
    return description.photometric_interpretation in (
        PhotometricInterpretation.YBR_FULL,
        PhotometricInterpretation.YBR_FULL_422,
        PhotometricInterpretation.YBR_PARTIAL_422,
        PhotometricInterpretation.YBR_PARTIAL_420,
    )


def _jpeg(data: bytes, header: CodestreamHeader, to_rgb: bool) -> NDArray[Any]:
    scans = read_scans(data)
    lossless = header.coding is Coding.JPEG_LOSSLESS  # of which libjpeg converts no colours
    # "RGB" to "RGB" leaves components as they are.
    source = "YCBCR" if to_rgb and not lossless else "RGB"

    def decode(coded: bytes) -> NDArray[Any]:
        if header.components == 1:
            return imagecodecs.jpeg8_decode(coded)
        return imagecodecs.jpeg8_decode(coded, colorspace=source, outcolorspace="RGB")

    samples = decode(data)
    check_decoded(data, header, scans, samples, decode)
    return samples


def _jpeg_ls(data: bytes, header: CodestreamHeader, to_rgb: bool) -> NDArray[Any]:
    _check_end(data, header)
    return imagecodecs.jpegls_decode(data)


def _check_end(data: bytes, header: CodestreamHeader) -> None:
    """Refuse a truncated frame: CharLS would look for its end for long.

    The marker cannot occur within coded samples.
    """
    if data.rfind(b"\xff\xd9") < 0:
        raise PixelDataError(f"the {header.coding} frame is truncated: it has no end marker")


def _jpeg_2000(data: bytes, header: CodestreamHeader, to_rgb: bool) -> NDArray[Any]:
    components = decode_components(data, header)
    return components[..., 0] if components.shape[2] == 1 else components


def _jpeg_xl(data: bytes, header: CodestreamHeader, to_rgb: bool) -> NDArray[Any]:
    return imagecodecs.jpegxl_decode(data)


_CODECS: dict[Coding, Callable[[bytes, CodestreamHeader, bool], NDArray[Any]]] = {
    Coding.JPEG: _jpeg,
    Coding.JPEG_LOSSLESS: _jpeg,
    Coding.JPEG_LS: _jpeg_ls,
    Coding.JPEG_2000: _jpeg_2000,
    Coding.HTJ2K: _jpeg_2000,
    Coding.JPEG_XL: _jpeg_xl,
}


def _fit(
    samples: NDArray[Any], header: CodestreamHeader, description: PixelDescription
) -> NDArray[Any]:
    """Bring what a codec gives to the type and sign that the description promises."""
    if header.coding in (Coding.JPEG_2000, Coding.HTJ2K):
        if header.signed == description.signed:
            return samples.astype(description.dtype, copy=False)
        width = header.precision  # the writer mixed up signedness: its bits are still right
    elif header.coding in (Coding.JPEG_LS, Coding.JPEG_XL) and not description.signed:
        return samples.astype(description.dtype, copy=False)
    else:  # these codings know no sign
        width = min(header.precision or description.bits_stored, description.bits_stored)
    return _reinterpret(samples, width, description)


def _reinterpret(samples: NDArray[Any], width: int, description: PixelDescription) -> NDArray[Any]:
    """Take the low `width` bits as the description's kind of integer."""
    dtype = description.dtype
    unsigned = samples.astype(np.dtype(f"u{dtype.itemsize}"), copy=False)
    cells: NDArray[Any] = unsigned.view(dtype)
    left = 8 * dtype.itemsize - width
    if not left:
        return cells
    return (cells << left) >> left
