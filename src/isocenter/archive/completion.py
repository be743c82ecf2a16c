"""Values that rows of the index lack and files have, as after an upgrade that added columns."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, update

from isocenter.dicom.header import Header
from isocenter.dicom.scan import scan_file
from isocenter.errors import IsocenterError

from . import schema
from .blobs import BlobStore
from .index import AnyRow, Index, Transaction
from .index_values import EXTRA_TAGS, FurtherValue, level_values
from .keys import KEYS, SEQUENCE_KEYS, Level
from .parents import insert_further

__all__ = ["Completion"]

_BATCH = 256
_KEYWORDS = {name: key.keyword for key in KEYS for name in (key.column, key.search_column)}
_SEQUENCES = {key.tag: key.keyword for key in SEQUENCE_KEYS}
_item = schema.item_value.c


@dataclass(slots=True)
class _Said:
    """What files say of one row."""

    columns: dict[str, Any] = field(default_factory=dict[str, Any])
    further: list[FurtherValue] = field(default_factory=list[FurtherValue])

    def lacking_in(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """Give the columns that a row leaves empty and files do not."""
        return {
            name: value
            for name, value in self.columns.items()
            if value not in (None, "") and row[name] in (None, "")
        }


class Completion:
    """Fills rows that lack what their files say; of what differs nothing is touched.

    Parameters
    ----------
    index, blobs
        Of the archive.
    repair
        Whether to fill, or only to tell.
    thorough
        Whether to read every file, and to look at the rows of instances, too; otherwise it is the
        latest file of each series.
    """

    def __init__(self, index: Index, blobs: BlobStore, *, repair: bool, thorough: bool) -> None:
        self._index = index
        self._blobs = blobs
        self._repair = repair
        self._thorough = thorough

    def complete(self, rows: Sequence[AnyRow]) -> list[str]:
        """Look at a study.

        Parameters
        ----------
        rows
            Of its instances whose files are sound: keys, UIDs and `sequence`.

        Returns
        -------
        list of str
            Keywords of the attributes that its rows lack, or lacked.
        """
        lacked: set[str] = set()
        parents: dict[tuple[Level, int], _Said] = {}
        ordered = sorted(rows, key=lambda row: row.sequence)
        if not self._thorough:
            ordered = list({row.series_pk: row for row in ordered}.values())
        for start in range(0, len(ordered), _BATCH):
            instances: dict[tuple[Level, int], _Said] = {}
            for row, header in self._headers(ordered[start : start + _BATCH]):
                for level, pk in ((Level.STUDY, row.study_pk), (Level.SERIES, row.series_pk)):
                    said = parents.setdefault((level, pk), _Said())
                    said.columns |= level_values(header, level).columns
                if self._thorough:
                    values = level_values(header, Level.INSTANCE)
                    instances[Level.INSTANCE, row.pk] = _Said(values.columns, values.further)
            lacked |= self._fill(instances)
        return sorted(lacked | self._fill(parents))

    def _headers(self, rows: Sequence[AnyRow]) -> Iterator[tuple[AnyRow, Header]]:
        for row in rows:
            uids = row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid
            # What cannot be read is found by those who look for that.
            with contextlib.suppress(OSError, IsocenterError):
                yield row, scan_file(Path(self._blobs.place_of(*uids)), extra=EXTRA_TAGS)

    def _fill(self, owners: dict[tuple[Level, int], _Said]) -> set[str]:
        if not owners:
            return set()
        with self._index.reading() as connection:
            found = _lacking(connection, owners)
        if found and self._repair:
            with self._index.writing() as transaction:
                _write(transaction, _lacking(transaction, owners))
        return {keyword for lack in found for keyword in lack.keywords}


@dataclass(frozen=True, slots=True)
class _Lack:
    """What one row lacks."""

    level: Level
    pk: int
    columns: dict[str, Any]
    further: list[FurtherValue]

    @property
    def keywords(self) -> set[str]:
        names = {_KEYWORDS[name] for name in self.columns}
        return names | {_keyword(value) for value in self.further}


def _keyword(value: FurtherValue) -> str:
    tag = value.sequence_tag or value.tag
    return _SEQUENCES.get(tag) or next(key.keyword for key in KEYS if key.tag == tag)


def _lacking(connection: Any, owners: dict[tuple[Level, int], _Said]) -> list[_Lack]:
    lacks: list[_Lack] = []
    for level in {level for level, _ in owners}:
        table = schema.table_of(level)
        keys = [pk for of, pk in owners if of is level]
        for row in connection.execute(select(table).where(table.c.pk.in_(keys))).mappings():
            pk = int(row["pk"])
            said = owners[level, pk]
            columns = said.lacking_in(row)
            further = _further_lacking(connection, level, pk, said.further)
            if columns or further:
                lacks.append(_Lack(level, pk, columns, further))
    return lacks


def _further_lacking(
    connection: Any, level: Level, pk: int, said: Sequence[FurtherValue]
) -> list[FurtherValue]:
    """Give the values of attributes of which none is there."""
    if not said:
        return []
    of_row = (_item.level == int(level)) & (_item.owner_pk == pk)
    rows = connection.execute(select(_item.sequence_tag, _item.tag).where(of_row))
    known = {(row.sequence_tag, row.tag) for row in rows}
    return [value for value in said if (value.sequence_tag, value.tag) not in known]


def _write(transaction: Transaction, lacks: Sequence[_Lack]) -> None:
    for lack in lacks:
        table: Table = schema.table_of(lack.level)
        if lack.columns:
            transaction.execute(update(table).where(table.c.pk == lack.pk).values(**lack.columns))
        insert_further(transaction, lack.level, lack.pk, lack.further)
