"""Which content a kind of structured report may have (PS3.3 A.35.1, A.35.2, A.35.3, A.35.13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from isocenter.compose.reports.content import (
    ByReference,
    Container,
    ContentItem,
    Relationship,
)
from isocenter.compose.reports.references import Composite
from isocenter.compose.reports.tree import Place, positions, walk
from isocenter.errors import CannotCompose

__all__ = [
    "ReportClass",
    "allows",
    "check",
    "referenced_objects",
    "report_class",
    "smallest_class",
]


class ReportClass(Enum):
    """The SOP Classes that reports are composed in, from the smallest to the largest."""

    BASIC_TEXT = "1.2.840.10008.5.1.4.1.1.88.11"
    ENHANCED = "1.2.840.10008.5.1.4.1.1.88.22"
    COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
    COMPREHENSIVE_3D = "1.2.840.10008.5.1.4.1.1.88.34"

    @property
    def title(self) -> str:
        """How people call it."""
        return {
            ReportClass.BASIC_TEXT: "Basic Text SR",
            ReportClass.ENHANCED: "Enhanced SR",
            ReportClass.COMPREHENSIVE: "Comprehensive SR",
            ReportClass.COMPREHENSIVE_3D: "Comprehensive 3D SR",
        }[self]


_NAMES = {
    "basic": ReportClass.BASIC_TEXT,
    "enhanced": ReportClass.ENHANCED,
    "comprehensive": ReportClass.COMPREHENSIVE,
    "comprehensive3d": ReportClass.COMPREHENSIVE_3D,
}


def report_class(name: str | ReportClass) -> ReportClass:
    """Return the SOP Class that is called `name`: `basic`, `enhanced`, `comprehensive`, or its UID.

    Raises
    ------
    CannotCompose
        When there is none of that name.
    """
    if isinstance(name, ReportClass):
        return name
    plain = name.casefold().replace(" ", "").replace("_", "").replace("-", "")
    found = _NAMES.get(plain.removesuffix("sr").replace("text", ""))
    if found is None and name in {one.value for one in ReportClass}:
        found = ReportClass(name)
    if found is None:
        raise CannotCompose(
            f"{name!r} is no kind of report; expected one of {', '.join(_NAMES)}.", tag=0x00080016
        )
    return found


_Kinds = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What may hang on what, by one relationship."""

    relationship: Relationship
    sources: _Kinds
    targets: _Kinds


def _kinds(text: str) -> _Kinds:
    return frozenset(text.split())


_FACTS = _kinds("TEXT CODE DATETIME DATE TIME UIDREF PNAME")
_OBJECTS = _kinds("COMPOSITE IMAGE WAVEFORM")
_NUM, _CONTAINER, _COMPOSITE = _kinds("NUM"), _kinds("CONTAINER"), _kinds("COMPOSITE")
_WORDS = _kinds("TEXT CODE")
_SHAPES = _kinds("SCOORD TCOORD")
_SPACE = _kinds("SCOORD3D")
_ANY = _FACTS | _NUM | _OBJECTS | _SHAPES | _SPACE | _CONTAINER
_FINDINGS = _WORDS | _NUM


_PERSONS = _Rule(Relationship.HAS_PROPERTIES, _kinds("PNAME"), _FACTS)


def _selections(graphics: _Kinds) -> Sequence[_Rule]:
    selected = Relationship.SELECTED_FROM
    return (
        _Rule(selected, _kinds("SCOORD"), _kinds("IMAGE")),
        _Rule(selected, _kinds("TCOORD"), graphics | _kinds("IMAGE WAVEFORM")),
    )


