"""Rows of studies and series: found, made, and kept in step with what instances say."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import CursorResult, bindparam, delete, insert, select, update

from . import schema
from .arrivals import Arrival
from .index import AnyRow, Transaction
from .index_values import LONGEST_SEARCH, FurtherValue, LevelValues, level_values, signature
from .keys import KEYS, Level

__all__ = ["Parents", "SeriesEntry", "StudyEntry", "inserted_pk", "joined", "replace_further"]

_CACHED = 4096

_study, _series, _item = schema.study.c, schema.series.c, schema.item_value.c
_FIND_STUDY = select(schema.study).where(_study.study_instance_uid == bindparam("uid"))
_FIND_SERIES = select(schema.series).where(
    _series.study_pk == bindparam("study"), _series.series_instance_uid == bindparam("uid")
)
_FORGET_FURTHER = delete(schema.item_value).where(
    _item.level == bindparam("its_level"), _item.owner_pk == bindparam("owner")
)
_INSERT_FURTHER = insert(schema.item_value)
_SUMMARISE = (
    update(schema.study)
    .where(_study.pk == bindparam("key"))
    .values(modalities=bindparam("its_modalities"), sop_classes=bindparam("its_classes"))
)
_MODALITIES = select(_series.modality).where(_series.study_pk == bindparam("study")).distinct()
_KEY_COLUMNS = {key.column: key for key in KEYS}

Signature = tuple[bytes | None, ...]


@dataclass(slots=True)
class StudyEntry:
    """A study that was met lately."""

    pk: int
    signature: Signature
    modalities: set[str] = field(default_factory=set[str])
    sop_classes: set[str] = field(default_factory=set[str])
    warnings: tuple[str, ...] = ()
    is_new: bool = False


@dataclass(slots=True)
class SeriesEntry:
    """A series that was met lately."""

    pk: int
    signature: Signature
    modality: str = ""
    warnings: tuple[str, ...] = ()
    is_new: bool = False


Entry = TypeVar("Entry", StudyEntry, SeriesEntry)


class Parents:
    """Finds or makes the study and the series of an instance.

    What was met lately is remembered with the encoded values that the last instance had: an
    instance that has the same ones needs no look at the row. The memory holds only as long as
    nobody else writes; its owner sees to that.
    """

    def __init__(self) -> None:
        self._studies: OrderedDict[str, StudyEntry] = OrderedDict()
        self._series: OrderedDict[tuple[int, str], SeriesEntry] = OrderedDict()

    def forget(self) -> None:
        """Forget everything, because the rows may have changed."""
        self._studies.clear()
        self._series.clear()

    def study(self, transaction: Transaction, arrival: Arrival, sequence: int) -> StudyEntry:
        """Find or make the study's row, brought to what this instance says."""
        given = signature(arrival.header, Level.STUDY)
        known = self._studies.get(arrival.study)
        if known is not None and known.signature == given:
            return known
        values = level_values(arrival.header, Level.STUDY)
        row = transaction.execute(_FIND_STUDY, {"uid": arrival.study}).one_or_none()
        if row is None:
            pk = _insert(transaction, Level.STUDY, values, {"sequence": sequence})
            entry = StudyEntry(pk, given, is_new=True)
        else:
            _merge(transaction, Level.STUDY, row, values, arrival)
            entry = StudyEntry(row.pk, given, _split(row.modalities), _split(row.sop_classes))
        entry.warnings = tuple(values.warnings)
        _remember(self._studies, arrival.study, entry)
        return entry

    def series(
        self, transaction: Transaction, arrival: Arrival, study: StudyEntry, sequence: int
    ) -> SeriesEntry:
        """Find or make the series' row, brought to what this instance says."""
        given = signature(arrival.header, Level.SERIES)
        known = self._series.get((study.pk, arrival.series))
        if known is not None and known.signature == given:
            return known
        values = level_values(arrival.header, Level.SERIES)
        found = {"study": study.pk, "uid": arrival.series}
        row = None if study.is_new else transaction.execute(_FIND_SERIES, found).one_or_none()
        if row is None:
            more = {"study_pk": study.pk, "sequence": sequence}
            entry = SeriesEntry(
                _insert(transaction, Level.SERIES, values, more),
                given,
                str(values.columns.get("modality") or ""),
                is_new=True,
            )
        else:
            changed = _merge(transaction, Level.SERIES, row, values, arrival)
            entry = SeriesEntry(row.pk, given, changed.get("modality") or row.modality or "")
            if "modality" in changed:
                study.modalities = _modalities(transaction, study.pk)
        entry.warnings = tuple(values.warnings)
        _remember(self._series, (study.pk, arrival.series), entry)
        return entry

    def summarise(
        self, transaction: Transaction, study: StudyEntry, series: SeriesEntry, sop_class: str
    ) -> None:
        """Note a modality or SOP class that the study did not have so far."""
        modalities = {series.modality} if series.modality else set[str]()
        if modalities <= study.modalities and sop_class in study.sop_classes:
            return
        study.modalities |= modalities
        study.sop_classes.add(sop_class)
        transaction.execute(
            _SUMMARISE,
            {
                "key": study.pk,
                "its_modalities": joined(study.modalities),
                "its_classes": joined(study.sop_classes),
            },
        )


