"""Frames from one transfer syntax to another."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from isocenter.dicom.frames import ComponentFrame
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.errors import PixelDataError, UnsupportedTransferSyntax

from .decode import decode_frame, decodes
from .description import PhotometricInterpretation, PixelDescription
from .native import Buffer, encode_native
from .rle import encode_rle

__all__ = ["encode_frame", "encode_htj2k", "encodes", "transcode_frame", "transcoded"]

_ROOT = "1.2.840.10008.1.2"
_NATIVE = {_ROOT, f"{_ROOT}.1", f"{_ROOT}.1.99"}
_JPEG_2000_FAMILY = {f"{_ROOT}.4.{n}" for n in (90, 91, 201, 202, 203)}
_SIXTEEN_BITS = {f"{_ROOT}.4.{n}" for n in (57, 70, 80, 110, 201, 202)}
"""Whose encoders, or decoders elsewhere, take cells of two bytes at most."""
_LEAST_BITS = 2
"""JPEG lossless knows no fewer, and OpenJPEG fails with one bit of noise."""
_JPEG_2000_BITS = 24
"""Bits Stored that OpenJPEG keeps, one less of colour; of more it loses some, and says nothing."""
_YBR = {
    PhotometricInterpretation.YBR_FULL,
    PhotometricInterpretation.YBR_FULL_422,
    PhotometricInterpretation.YBR_PARTIAL_422,
    PhotometricInterpretation.YBR_PARTIAL_420,
}


def encode_htj2k(samples: NDArray[Any], *, rpcl: bool = False) -> bytes:
    """Encode a frame losslessly as High-Throughput JPEG 2000 (ISO/IEC 15444-15).

    Parameters
    ----------
    samples
        `(rows, columns)` of 8 or 16 bits, signed or not, or `(rows, columns, 3)` unsigned RGB.
    rpcl
        Whether to add the tile-part lengths that HTJ2K with RPCL options asks for (PS3.5 A.4.12);
        the progression is resolution first either way.

    Returns
    -------
    bytes
        A codestream without a file format around it.

    Raises
    ------
    PixelDataError
        When the codec cannot hold the samples.
    """
    colour = samples.ndim == 3
    levels = _resolution_levels(samples.shape[:2]) if rpcl else None
    return _encoded(
        lambda: imagecodecs.htj2k_encode(
            samples, reversible=True, rgb=colour or None, tlm=rpcl or None, resolutions=levels
        ),
        "HTJ2K",
    )


def _resolution_levels(shape: tuple[int, ...]) -> int:
    """Count the halvings that bring a frame within 64 pixels."""
    levels, size = 0, max(shape)
    while size > 64:
        levels, size = levels + 1, (size + 1) // 2
    return max(levels, 1)


def _encoded(encode: Callable[[], bytes | bytearray], name: str) -> bytes:
    try:
        return bytes(encode())
    except Exception as error:  # every codec of imagecodecs has an exception class of its own
        raise PixelDataError(f"the frame cannot be encoded as {name}: {error}") from None


def _native(samples: NDArray[Any], description: PixelDescription) -> bytes:
    if description.bits_allocated == 1:
        return np.packbits(samples.reshape(-1), bitorder="little").tobytes()
    return encode_native(samples)


def _rle(samples: NDArray[Any], description: PixelDescription) -> bytes:
    return encode_rle(samples)


def _jpeg_lossless(samples: NDArray[Any], description: PixelDescription) -> bytes:
    unsigned = _unsigned(samples, description)
    space = "RGB" if samples.ndim == 3 else None  # keeps the components as they are
    return _encoded(
        lambda: imagecodecs.jpeg8_encode(
            unsigned,
            lossless=True,
            predictor=1,
            bitspersample=max(_LEAST_BITS, description.bits_stored),
            colorspace=space,
            outcolorspace=space,
        ),
        "JPEG lossless",
    )


def _jpeg_ls(samples: NDArray[Any], description: PixelDescription) -> bytes:
    unsigned = _unsigned(samples, description)
    room = _room_for_noise(unsigned)
    return _encoded(lambda: imagecodecs.jpegls_encode(unsigned, out=room), "JPEG-LS")


def _jpeg_2000(samples: NDArray[Any], description: PixelDescription) -> bytes:
    return _encoded(
        lambda: imagecodecs.jpeg2k_encode(
            samples,
            reversible=True,
            codecformat="j2k",
            bitspersample=max(_LEAST_BITS, description.bits_stored),
            mct=description.photometric_interpretation is PhotometricInterpretation.YBR_RCT,
            out=_room_for_noise(samples),
        ),
        "JPEG 2000",
    )


def _room_for_noise(samples: NDArray[Any]) -> int:
    """Bytes, amply: what these codecs take for themselves is too little for noise."""
    return 4096 + 2 * samples.nbytes


def _htj2k(samples: NDArray[Any], description: PixelDescription) -> bytes:
    return encode_htj2k(samples)


def _htj2k_rpcl(samples: NDArray[Any], description: PixelDescription) -> bytes:
    return encode_htj2k(samples, rpcl=True)


def _jpeg_xl(samples: NDArray[Any], description: PixelDescription) -> bytes:
    unsigned = _unsigned(samples, description)
    return _encoded(lambda: imagecodecs.jpegxl_encode(unsigned, lossless=True), "JPEG XL")


def _unsigned(samples: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Two's complement in Bits Stored bits, for codecs that know no sign."""
    if not description.signed:
        return samples
    dtype = np.dtype(f"u{samples.dtype.itemsize}")
    unsigned: NDArray[Any] = np.ascontiguousarray(samples).view(dtype)
    return unsigned & dtype.type((1 << description.bits_stored) - 1)