def _basic_text() -> Sequence[_Rule]:
    """Return PS3.3 Table A.35.1-2."""
    text = _kinds("TEXT")
    return (
        _Rule(Relationship.CONTAINS, _CONTAINER, _FACTS | _OBJECTS | _CONTAINER),
        _Rule(Relationship.HAS_OBS_CONTEXT, _CONTAINER, _FACTS | _COMPOSITE | _CONTAINER),
        _Rule(Relationship.HAS_ACQ_CONTEXT, _CONTAINER | _OBJECTS, _FACTS),
        _Rule(Relationship.HAS_CONCEPT_MOD, _ANY, _WORDS),
        _Rule(Relationship.HAS_PROPERTIES, text, _FACTS | _OBJECTS),
        _PERSONS,
        _Rule(Relationship.INFERRED_FROM, text, _FACTS | _OBJECTS),
    )


def _enhanced() -> Sequence[_Rule]:
    """Return PS3.3 Table A.35.2-2."""
    facts = _FACTS | _NUM
    properties = facts | _OBJECTS | _SHAPES
    return (
        _Rule(Relationship.CONTAINS, _CONTAINER, properties | _CONTAINER),
        _Rule(Relationship.HAS_OBS_CONTEXT, _CONTAINER, facts | _COMPOSITE | _CONTAINER),
        _Rule(Relationship.HAS_ACQ_CONTEXT, _CONTAINER | _OBJECTS | _NUM, facts),
        _Rule(Relationship.HAS_CONCEPT_MOD, _ANY, _WORDS),
        _Rule(Relationship.HAS_PROPERTIES, _FINDINGS, properties),
        _PERSONS,
        _Rule(Relationship.INFERRED_FROM, _FINDINGS, properties),
        *_selections(_kinds("SCOORD")),
    )


def _comprehensive(space: _Kinds) -> Sequence[_Rule]:
    """Return PS3.3 Table A.35.3-2, or with coordinates in space Table A.35.13-2."""
    facts = _FACTS | _NUM
    properties = facts | _OBJECTS | _SHAPES | space | _CONTAINER
    return (
        _Rule(Relationship.CONTAINS, _CONTAINER, properties),
        _Rule(Relationship.HAS_OBS_CONTEXT, _CONTAINER | _FINDINGS, facts | _COMPOSITE),
        _Rule(Relationship.HAS_ACQ_CONTEXT, _CONTAINER | _OBJECTS | _NUM, facts | _CONTAINER),
        _Rule(Relationship.HAS_CONCEPT_MOD, _ANY, _WORDS),
        _Rule(Relationship.HAS_PROPERTIES, _FINDINGS, properties),
        _PERSONS,
        _Rule(Relationship.INFERRED_FROM, _FINDINGS, properties),
        *_selections(_kinds("SCOORD") | space),
    )


_RULES: Mapping[ReportClass, Sequence[_Rule]] = {
    ReportClass.BASIC_TEXT: _basic_text(),
    ReportClass.ENHANCED: _enhanced(),
    ReportClass.COMPREHENSIVE: _comprehensive(frozenset()),
    ReportClass.COMPREHENSIVE_3D: _comprehensive(_SPACE),
}

_BY_REFERENCE = (ReportClass.COMPREHENSIVE, ReportClass.COMPREHENSIVE_3D)


def allows(
    kind: ReportClass,
    source: str,
    relationship: Relationship,
    target: str,
    *,
    by_reference: bool = False,
) -> bool:
    """Tell whether a kind of report allows a relationship between two value types."""
    if by_reference and (
        kind not in _BY_REFERENCE
        or relationship is Relationship.HAS_CONCEPT_MOD
        or (relationship is Relationship.CONTAINS and target == "CONTAINER")
    ):
        return False
    return any(
        rule.relationship is relationship and source in rule.sources and target in rule.targets
        for rule in _RULES[kind]
    )


def smallest_class(root: Container) -> ReportClass:
    """Return the smallest SOP Class that can hold the content.

    Raises
    ------
    CannotCompose
        When none can; the error tells what stands against the largest.
    """
    labelled = positions(root)
    used = {one[1:] for one in _relationships(root, labelled)}
    for kind in ReportClass:
        if all(
            allows(kind, source, relationship, target, by_reference=by_reference)
            for source, relationship, target, by_reference in used
        ):
            return kind
    _refuse_relationships(root, ReportClass.COMPREHENSIVE_3D, labelled)
    raise AssertionError("what no class allows, the largest does not allow")


