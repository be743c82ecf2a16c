"""Rows of studies and series: found, made, and kept in step with what instances say."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, insert, select, update

from . import schema
from .arrivals import Arrival
from .index import Transaction
from .index_values import (
    LONGEST_SEARCH,
    FurtherValue,
    LevelValues,
    Signature,
    level_values,
)
from .keys import KEYS, Level
from .prepared import Prepared, blank_row, insert_rows

__all__ = ["Parents", "SeriesEntry", "StudyEntry", "insert_further", "joined", "replace_further"]

_CACHED = 4096

_study, _series, _item = schema.study.c, schema.series.c, schema.item_value.c
_FIND_STUDY = Prepared(select(schema.study).where(_study.study_instance_uid == bindparam("uid")))
_FIND_SERIES = Prepared(
    select(schema.series).where(
        _series.study_pk == bindparam("study"), _series.series_instance_uid == bindparam("uid")
    )
)
_INSERT = {
    Level.STUDY: insert_rows(schema.study, "pk"),
    Level.SERIES: insert_rows(schema.series, "pk"),
}
_BLANK = {
    Level.STUDY: blank_row(schema.study) | {"series_count": 0, "instance_count": 0},
    Level.SERIES: blank_row(schema.series) | {"instance_count": 0},
}
_COUNT_IN_STUDY = Prepared(
    update(schema.study)
    .where(_study.pk == bindparam("key"))
    .values(
        instance_count=_study.instance_count + bindparam("instances"),
        series_count=_study.series_count + bindparam("its_series"),
        modalities=bindparam("its_modalities"),
        sop_classes=bindparam("its_classes"),
        sequence=bindparam("last"),
    )
)
_COUNT_IN_SERIES = Prepared(
    update(schema.series)
    .where(_series.pk == bindparam("key"))
    .values(
        instance_count=_series.instance_count + bindparam("instances"),
        sequence=bindparam("last"),
    )
)
_FORGET_FURTHER = Prepared(
    delete(schema.item_value).where(
        _item.level == bindparam("its_level"), _item.owner_pk == bindparam("owner")
    )
)
_INSERT_FURTHER = insert_rows(schema.item_value, "pk")
_MODALITIES = select(_series.modality).where(_series.study_pk == bindparam("study")).distinct()
_KEY_COLUMNS = {key.column: key for key in KEYS}


@dataclass(slots=True, eq=False)
class StudyEntry:
    """A study that was met lately, and what the transaction adds to it."""

    pk: int
    modalities: set[str] = field(default_factory=set[str])
    sop_classes: set[str] = field(default_factory=set[str])
    signature: Signature = ()
    warnings: tuple[str, ...] = ()
    is_new: bool = False
    more_series: int = 0
    more_instances: int = 0

    def write_counts(self, transaction: Transaction, sequence: int) -> None:
        """Write what was added; `sequence` is that of the last change."""
        counted = {
            "key": self.pk,
            "instances": self.more_instances,
            "its_series": self.more_series,
            "its_modalities": joined(self.modalities),
            "its_classes": joined(self.sop_classes),
            "last": sequence,
        }
        transaction.run(_COUNT_IN_STUDY, counted)
        self.more_series = self.more_instances = 0


@dataclass(slots=True, eq=False)
class SeriesEntry:
    """A series that was met lately, and what the transaction adds to it."""

    pk: int
    signature: Signature = ()
    warnings: tuple[str, ...] = ()
    more_instances: int = 0

    def write_counts(self, transaction: Transaction, sequence: int) -> None:
        """Write what was added; `sequence` is that of the last change."""
        counted = {"key": self.pk, "instances": self.more_instances, "last": sequence}
        transaction.run(_COUNT_IN_SERIES, counted)
        self.more_instances = 0


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
        given = arrival.values.study
        entry = _recalled(self._studies, arrival.study)
        if entry is not None and entry.signature == given:
            return entry
        values = level_values(arrival.header, Level.STUDY)
        found = transaction.find(_FIND_STUDY, {"uid": arrival.study})
        if found is None:
            pk = _insert(transaction, Level.STUDY, values, {"sequence": sequence})
            entry = StudyEntry(pk, is_new=True)
        else:
            row = _named(Level.STUDY, found)
            _merge(transaction, Level.STUDY, row, values, arrival)
            if entry is None:
                entry = StudyEntry(row["pk"], _split(row["modalities"]), _split(row["sop_classes"]))
        entry.signature, entry.warnings = given, tuple(values.warnings)
        _remember(self._studies, arrival.study, entry)
        return entry

    def series(
        self, transaction: Transaction, arrival: Arrival, study: StudyEntry, sequence: int
    ) -> SeriesEntry:
        """Find or make the series' row, brought to what this instance says."""
        given = arrival.values.series
        entry = _recalled(self._series, (study.pk, arrival.series))
        if entry is not None and entry.signature == given:
            return entry
        values = level_values(arrival.header, Level.SERIES)
        named = {"study": study.pk, "uid": arrival.series}
        found = None if study.is_new else transaction.find(_FIND_SERIES, named)
        modality = values.columns.get("modality")
        if found is None:
            more = {"study_pk": study.pk, "sequence": sequence}
            entry = SeriesEntry(_insert(transaction, Level.SERIES, values, more))
            study.more_series += 1
            study.is_new = False
        else:
            row = _named(Level.SERIES, found)
            changed = _merge(transaction, Level.SERIES, row, values, arrival)
            entry = entry or SeriesEntry(row["pk"])
            modality = modality or row["modality"]
            if "modality" in changed:
                study.modalities = _modalities(transaction, study.pk)
        if modality:
            study.modalities.add(str(modality))
        entry.signature, entry.warnings = given, tuple(values.warnings)
        _remember(self._series, (study.pk, arrival.series), entry)
        return entry


