"""Value objects that are items of sequences: each field names its attribute and how it is spelled.

One declaration serves reading, writing and building from plain data:

>>> @dataclass(frozen=True)                                    # doctest: +SKIP
... class GraphicGroup(Item):
...     group_id: Annotated[int, Said("GraphicGroupID", INTEGER)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from isocenter.dicom import dictionary
from isocenter.errors import InvalidAttribute
from isocenter.pixels.attributes import Attributes
from isocenter.pixels.presentation.spellings import Spelling, several

__all__ = [
    "AnItem",
    "Item",
    "Many",
    "One",
    "Said",
    "built",
    "read_item",
    "read_items",
    "spoken",
]


@dataclass(frozen=True, slots=True)
class Said:
    """Which attribute a field is.

    Parameters
    ----------
    keyword
        Of the attribute.
    spelling
        How it is spelled.
    beside
        A field of the same item without which this one is not written.
    """

    keyword: str
    spelling: Spelling
    beside: str = ""


@dataclass(frozen=True, slots=True)
class One(Spelling):
    """A sequence of one item."""

    item: type[Item]

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        """Return the first item, if there is one."""
        first = attributes.item(tag)
        return None if first is None else read_item(self.item, first, problems)

    def canonical(self, value: Any) -> Any:
        """Return the item, built from plain data where it is none yet."""
        if isinstance(value, Mapping):
            return built(self.item, cast("Mapping[str, Any]", value))
        if not isinstance(value, self.item):
            raise ValueError(f"expected a {self.item.__name__}")
        return value

    def plain(self, value: Any) -> Any:
        """Return the item as the only one of a list."""
        return [spoken(value)]


@dataclass(frozen=True, slots=True)
class Many(Spelling):
    """A sequence of any number of items, of which none may mean all that there could be."""

    item: type[Item]
    none_means_all: bool = False

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        """Return the items that could be read."""
        items = attributes.items(tag)
        found = read_items(self.item, items, problems)
        if self.none_means_all and items and not found:
            place = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            raise InvalidAttribute(f"{place} names {len(items)}, none of which can be read", tag)
        return found

    def canonical(self, value: Any) -> Any:
        """Return the items as a tuple, each built where it is none yet."""
        one = One(self.item)
        found: list[Any] = []
        for place, each in enumerate(several(value), 1):
            try:
                found.append(one.canonical(each))
            except InvalidAttribute as problem:
                raise InvalidAttribute(f"{place}: {problem}", problem.tag) from None
            except ValueError as problem:
                raise ValueError(f"{place}: {problem}") from None
        return tuple(found)

    def plain(self, value: Any) -> Any:
        """Return the items as a list; None when there is none."""
        return [spoken(each) for each in value] or None


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
                value = field.said.spelling.canonical(value)
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
        value = field.said.spelling.read(attributes, field.tag, problems)
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
        plain = field.said.spelling.plain(value)
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
