"""Pictures as they come: numpy arrays, PNG, TIFF, BMP, and JPEG whose stream is kept as it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.captures.jpeg_streams import EncodedJpeg, JpegHeader, read_jpeg_header
from isocenter.compose.captures.losses import JPEG, Loss, loss_of
from isocenter.compose.reading import no_file
from isocenter.errors import CannotCompose

__all__ = ["ImageLike", "Picture", "decoded", "read", "read_all", "read_values"]

_codecs: Any = importlib.import_module("imagecodecs")  # only partly typed

ImageLike: TypeAlias = NDArray[Any] | str | Path | bytes
"""An array (rows, columns), (rows, columns, 3) or with frames in front; or a picture file."""

MAXIMUM_PIXELS = 1 << 28
"""Larger pictures are refused before they are decoded."""

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 0x0102, 0x0106, 0x0153  # TIFF 6.0
_WHITE_IS_ZERO, _SIGNED = 0, 2
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TURNED_TWICE = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}
_STEPS = {"L;2": 0x55, "L;4": 0x11}


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture holds: pixels, or a JPEG stream to keep.

    Parameters
    ----------
    pixels
        (frames, rows, columns) or (frames, rows, columns, 3); None where `jpeg` is kept.
    jpeg
        The stream to keep; None where pixels are decoded.
    loss
        The lossy compression that the pixels have been through; None for none.
    """

    pixels: NDArray[Any] | None = None
    jpeg: EncodedJpeg | None = None
    loss: Loss | None = None


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
    return _checked(_decoded(content, name))


def read_values(path: Path) -> Picture:
    """Read the pages of a picture file as measured values, which may be real or negative.

    Returns
    -------
    Picture
        With pixels of shape (pages, rows, columns) or (pages, rows, columns, 3), of the type that
        the file has.

    Raises
    ------
    NotFound, CannotCompose
        As `read` does, but for the type of gray values.
    """
    return _decoded(_content(path), str(path), _values)


def decoded(jpeg: EncodedJpeg) -> NDArray[Any]:
    """Return the pixels of a kept JPEG stream as (1, rows, columns[, 3])."""
    if jpeg.bits > 8:
        return _deep_jpeg(jpeg.stream, "the JPEG")
    pixels = _decoded(jpeg.stream, "the JPEG").pixels
    assert pixels is not None
    return pixels


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise no_file(path, "picture")
    return path.read_bytes()