_ENCODERS: dict[str, Callable[[NDArray[Any], PixelDescription], bytes]] = {
    **dict.fromkeys(_NATIVE, _native),
    f"{_ROOT}.5": _rle,
    f"{_ROOT}.4.57": _jpeg_lossless,
    f"{_ROOT}.4.70": _jpeg_lossless,
    f"{_ROOT}.4.80": _jpeg_ls,
    f"{_ROOT}.4.90": _jpeg_2000,
    f"{_ROOT}.4.201": _htj2k,
    f"{_ROOT}.4.202": _htj2k_rpcl,
    f"{_ROOT}.4.110": _jpeg_xl,
}


def encodes(target: TransferSyntax) -> bool:
    """Tell whether frames can be encoded in a transfer syntax; all that can are lossless.

    Parameters
    ----------
    target
        The transfer syntax asked for.

    Returns
    -------
    bool
        Whatever the frames are; `can_transcode` looks at these, too.
    """
    return target.uid in _ENCODERS


def transcoded(description: PixelDescription, target: TransferSyntax) -> PixelDescription:
    """Describe what `transcode_frame` makes: what an object's attributes must say afterwards.

    Parameters
    ----------
    description
        The object as it is kept.
    target
        The transfer syntax asked for.

    Returns
    -------
    PixelDescription
        `description` itself when nothing changes; otherwise samples stand in the low bits of whole
        bytes, colour by pixel, YBR of lossy JPEG as RGB, and RGB in JPEG 2000 as YBR_RCT.
    """
    if target.uid == description.transfer_syntax.uid:
        return description
    photometric = description.photometric_interpretation
    if photometric in (PhotometricInterpretation.YBR_ICT, PhotometricInterpretation.YBR_RCT) or (
        photometric in _YBR and _becomes_rgb(description)
    ):
        photometric = PhotometricInterpretation.RGB
    elif photometric is PhotometricInterpretation.YBR_FULL_422:
        photometric = PhotometricInterpretation.YBR_FULL
    if photometric is PhotometricInterpretation.RGB and target.uid in _JPEG_2000_FAMILY:
        photometric = PhotometricInterpretation.YBR_RCT
    bits = description.bits_allocated
    return replace(
        description,
        transfer_syntax=target,
        photometric_interpretation=photometric,
        planar_configuration=0,
        bits_allocated=bits if bits == 1 else 8 * description.dtype.itemsize,
        high_bit=description.bits_stored - 1,
    )


