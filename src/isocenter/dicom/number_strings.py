"""Numbers written as text, as DICOM lets them be written (PS3.5 6.2: IS, DS), and no others.

Python's own `int` and `float` also take `1_0`, digits of any script, `nan` and `infinity`; a value
that one program reads as 10 and the next refuses is no value.
"""

import math
import re

__all__ = ["parse_decimal", "parse_integer"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PADDING = " \0"


def parse_integer(text: str) -> int:
    """Read an integer string; padding around it is passed over.

    Raises
    ------
    ValueError
        If it is anything but ASCII digits with a sign before them.

    Examples
    --------
    >>> parse_integer(" -12 ")
    -12
    >>> parse_integer("1_0")
    Traceback (most recent call last):
    ValueError: no integer: ASCII digits are expected, a sign may stand before them
    """
    text = text.strip(_PADDING)
    if not _INTEGER.fullmatch(text):
        raise ValueError("no integer: ASCII digits are expected, a sign may stand before them")
    return int(text)


def parse_decimal(text: str) -> float:
    """Read a decimal string, with or without exponent; padding around it is passed over.

    Raises
    ------
    ValueError
        If it is no such number, or one beyond what 64 bits hold.
    """
    text = text.strip(_PADDING)
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise ValueError("no decimal number: digits, point, sign and exponent are expected")
    return number
