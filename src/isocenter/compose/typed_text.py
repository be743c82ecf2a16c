"""Values as people type them: numbers in words of the keyboard, several parted by backslashes."""

from __future__ import annotations

from typing import Any

from isocenter.compose import values
from isocenter.dicom.number_strings import parse_decimal, parse_integer

__all__ = ["cannot_be_typed", "is_number", "typed"]

_INTEGERS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_REALS = frozenset({"FD", "FL"})
_BINARY = (_INTEGERS | _REALS) - {"IS"}
_LONG_TEXT = frozenset({"LT", "ST", "UR", "UT"})
_NOT_TYPED = frozenset({"AT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN"})


def cannot_be_typed(vr: str) -> bool:
    """Tell whether values of a VR are items or bytes, which have no text."""
    return vr in _NOT_TYPED


def is_number(vr: str) -> bool:
    """Tell whether values of a VR are stored as binary numbers."""
    return vr in _BINARY


def typed(vr: str, text: str) -> Any:
    r"""Return what somebody typed, as its VR wants it.

    Parameters
    ----------
    vr
        The value representation.
    text
        The value, several parted by `\`; empty for none.

    Raises
    ------
    ValueError
        When it is no value of that representation.
    """
    if not text:
        return ""
    if vr in _NOT_TYPED:
        raise ValueError(f"values of VR {vr} have no text")
    parts = [text] if vr in _LONG_TEXT else text.split("\\")
    if vr in _INTEGERS:
        return _one_or_all(list(map(parse_integer, parts)))
    if vr in _REALS:
        return _one_or_all(list(map(parse_decimal, parts)))
    if vr == "DS":
        return _one_or_all([str(values.decimal(parse_decimal(part))) for part in parts])
    return _one_or_all(parts)


def _one_or_all(many: list[Any]) -> Any:
    return many[0] if len(many) == 1 else many