def _with_frames(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that somebody gave with its frames in front."""
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
    _check_type(array)
    if array.ndim != (4 if color else 3) or 0 in array.shape:
        raise CannotCompose(
            f"The pixels have the shape {array.shape}; expected (rows, columns) or "
            "(rows, columns, 3), with frames in front if there are several.",
            tag=0x00280010,
            module="Image Pixel",
        )
    _check_size(array)
    return array


def _checked(picture: Picture) -> Picture:
    assert picture.pixels is not None
    _check_type(picture.pixels)
    _check_size(picture.pixels)
    return picture


def _check_type(array: NDArray[Any]) -> None:
    if array.dtype.kind not in "uib" or array.dtype.itemsize > 2:
        raise CannotCompose(
            f"The pixels are {array.dtype}; expected bool, or integers of 8 or 16 bit. Scale and "
            "cast "
            "them first, or compose a parametric map for real numbers.",
            tag=0x00280100,
            module="Image Pixel",
        )


def _check_size(array: NDArray[Any]) -> None:
    if max(array.shape[1:3]) > 0xFFFF:
        raise CannotCompose(
            f"The pixels have {array.shape[1]} rows and {array.shape[2]} columns; at most 65535 "
            "fit.",
            tag=0x00280010,
            module="Image Pixel",
        )


def _decoded(
    content: bytes, name: str, frame: Callable[[Any, str], NDArray[Any]] | None = None
) -> Picture:
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
            losses: list[Loss] = []
            for index in range(getattr(picture, "n_frames", 1)):
                picture.seek(index)
                _turn_once(picture)
                made = _deep_jpeg_2000(picture, content, name)
                frames.append((frame or _frame)(picture, name) if made is None else made)
                if (loss := loss_of(picture, content, frames[-1].nbytes)) is not None:
                    losses.append(loss)
    except UnidentifiedImageError as error:
        raise CannotCompose(f"{name} is no readable picture; {_what_instead(content)}.") from error
    except Image.DecompressionBombError as error:
        raise CannotCompose(f"{name} has more pixels than are read; scale it down.") from error
    except (OSError, SyntaxError) as error:
        said = str(error).rstrip(".")
        raise CannotCompose(
            f"{name} begins as a picture and cannot be decoded: broken off after {len(content)} "
            f"bytes, damaged, or of a rare kind ({said}); give the whole file, or save it anew as "
            "JPEG, PNG, TIFF or BMP."
        ) from error
    if len({one.shape for one in frames}) > 1:
        raise CannotCompose(f"{name} has pages of different sizes; give them one by one.")
    return Picture(np.stack(frames), loss=_of_all(losses))


def _of_all(losses: Sequence[Loss]) -> Loss | None:
    """Return what holds for all frames: the first method, the mean ratio."""
    if not losses:
        return None
    return Loss(losses[0].method, sum(one.ratio for one in losses) / len(losses))


def _turn_once(picture: Any) -> None:
    """Tell Pillow the order of bytes in what libtiff decodes, which is this machine's already."""
    if picture.format == "TIFF":
        picture.tile = [
            one._replace(args=(_TURNED_TWICE.get(one.args[0], one.args[0]), *one.args[1:]))
            if one.codec_name == "libtiff"
            else one
            for one in picture.tile
        ]


def _what_instead(content: bytes) -> str:
    """Return what a file that is not read is, and what to do."""
    if not content:
        return "it is empty: give a JPEG, PNG, TIFF or BMP"
    if content[:4] not in _TIFF:
        return "give a JPEG, PNG, TIFF or BMP"
    from PIL import TiffImagePlugin

    plugin: Any = TiffImagePlugin
    try:
        tags = plugin.ImageFileDirectory_v2(content[: 16 if b"+" in content[2:4] else 8])
        stream = BytesIO(content)
        stream.seek(tags.next)
        tags.load(stream)
        bits, kind = tags.get(_BITS, (1,)), tags.get(_SAMPLE_FORMAT, (1,))[0]
        compression, photometric = tags.get(0x0103, 1), tags[_PHOTOMETRIC]
        said = f"{len(bits)} sample(s) a pixel of {bits[0]} bits, "
        said += {1: "unsigned", 2: "signed", 3: "floating-point"}.get(kind, f"format {kind}")
        said += f", compression {compression}, photometric {photometric}"
    except Exception:  # a damaged directory may be anything
        return "its directory is damaged: give another TIFF"
    return f"it is a TIFF of {said}: save it as gray or RGB of 8 or 16 bits, black is zero"


def _values(picture: Any, name: str) -> NDArray[Any]:
    from PIL import ImageOps

    if picture.mode == "F" or picture.mode.startswith("I"):
        white_is_zero = _white_is_zero(picture)
        unsigned = picture.format == "TIFF" and picture.mode == "I" and not _is_signed(picture)
        found = np.asarray(ImageOps.exif_transpose(picture))
        found = found.view(np.uint32) if unsigned else found
        return _from_white(found, picture) if white_is_zero else found
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
    white_is_zero, signed = _white_is_zero(picture), _is_signed(picture)
    step = _STEPS.get(_raw_mode(picture), 1)
    upright = ImageOps.exif_transpose(picture)
    _refuse_opacity(upright, name, step)
    if upright.mode == "L" and signed:
        return np.asarray(upright).view(np.int8)
    if upright.mode in ("1", "L", "RGB"):
        return np.asarray(upright)
    if upright.mode.startswith("I"):
        gray = _sixteen_bit(np.asarray(upright), name, signed=signed)
        return _from_white(gray, picture) if white_is_zero else gray
    if upright.mode in ("P", "PA", "RGBA", "LA", "YCbCr", "LAB", "HSV"):
        return np.asarray(upright.convert("RGB"))
    raise CannotCompose(
        f"{name} has pixels of type {upright.mode!r}; expected grayscale or RGB of 8 or 16 bit.",
        tag=0x00280004,
        module="Image Pixel",
    )


def _raw_mode(picture: Any) -> str:
    """Return how Pillow calls the samples in the file."""
    args: Any = picture.tile[0].args if picture.tile else ""
    return str(args if isinstance(args, str) else (*args, "")[0])


def _refuse_cut_samples(picture: Any, name: str) -> None:
    """Refuse colours of 16 bits a sample, of which the reader of pictures keeps 8."""
    raw = _raw_mode(picture)
    cut = ";16" in raw and not raw.startswith("BGR")  # BMP's 16 bits are those of a whole pixel
    if picture.format == "TIFF":
        cut = max(picture.tag_v2.get(_BITS, (1,))) > 8
    if cut and picture.mode in ("RGB", "RGBA", "RGBX", "LA"):
        raise CannotCompose(
            f"{name} has colours of 16 bits a sample, and would lose half of them; scale it to 8 "
            "bits, or give its pixels as an array.",
            tag=0x00280100,
            module="Image Pixel",
        )


def _refuse_opacity(picture: Any, name: str, step: int) -> None:
    """Refuse what shows through; that all is opaque is no loss.

    `step` is from one level of gray to the next: transparency is said in levels of the file.
    """
    if not picture.has_transparency_data:
        return
    transparent = picture.info.get("transparency")
    if picture.mode.startswith("I") or (step > 1 and isinstance(transparent, int)):
        opaque = not np.any(np.asarray(picture) == transparent * step)
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
    return tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _from_white(array: NDArray[Any], picture: Any) -> NDArray[Any]:
    """Return whole numbers counted from black; real ones are values, whatever looks white."""
    if array.dtype.kind == "f":
        return array
    return (1 << int(picture.tag_v2.get(_BITS, (16,))[0])) - 1 - array


def _is_signed(picture: Any) -> bool:
    tags = getattr(picture, "tag_v2", {})
    return tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED


def _sixteen_bit(array: NDArray[Any], name: str, *, signed: bool) -> NDArray[Any]:
    limits = np.iinfo(np.int16 if signed else np.uint16)
    if array.min() < limits.min or array.max() > limits.max:
        raise CannotCompose(
            f"{name} has values from {array.min()} to {array.max()}; at most 16 bit fit.",
            tag=0x00280100,
            module="Image Pixel",
        )
    return array.astype(limits.dtype)


def _deep_jpeg_2000(picture: Any, content: bytes, name: str) -> NDArray[Any] | None:
    """Decode what the reader of pictures would scale to 8 or 16 bits; None for other pictures."""
    if picture.format != "JPEG2000":
        return None
    start = content.find(b"\xff\x4f\xff\x51")  # SOC, SIZ
    if start < 0 or content[start + 42] == 7:  # Ssiz: 8 bits, unsigned
        return None
    found = _decoded_by(_codecs.jpeg2k_decode, content, f"{name} is no readable JPEG 2000")
    if found.ndim == 3 and found.dtype.itemsize > 1:
        raise CannotCompose(
            f"{name} has colours of more than 8 bits a sample; scale it to 8 bits, or give its "
            "pixels as an array.",
            tag=0x00280100,
            module="Image Pixel",
        )
    return found


def _jpeg(content: bytes, name: str) -> Picture:
    header = read_jpeg_header(content, name)
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
        return _decoded_jpeg(content, name, header)
    jpeg = EncodedJpeg(
        stream=content,
        rows=header.rows,
        columns=header.columns,
        samples=header.samples,
        bits=header.bits,
        extended=header.process == 0xC1,
        photometric_interpretation=header.photometric_interpretation,
    )
    return Picture(jpeg=jpeg, loss=Loss(JPEG, jpeg.compression_ratio))


def _decoded_jpeg(content: bytes, name: str, header: JpegHeader) -> Picture:
    if header.bits > 8 and header.rotated:
        raise CannotCompose(
            f"{name} is a JPEG of {header.bits} bits that is to be turned (EXIF); turn it first.",
            tag=0x00280101,
            module="Image Pixel",
        )
    pixels = _deep_jpeg(content, name) if header.bits > 8 else _decoded(content, name).pixels
    picture = _checked(Picture(pixels))
    assert picture.pixels is not None
    if header.lossless:
        return picture
    return replace(picture, loss=Loss(JPEG, picture.pixels.nbytes / len(content)))


def _deep_jpeg(content: bytes, name: str) -> NDArray[Any]:
    """Decode more than 8 bits a sample."""
    return _decoded_by(_codecs.jpeg8_decode, content, f"{name} is no readable JPEG")[np.newaxis]


def _decoded_by(decode: Callable[[bytes], Any], content: bytes, fault: str) -> NDArray[Any]:
    try:
        return np.asarray(decode(content))
    except Exception as error:  # each codec has an exception class of its own
        raise CannotCompose(f"{fault}, damaged or cut off: {error}. Give a whole file.") from error
