"""Which rows a query means: its matching keys, level by level, as one condition."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.sql.selectable import FromClause

from isocenter.errors import QueryError

from . import schema
from .keys import Key, Level, SequenceKey, key
from .matching import condition, is_range, is_universal, span_of
from .query import Match, Query

__all__ = ["selection"]

Condition = ColumnElement[bool]
Computed = Callable[[Key, str, Query], tuple[Level, Condition]]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_item = schema.item_value.c
_FROM: dict[Level, FromClause] = {
    Level.STUDY: schema.study,
    Level.SERIES: schema.series.join(schema.study, _study.pk == _series.study_pk),
}
_FROM[Level.INSTANCE] = schema.instance.join(schema.series, _series.pk == _instance.series_pk).join(
    schema.study, _study.pk == _series.study_pk
)
_TABLES = {
    Level.STUDY: schema.study,
    Level.SERIES: schema.series,
    Level.INSTANCE: schema.instance,
}
_DATES_AND_TIMES = {
    0x00080020: 0x00080030,
    0x00080021: 0x00080031,
    0x00080022: 0x00080032,
    0x00080023: 0x00080033,
    0x00100030: 0x00100032,
    0x00400244: 0x00400245,
}


def selection(query: Query) -> tuple[FromClause, list[Condition]]:
    """Turn a query into tables and conditions.

    Returns
    -------
    tuple of FromClause and list
        What to select from (patients are found among the studies), and what must hold.

    Raises
    ------
    QueryError
        An attribute that the index does not know, or a value that breaks its VR's grammar.
    """
    level = max(query.level, Level.STUDY)
    own: list[Condition] = []
    below: defaultdict[Level, list[Condition]] = defaultdict(list)
    for at, found in _conditions(query):
        if at <= level:
            own.append(found)
        else:
            below[at].append(found)
    if below:
        own.append(_exists_below(level, below))
    return _FROM[level], own


def _exists_below(level: Level, below: dict[Level, list[Condition]]) -> Condition:
    """Say that some series or instance below meets all that is asked of that level."""
    deepest = max(below)
    parent = _series.study_pk if level is Level.STUDY else _instance.series_pk
    source: FromClause = schema.series if deepest is Level.SERIES else schema.instance
    if level is Level.STUDY and deepest is Level.INSTANCE:
        source = schema.instance.join(schema.series, _series.pk == _instance.series_pk)
    conditions = [each for level_below in below.values() for each in level_below]
    found = select(parent).select_from(source).where(*conditions)
    return _TABLES[level].c.pk.in_(found)


def _conditions(query: Query) -> list[tuple[Level, Condition]]:
    combined, matches = _combine_dates(query)
    found = combined
    items: defaultdict[int, list[tuple[Key, str]]] = defaultdict(list)
    for match in matches:
        if isinstance(match.path, tuple):
            sequence, inner = _sequence_path(match.path)
            if not is_universal(match.value):
                items[sequence.tag].append((inner, match.value))
            continue
        attribute = _attribute(match.path)  # refused if unknown, whatever the value
        if not is_universal(match.value):
            found.append(_attribute_condition(attribute, match.value, query))
    for tag, pairs in items.items():
        found.append(_items_condition(tag, pairs, query.fuzzy))
    return found


def _attribute(tag: int) -> Key:
    found = key(tag)
    if isinstance(found, Key) and not found.keyword.startswith("NumberOfPatient"):
        return found
    named = str(found or f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
    why = "the index does not know it"
    if isinstance(found, SequenceKey):
        why = "it is a sequence; match an attribute of its items"
    raise QueryError(f"{named} cannot be matched: {why}")


def _sequence_path(path: tuple[int, ...]) -> tuple[SequenceKey, Key]:
    sequence = key(path[0])
    if isinstance(sequence, SequenceKey) and len(path) == 2:
        for inner in sequence.items:
            if inner.tag == path[1]:
                return sequence, inner
    named = ".".join(f"{tag:08X}" for tag in path)
    raise QueryError(f"{named} cannot be matched: the index does not know it")


def _table_level(level: Level) -> Level:
    """Patients stand in the studies' table."""
    return max(level, Level.STUDY)