def joined(values: set[str]) -> str:
    """Join values as DICOM does, in order."""
    return "\\".join(sorted(values))


def _modalities(transaction: Transaction, study: int) -> set[str]:
    found = transaction.execute(_MODALITIES, {"study": study}).scalars()
    return {modality for modality in found if modality}


def _split(joined: str) -> set[str]:
    return set(joined.split("\\")) - {""}


def _recalled(memory: OrderedDict[Any, Entry], name: object) -> Entry | None:
    entry = memory.get(name)
    if entry is not None:
        # What a transaction adds to must stay: only what was not met for long may go.
        memory.move_to_end(name)
    return entry


def _remember(memory: OrderedDict[Any, Entry], name: object, entry: Entry) -> None:
    memory[name] = entry
    if len(memory) > _CACHED:
        memory.popitem(last=False)


def _named(level: Level, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_BLANK[level], row, strict=True))


def _insert(
    transaction: Transaction, level: Level, values: LevelValues, more: dict[str, int]
) -> int:
    pk = transaction.insert(_INSERT[level], _BLANK[level] | values.columns | more)
    insert_further(transaction, level, pk, values.further)
    return pk


def replace_further(
    transaction: Transaction, level: Level, owner: int, further: list[FurtherValue]
) -> None:
    """Write the values that have no column, in place of those that were there."""
    transaction.run(_FORGET_FURTHER, {"its_level": int(level), "owner": owner})
    insert_further(transaction, level, owner, further)


def insert_further(
    transaction: Transaction, level: Level, owner: int, further: list[FurtherValue]
) -> None:
    """Write values that have no column."""
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
        transaction.run_many(_INSERT_FURTHER, rows)


def _merge(
    transaction: Transaction,
    level: Level,
    row: dict[str, Any],
    values: LevelValues,
    arrival: Arrival,
) -> dict[str, Any]:
    """Let the latest values win; what they overrule is recorded, what they leave out stays.

    Returns
    -------
    dict
        The columns that changed, with their new values.
    """
    changed = {column: value for column, value in values.columns.items() if row[column] != value}
    for column in changed:
        if (key := _KEY_COLUMNS.get(column)) is not None and row[column] not in (None, ""):
            overruled = str(row[column])[:LONGEST_SEARCH]
            _record_conflict(transaction, level, key.tag, overruled, arrival)
    if changed:
        table = schema.table_of(level)
        transaction.execute(update(table).where(table.c.pk == row["pk"]).values(changed))
    if values.further or changed:
        replace_further(transaction, level, row["pk"], values.further)
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
