"""Answering queries from the index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal_column, select
from sqlalchemy.sql.selectable import FromClause

from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import QueryError

from . import schema
from .index import AnyRow, Index
from .keys import COMPUTED_KEYS, GATHERED_KEYS, KEYS, SEQUENCE_KEYS, Key, Level, SequenceKey, key
from .prepared import Prepared
from .query import Found, Match, Order, Query
from .selection import selection

__all__ = ["Finder"]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_item = schema.item_value.c
_COMPUTED_COLUMNS: dict[str, ColumnElement[Any]] = {
    "ModalitiesInStudy": _study.modalities,
    "SOPClassesInStudy": _study.sop_classes,
    "NumberOfStudyRelatedSeries": _study.series_count,
    "NumberOfStudyRelatedInstances": _study.instance_count,
    "NumberOfSeriesRelatedInstances": _series.instance_count,
    "AvailableTransferSyntaxUID": _instance.transfer_syntax_uid,
}
_HAS_INSTANCE = Prepared(
    select(_instance.pk)
    .join(schema.series, _series.pk == _instance.series_pk)
    .join(schema.study, _study.pk == _series.study_pk)
    .where(
        _study.study_instance_uid == bindparam("study"),
        _series.series_instance_uid == bindparam("series"),
        _instance.sop_instance_uid == bindparam("instance"),
    )
)
_UIDS = {
    0x0020000D: (Level.STUDY, _study.study_instance_uid),
    0x0020000E: (Level.SERIES, _series.series_instance_uid),
    0x00080018: (Level.INSTANCE, _instance.sop_instance_uid),
}
_EVERYTHING = 2**31
_INSTANCE_AVAILABILITY = 0x00080056
_IDENTITY = frozenset({0x0020000D, 0x0020000E, 0x00080018})
_ONE_TEXT = frozenset(each.tag for each in KEYS if each.vr in {"LT", "ST", "UT"})


def _items_of(owners: int) -> Prepared:
    names: list[ColumnElement[int]] = [bindparam(f"owner_{i}") for i in range(owners)]
    return Prepared(
        select(_item.owner_pk, _item.sequence_tag, _item.item, _item.tag, _item.value).where(
            _item.owner_pk.in_(names),
            _item.level == bindparam("its_level"),
            _item.sequence_tag != literal_column("0"),
        )
    )


# By the number of owners.
_ITEMS = {owners: _items_of(owners) for owners in (1, 8, 64, 512)}
_MOST_OWNERS = max(_ITEMS)


@lru_cache
def _gathered(sequence: SequenceKey) -> Select[Any]:
    """Select studies with the items of a sequence in their instances, each once."""
    values = [schema.item_value.alias().c for _ in sequence.items]
    source: FromClause = schema.instance.join(schema.series, _series.pk == _instance.series_pk)
    for number, (value, inner) in enumerate(zip(values, sequence.items, strict=True)):
        condition = and_(
            value.owner_pk == _instance.pk,
            value.level == int(Level.INSTANCE),
            value.sequence_tag == sequence.gathered_from,
            value.tag == inner.tag,
            *([value.item == values[0].item] if number else []),
        )
        source = source.join(values[number].owner_pk.table, condition, isouter=number > 0)
    found = [value.value for value in values]
    return (
        select(_series.study_pk, *found)
        .select_from(source)
        .where(_series.study_pk.in_(bindparam("studies", expanding=True)))
        .distinct()
        .order_by(_series.study_pk, *found)
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is selected: the owner's number, then a column a key.

    The select is at hand, because SQLAlchemy takes longer to make it than the index to answer.
    """

    select: Select[Any]
    tags: tuple[int, ...]
    has_items: bool

    @property
    def columns(self) -> Sequence[ColumnElement[Any]]:
        """The columns that are selected."""
        return self.select.selected_columns.values()


@lru_cache(maxsize=256)
def _layout(level: Level, include: frozenset[int] | None) -> _Layout:
    table = {Level.SERIES: _series, Level.INSTANCE: _instance}.get(level, _study)
    columns: list[ColumnElement[Any]] = [table.pk]
    chosen: list[int] = []
    for each in (*KEYS, *COMPUTED_KEYS):
        wanted = include is None or each.tag in include or each.tag in _IDENTITY
        if wanted and each.level <= level and (column := _column(each)) is not None:
            columns.append(column)
            chosen.append(each.tag)
    has_items = include is None or any(each.tag in include for each in SEQUENCE_KEYS)
    return _Layout(select(*columns), tuple(chosen), has_items)


def _column(attribute: Key) -> ColumnElement[Any] | None:
    if attribute in COMPUTED_KEYS:
        return _COMPUTED_COLUMNS.get(attribute.keyword)
    table = {Level.SERIES: _series, Level.INSTANCE: _instance}.get(attribute.level, _study)
    return table[attribute.column]


