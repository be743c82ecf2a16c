"""Colours and grays of a presentation state: PCS-Values and P-Values (PS3.3 C.10.7.1.1)."""

import re
from typing import NamedTuple

import numpy as np

__all__ = ["CIELab", "gray_level", "to_cielab", "to_srgb"]


class CIELab(NamedTuple):
    """A colour in PCS-Values.

    Parameters
    ----------
    lightness
        0 to 65535 for L* from 0 to 100.
    a, b
        0 to 65535 for a* and b* from -128 to 127.
    """

    lightness: int
    a: int
    b: int


# Linear sRGB to XYZ, adapted to the white D50 of the profile connection space (ICC.1, IEC 61966).
_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169],
     [0.0139322, 0.0971045, 0.7141733]]
)  # fmt: skip
_WHITE = np.array([0.9642957, 1.0, 0.8251046])
_BEND = 6 / 29


def to_cielab(colour: str) -> CIELab:
    """Turn `#rrggbb` of sRGB into PCS-Values.

    Raises
    ------
    ValueError
        When the text is no such colour.
    """
    match = re.fullmatch(r"#([0-9A-Fa-f]{6})", colour.strip())
    if match is None:
        raise ValueError(f"{colour!r} is no colour; write #rrggbb, such as #ffff00")
    encoded = np.array(list(bytes.fromhex(match[1]))) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    ratios = _TO_XYZ @ linear / _WHITE
    x, y, z = np.where(ratios > _BEND**3, np.cbrt(ratios), ratios / (3 * _BEND**2) + 4 / 29)
    lab = (116 * y - 16) / 100, (500 * (x - y) + 128) / 255, (200 * (y - z) + 128) / 255
    return CIELab(*(round(min(max(float(part), 0.0), 1.0) * 0xFFFF) for part in lab))


def gray_level(p_value: int) -> int:
    """Return what a P-Value of 16 bits is on a display of 8."""
    return (min(max(p_value, 0), 0xFFFF) * 255 + 0x7FFF) // 0xFFFF


def to_srgb(colour: CIELab) -> tuple[int, int, int]:
    """Turn PCS-Values into the red, green and blue, 0 to 255, that are nearest in sRGB."""
    lightness, a, b = (part / 0xFFFF for part in colour)
    y = (lightness * 100 + 16) / 116
    bent = np.array([y + (a * 255 - 128) / 500, y, y - (b * 255 - 128) / 200])
    ratios = np.where(bent > _BEND, bent**3, 3 * _BEND**2 * (bent - 4 / 29))
    linear = np.clip(np.linalg.solve(_TO_XYZ, ratios * _WHITE), 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(part) * 255) for part in encoded)
    return red, green, blue
