"""Which rows a query means: its matching keys, level by level, as one condition."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.sql.selectable import FromClause, Subquery

from isocenter.errors import QueryError

from . import schema
from .keys import MOST_ITEMS, RARE_KEYS, Key, Level, SequenceKey, key, sequence_number
from .matching import EMPTY, condition, is_range, is_universal, span_of
from .query import Match, Query

__all__ = ["patient_count", "selection"]

Condition = ColumnElement[bool]
Computed = Callable[[Key, str, Query], tuple[Level, Condition]]
Rows = Select[Any, Any]
"""Owners of items, and the items' numbers."""

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
    items: defaultdict[int, list[_ItemMatch]] = defaultdict(list)
    for match in matches:
        path = match.path if isinstance(match.path, tuple) else (match.path,)
        attribute = _attribute(path, match.value)  # refused if unknown, whatever the value
        if is_universal(match.value):
            continue
        if len(path) == 1 and isinstance(attribute, Key):
            found.append(_attribute_condition(attribute, match.value, query))
        else:
            items[path[0]].append(_ItemMatch.of(path, attribute, match.value))
    return found + [_items_condition(asked, query.fuzzy) for asked in items.values()]


def _attribute(path: tuple[int, ...], value: str) -> Key | SequenceKey:
    found = key(*path)
    if isinstance(found, Key):
        return found
    named = str(found or ".".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in path))
    if found is None:
        raise QueryError(f"{named} cannot be matched: the index does not know it")
    if not (is_universal(value) or value == EMPTY):
        raise QueryError(
            f"{named} cannot be matched: it is a sequence; match an attribute of its items"
        )
    return found


@dataclass(frozen=True, slots=True)
class _ItemMatch:
    """What an attribute of an item must have.

    Parameters
    ----------
    path
        The sequences that hold it, the outermost first.
    key
        The attribute; None where the sequence itself must be empty or absent.
    value
        As `Match` has it, never universal.
    """

    path: tuple[int, ...]
    key: Key | None
    value: str

    @classmethod
    def of(cls, path: tuple[int, ...], found: Key | SequenceKey, value: str) -> "_ItemMatch":
        return cls(path[:-1], found, value) if isinstance(found, Key) else cls(path, None, value)


def _table_level(level: Level) -> Level:
    """Patients stand in the studies' table."""
    return max(level, Level.STUDY)


