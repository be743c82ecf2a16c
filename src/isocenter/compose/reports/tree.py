"""The content tree as a whole: walked, written to data sets and read from them (PS3.3 C.17.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.element_values import data_set_of, element
from isocenter.compose.reading import value_of
from isocenter.compose.reports.content import (
    ByReference,
    Container,
    ContentItem,
    Relationship,
    Unknown,
    concept_name,
)
from isocenter.compose.reports.content_values import (
    Coded,
    Date,
    DateTime,
    Num,
    PersonName,
    Text,
    Time,
    UIDReference,
)
from isocenter.compose.reports.coordinates import SCoord, SCoord3D, TCoord, many
from isocenter.compose.reports.references import Composite, Image, Waveform
from isocenter.errors import CannotCompose, InvalidDicom

__all__ = [
    "DEEPEST",
    "VALUE_TYPES",
    "Place",
    "content_item",
    "content_sequence",
    "item_data_set",
    "positions",
    "read_content",
    "walk",
]

DEEPEST = 64
"""How many levels a report may have; real ones have under 20, and readers recurse."""

VALUE_TYPES: Mapping[str, type[ContentItem]] = {
    one.value_type: one
    for one in (
        *(Container, Text, Coded, Num, DateTime, Date, Time, PersonName, UIDReference),
        *(Image, Composite, Waveform, SCoord, SCoord3D, TCoord),
    )
}
"""The classes of content items by Value Type (0040,A040)."""


@dataclass(frozen=True, slots=True)
class Place:
    """An item and where it stands: its position as by-reference relationships count it."""

    item: ContentItem
    parent: ContentItem | None
    position: tuple[int, ...]

    def __str__(self) -> str:
        kind = self.item.value_type or "by-reference"
        name = self.item.concept
        named = f" {name.meaning!r}" if name is not None else ""
        return f"Content item {'.'.join(map(str, self.position))} ({kind}{named})"


def walk(root: ContentItem) -> Iterator[Place]:
    """Yield every item of a tree, parents first, in the order of the document.

    Raises
    ------
    CannotCompose
        When the tree is deeper than `DEEPEST` levels.
    """
    waiting = [Place(root, None, (1,))]
    while waiting:
        place = waiting.pop()
        yield place
        if place.item.children and len(place.position) >= DEEPEST:
            raise CannotCompose(
                f"The content is nested more than {DEEPEST} levels deep; make it flatter.",
                tag=0x0040A730,
                module="SR Document Content",
            )
        for number in range(len(place.item.children), 0, -1):
            child = place.item.children[number - 1]
            waiting.append(Place(child, place.item, (*place.position, number)))


def positions(root: ContentItem) -> dict[str, Place]:
    """Return where the labelled items of a tree stand, by label.

    Raises
    ------
    CannotCompose
        When two items have the same label.
    """
    found: dict[str, Place] = {}
    for place in walk(root):
        label = place.item.label
        if label and found.setdefault(label, place) is not place:
            raise CannotCompose(
                f"{place} has the label {label!r}, which {found[label]} has; give each its own.",
                tag=0x0040DB73,
                module="SR Document Content",
            )
    return found


def content_sequence(
    items: tuple[ContentItem, ...], labelled: Mapping[str, Place] | None = None
) -> list[Dataset]:
    """Return the items of a Content Sequence (0040,A730), with all that hangs on them.

    Parameters
    ----------
    items
        Checked content items.
    labelled
        Where the targets of relationships by-reference stand.
    """
    return [item_data_set(one, labelled) for one in items]


def content_item(item: ContentItem) -> dict[str, Any]:
    """Return the attributes of an item by keyword, without relationship and children."""
    found: dict[str, Any] = {"ValueType": item.value_type}
    if item.concept is not None:
        found["ConceptNameCodeSequence"] = [item.concept.item()]
    if item.observed:
        found["ObservationDateTime"] = item.observed
    if item.observation_uid:
        found["ObservationUID"] = item.observation_uid
    return found | item.attributes()


def item_data_set(item: ContentItem, labelled: Mapping[str, Place] | None = None) -> Dataset:
    """Return one item of a Content Sequence; see `content_sequence`."""
    found: dict[str, Any] = {"RelationshipType": item.relationship.value}
    if isinstance(item, ByReference):
        found["ReferencedContentItemIdentifier"] = list((labelled or {})[item.target].position)
    else:
        found |= content_item(item)
        if item.children:
            found["ContentSequence"] = content_sequence(item.children, labelled)
    # Made of elements at once: adding them one by one takes several times as long.
    return data_set_of(element(values.tag_of(keyword), value) for keyword, value in found.items())


def read_content(data_set: Dataset) -> ContentItem:
    """Return the content tree whose root `data_set` is, document or single content item.

    Items that a relationship by-reference leads to have their position, such as `1.2.3`, as label.

    Raises
    ------
    InvalidDicom
        When the tree is deeper than `DEEPEST` levels.
    """
    targets: set[str] = set()
    for one, depth in _data_sets(data_set):
        if depth > DEEPEST:
            raise InvalidDicom(
                f"Content Sequence (0040,A730) is nested more than {DEEPEST} levels deep."
            )
        if "ReferencedContentItemIdentifier" in one:
            targets.add(_target(one))
    return _read_item(data_set, (1,), targets)


def _data_sets(root: Dataset) -> Iterator[tuple[Dataset, int]]:
    waiting = [(root, 1)]
    while waiting:
        one, depth = waiting.pop()
        yield one, depth
        waiting += [(child, depth + 1) for child in value_of(one, "ContentSequence") or ()]


def _target(item: Dataset) -> str:
    return ".".join(str(int(one)) for one in many(item, "ReferencedContentItemIdentifier"))


def _read_item(item: Dataset, position: tuple[int, ...], targets: set[str]) -> ContentItem:
    label = ".".join(map(str, position))
    shared: dict[str, Any] = {
        "relationship": _relationship(item),
        "children": tuple(
            _read_item(one, (*position, number), targets)
            for number, one in enumerate(value_of(item, "ContentSequence") or (), 1)
        ),
        "label": label if label in targets else "",
        "observed": str(value_of(item, "ObservationDateTime") or ""),
        "observation_uid": str(value_of(item, "ObservationUID") or ""),
    }
    if "ReferencedContentItemIdentifier" in item:
        return ByReference(_target(item), **shared)
    kind = str(value_of(item, "ValueType") or "")
    build: Callable[..., ContentItem] | None = VALUE_TYPES.get(kind)
    if build is not None:
        try:
            return build(**VALUE_TYPES[kind].arguments(item), **shared)
        except (ValueError, TypeError):  # a value that its type cannot have
            pass
    return Unknown(concept_name(item), kind, **shared)


def _relationship(item: Dataset) -> Relationship:
    try:
        return Relationship(str(value_of(item, "RelationshipType") or "CONTAINS"))
    except ValueError:
        return Relationship.CONTAINS