def _attribute_condition(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
    level = _table_level(attribute.level)
    computed = _COMPUTED.get(attribute.keyword)
    if computed is not None:
        return computed(attribute, value, query)
    column = _TABLES[level].c[attribute.search_column]

    def holds(text: str) -> Condition:
        own = condition(attribute, column, text, fuzzy=query.fuzzy)
        if not attribute.may_have_further_values or text == '""':
            return own
        further = condition(attribute, _item.search, text, fuzzy=query.fuzzy)
        owners = _owners(level, 0, attribute.tag).where(further)
        return or_(own, _TABLES[level].c.pk.in_(owners))

    return level, _any_value(attribute, value, holds)


def _modalities(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
    modality = _series.modality_search
    matches = _any_value(
        attribute, value, lambda text: condition(attribute, modality, text, fuzzy=False)
    )
    return Level.STUDY, _study.pk.in_(select(_series.study_pk).where(matches))


def _sop_classes(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
    matches = condition(attribute, _instance.sop_class_uid, value, fuzzy=False)
    source = schema.series.join(schema.instance, _series.pk == _instance.series_pk)
    found = select(_series.study_pk).select_from(source).where(matches)
    return Level.STUDY, _study.pk.in_(found)


def _availability(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
    asked = value.upper().split("\\")
    return Level.STUDY, true() if "ONLINE" in asked else false()


def _stored_in(level: Level, column: ColumnElement[Any]) -> Computed:
    def matches(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
        return level, condition(attribute, column, value, fuzzy=False)

    return matches


_COMPUTED: dict[str, Computed] = {
    "ModalitiesInStudy": _modalities,
    "SOPClassesInStudy": _sop_classes,
    "InstanceAvailability": _availability,
    "AvailableTransferSyntaxUID": _stored_in(Level.INSTANCE, _instance.transfer_syntax_uid),
    "NumberOfStudyRelatedSeries": _stored_in(Level.STUDY, _study.series_count),
    "NumberOfStudyRelatedInstances": _stored_in(Level.STUDY, _study.instance_count),
    "NumberOfSeriesRelatedInstances": _stored_in(Level.SERIES, _series.instance_count),
}


def _any_value(attribute: Key, value: str, holds: Callable[[str], Condition]) -> Condition:
    """Split several values, of which one must match, and name groups, which must all."""
    if attribute.vr in {"UI", "LT", "ST", "UT"} or attribute.is_number:
        return holds(value)
    values = [text for text in value.split("\\") if text]
    if attribute.vr == "PN":
        return or_(
            *(and_(*(holds(group) for group in text.split("=") if group)) for text in values)
        )
    return or_(*map(holds, values))


def _owners(level: Level, sequence: int, tag: int) -> Select[tuple[int]]:
    return select(_item.owner_pk).where(
        _item.tag == tag, _item.sequence_tag == sequence, _item.level == int(level)
    )


def _items_condition(
    tag: int, pairs: Sequence[tuple[Key, str]], fuzzy: bool
) -> tuple[Level, Condition]:
    """Say that one item of a sequence meets all that is asked (PS3.4 C.2.2.2.6)."""
    sequence = key(tag)
    assert isinstance(sequence, SequenceKey)
    if sequence.gathered_from is not None:
        _, holds = _items_condition(sequence.gathered_from, pairs, fuzzy)
        source = schema.series.join(schema.instance, _series.pk == _instance.series_pk)
        studies = select(_series.study_pk).select_from(source).where(holds)
        return Level.STUDY, _study.pk.in_(studies)
    level = _table_level(sequence.level)
    found: list[Select[Any, Any]] = []
    for inner, value in pairs:
        matches = _any_value(
            inner,
            value,
            lambda text, inner=inner: condition(inner, _item.search, text, fuzzy=fuzzy),
        )
        found.append(
            select(_item.owner_pk, _item.item).where(
                _item.tag == inner.tag,
                _item.sequence_tag == tag,
                _item.level == int(level),
                matches,
            )
        )
    items = found[0] if len(found) == 1 else found[0].intersect(*found[1:])
    return level, _TABLES[level].c.pk.in_(select(items.subquery().c.owner_pk))


def _combine_dates(query: Query) -> tuple[list[tuple[Level, Condition]], list[Match]]:
    """Join ranges of a date and of its time to ranges of moments, where the query wants that."""
    given = {match.path: match.value for match in query.matches}
    combined: list[tuple[Level, Condition]] = []
    used: set[int] = set()
    for date_tag, time_tag in _DATES_AND_TIMES.items():
        date, time = str(given.get(date_tag, "")), str(given.get(time_tag, ""))
        if query.combined_date_time and is_range(date) and not is_universal(time):
            combined.append(_moments(_attribute(date_tag), _attribute(time_tag), date, time))
            used |= {date_tag, time_tag}
    return combined, [match for match in query.matches if match.path not in used]


def _moments(date_key: Key, time_key: Key, date: str, time: str) -> tuple[Level, Condition]:
    level = _table_level(date_key.level)
    columns = _TABLES[level].c
    day, moment = columns[date_key.column], columns[time_key.search_column]
    (first_day, last_day), (first, last) = span_of(date_key, date), span_of(time_key, time)
    limits: list[Condition] = [day > ""]
    if first_day:
        after = or_(day > first_day, and_(day == first_day, moment >= (first or "")))
        limits.append(after if first else day >= first_day)
    if last_day:
        before = or_(day < last_day, and_(day == last_day, func.coalesce(moment, "") <= last))
        limits.append(before if last else day <= last_day)
    return level, and_(*limits)
