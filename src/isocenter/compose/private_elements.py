"""Attributes that no data dictionary of the standard has: their value representation and block.

A key may say the value representation: `0009,1010:LO`. A private element stands in a block that a
private creator reserves (PS3.5 7.8.1); of some creators the elements are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.element_values import checked_element
from isocenter.compose.typed_text import typed
from isocenter.dicom import dictionary
from isocenter.errors import CannotCompose

__all__ = [
    "check_creators",
    "creator_in",
    "creator_of",
    "creators_first",
    "needs_representation",
    "represented",
]

_NO_GROUPS = frozenset((0x0001, 0x0003, 0x0005, 0x0007, 0xFFFF))


def creator_of(tag: int) -> int:
    """Return the tag of the private creator that reserves the block of a private element."""
    return tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8


def creator_in(data_set: Dataset) -> Callable[[int], str]:
    """Return what gives the names of the private creators of a data set, empty where none is."""
    return lambda tag: str(data_set[tag].value or "") if tag in data_set else ""


def needs_representation(tag: int, value: Any) -> bool:
    """Tell whether a value is for an attribute whose value representation nobody has said yet."""
    unknown = dictionary.is_private(tag) or dictionary.attribute(tag) is None
    return unknown and value is not None and not isinstance(value, DataElement)


def creators_first(given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return attributes and values, those of private creators before all others."""
    return sorted(
        given.items(), key=lambda one: not dictionary.is_private_creator(values.tag_of(one[0]))
    )


def represented(
    tag: int, value: Any, *, vr: str = "", creator: Callable[[int], str] | None = None
) -> Any:
    """Return the value that somebody gave, as an element where its value representation matters.

    Parameters
    ----------
    tag
        The attribute.
    value
        What it gets; text is read as its value representation wants it.
    vr
        The value representation that was said with the tag; empty for none.
    creator
        Gives the name of the private creator with a tag, an empty text where there is none; None
        where the object is not known yet.

    Returns
    -------
    Any
        `value` itself for attributes of the standard, and where nobody can tell yet.

    Raises
    ------
    CannotCompose
        When the tag is none that a private element can have, its creator is missing, or its value
        representation is not known.
    """
    if value is None or isinstance(value, DataElement):
        return value
    if not vr and not needs_representation(tag, value):
        return value
    if dictionary.is_private(tag):
        _check_place(tag)
        vr = vr or ("LO" if dictionary.is_private_creator(tag) else "")
    if creator is not None and not dictionary.is_private_creator(tag):
        vr = vr or _of_creator(tag, creator)
    if not vr:
        if creator is None and dictionary.is_private(tag):
            return value
        raise _unknown(tag)
    return _element(tag, vr, value)


def _element(tag: int, vr: str, value: Any) -> DataElement:
    try:
        found = typed(vr, value) if isinstance(value, str) else value
    except ValueError as error:
        raise CannotCompose(
            f"The value given for {values.described(tag)} is no {vr} (PS3.5 6.2).", tag=tag
        ) from error
    return checked_element(tag, found, vr=vr)


def _of_creator(tag: int, creator: Callable[[int], str]) -> str:
    if not dictionary.is_private(tag):
        return ""
    name = creator(creator_of(tag))
    if not name:
        raise _without_creator(tag)
    known = dictionary.private_attribute(name, tag)
    return known.vr.split(" or ")[0] if known is not None else ""


def check_creators(given: Iterable[int], creator: Callable[[int], str]) -> None:
    """Refuse private elements in blocks that no private creator reserves.

    Raises
    ------
    CannotCompose
        At the first of the tags whose creator is missing.
    """
    for tag in given:
        ordinary = dictionary.is_private(tag) and not dictionary.is_private_creator(tag)
        if ordinary and not creator(creator_of(tag)):
            raise _without_creator(tag)


def _check_place(tag: int) -> None:
    group, number = tag >> 16, tag & 0xFFFF
    if group in _NO_GROUPS or not (0x10 <= number <= 0xFF or number >= 0x1000):
        raise CannotCompose(
            f"{values.described(tag)} is no place for a private element; expected an odd group "
            "from 0009 on, and an element from 1000 on in a block that a private creator reserves "
            "(PS3.5 7.8.1), such as 0009,1010.",
            tag=tag,
        )


def _without_creator(tag: int) -> CannotCompose:
    place = creator_of(tag)
    written = f"{place >> 16:04X},{place & 0xFFFF:04X}"
    return CannotCompose(
        f"{values.described(tag)} stands in a block that no private creator reserves; set the "
        f"creator, too: {written}=NAME (PS3.5 7.8.1).",
        tag=tag,
    )


def _unknown(tag: int) -> CannotCompose:
    whose = "of its creator " if dictionary.is_private(tag) else ""
    written = f"{tag >> 16:04X},{tag & 0xFFFF:04X}"
    return CannotCompose(
        f"{values.described(tag)} is in no data dictionary {whose}known here; say its value "
        f"representation with it, such as {written}:LO.",
        tag=tag,
    )
