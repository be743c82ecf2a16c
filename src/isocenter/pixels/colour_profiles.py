"""ICC profiles of RGB colour spaces, pictures converted from one to another, and files with one.

A profile made here is the smallest kind of ICC.1: a matrix and a tone curve, displayed on D50.
"""

import importlib
import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import InvalidAttribute

__all__ = ["ColourSpace", "converted", "read_profile", "rgb_profile", "with_profile"]

Picture = NDArray[np.uint8]
Chromaticity = tuple[float, float]

_cms: Any = importlib.import_module("PIL.ImageCms")  # its types are only partly known
_image: Any = importlib.import_module("PIL.Image")

_D65: Final = (0.3127, 0.3290)
_D50: Final = (0.3457, 0.3585)
_CONNECTION_WHITE: Final = (0.9642, 1.0, 0.8249)  # D50, as ICC.1 7.2.16 rounds it
_BRADFORD: Final = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_ICC_PROFILE: Final = 0x00282000
_LONGEST_SEGMENT: Final = 0xFFFF - 2 - len(b"ICC_PROFILE\0") - 2


@dataclass(frozen=True, slots=True)
class _Colorimetry:
    """What defines an RGB colour space.

    Parameters
    ----------
    primaries
        Chromaticities of red, green and blue.
    white
        Chromaticity of the white point.
    curve
        Parameters of the decoding function: g, or g, a, b, c, d of `(aX+b)**g` from X = d on and
        `cX` below it (ICC.1 10.18).
    """

    primaries: tuple[Chromaticity, Chromaticity, Chromaticity]
    white: Chromaticity
    curve: tuple[float, ...]


_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


class ColourSpace(Enum):
    """An RGB colour space, by the name in its profile.

    References
    ----------
    IEC 61966-2-1, Adobe RGB (1998), ISO 22028-2, SMPTE EG 432-1
    """

    SRGB = "sRGB"
    ADOBE_RGB = "Adobe RGB (1998) compatible"
    ROMM_RGB = "ROMM RGB"
    DISPLAY_P3 = "Display P3"


_COLORIMETRY: Final = {
    ColourSpace.SRGB: _Colorimetry(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), _D65, _SRGB_CURVE),
    ColourSpace.ADOBE_RGB: _Colorimetry(
        ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), _D65, (563 / 256,)
    ),
    ColourSpace.ROMM_RGB: _Colorimetry(
        ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), _D50, (1.8, 1, 0, 1 / 16, 1 / 32)
    ),
    ColourSpace.DISPLAY_P3: _Colorimetry(
        ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), _D65, _SRGB_CURVE
    ),
}


@lru_cache(maxsize=len(ColourSpace))
def rgb_profile(space: ColourSpace) -> bytes:
    """Make the ICC profile of a colour space.

    Parameters
    ----------
    space
        The colour space.

    Returns
    -------
    bytes
        A display profile of version 4, the same each time.

    References
    ----------
    ICC.1:2010 8.3.3
    """
    defined = _COLORIMETRY[space]
    adaptation = _adaptation(_xyz(defined.white))
    columns = adaptation @ _rgb_to_xyz(defined)
    curve = _curve(defined.curve)
    return _assembled(
        {
            b"desc": _localized(space.value),
            b"cprt": _localized("No copyright, use freely"),
            b"wtpt": _points(_CONNECTION_WHITE),
            b"chad": b"sf32\0\0\0\0" + _fixed(adaptation.ravel()),
            b"rXYZ": _points(columns[:, 0]),
            b"gXYZ": _points(columns[:, 1]),
            b"bXYZ": _points(columns[:, 2]),
            b"rTRC": curve,
            b"gTRC": curve,
            b"bTRC": curve,
        }
    )


def _xyz(chromaticity: Chromaticity) -> NDArray[np.float64]:
    x, y = chromaticity
    return np.array([x / y, 1, (1 - x - y) / y])


def _rgb_to_xyz(defined: _Colorimetry) -> NDArray[np.float64]:
    primaries = np.stack([_xyz(one) for one in defined.primaries], axis=1)
    return primaries * np.linalg.solve(primaries, _xyz(defined.white))


