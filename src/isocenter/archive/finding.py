"""Answering queries from the index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import QueryError

from . import schema
from .found_items import Beside, beside, gathered
from .index import AnyRow, Index
from .keys import COMPUTED_KEYS, GATHERED_KEYS, KEYS, RARE_KEYS, SEQUENCE_KEYS, Key, Level, key
from .prepared import Prepared
from .query import Found, Match, Order, Query
from .selection import patient_count, selection

__all__ = ["Finder"]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
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
_NOTHING = Beside({}, {})
_ONE_TEXT = frozenset(each.tag for each in KEYS if each.vr in {"LT", "ST", "UT"})
_PATIENT = (_study.patient_id, _study.issuer_of_patient_id)
_PATIENT_COUNTS = tuple(
    each for each in COMPUTED_KEYS if each.keyword.startswith("NumberOfPatientRelated")
)
_COUNTED = select(*_PATIENT, *map(patient_count, _PATIENT_COUNTS)).group_by(*_PATIENT)
_COUNTED_OF = _COUNTED.where(_study.patient_id_search.in_(bindparam("ids", expanding=True)))
_COUNTED_WITHOUT_ID = _COUNTED.where(_study.patient_id_search.is_(None))
_MOST_PATIENTS = 500


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is selected: the owner's number, then a column a key.

    The select is at hand, because SQLAlchemy takes longer to make it than the index to answer.
    """

    select: Select[Any]
    tags: tuple[int, ...]
    owners: tuple[tuple[Level, int], ...]
    """Levels of which values are wanted that stand beside their rows, and where the row's number
    is among the columns."""
    patient: int | None
    """Where, if its studies are to be counted, the patient's identity is among the columns."""

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
    owners: list[tuple[Level, int]] = []
    for at in _levels_beside(include):
        if at < max(level, Level.STUDY):
            columns.append(schema.table_of(at).c.pk)
            owners.append((at, len(columns) - 1))
        elif at == max(level, Level.STUDY):
            owners.append((at, 0))
    patient = None
    counted = any(each.tag in (include or ()) for each in _PATIENT_COUNTS)
    if counted and level is not Level.PATIENT:
        patient = len(columns)
        columns += (*_PATIENT, _study.patient_id_search)
    return _Layout(select(*columns), tuple(chosen), tuple(owners), patient)


def _levels_beside(include: frozenset[int] | None) -> list[Level]:
    """List the levels of tables beside whose rows something is that is wanted."""
    wanted = {
        max(each.level, Level.STUDY)
        for each in (*SEQUENCE_KEYS, *RARE_KEYS)
        if include is None or each.tag in include
    }
    return sorted(wanted)


def _column(attribute: Key) -> ColumnElement[Any] | None:
    if attribute in COMPUTED_KEYS:
        return _COMPUTED_COLUMNS.get(attribute.keyword)
    if attribute in RARE_KEYS:
        return None
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
        found = [Found(query.level, _values(row, layout)) for row in rows]
        if layout.patient is not None:
            self._count_of_patients(rows, layout.patient, found)
        self._add_beside(rows, layout, found)
        if query.level is Level.STUDY:
            self._gather(query.include, rows, found)
        return found

    def _add_beside(
        self, rows: Sequence[Sequence[Any]], layout: _Layout, found: list[Found]
    ) -> None:
        """Add what stands beside the rows and those above them."""
        for at, column in layout.owners:
            owners = list(dict.fromkeys(row[column] for row in rows))
            read = beside(self._index, at, owners)
            for row, each in zip(rows, found, strict=True):
                values, items = read.get(row[column], _NOTHING)
                each.values |= values
                each.items |= items

    def _gather(
        self, include: frozenset[int] | None, rows: Sequence[Sequence[Any]], found: list[Found]
    ) -> None:
        """Add to studies the items that are gathered from their instances."""
        # Not where everything is asked for: it looks at all instances of the studies.
        for sequence in (each for each in GATHERED_KEYS if each.tag in (include or ())):
            studies = {row[0]: each for row, each in zip(rows, found, strict=True)}
            for study, item in gathered(self._index, sequence, list(studies)):
                studies[study].items.setdefault(sequence.tag, []).append(item)

    def _count_of_patients(
        self, rows: Sequence[Sequence[Any]], column: int, found: list[Found]
    ) -> None:
        """Add what is related to the patients, whose identity begins at a column of the rows."""
        counts = self._counts({tuple(row[column : column + 3]) for row in rows})
        for row, each in zip(rows, found, strict=True):
            if (counted := counts.get((row[column], row[column + 1]))) is not None:
                each.values |= counted

    def _counts(self, patients: Iterable[tuple[Any, ...]]) -> dict[Any, dict[int, list[str]]]:
        searches = {search for *_, search in patients}
        ids = list(searches - {None})
        asked: list[tuple[Select[Any], dict[str, Any]]] = [
            (_COUNTED_OF, {"ids": ids[start : start + _MOST_PATIENTS]})
            for start in range(0, len(ids), _MOST_PATIENTS)
        ]
        if None in searches:
            asked.append((_COUNTED_WITHOUT_ID, {}))
        counts: dict[Any, dict[int, list[str]]] = {}
        for statement, named in asked:
            with self._index.reading() as connection:
                rows: Sequence[Any] = connection.execute(statement, named).all()
            for patient, issuer, *counted in rows:
                counts[patient, issuer] = {
                    each.tag: [str(int(number))]
                    for each, number in zip(_PATIENT_COUNTS, counted, strict=True)
                }
        return counts

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
        latest = func.row_number().over(partition_by=_PATIENT, order_by=_study.sequence.desc())
        studies = func.count().over(partition_by=_PATIENT)
        series = func.sum(_study.series_count).over(partition_by=_PATIENT)
        instances = func.sum(_study.instance_count).over(partition_by=_PATIENT)
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
        found = [Found(Level.PATIENT, _values(row, layout) | _patient_counts(row)) for row in rows]
        self._add_beside(rows, layout, found)
        return found

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
