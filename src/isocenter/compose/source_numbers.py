"""Numbers that a source says of itself: one where there is one, or an error that names it."""

from __future__ import annotations

import math
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from isocenter.compose import values
from isocenter.errors import CannotCompose

__all__ = ["decimal_number", "image_size", "number_of_frames", "whole_number_of"]

_ELSE = "give a source that says it rightly"


def number_of_frames(data_set: Dataset) -> int:
    """Return Number of Frames (0028,0008), 1 where it is not said.

    Raises
    ------
    CannotCompose
        When it is not one whole number from 1.
    """
    return whole_number_of(data_set, "NumberOfFrames", otherwise=1, least=1)


def image_size(data_set: Dataset) -> tuple[int, int]:
    """Return Rows (0028,0010) and Columns (0028,0011).

    Raises
    ------
    CannotCompose
        When one is missing, or not one whole number from 1.
    """
    return whole_number_of(data_set, "Rows", least=1), whole_number_of(data_set, "Columns", least=1)


def whole_number_of(
    data_set: Dataset, keyword: str, *, otherwise: int | None = None, least: int = 0
) -> int:
    """Return the whole number that an object says of itself.

    Parameters
    ----------
    data_set
        The object, or an item of it.
    keyword
        The attribute, of one value.
    otherwise
        What holds where there is no value; None where there must be one.
    least
        The smallest number that it may be.

    Raises
    ------
    CannotCompose
        When it has no value and must have one, several, or one that is no such number.
    """
    expected = f"one whole number from {least}"
    value = _one(data_set, keyword, expected, otherwise)
    try:
        found = int(value)
        if found >= least and found == float(value):
            return found
    except (TypeError, ValueError, OverflowError):  # text, or bytes of a length that none has
        pass
    raise _refused(data_set, keyword, "another value", expected)


def decimal_number(data_set: Dataset, keyword: str, *, otherwise: float | None = None) -> float:
    """Return the number, whole or not, that an object says of itself; see `whole_number_of`."""
    expected = "one finite number"
    value = _one(data_set, keyword, expected, otherwise)
    try:
        found = float(value)
        if math.isfinite(found):
            return found
    except (TypeError, ValueError):
        pass
    raise _refused(data_set, keyword, "another value", expected)


def _one(data_set: Dataset, keyword: str, expected: str, otherwise: float | None) -> Any:
    """Return the only value of an attribute; `otherwise` where it has none."""
    value: Any = data_set.get(keyword)
    if isinstance(value, MultiValue | list):
        count = len(cast("list[Any]", value))
        raise _refused(data_set, keyword, f"{count} values", expected)
    if value not in (None, "", b""):
        return value
    if otherwise is None:
        raise _refused(data_set, keyword, "no value", expected)
    return otherwise


def _refused(data_set: Dataset, keyword: str, found: str, expected: str) -> CannotCompose:
    tag = values.tag_of(keyword)
    name = str(data_set.get("SOPInstanceUID") or "an item")
    return CannotCompose(
        f"{values.described(tag)} of {name}: found {found}; expected {expected}; {_ELSE}.", tag=tag
    )
