"""What corrections may make of an object: attributes that stay, values, removals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from isocenter.compose import values
from isocenter.compose.correction.original_attributes import ORIGINAL_ATTRIBUTES
from isocenter.compose.fixed_attributes import OF_PIXELS
from isocenter.compose.given_values import given_element
from isocenter.dicom import dictionary, tags
from isocenter.dicom.elements import ElementSpan
from isocenter.dicom.iod import iod
from isocenter.dicom.validation.requirements import type_of
from isocenter.errors import CannotCompose

__all__ = ["check_removable", "check_value", "permitted", "refuse_fixed"]

_NEEDED = frozenset((tags.StudyInstanceUID, tags.SeriesInstanceUID))


def refuse_fixed(changed: Iterable[int]) -> None:
    """Refuse to correct what follows from other things.

    Raises
    ------
    CannotCompose
        At the first of the tags that nobody corrects.
    """
    for tag in changed:
        if why := _why_fixed(tag):
            raise CannotCompose(f"{values.described(tag)} is not corrected: {why}.", tag=tag)


@lru_cache(1024)
def _why_fixed(tag: int) -> str:
    if tag >> 16 in (0x0002, 0x7FE0):
        return "it says how the object is encoded"
    if not tag & 0xFFFF:
        return "it follows from the lengths of the attributes of its group"
    return _fixed().get(tag, "")


@cache
def _fixed() -> dict[int, str]:
    of_pixels = (values.tag_of(keyword) for keyword in OF_PIXELS)
    return {
        **dict.fromkeys(of_pixels, "it describes the pixels, which stay as they are"),
        tags.SOPClassUID: "the object would become one of another kind",
        tags.SOPInstanceUID: "other objects refer to it; derive a new object instead",
        ORIGINAL_ATTRIBUTES: "it records the corrections themselves",
    }


def check_value(tag: int, value: Any, sop_class_uid: str = "") -> None:
    """Hold a value against its VR, and against the list that the IOD has of it.

    Raises
    ------
    CannotCompose
        When it is no value of the attribute.
    """
    if isinstance(value, str | int | float):
        _check_plain(tag, value, sop_class_uid)
    elif value is not None and not dictionary.is_private(tag):
        given_element(tag, value, sop_class_uid)


@lru_cache(1024)  # one object after another gets the same
def _check_plain(tag: int, value: float | str, sop_class_uid: str) -> None:
    if not dictionary.is_private(tag):
        given_element(tag, value, sop_class_uid)


def check_removable(tag: int) -> None:
    """Refuse to remove that by which objects are kept and found.

    Raises
    ------
    CannotCompose
        When no object can be without it.
    """
    if tag in _NEEDED:
        raise CannotCompose(
            f"No object can be without {values.described(tag)}; set it to what is right.", tag=tag
        )


def permitted(
    wanted: Mapping[int, Any], spans: Iterable[ElementSpan], sop_class_uid: str
) -> dict[int, Any]:
    """Return the changes of an object as its IOD permits them.

    Parameters
    ----------
    wanted
        By tag, the new values; None to remove one. What the IOD demands, empty if unknown
        (Type 2), is emptied instead.
    spans
        The elements of the object.
    sop_class_uid
        Of the object; private and unknown ones permit every value and removal.

    Raises
    ------
    CannotCompose
        When an attribute is not corrected, a value is not of its list, or one that must have a
        value (Type 1) would have none.
    """
    refuse_fixed(wanted)
    emptied = [tag for tag, value in wanted.items() if value is None or value == ""]
    for tag in wanted.keys() - emptied:
        check_value(tag, wanted[tag], sop_class_uid)
    if not emptied:
        return dict(wanted)
    present = frozenset(tag for tag, *_ in spans)
    return dict(wanted) | _emptied(wanted, emptied, present, sop_class_uid)


def _emptied(
    wanted: Mapping[int, Any], emptied: Iterable[int], present: frozenset[int], sop_class_uid: str
) -> dict[int, Any]:
    known = iod(sop_class_uid)
    remaining = present - {tag for tag, value in wanted.items() if value is None}
    found: dict[int, Any] = {}
    for tag in emptied if known else ():
        kind = type_of(tag, remaining, known)
        if kind == "1" and (tag in present or wanted[tag] is not None):
            raise CannotCompose(
                f"{values.described(tag)} must have a value in such an object (Type 1); set it to "
                "what is right.",
                tag=tag,
            )
        if kind == "2" and tag in present:
            found[tag] = ""
    return found