def check(root: Container, kind: ReportClass) -> None:
    """Refuse content that cannot be right in a kind of report.

    Raises
    ------
    CannotCompose
        With the item, what is wrong with it and what would be right.

    References
    ----------
    PS3.3 A.35.1.3.1, A.35.2.3.1, A.35.3.3.1, A.35.13.3.1, C.17.3.
    """
    if root.name is None:
        _refuse("The report has no title; give the root container a concept name", 0x0040A043)
    if not any(_says_something(place.item) for place in walk(root)):
        _refuse("The report is empty; give it at least one content item with a value", 0x0040A730)
    for place in walk(root):
        for fault in place.item.faults():
            _refuse(f"{place} {fault}", 0x0040A040)
    labelled = positions(root)
    _refuse_relationships(root, kind, labelled)
    _refuse_loops(root, labelled)


def _says_something(item: ContentItem) -> bool:
    context = (Relationship.HAS_CONCEPT_MOD, Relationship.HAS_OBS_CONTEXT)
    return not isinstance(item, Container) and item.relationship not in context


def _relationships(
    root: Container, labelled: Mapping[str, Place]
) -> Iterator[tuple[Place, str, Relationship, str, bool]]:
    """Yield each relationship: where, source, relationship, target, whether by-reference."""
    for place in walk(root):
        if place.parent is None:
            continue
        target, by_reference = place.item, isinstance(place.item, ByReference)
        if isinstance(place.item, ByReference):
            if place.item.target not in labelled:
                _refuse(
                    f"{place} refers to {place.item.target!r}, and no item has that label; give "
                    "the item that is meant this label",
                    0x0040DB73,
                )
            target = labelled[place.item.target].item
        relationship = place.item.relationship
        yield place, place.parent.value_type, relationship, target.value_type, by_reference


def _refuse_relationships(
    root: Container, kind: ReportClass, labelled: Mapping[str, Place]
) -> None:
    for place, source, relationship, target, by_reference in _relationships(root, labelled):
        if allows(kind, source, relationship, target, by_reference=by_reference):
            continue
        manner = " by-reference" if by_reference else ""
        fitting = [
            one.title
            for one in ReportClass
            if allows(one, source, relationship, target, by_reference=by_reference)
        ]
        remedy = f"{fitting[0]} allows it" if fitting else "no kind of report allows it"
        _refuse(
            f"{place} cannot stand there: in {kind.title}, {source} {relationship.value} {target}"
            f"{manner} is not allowed; {remedy}",
            0x0040A010,
        )


def _refuse_loops(root: Container, labelled: Mapping[str, Place]) -> None:
    """Refuse relationships by-reference that lead back to where they came from (C.17.3.2.4)."""
    leads: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for place in walk(root):
        if not isinstance(place.item, ByReference):
            continue
        target = labelled[place.item.target].position
        for length in range(1, len(place.position)):
            leads.setdefault(place.position[:length], []).append(target)
    finished: set[tuple[int, ...]] = set()
    for start in leads:
        path: list[tuple[tuple[int, ...], Iterator[tuple[int, ...]]]] = [
            (start, iter(leads[start]))
        ]
        entered = {start}
        while path and start not in finished:
            here, onward = path[-1]
            target = next(onward, None)
            if target is None:
                finished.add(here)
                entered.discard(here)
                path.pop()
            elif target in entered:
                _refuse(
                    f"The relationships by-reference run in a circle through content item "
                    f"{'.'.join(map(str, target))}; take one of them out",
                    0x0040DB73,
                )
            elif target not in finished:
                entered.add(target)
                path.append((target, iter(leads.get(target, ()))))


def referenced_objects(root: ContentItem) -> Iterator[Composite]:
    """Yield every content item that refers to an object."""
    for place in walk(root):
        if isinstance(place.item, Composite):
            yield place.item


def _refuse(message: str, tag: int) -> None:
    raise CannotCompose(f"{message}.", tag=tag, module="SR Document Content")
