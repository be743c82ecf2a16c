"""Values that cannot be, in the items of a sequence of a source: what goes with each, and no more.

A value that an item must have (Type 1) takes the item with it, one that may be empty (Type 2) is
emptied, any other taken out (PS3.5 7.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.copied_items import items_of
from isocenter.compose.element_values import data_set_of, element
from isocenter.compose.left_out import LeftOut
from isocenter.compose.sound_values import says_who, what_is_expected
from isocenter.dicom import dictionary
from isocenter.dicom.iod import IOD, iod
from isocenter.dicom.validation.items import Item
from isocenter.dicom.validation.requirements import conditions_changed, type_inside

__all__ = ["leave_out_inside"]

_COUNTED = frozenset(
    values.tag_of(keyword)
    for keyword in (
        "ChannelDefinitionSequence",
        "DetectorInformationSequence",
        "DimensionIndexSequence",
        "EnergyWindowInformationSequence",
        "GatedInformationSequence",
        "PerFrameFunctionalGroupsSequence",
        "PhaseInformationSequence",
        "RotationInformationSequence",
        "SharedFunctionalGroupsSequence",
        "TimeSlotInformationSequence",
        "WaveformSequence",
    )
)
"""Other attributes count their items, so that none can go alone."""


def leave_out_inside(found: DataElement, sop_class_uid: str, source: str) -> tuple[LeftOut, ...]:
    """Take out of the items of a sequence what cannot be.

    Parameters
    ----------
    found
        The sequence, which is the caller's own: its items are changed. None are left where the
        sequence cannot stay.
    sop_class_uid
        What it becomes part of.
    source
        How the source is called.

    Returns
    -------
    tuple of LeftOut
        What to say of it; one of the whole sequence where none of it is left.
    """
    if all(_is_sound(inner) for item in items_of(found) for inner in item.iterall()):
        return ()
    around = Item(data_set_of([found]), part=True)
    first, parts = _settle_items(found, around, _Place((), iod(sop_class_uid)))
    tag = int(found.tag)
    if first is not None and not found.value:
        return (LeftOut.of(tag, first.value, f"in its items {first}", source),)
    return tuple(
        LeftOut.of(tag, one.value, f"in it {one}" if one.inside else one.expected, source,
                   path=one.path)
        for one in parts
    )  # fmt: skip


class _Wrong(NamedTuple):
    """A value that cannot be, and the path of what goes for it; whether it is `inside` of that."""

    tag: int
    value: Any
    expected: str
    path: str = ""
    inside: bool = False

    def __str__(self) -> str:
        return f"{values.described(self.tag)}: {self.expected}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where items stand: the sequences that lead to them, the outermost first, and the object."""

    above: tuple[int, ...]
    known: IOD | None

    def within(self, tag: int) -> _Place:
        return _Place((*self.above, tag), self.known)


def _settle_items(
    found: DataElement, around: Item, place: _Place
) -> tuple[_Wrong | None, list[_Wrong]]:
    """Settle the items of a sequence; return the first value that an item goes for, and all."""
    tag = int(found.tag)
    kept: list[Dataset] = []
    parts: list[_Wrong] = []
    first: _Wrong | None = None
    for data_set, item in zip(items_of(found), around.items(tag), strict=True):
        wrong, inside = _settle(data_set, item, place.within(tag))
        if wrong is None:
            kept.append(data_set)
            parts += inside
        else:
            first = first or wrong
            parts.append(wrong._replace(path=item.path, inside=True))
    if first is not None:
        found.value = [] if tag in _COUNTED else kept
    return first, parts


def _settle(data_set: Dataset, item: Item, place: _Place) -> tuple[_Wrong | None, list[_Wrong]]:
    """Take out of an item what cannot be; return the value that it has to go for, and what went."""
    parts: list[_Wrong] = []
    for inner in list(data_set):
        tag = int(inner.tag)
        wrong, inside = _judged(inner, item, place)
        parts += inside
        if wrong is None:
            continue
        kind = type_inside(item, tag, place.above, place.known)
        if kind == "1" or says_who(tag):
            return wrong, []
        parts.append(wrong._replace(path=_path(item, tag), inside=inner.VR == "SQ"))
        if kind == "2":
            data_set[tag] = element(tag, None)
        else:
            del data_set[tag]
    if not parts:
        return None, parts
    is_needed, more = _settle_conditions(data_set, item, place, parts[0])
    return (parts[0], []) if is_needed else (None, parts + more)


def _judged(inner: DataElement, item: Item, place: _Place) -> tuple[_Wrong | None, list[_Wrong]]:
    """Return what is wrong with an element that cannot stay; or what went from its own items."""
    if inner.VR == "SQ":
        first, parts = _settle_items(inner, item, place)
        return (None, parts) if first is None or inner.value else (first, [])
    if _is_sound(inner):
        return None, []
    return _Wrong(int(inner.tag), inner.value, what_is_expected("", inner)), []


def _settle_conditions(
    data_set: Dataset, item: Item, place: _Place, because: _Wrong
) -> tuple[bool, list[_Wrong]]:
    """Take out what may not stand without what went; tell whether it needs something instead."""
    parts: list[_Wrong] = []
    after = Item(data_set, item.parent, item.path)
    for tag, is_needed in conditions_changed(item, after, place.above, place.known):
        if is_needed and not after.has(tag):
            return True, []
        if not is_needed and tag in data_set:
            expected = f"it only beside {values.described(because.tag)}"
            parts.append(_Wrong(tag, data_set[tag].value, expected, _path(item, tag)))
            del data_set[tag]
    return False, parts


def _path(item: Item, tag: int) -> str:
    return f"{item.path}/{dictionary.keyword(tag)}"


def _is_sound(inner: DataElement) -> bool:
    return inner.tag.is_private or not what_is_expected("", inner)
