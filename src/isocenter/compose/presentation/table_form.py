"""Lookup tables as JSON: for the modality, for windows, and for presentation (PS3.3 C.11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isocenter.pixels import LookupTable, Presentation, TabulatedModality

__all__ = ["modality_table", "presentation_table", "table"]

_MEMBERS = ("values", "first", "bits", "explanation")
_MOST_ENTRIES = 1 << 16
_MODALITY_BITS = (8, 16)


def table(where: str, given: Any) -> LookupTable:
    """Return the lookup table that a list of values, or an object of them, means.

    Parameters
    ----------
    where
        What the table is of, for messages.
    given
        `values`, whole numbers from 0; `first`, the input that the first of them is for, 0 by
        default; `bits` of a value, 8 to 16, 16 by default; `explanation`.

    Raises
    ------
    ValueError
        When it is none.
    """
    members = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else {"values": given})
    if unknown := [name for name in members if name not in _MEMBERS]:
        raise ValueError(
            f"{where}: there is no {unknown[0]!r}; expected some of {', '.join(_MEMBERS)}"
        )
    bits = _whole(f"{where}: bits", members.get("bits", 16), lambda n: 8 <= n <= 16, "8 to 16")
    first = _whole(
        f"{where}: first",
        members.get("first", 0),
        lambda n: -0x8000 <= n <= 0xFFFF,
        "-32768 to 65535",
    )
    explanation = members.get("explanation", "")
    if not isinstance(explanation, str) or len(explanation) > 64:
        raise ValueError(f"{where}: explanation: expected a text of at most 64 characters")
    return LookupTable(first, bits, _values(where, members.get("values"), bits), explanation)


def modality_table(given: Any) -> TabulatedModality:
    """Return the Modality LUT (PS3.3 C.11.1) of an object that may say its `units`, too."""
    named = isinstance(given, Mapping)
    members = dict(cast("Mapping[str, Any]", given)) if named else {"values": given}
    units = members.pop("units", "US")
    found = table("modality_table", members)
    if found.bits not in _MODALITY_BITS:
        raise ValueError("modality_table: bits: expected 8 or 16")
    if not isinstance(units, str) or not 0 < len(units) <= 16:
        raise ValueError("modality_table: units: expected a text of 1 to 16 characters")
    return TabulatedModality(found, units)


def presentation_table(given: Any) -> Presentation:
    """Return the Presentation LUT (PS3.3 C.11.4), whose first input is always 0."""
    found = table("presentation_table", given)
    if found.first != 0:
        raise ValueError("presentation_table: first: expected 0, since it begins with the lowest")
    return Presentation(table=found)


def _whole(where: str, value: Any, holds: Callable[[int], bool], expected: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not holds(value):
        raise ValueError(f"{where}: expected a whole number of {expected}")
    return value


def _values(where: str, given: Any, bits: int) -> NDArray[np.uint16]:
    most = (1 << bits) - 1
    many = cast("list[Any]", given) if isinstance(given, list) else []
    if not 0 < len(many) <= _MOST_ENTRIES:
        raise ValueError(f"{where}: values: expected a list of 1 to {_MOST_ENTRIES} numbers")
    for place, one in enumerate(many, 1):
        _whole(f"{where}: value {place}", one, lambda n: 0 <= n <= most, f"0 to {most}")
    return np.array(many, np.uint16)
