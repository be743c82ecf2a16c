"""Values by which images are sorted, as numbers: decimals, binary numbers, dates and times."""

from __future__ import annotations

import datetime
import math
import struct

from isocenter.dicom import dictionary
from isocenter.dicom.number_strings import parse_decimal

__all__ = ["number_of", "unit_of"]

_BINARY = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q"}
_UNITS = {
    "EchoTime": "ms",
    "EffectiveEchoTime": "ms",
    "RepetitionTime": "ms",
    "InversionTime": "ms",
    "InversionTimes": "ms",
    "TriggerTime": "ms",
    "NominalCardiacTriggerDelayTime": "ms",
    "FrameReferenceTime": "ms",
    "TemporalPositionTimeOffset": "s",
    "FlipAngle": "deg",
    "DiffusionBValue": "s/mm2",
    "SliceLocation": "mm",
    "KVP": "kV",
}


def unit_of(keyword: str) -> str:
    """Return the unit in which `number_of` counts an attribute; empty for plain numbers."""
    vr = dictionary.vr(dictionary.tag(keyword) or 0)
    return "s" if vr in ("TM", "DT", "DA") else _UNITS.get(keyword, "")


def number_of(tag: int, raw: bytes | None, *, little_endian: bool = True) -> float | None:
    """Return the first value of an attribute as a number.

    Parameters
    ----------
    tag
        `0xGGGGEEEE`.
    raw
        Its value field; None where the attribute is absent.
    little_endian
        Byte order of binary values.

    Returns
    -------
    float or None
        Seconds since midnight for TM, since the year 1 for DA and DT; None where there is no finite
        number.
    """
    if not raw:
        return None
    vr = (dictionary.vr(tag) or "UN").split(" or ")[0]
    try:
        if code := _BINARY.get(vr):
            order = "<" if little_endian else ">"
            number = float(struct.unpack_from(order + code, raw)[0])
        else:
            text = raw.decode("latin-1").split("\\")[0].strip(" \0")
            number = _seconds(vr, text) if vr in ("TM", "DA", "DT") else parse_decimal(text)
    except (ValueError, struct.error, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _seconds(vr: str, text: str) -> float:
    if vr == "TM":
        return _of_day(text.replace(":", ""))
    text = text.replace(".", "", 2) if vr == "DA" else text
    day = datetime.date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))
    return day.toordinal() * 86400.0 + _of_day(text[8:].split("+")[0].split("-")[0])


def _of_day(text: str) -> float:
    hours, minutes, seconds = (float(part or 0) for part in (text[:2], text[2:4], text[4:]))
    return hours * 3600 + minutes * 60 + seconds