def _adaptation(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what takes colours seen under a white to the white of the connection space."""
    scale = (_BRADFORD @ _CONNECTION_WHITE) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD


def _fixed(numbers: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _points(xyz: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(xyz)


def _curve(parameters: tuple[float, ...]) -> bytes:
    kind = 0 if len(parameters) == 1 else 3
    return b"para\0\0\0\0" + struct.pack(">H2x", kind) + _fixed(parameters)


def _localized(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return (
        b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
    )


def _assembled(elements: dict[bytes, bytes]) -> bytes:
    """Put header, table and elements together; equal elements are written once."""
    offset = 128 + 4 + 12 * len(elements)
    places: dict[bytes, int] = {}
    content = b""
    for element in elements.values():
        if element not in places:
            places[element] = offset + len(content)
            content += element + bytes(-len(element) % 4)
    table = struct.pack(">I", len(elements)) + b"".join(
        name + struct.pack(">II", places[element], len(element))
        for name, element in elements.items()
    )
    header = struct.pack(
        ">I4xI4s4s4s6H4s28x12s48x",
        offset + len(content),
        0x04200000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        *(2020, 1, 1, 0, 0, 0),
        b"acsp",
        _fixed(_CONNECTION_WHITE),
    )
    return header + table + content


def converted(picture: Picture, profile: bytes, to: bytes) -> Picture:
    """Convert a picture from one RGB colour space to another.

    Parameters
    ----------
    picture
        `(rows, columns, 3)`.
    profile
        ICC profile of the space that its values are in.
    to
        ICC profile of the space that they shall be in.

    Returns
    -------
    ndarray
        `(rows, columns, 3)`; colours that the space lacks become the nearest ones of it.

    Raises
    ------
    InvalidAttribute
        A profile is none, or none of RGB.
    """
    if profile == to:
        return picture
    source, target = read_profile(profile), read_profile(to)
    try:
        transformed = _cms.profileToProfile(
            _image.fromarray(np.ascontiguousarray(picture)),
            source,
            target,
            renderingIntent=_cms.Intent.RELATIVE_COLORIMETRIC,
        )
    except _cms.PyCMSError as error:
        raise _unusable(str(error)) from error
    return np.array(transformed)


def read_profile(profile: bytes) -> Any:
    """Read an ICC profile.

    Returns
    -------
    PIL.ImageCms.ImageCmsProfile
        Of an RGB colour space.

    Raises
    ------
    InvalidAttribute
        It is no profile, or none of RGB.
    """
    try:
        found = _cms.ImageCmsProfile(io.BytesIO(profile))
        space = found.profile.xcolor_space.strip()
    except (OSError, UnicodeDecodeError, _cms.PyCMSError) as error:
        raise _unusable("no profile can be read in it") from error
    if space != "RGB":
        raise _unusable(f"it is a profile of {space}")
    return found


def _unusable(found: str) -> InvalidAttribute:
    return InvalidAttribute(
        f"(0028,2000) ICCProfile: {found}; expected an ICC profile of RGB", _ICC_PROFILE
    )


def with_profile(file: bytes, profile: bytes) -> bytes:
    """Put an ICC profile into a picture's file.

    Parameters
    ----------
    file
        A PNG or JPEG file without one.
    profile
        The profile.

    References
    ----------
    PNG 11.3.2.3, ICC.1:2010 B.4
    """
    if file.startswith(b"\x89PNG"):
        end = 8 + 25  # behind IHDR
        return file[:end] + _png_chunk(profile) + file[end:]
    end = 2 + (2 + int.from_bytes(file[4:6]) if file[2:4] == b"\xff\xe0" else 0)  # behind JFIF's
    return file[:end] + _jpeg_segments(profile) + file[end:]


def _png_chunk(profile: bytes) -> bytes:
    content = b"iCCP" + b"ICC profile\0\0" + zlib.compress(profile)
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _jpeg_segments(profile: bytes) -> bytes:
    pieces = [
        profile[start : start + _LONGEST_SEGMENT]
        for start in range(0, len(profile), _LONGEST_SEGMENT)
    ]
    if len(pieces) > 255:
        raise _unusable(f"it has {len(profile)} bytes, more than a JPEG file takes")
    return b"".join(
        b"\xff\xe2"
        + struct.pack(">H", 2 + 12 + 2 + len(piece))
        + b"ICC_PROFILE\0"
        + bytes((number, len(pieces)))
        + piece
        for number, piece in enumerate(pieces, start=1)
    )