def joined(values: set[str]) -> str:
    """Join values as DICOM does, in order."""
    return "\\".join(sorted(values))


def _modalities(transaction: Transaction, study: int) -> set[str]:
    found = transaction.execute(_MODALITIES, {"study": study}).scalars()
    return {modality for modality in found if modality}


def _split(joined: str) -> set[str]:
    return set(joined.split("\\")) - {""}


def _remember(memory: OrderedDict[Any, Entry], name: object, entry: Entry) -> None:
    memory[name] = entry
    memory.move_to_end(name)
    if len(memory) > _CACHED:
        memory.popitem(last=False)


def _insert(
    transaction: Transaction, level: Level, values: LevelValues, more: dict[str, int]
) -> int:
    statement = insert(schema.table_of(level))
    result = transaction.execute(statement, values.columns | more)
    pk = inserted_pk(result)
    _insert_further(transaction, level, pk, values.further)
    return pk


def replace_further(
    transaction: Transaction, level: Level, owner: int, further: list[FurtherValue]
) -> None:
    """Write the values that have no column, in place of those that were there."""
    transaction.execute(_FORGET_FURTHER, {"its_level": int(level), "owner": owner})
    _insert_further(transaction, level, owner, further)


def inserted_pk(result: CursorResult[Any]) -> int:
    """Give the number of the row that an insert made."""
    key: Sequence[int] | None = result.inserted_primary_key
    assert key is not None
    return key[0]


def _insert_further(
    transaction: Transaction, level: Level, owner: int, further: list[FurtherValue]
) -> None:
    if further:
        rows = [
            {
                "level": int(level),
                "owner_pk": owner,
                "sequence_tag": value.sequence_tag,
                "item": value.item,
                "tag": value.tag,
                "value": value.value,
                "search": value.search,
            }
            for value in further
        ]
        transaction.execute(_INSERT_FURTHER, rows)


def _merge(
    transaction: Transaction, level: Level, row: AnyRow, values: LevelValues, arrival: Arrival
) -> dict[str, Any]:
    """Let the latest values win; what they overrule is recorded, what they leave out stays.

    Returns
    -------
    dict
        The columns that changed, with their new values.
    """
    kept = row._mapping  # pyright: ignore[reportPrivateUsage]
    changed = {column: value for column, value in values.columns.items() if kept[column] != value}
    for column in changed:
        if (key := _KEY_COLUMNS.get(column)) is not None and kept[column] not in (None, ""):
            overruled = str(kept[column])[:LONGEST_SEARCH]
            _record_conflict(transaction, level, key.tag, overruled, arrival)
    if changed:
        table = schema.table_of(level)
        transaction.execute(update(table).where(table.c.pk == row.pk).values(changed))
    if values.further or changed:
        replace_further(transaction, level, row.pk, values.further)
    return changed


def _record_conflict(
    transaction: Transaction, level: Level, tag: int, value: str, arrival: Arrival
) -> None:
    found = {
        "study_instance_uid": arrival.study,
        "series_instance_uid": arrival.series if level is Level.SERIES else "",
        "tag": tag,
        "value": value,
    }
    table = schema.conflict
    known = select(table.c.pk).where(*(table.c[name] == found[name] for name in found))
    if transaction.execute(known).first() is None:
        more = {"sop_instance_uid": arrival.instance, "time": arrival.time}
        transaction.execute(insert(table), found | more)
