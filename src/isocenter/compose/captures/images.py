"""Pictures as they come: numpy arrays, PNG, TIFF, BMP, and JPEG whose stream is kept as it is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import CannotCompose, NotFound

__all__ = ["EncodedJpeg", "ImageLike", "Picture", "decoded", "read", "read_all", "read_values"]

ImageLike: TypeAlias = "NDArray[Any] | str | Path | bytes"
"""An array (rows, columns), (rows, columns, 3) or with frames in front; or a picture file."""

MAXIMUM_PIXELS = 1 << 28
"""Larger pictures are refused before they are decoded."""

_ROTATION_TAG = 0x0112  # EXIF Orientation
_PHOTOMETRIC_TAG = 0x0106  # TIFF 6.0, PhotometricInterpretation
_WHITE_IS_ZERO = 0


@dataclass(frozen=True, slots=True)
class EncodedJpeg:
    """A baseline or extended JPEG stream that goes into the object unchanged.

    Parameters
    ----------
    stream
        The whole JPEG stream.
    rows, columns
        Size in pixels.
    samples
        1 or 3.
    bits
        Bits a sample: 8 or 12.
    extended
        Whether the stream is extended sequential (process 2 and 4) rather than baseline.
    photometric_interpretation
        As PS3.5 8.2.1 has it for this stream.
    """

    stream: bytes
    rows: int
    columns: int
    samples: int
    bits: int
    extended: bool
    photometric_interpretation: str

    @property
    def compression_ratio(self) -> float:
        """Uncompressed size over compressed size (Lossy Image Compression Ratio)."""
        return self.rows * self.columns * self.samples / len(self.stream)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture holds: pixels, or a JPEG stream to keep.

    Parameters
    ----------
    pixels
        (frames, rows, columns) or (frames, rows, columns, 3); None where `jpeg` is kept.
    jpeg
        The stream to keep; None where pixels are decoded.
    was_lossy
        Whether the pixels have been through lossy compression.
    """

    pixels: NDArray[Any] | None = None
    jpeg: EncodedJpeg | None = None
    was_lossy: bool = False


def read_all(images: ImageLike | Sequence[ImageLike]) -> list[Picture]:
    """Read one image or several; see `read`."""
    if isinstance(images, np.ndarray | str | Path | bytes):
        return [read(images)]
    return [read(image) for image in images]


def read(image: ImageLike) -> Picture:
    """Read a picture.

    Parameters
    ----------
    image
        An array of shape (rows, columns), (rows, columns, 3), (frames, rows, columns) or
        (frames, rows, columns, 3), unsigned or signed integer up to 16 bit, or bool; or the path
        or the bytes of a JPEG, PNG, TIFF or BMP file.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the picture is empty, too large, of a colour model or type that DICOM cannot hold, or
        no picture.
    """
    if isinstance(image, np.ndarray):
        return Picture(_with_frames(image))
    name = "the given bytes" if isinstance(image, bytes) else str(image)
    content = image if isinstance(image, bytes) else _content(Path(image))
    if content[:3] == b"\xff\xd8\xff":
        return _jpeg(content, name)
    return Picture(_with_frames(_decoded(content, name)))


def read_values(path: Path) -> NDArray[Any]:
    """Read the pages of a picture file as measured values, which may be real or negative.

    Returns
    -------
    numpy.ndarray
        (pages, rows, columns) or (pages, rows, columns, 3), of the type that the file has.

    Raises
    ------
    NotFound, CannotCompose
        As `read` does, but for the type of gray values.
    """
    return _decoded(_content(path), str(path), _values)


def decoded(jpeg: EncodedJpeg) -> NDArray[Any]:
    """Return the pixels of a kept JPEG stream as (1, rows, columns[, 3])."""
    return _with_frames(_decoded(jpeg.stream, "the JPEG"))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise NotFound(f"There is no file {path}; check the path of the picture.")
    return path.read_bytes()