def _attribute_condition(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
    level = _table_level(attribute.level)
    computed = _COMPUTED.get(attribute.keyword)
    if computed is not None:
        return computed(attribute, value, query)
    table = _TABLES[level].c
    owners = select(_item.owner_pk).where(*_rows_of(level, 0, attribute.tag))

    def further(text: str) -> Condition:
        matches = condition(attribute, _item.search, text, fuzzy=query.fuzzy)
        return table.pk.in_(owners.where(matches))

    def holds(text: str) -> Condition:
        own = condition(attribute, table[attribute.search_column], text, fuzzy=query.fuzzy)
        if not attribute.may_have_further_values or text == EMPTY:
            return own
        return or_(own, further(text))

    if attribute not in RARE_KEYS:
        return level, _any_value(attribute, value, holds)
    if value == EMPTY:
        return level, table.pk.not_in(owners)
    return level, _any_value(attribute, value, further)


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


def patient_count(attribute: Key) -> ColumnElement[int]:
    """Count what is related to a patient, over rows of studies of one patient."""
    return {
        0x00201200: func.count(_study.pk),
        0x00201202: func.sum(_study.series_count),
        0x00201204: func.sum(_study.instance_count),
    }[attribute.tag]


def _of_patient(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
    # Not joined with itself: NULL is equal to NULL only here.
    counted = patient_count(attribute).over(
        partition_by=(_study.patient_id, _study.issuer_of_patient_id)
    )
    rows = select(_study.pk, counted.label("count")).subquery()
    matches = condition(attribute, rows.c["count"], value, fuzzy=False)
    return Level.STUDY, _study.pk.in_(select(rows.c.pk).where(matches))


def _stored_in(level: Level, column: ColumnElement[Any]) -> Computed:
    def matches(attribute: Key, value: str, query: Query) -> tuple[Level, Condition]:
        return level, condition(attribute, column, value, fuzzy=False)

    return matches


_COMPUTED: dict[str, Computed] = {
    "NumberOfPatientRelatedStudies": _of_patient,
    "NumberOfPatientRelatedSeries": _of_patient,
    "NumberOfPatientRelatedInstances": _of_patient,
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


def _rows_of(level: Level, sequence: int, tag: int | None = None) -> list[Condition]:
    """Say which rows of values without column are of a sequence, or of an attribute in it."""
    found = [_item.level == int(level), _item.sequence_tag == sequence]
    return found if tag is None else [*found, _item.tag == tag]


def _items_condition(asked: list[_ItemMatch], fuzzy: bool) -> tuple[Level, Condition]:
    """Say that one item of a sequence meets all that is asked (PS3.4 C.2.2.2.6)."""
    sequence = key(asked[0].path[0])
    assert isinstance(sequence, SequenceKey)
    gathered = sequence.gathered_from is not None
    tag = sequence.gathered_from or sequence.tag
    level = Level.INSTANCE if gathered else _table_level(sequence.level)
    matches = [replace(match, path=(tag, *match.path[1:])) for match in asked]
    items = _meeting(level, (tag,), matches, fuzzy).subquery()
    found = _owns(level, select(items.c.owner_pk), gathered)
    if all(match.value == EMPTY for match in matches):  # met by who has no item, too
        having = select(_item.owner_pk).where(*_rows_of(level, tag))
        found = or_(found, ~_owns(level, having, gathered))
    return (Level.STUDY if gathered else level), found


def _owns(level: Level, owners: Select[Any], gathered: bool) -> Condition:
    """Say that a row is among the owners of items; of gathered ones, that an instance below is."""
    found = _TABLES[level].c.pk.in_(owners)
    if not gathered:
        return found
    source = schema.series.join(schema.instance, _series.pk == _instance.series_pk)
    return _study.pk.in_(select(_series.study_pk).select_from(source).where(found))


def _meeting(level: Level, path: tuple[int, ...], asked: list[_ItemMatch], fuzzy: bool) -> Rows:
    """Select the items of a sequence that meet all that is asked of them and of what is in them."""
    met: list[Rows] = []
    without: list[Rows] = []
    deeper: defaultdict[int, list[_ItemMatch]] = defaultdict(list)
    for match in asked:
        if match.value == EMPTY:
            without.append(_having(level, match, len(path)))
        elif len(match.path) > len(path):
            deeper[match.path[len(path)]].append(match)
        else:
            met.append(_having(level, match, len(path)).where(_value_condition(match, fuzzy)))
    for tag, matches in deeper.items():
        below = _meeting(level, (*path, tag), matches, fuzzy).subquery()
        met.append(select(below.c.owner_pk, (below.c.item // MOST_ITEMS).label("item")))
    if not met:
        met = [_having(level, _ItemMatch(path, None, EMPTY), len(path))]
    # Each a subquery of its own: SQLite takes no parentheses between compound selects.
    if len(met) > 1:
        met = [_again(met[0].intersect(*met[1:]).subquery())]
    return _again(met[0].except_(*without).subquery()) if without else met[0]


def _having(level: Level, match: _ItemMatch, depth: int) -> Rows:
    """Select the items, so many sequences deep, in which an attribute has any value."""
    deeper = len(match.path) - depth
    number = (_item.item // MOST_ITEMS**deeper).label("item") if deeper else _item.item
    tag = match.key and match.key.tag
    return select(_item.owner_pk, number).where(*_rows_of(level, sequence_number(*match.path), tag))


def _again(rows: Subquery) -> Rows:
    return select(rows.c.owner_pk, rows.c.item)


def _value_condition(match: _ItemMatch, fuzzy: bool) -> Condition:
    inner = match.key
    assert inner is not None
    return _any_value(
        inner, match.value, lambda text: condition(inner, _item.search, text, fuzzy=fuzzy)
    )


def _combine_dates(query: Query) -> tuple[list[tuple[Level, Condition]], list[Match]]:
    """Join ranges of a date and of its time to ranges of moments, where the query wants that."""
    given = {match.path: match.value for match in query.matches}
    combined: list[tuple[Level, Condition]] = []
    used: set[int] = set()
    for date_tag, time_tag in _DATES_AND_TIMES.items():
        date, time = str(given.get(date_tag, "")), str(given.get(time_tag, ""))
        if query.combined_date_time and is_range(date) and not is_universal(time):
            combined.append(_moments(_date_key(date_tag), _date_key(time_tag), date, time))
            used |= {date_tag, time_tag}
    return combined, [match for match in query.matches if match.path not in used]


def _date_key(tag: int) -> Key:
    found = key(tag)
    assert isinstance(found, Key)
    return found


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