def _becomes_rgb(description: PixelDescription) -> bool:
    """Tell whether YBR turns to RGB: it only served compression, or has no full-range form."""
    partial = description.photometric_interpretation in (
        PhotometricInterpretation.YBR_PARTIAL_422,
        PhotometricInterpretation.YBR_PARTIAL_420,
    )
    return partial or description.transfer_syntax.lossy


def encode_frame(
    samples: NDArray[Any], description: PixelDescription, target: TransferSyntax
) -> bytes:
    """Encode stored values losslessly.

    Parameters
    ----------
    samples
        As `decode_frame` gives them.
    description
        What describes the result, as `transcoded` gives it.
    target
        The transfer syntax to encode in.

    Returns
    -------
    bytes
        One frame, not padded to even length.

    Raises
    ------
    UnsupportedTransferSyntax
        When the target cannot be written, or not with such samples.
    PixelDataError
        When the codec fails.
    """
    if not encodes(target):
        raise UnsupportedTransferSyntax(f"frames cannot be encoded as {target.name} ({target.uid})")
    if kind := _without_encoding(description, target):
        raise UnsupportedTransferSyntax(f"{kind} frames have no encoding in {target.name}")
    return _ENCODERS[target.uid](samples, description)


def _without_encoding(description: PixelDescription, target: TransferSyntax) -> str:
    """Name what keeps frames from being encoded in a transfer syntax; empty where nothing does."""
    if not target.encapsulated:
        return ""
    if description.floating:
        return "floating-point"
    if description.bits_allocated == 1:
        return "1-bit"
    if target.uid in _SIXTEEN_BITS and description.dtype.itemsize > 2:
        return f"{8 * description.dtype.itemsize}-bit"
    most = _JPEG_2000_BITS - (description.samples_per_pixel > 1)
    if target.uid in _JPEG_2000_FAMILY and description.bits_stored > most:
        return f"{description.bits_stored}-bit"
    return ""


def transcode_frame(data: Buffer, description: PixelDescription, target: TransferSyntax) -> bytes:
    """Re-encode one frame in another transfer syntax, without loss beyond the source's own.

    Parameters
    ----------
    data
        The frame as it is kept.
    description
        What the object says of it.
    target
        The transfer syntax asked for.

    Returns
    -------
    bytes
        The frame; `transcoded(description, target)` describes it.

    Raises
    ------
    UnsupportedTransferSyntax
        When source or target cannot be handled.
    PixelDataError
        When the frame cannot be decoded or encoded.
    """
    if target.uid == description.transfer_syntax.uid:
        if isinstance(data, ComponentFrame):
            raise UnsupportedTransferSyntax(
                f"a frame that is one of {data.components} components of a codestream is not there "
                f"for itself in {target.name} ({target.uid}); ask for another transfer syntax"
            )
        return bytes(data)
    result = transcoded(description, target)
    rgb = result.photometric_interpretation in (
        PhotometricInterpretation.RGB,
        PhotometricInterpretation.YBR_RCT,
    )
    samples = decode_frame(data, description, rgb=rgb)
    return encode_frame(samples, result, target)


def can_transcode(description: PixelDescription, target: TransferSyntax) -> bool:
    """Tell whether `transcode_frame` will try.

    Parameters
    ----------
    description
        What the object says of its frames.
    target
        The transfer syntax asked for.

    Returns
    -------
    bool
        True for the source's own, too. A frame that is damaged may fail all the same.
    """
    if target.uid == description.transfer_syntax.uid:
        return True
    possible = decodes(description) and encodes(target)
    return possible and not _without_encoding(description, target)
