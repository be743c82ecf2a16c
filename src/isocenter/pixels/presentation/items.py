"""Value objects that are items of sequences: each field names its attribute and how it is spelled.

One declaration serves reading, writing and building from plain data:

>>> @dataclass(frozen=True)                                    # doctest: +SKIP
... class GraphicGroup(Item):
...     group_id: Annotated[int, Said("GraphicGroupID", INTEGER)]
"""

from __future__ import annotations

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

import numpy as np

from isocenter.dicom import dictionary
from isocenter.errors import InvalidAttribute
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
    "Item",
    "Many",
    "One",
    "Point",
    "Said",
    "Term",
    "built",
    "decimal",
    "read_item",
    "read_items",
    "spoken",
]

_format_as_ds: Any = vars(importlib.import_module("pydicom.valuerep"))["format_number_as_ds"]

Point = tuple[float, float]


class Kind(ABC):
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


@dataclass(frozen=True, slots=True)
class Said:
    """Which attribute a field is.

    Parameters
    ----------
    keyword
        Of the attribute.
    kind
        How it is spelled.
    beside
        A field of the same item without which this one is not written.
    """

    keyword: str
    kind: Kind
    beside: str = ""


class _Text(Kind):
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


class _Flag(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return {"Y": True, "N": False}.get(attributes.text(tag))

    def canonical(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise ValueError("expected true or false")
        return value

    def plain(self, value: Any) -> Any:
        return "Y" if value else "N"


class _Integer(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.integer(tag)

    def canonical(self, value: Any) -> Any:
        return _whole(value)


class _Integers(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return tuple(int(number) for number in attributes.numbers(tag)) or None

    def canonical(self, value: Any) -> Any:
        return tuple(_whole(one) for one in _several(value))

    def plain(self, value: Any) -> Any:
        return list(value) or None


class _Number(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.number(tag)

    def canonical(self, value: Any) -> Any:
        return _finite(value)


class _Single(_Number):
    """A number of 32 bits: what an element of VR FL keeps of it."""

    def canonical(self, value: Any) -> Any:
        return _single(value)


class _Singles(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.numbers(tag) or None

    def canonical(self, value: Any) -> Any:
        return tuple(_single(one) for one in _several(value))

    def plain(self, value: Any) -> Any:
        return list(value) or None


class _Decimals(_Singles):
    """Numbers as decimal strings of at most 16 characters keep them."""

    def canonical(self, value: Any) -> Any:
        return tuple(decimal(one) for one in _several(value))


class _Point(_Singles):
    def canonical(self, value: Any) -> Any:
        return _pair(value)


class _Points(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        numbers = attributes.numbers(tag)
        return tuple(zip(numbers[::2], numbers[1::2], strict=False)) or None

    def canonical(self, value: Any) -> Any:
        return tuple(_pair(one) for one in _several(value))

    def plain(self, value: Any) -> Any:
        return [number for point in value for number in point]


class _Colour(Kind):
    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        numbers = attributes.numbers(tag)
        return CIELab(*map(int, numbers)) if len(numbers) == 3 else None

    def canonical(self, value: Any) -> Any:
        if isinstance(value, str):
            return to_cielab(value)
        parts = [_whole(one) for one in _several(value)]
        if len(parts) != 3 or not all(0 <= part <= 0xFFFF for part in parts):
            raise ValueError("expected #rrggbb or three CIELab numbers from 0 to 65535")
        return CIELab(*parts)

    def plain(self, value: Any) -> Any:
        return list(value)


@dataclass(frozen=True, slots=True)
class Term(Kind):
    """One of some terms."""

    terms: type[StrEnum]

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return attributes.text(tag) or None

    def canonical(self, value: Any) -> Any:
        try:
            return self.terms(str(value).strip().upper())
        except ValueError:
            expected = ", ".join(self.terms)
            raise ValueError(f"{value!r} is none of {expected}") from None

    def plain(self, value: Any) -> Any:
        return str(value)


@dataclass(frozen=True, slots=True)
class One(Kind):
    """A sequence of one item."""

    item: type[Item]

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        first = attributes.item(tag)
        return None if first is None else read_item(self.item, first, problems)

    def canonical(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return built(self.item, cast("Mapping[str, Any]", value))
        if not isinstance(value, self.item):
            raise ValueError(f"expected a {self.item.__name__}")
        return value

    def plain(self, value: Any) -> Any:
        return [spoken(value)]


@dataclass(frozen=True, slots=True)
class Many(Kind):
    """A sequence of any number of items."""

    item: type[Item]

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        return read_items(self.item, attributes.items(tag), problems)

    def canonical(self, value: Any) -> Any:
        one = One(self.item)
        found: list[Any] = []
        for place, each in enumerate(_several(value), 1):
            try:
                found.append(one.canonical(each))
            except InvalidAttribute as problem:
                raise InvalidAttribute(f"{place}: {problem}", problem.tag) from None
            except ValueError as problem:
                raise ValueError(f"{place}: {problem}") from None
        return tuple(found)

    def plain(self, value: Any) -> Any:
        return [spoken(each) for each in value] or None


TEXT, LINES, FLAG = _Text(), _Lines(), _Flag()
INTEGER, INTEGERS, NUMBER = _Integer(), _Integers(), _Number()
SINGLE, SINGLES, DECIMALS = _Single(), _Singles(), _Decimals()
POINT, POINTS, COLOUR = _Point(), _Points(), _Colour()


def decimal(value: Any) -> float:
    """Return what a Decimal String of 16 characters keeps of a number (PS3.5 6.2, DS)."""
    return float(_format_as_ds(_finite(value)))


def _several(value: Any) -> Sequence[Any]:
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
    numbers = [_single(one) for one in _several(value)]
    if len(numbers) != 2:
        raise ValueError(f"expected two numbers, column and row; found {len(numbers)}")
    return numbers[0], numbers[1]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    tag: int
    said: Said
    required: bool
    optional: bool


@cache
def _fields(cls: type[Item]) -> tuple[_Field, ...]:
    hints = get_type_hints(cls, include_extras=True)
    found: list[_Field] = []
    for field in fields(cast("Any", cls)):
        for said in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(said, Said):
                tag = dictionary.tag(said.keyword)
                assert tag is not None, said.keyword
                required = field.default is MISSING and field.default_factory is MISSING
                optional = field.default is None
                found.append(_Field(field.name, tag, said, required, optional))
    return tuple(found)


@dataclass(frozen=True)
class Item:
    """An item of a sequence, or the part of a data set that belongs together.

    Raises
    ------
    InvalidAttribute
        When a value cannot be that of its attribute.
    """

    def __post_init__(self) -> None:
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value is None and field.optional:
                continue
            try:
                value = field.said.kind.canonical(value)
            except InvalidAttribute as problem:
                raise InvalidAttribute(f"{field.name} {problem}", problem.tag) from None
            except ValueError as problem:
                raise _invalid(field, str(problem)) from None
            object.__setattr__(self, field.name, value)
        self.check()

    def check(self) -> None:
        """Refuse values that do not go together."""

    def derived(self) -> dict[str, Any]:
        """Return the attributes that follow from the others, by keyword."""
        return {}


def _invalid(field: _Field, problem: str) -> InvalidAttribute:
    place = f"({field.tag >> 16:04X},{field.tag & 0xFFFF:04X})"
    return InvalidAttribute(f"{field.name}, {field.said.keyword} {place}: {problem}", field.tag)


AnItem = TypeVar("AnItem", bound=Item)
_Built = TypeVar("_Built")


def read_item(cls: type[AnItem], attributes: Attributes, problems: list[str]) -> AnItem:
    """Read one item.

    Parameters
    ----------
    cls
        What it is.
    attributes
        Where it stands.
    problems
        Gets a sentence for each item of its sequences that could not be read and is left out.

    Raises
    ------
    InvalidAttribute
        When an attribute that it cannot do without is missing, or a value is none.
    """
    found: dict[str, Any] = {}
    for field in _fields(cls):
        value = field.said.kind.read(attributes, field.tag, problems)
        if value is not None:
            found[field.name] = value
        elif field.required:
            raise _invalid(field, "missing or unreadable")
    return cls(**found)


def read_items(
    cls: type[AnItem], items: Sequence[Attributes], problems: list[str]
) -> tuple[AnItem, ...]:
    """Read the items of a sequence; see `read_item`."""
    found: list[AnItem] = []
    for item in items:
        try:
            found.append(read_item(cls, item, problems))
        except InvalidAttribute as problem:
            problems.append(str(problem))
    return tuple(found)


def spoken(item: Item) -> dict[str, Any]:
    """Return the attributes of an item by keyword; sequences as lists of such."""
    found = item.derived()
    for field in _fields(type(item)):
        value = getattr(item, field.name)
        if value is None or (field.said.beside and getattr(item, field.said.beside) is None):
            continue
        plain = field.said.kind.plain(value)
        if plain is not None:
            found[field.said.keyword] = plain
    return found


def built(cls: type[_Built], values: Mapping[str, Any]) -> _Built:
    """Build a value object from plain data, such as JSON has, by the names of its fields.

    Raises
    ------
    ValueError
        When there is no such field, or one is missing.
    InvalidAttribute
        When a value is none.
    """
    known = {field.name: field for field in fields(cast("Any", cls))}
    for name in values:
        if name not in known:
            raise ValueError(f"there is no {name!r}; expected some of {', '.join(known)}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{name!r} is missing")
    return cls(**values)
