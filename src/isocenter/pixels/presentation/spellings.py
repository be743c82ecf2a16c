"""How values of presentation states are spelled: texts, flags, numbers, points, colours, terms.

A spelling reads a value, brings it into the one form that equal values have, and says how an
element takes it.
"""

from __future__ import annotations

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from isocenter.pixels.attributes import Attributes
from isocenter.pixels.presentation.cielab import CIELab, to_cielab

__all__ = [
    "COLOUR",
    "DECIMALS",
    "FLAG",
    "INTEGER",
    "INTEGERS",
    "LINES",
    "NUMBER",
    "POINT",
    "POINTS",
    "SINGLE",
    "SINGLES",
    "TEXT",
    "Point",
    "Spelling",
    "Term",
    "decimal",
    "several",
]

_format_as_ds: Any = vars(importlib.import_module("pydicom.valuerep"))["format_number_as_ds"]

Point = tuple[float, float]


class Spelling(ABC):
    """How a value is spelled in an attribute."""

    @abstractmethod
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        """Return the value, or None where there is none; say what of it could not be read."""

    def canonical(self, value: Any) -> Any:
        """Return the value in the one form that equal values have; ValueError when it is none."""
        return value

    def plain(self, value: Any) -> Any:
        """Return the value as an element takes it."""
        return value


class _Text(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.text(tag) or None

    def canonical(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError("expected text")
        return value.strip(" \0")

    def plain(self, value: Any) -> Any:
        return value or None


class _Lines(_Text):
    """Text of several lines, which DICOM ends by CR LF."""

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.text(tag).replace("\r\n", "\n") or None

    def plain(self, value: Any) -> Any:
        return value.replace("\n", "\r\n") or None


class _Flag(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return {"Y": True, "N": False}.get(attributes.text(tag))

    def canonical(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise ValueError("expected true or false")
        return value

    def plain(self, value: Any) -> Any:
        return "Y" if value else "N"


class _Integer(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.integer(tag)

    def canonical(self, value: Any) -> Any:
        return _whole(value)


class _Integers(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return tuple(int(number) for number in attributes.numbers(tag)) or None

    def canonical(self, value: Any) -> Any:
        return tuple(_whole(one) for one in several(value))

    def plain(self, value: Any) -> Any:
        return list(value) or None


class _Number(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.number(tag)

    def canonical(self, value: Any) -> Any:
        return _finite(value)


class _Single(_Number):
    """A number of 32 bits: what an element of VR FL keeps of it."""

    def canonical(self, value: Any) -> Any:
        return _single(value)


class _Singles(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.numbers(tag) or None

    def canonical(self, value: Any) -> Any:
        return tuple(_single(one) for one in several(value))

    def plain(self, value: Any) -> Any:
        return list(value) or None


class _Decimals(_Singles):
    """Numbers as decimal strings of at most 16 characters keep them."""

    def canonical(self, value: Any) -> Any:
        return tuple(decimal(one) for one in several(value))


class _Point(_Singles):
    def canonical(self, value: Any) -> Any:
        return _pair(value)


class _Points(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        numbers = attributes.numbers(tag)
        return tuple(zip(numbers[::2], numbers[1::2], strict=False)) or None

    def canonical(self, value: Any) -> Any:
        return tuple(_pair(one) for one in several(value))

    def plain(self, value: Any) -> Any:
        return [number for point in value for number in point]


class _Colour(Spelling):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        numbers = attributes.numbers(tag)
        return CIELab(*map(int, numbers)) if len(numbers) == 3 else None

    def canonical(self, value: Any) -> Any:
        if isinstance(value, str):
            return to_cielab(value)
        parts = [_whole(one) for one in several(value)]
        if len(parts) != 3 or not all(0 <= part <= 0xFFFF for part in parts):
            raise ValueError("expected #rrggbb or three CIELab numbers from 0 to 65535")
        return CIELab(*parts)

    def plain(self, value: Any) -> Any:
        return list(value)


@dataclass(frozen=True, slots=True)
class Term(Spelling):
    """One of some terms."""

    terms: type[StrEnum]

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        """Return the text; whether it is a term, `canonical` says."""
        return attributes.text(tag) or None

    def canonical(self, value: Any) -> Any:
        """Return the term, however it is capitalised."""
        try:
            return self.terms(str(value).strip().upper())
        except ValueError:
            expected = ", ".join(self.terms)
            raise ValueError(f"{value!r} is none of {expected}") from None

    def plain(self, value: Any) -> Any:
        """Return the term as text."""
        return str(value)


TEXT, LINES, FLAG = _Text(), _Lines(), _Flag()
INTEGER, INTEGERS, NUMBER = _Integer(), _Integers(), _Number()
SINGLE, SINGLES, DECIMALS = _Single(), _Singles(), _Decimals()
POINT, POINTS, COLOUR = _Point(), _Points(), _Colour()


def decimal(value: Any) -> float:
    """Return what a Decimal String of 16 characters keeps of a number (PS3.5 6.2, DS)."""
    return float(_format_as_ds(_finite(value)))


def several(value: Any) -> Sequence[Any]:
    """Return the members of a list; ValueError when it is none."""
    if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
        raise ValueError("expected a list")
    return list(value)


def _finite(value: Any) -> float:
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise ValueError("expected a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _single(value: Any) -> float:
    number = _finite(value)
    if abs(number) > 3.4e38:
        raise ValueError(f"{number} does not fit a floating point number of 32 bits")
    return float(np.float32(number))


def _whole(value: Any) -> int:
    number = _finite(value)
    if not number.is_integer():
        raise ValueError(f"{number} is no whole number")
    return int(number)


def _pair(value: Any) -> Point:
    numbers = [_single(one) for one in several(value)]
    if len(numbers) != 2:
        raise ValueError(f"expected two numbers, column and row; found {len(numbers)}")
    return numbers[0], numbers[1]