class Finder:
    """Answers queries.

    Parameters
    ----------
    index
        Where the rows are.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._by_uids = lru_cache(maxsize=256)(self._prepared_by_uids)

    def find(self, query: Query) -> list[Found]:
        """Find what a query means.

        Raises
        ------
        QueryError
            An attribute that the index does not know, or a value that breaks its grammar.
        """
        if query.level is Level.PATIENT:
            return self._find_patients(query)
        layout = _layout(query.level, query.include)
        rows = self._rows(query, layout)
        items = self._items(query.level, [row[0] for row in rows] if layout.has_items else [])
        if query.level is Level.STUDY:
            self._gather(query.include, [row[0] for row in rows], items)
        return [Found(query.level, _values(row, layout), items.get(row[0], {})) for row in rows]

    def _gather(
        self,
        include: frozenset[int] | None,
        studies: list[int],
        items: dict[int, dict[int, list[dict[int, list[str]]]]],
    ) -> None:
        """Add to the items of studies those that are gathered from their instances."""
        # Not where everything is asked for: it looks at all instances of the studies.
        for sequence in (each for each in GATHERED_KEYS if each.tag in (include or ())):
            for study, *values in self._gathered_rows(sequence, studies):
                item: dict[int, list[str]] = {
                    inner.tag: [value]
                    for inner, value in zip(sequence.items, values, strict=True)
                    if value
                }
                items.setdefault(study, {}).setdefault(sequence.tag, []).append(item)

    def _gathered_rows(self, sequence: SequenceKey, studies: list[int]) -> Iterator[AnyRow]:
        for start in range(0, len(studies), _MOST_OWNERS):
            some = studies[start : start + _MOST_OWNERS]
            with self._index.reading() as connection:
                yield from connection.execute(_gathered(sequence), {"studies": some})

    def _rows(self, query: Query, layout: _Layout) -> Sequence[Sequence[Any]]:
        uids = _only_uids(query)
        if uids is not None:
            statement = self._by_uids(query.level, query.include, tuple(uids), query.order)
            limit = _EVERYTHING if query.limit is None else query.limit
            named = {f"uid_{tag:08x}": uid for tag, uid in uids.items()}
            return self._index.all(statement, named | {"most": limit, "first": query.offset})
        source, conditions = selection(query)
        statement = layout.select.select_from(source).where(*conditions)
        statement = self._paged(statement, self._order(query), query)
        with self._index.reading() as connection:
            return connection.execute(statement).all()

    def _prepared_by_uids(
        self,
        level: Level,
        include: frozenset[int] | None,
        uids: tuple[int, ...],
        order: tuple[Order, ...],
    ) -> Prepared:
        """Prepare what viewers ask most: the series of a study, the instances of a series."""
        matches = tuple(Match(tag, "1") for tag in uids)
        source, _ = selection(Query(level))
        ordered = self._order(Query(level, matches, order=order))
        conditions = (_UIDS[tag][1] == bindparam(f"uid_{tag:08x}") for tag in uids)
        return Prepared(
            _layout(level, include)
            .select.select_from(source)
            .where(*conditions)
            .order_by(*ordered)
            .limit(bindparam("most"))
            .offset(bindparam("first"))
        )

    def count(self, query: Query) -> int:
        """Count what a query means, whatever its limit and offset."""
        source, conditions = selection(query)
        if query.level is Level.PATIENT:
            patients = select(_study.patient_id, _study.issuer_of_patient_id).where(*conditions)
            source, conditions = patients.distinct().subquery(), []
        with self._index.reading() as connection:
            statement = select(func.count()).select_from(source).where(*conditions)
            return connection.execute(statement).scalar_one()

    def has(self, study: str, series: str, instance: str) -> bool:
        """Whether an instance is in the index."""
        uids = {"study": study, "series": series, "instance": instance}
        if not all(map(is_path_safe_uid, uids.values())):
            return False
        return self._index.first(_HAS_INSTANCE, uids) is not None

    def _find_patients(self, query: Query) -> list[Found]:
        """Take each patient's attributes from the study that changed last."""
        _, conditions = selection(query)
        layout = _layout(Level.PATIENT, query.include)
        patient = (_study.patient_id, _study.issuer_of_patient_id)
        latest = func.row_number().over(partition_by=patient, order_by=_study.sequence.desc())
        studies = func.count().over(partition_by=patient)
        series = func.sum(_study.series_count).over(partition_by=patient)
        instances = func.sum(_study.instance_count).over(partition_by=patient)
        ranked = (
            select(
                *layout.columns,
                _study.patient_name_search.label("name"),
                latest.label("place"),
                studies.label("studies"),
                series.label("series"),
                instances.label("instances"),
            )
            .where(*conditions)
            .subquery()
        )
        statement = select(ranked).where(ranked.c.place == 1)
        statement = self._paged(statement, [ranked.c.name, ranked.c.pk], query)
        with self._index.reading() as connection:
            rows = connection.execute(statement).all()
        items = self._items(Level.STUDY, [row[0] for row in rows] if layout.has_items else [])
        return [
            Found(Level.PATIENT, _values(row, layout) | _patient_counts(row), items.get(row[0], {}))
            for row in rows
        ]

    def _paged(
        self, statement: Select[Any], order: Sequence[ColumnElement[Any]], query: Query
    ) -> Select[Any]:
        statement = statement.order_by(*order)
        if query.limit is not None or query.offset:
            limit = query.limit if query.limit is not None else _EVERYTHING
            statement = statement.limit(limit).offset(query.offset)
        return statement

    def _order(self, query: Query) -> list[ColumnElement[Any]]:
        chosen = [self._sorted(order, query.level) for order in query.order]
        newest = [_study.study_date.desc(), _study.study_time_search.desc()]
        if query.level is Level.STUDY:
            return [*chosen, *newest, _study.pk.desc()]
        by_number = [_series.series_number, _series.pk]
        if query.level is Level.INSTANCE:
            by_number += [_instance.instance_number, _instance.pk]
        one_study = any(match.path == 0x0020000D and match.value for match in query.matches)
        return [*chosen, *([] if one_study else [*newest, _study.pk]), *by_number]

    def _sorted(self, order: Order, level: Level) -> ColumnElement[Any]:
        attribute = key(order.tag)
        if not isinstance(attribute, Key) or attribute.level > level:
            named = f"({order.tag >> 16:04X},{order.tag & 0xFFFF:04X})"
            raise QueryError(f"{named} cannot be sorted by at this level")
        column = _sorting_column(attribute)
        return self._descending(column) if order.descending else column.asc()

    def _descending(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Sort from the largest, what is absent last, as SQLite does anyway."""
        return column.desc() if self._index.is_sqlite else column.desc().nulls_last()

    def _items(
        self, level: Level, owners: list[int]
    ) -> dict[int, dict[int, list[dict[int, list[str]]]]]:
        """Read the items of the sequences of rows."""
        found: dict[int, dict[int, dict[int, dict[int, list[str]]]]] = {}
        for start in range(0, len(owners), _MOST_OWNERS):
            some = owners[start : start + _MOST_OWNERS]
            size = next(size for size in _ITEMS if size >= len(some))
            # Names of owners that are not needed repeat the first.
            named = {f"owner_{i}": some[i % len(some)] for i in range(size)}
            asked = named | {"its_level": int(level)}
            for owner, sequence, item, tag, value in self._index.all(_ITEMS[size], asked):
                items = found.setdefault(owner, {}).setdefault(sequence, {})
                items.setdefault(item, {})[tag] = [value]
        return {
            owner: {
                sequence: [items[number] for number in sorted(items)]
                for sequence, items in sequences.items()
            }
            for owner, sequences in found.items()
        }


def _only_uids(query: Query) -> dict[int, str] | None:
    """Give the UIDs that a query asks for, where it asks for nothing else."""
    found: dict[int, str] = {}
    for match in query.matches:
        if not isinstance(match.path, int) or match.path not in _UIDS or match.path in found:
            return None
        uid = match.value.strip(" \0")
        if not uid or not is_path_safe_uid(uid) or _UIDS[match.path][0] > query.level:
            return None
        found[match.path] = uid
    return found or None


def _sorting_column(attribute: Key) -> ColumnElement[Any]:
    column = _column(attribute)
    if column is None:
        raise QueryError(f"{attribute} cannot be sorted by")
    if attribute not in COMPUTED_KEYS and attribute.has_search_column:
        return schema.table_of(attribute.level).c[attribute.search_column]
    return column


def _values(row: Sequence[Any], layout: _Layout) -> dict[int, list[str]]:
    values: dict[int, list[str]] = {}
    columns = iter(row)
    next(columns)  # the owner's number
    for tag, value in zip(layout.tags, columns, strict=False):
        if value.__class__ is not str:
            if value is not None:
                values[tag] = [str(value)]
        elif "\\" in value and tag not in _ONE_TEXT:
            if any(several := value.split("\\")):
                values[tag] = several
        elif value:
            values[tag] = [value]
    values[_INSTANCE_AVAILABILITY] = ["ONLINE"]
    return values


def _patient_counts(row: AnyRow) -> dict[int, list[str]]:
    return {
        0x00201200: [str(row.studies)],
        0x00201202: [str(row.series)],
        0x00201204: [str(row.instances)],
    }