def _with_frames(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "uib" or array.dtype.itemsize > 2:
        raise CannotCompose(
            f"The pixels are {array.dtype}; expected bool, or integers of 8 or 16 bit. Scale and "
            "cast "
            "them first, or compose a parametric map for real numbers.",
            tag=0x00280100,
            module="Image Pixel",
        )
    color = array.ndim >= 3 and array.shape[-1] == 3
    if array.ndim == 3 and array.dtype == np.uint8 and array.shape[2] == 4 < min(array.shape[:2]):
        raise CannotCompose(
            f"The pixels have the shape {array.shape}, which looks like red, green, blue and "
            "opacity; DICOM has no opacity: give the first three.",
            tag=0x00280002,
            module="Image Pixel",
        )
    if array.ndim == (3 if color else 2):
        array = array[np.newaxis]
    if array.ndim != (4 if color else 3) or 0 in array.shape:
        raise CannotCompose(
            f"The pixels have the shape {array.shape}; expected (rows, columns) or "
            "(rows, columns, 3), with frames in front if there are several.",
            tag=0x00280010,
            module="Image Pixel",
        )
    if max(array.shape[1:3]) > 0xFFFF:
        raise CannotCompose(
            f"The pixels have {array.shape[1]} rows and {array.shape[2]} columns; at most 65535 "
            "fit.",
            tag=0x00280010,
            module="Image Pixel",
        )
    return array


def _decoded(
    content: bytes, name: str, frame: Callable[[Any, str], NDArray[Any]] | None = None
) -> NDArray[Any]:
    """Return the pages of a picture, each as `frame` gives it: by itself as SC holds it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > MAXIMUM_PIXELS:
                raise CannotCompose(
                    f"{name} has {picture.width} x {picture.height} pixels, more than "
                    f"{MAXIMUM_PIXELS}; scale it down."
                )
            frames: list[NDArray[Any]] = []
            for index in range(getattr(picture, "n_frames", 1)):
                picture.seek(index)
                frames.append((frame or _frame)(picture, name))
    except UnidentifiedImageError as error:
        raise CannotCompose(
            f"{name} is no readable picture; give a JPEG, PNG, TIFF or BMP."
        ) from error
    except Image.DecompressionBombError as error:
        raise CannotCompose(f"{name} has more pixels than are read; scale it down.") from error
    except (OSError, SyntaxError) as error:
        raise CannotCompose(
            f"{name} is no readable JPEG, PNG, TIFF or BMP picture: {error}."
        ) from error
    if len({one.shape for one in frames}) > 1:
        raise CannotCompose(f"{name} has pages of different sizes; give them one by one.")
    return np.stack(frames)


def _values(picture: Any, name: str) -> NDArray[Any]:
    from PIL import ImageOps

    if picture.mode == "F" or picture.mode.startswith("I"):
        return np.asarray(ImageOps.exif_transpose(picture))
    return _frame(picture, name)


def _frame(picture: Any, name: str) -> NDArray[Any]:
    from PIL import ImageOps

    if picture.mode == "CMYK":
        raise CannotCompose(
            f"{name} is in CMYK, which DICOM no longer has; convert it to RGB with its colour "
            "profile.",
            tag=0x00280004,
            module="Image Pixel",
        )
    _refuse_cut_samples(picture, name)
    white_is_zero = _white_is_zero(picture)
    upright = ImageOps.exif_transpose(picture)
    _refuse_opacity(upright, name)
    if upright.mode in ("1", "L", "RGB"):
        return np.asarray(upright)
    if upright.mode.startswith("I"):
        gray = _sixteen_bit(np.asarray(upright), name)
        return 0xFFFF - gray if white_is_zero else gray
    if upright.mode in ("P", "PA", "RGBA", "LA", "YCbCr", "LAB", "HSV"):
        return np.asarray(upright.convert("RGB"))
    raise CannotCompose(
        f"{name} has pixels of type {upright.mode!r}; expected grayscale or RGB of 8 or 16 bit.",
        tag=0x00280004,
        module="Image Pixel",
    )


def _refuse_cut_samples(picture: Any, name: str) -> None:
    """Refuse colours of 16 bits a sample, of which the reader of pictures keeps 8."""
    cut = picture.mode in ("RGB", "RGBA", "RGBX", "LA")
    if cut and any(";16" in str(tile) for tile in picture.tile):
        raise CannotCompose(
            f"{name} has colours of 16 bits a sample, and would lose half of them; scale it to 8 "
            "bits, or give its pixels as an array.",
            tag=0x00280100,
            module="Image Pixel",
        )


def _refuse_opacity(picture: Any, name: str) -> None:
    """Refuse what shows through; that all is opaque is no loss."""
    if not picture.has_transparency_data:
        return
    if picture.mode.startswith("I"):
        opaque = not np.any(np.asarray(picture) == picture.info["transparency"])
    else:
        opaque = picture.convert("RGBA").getchannel("A").getextrema()[0] == 0xFF
    if not opaque:
        raise CannotCompose(
            f"{name} has opacity, which DICOM has not; lay it over a background first.",
            tag=0x00280002,
            module="Image Pixel",
        )


def _white_is_zero(picture: Any) -> bool:
    """Whether a TIFF counts from white; in up to 8 bits the reader has turned it already."""
    tags = getattr(picture, "tag_v2", {})
    return tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO


def _sixteen_bit(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.min() < 0 or array.max() > 0xFFFF:
        raise CannotCompose(
            f"{name} has values from {array.min()} to {array.max()}; at most 16 bit fit.",
            tag=0x00280100,
            module="Image Pixel",
        )
    return array.astype(np.uint16)


def _jpeg(content: bytes, name: str) -> Picture:
    header = _jpeg_header(content, name)
    if header.samples == 4:
        raise CannotCompose(
            f"{name} is a JPEG in CMYK, which DICOM no longer has; convert it to RGB with its "
            "colour "
            "profile.",
            tag=0x00280004,
            module="Image Pixel",
        )
    if header.rotated or header.process not in (0xC0, 0xC1):
        # A turned picture cannot keep its stream, and progressive has no transfer syntax left.
        return Picture(_with_frames(_decoded(content, name)), was_lossy=True)
    return Picture(
        jpeg=EncodedJpeg(
            stream=content,
            rows=header.rows,
            columns=header.columns,
            samples=header.samples,
            bits=header.bits,
            extended=header.process == 0xC1,
            photometric_interpretation=header.photometric_interpretation,
        ),
        was_lossy=True,
    )


@dataclass(frozen=True, slots=True)
class _JpegHeader:
    process: int
    bits: int
    rows: int
    columns: int
    samples: int
    adobe_transform: int | None
    rotated: bool

    @property
    def photometric_interpretation(self) -> str:
        if self.samples == 1:
            return "MONOCHROME2"
        return "RGB" if self.adobe_transform == 0 else "YBR_FULL_422"


def _jpeg_header(content: bytes, name: str) -> _JpegHeader:
    """Read the markers up to the frame header (ISO/IEC 10918-1 B.2.2)."""
    adobe: int | None = None
    rotated = False
    position = 2
    while position + 4 <= len(content):
        marker, length = content[position + 1], _u16(content, position + 2)
        body = content[position + 4 : position + 2 + length]
        if content[position] != 0xFF or length < 2:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if len(body) < 6:
                break
            bits, rows, columns, samples = struct.unpack_from(">BHHB", body)
            if content.rfind(b"\xff\xd9", position) < 0:
                raise CannotCompose(
                    f"{name} is a JPEG that breaks off before its end; give the whole file.",
                    tag=0x7FE00010,
                    module="Image Pixel",
                )
            return _JpegHeader(marker, bits, rows, columns, samples, adobe, rotated)
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        if marker == 0xE1 and body[:6] == b"Exif\0\0":
            rotated = _exif_orientation(body[6:]) not in (0, 1)
        position += 2 + length
    raise CannotCompose(f"{name} is a JPEG that breaks off before its frame header.")


def _exif_orientation(tiff: bytes) -> int:
    """Return the orientation of an EXIF block (TIFF 6.0 layout), 0 when it says none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 0
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    if directory + 2 > len(tiff):
        return 0
    (count,) = struct.unpack_from(order + "H", tiff, directory)
    for index in range(min(count, (len(tiff) - directory - 2) // 12)):
        tag, _kind, _n, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + 12 * index)
        if tag == _ROTATION_TAG:
            return value
    return 0


def _u16(content: bytes, offset: int) -> int:
    return content[offset] << 8 | content[offset + 1]
