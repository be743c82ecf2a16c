"""What the files of a study say of it and of its series, and what of that is left when some go."""

from bisect import bisect
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Self

from sqlalchemy import Connection, bindparam, select, update

from isocenter.dicom.header import Header
from isocenter.dicom.scan import scan_file
from isocenter.errors import IsocenterError

from . import schema
from .blobs import BlobStore
from .index import AnyRow, Index, Transaction
from .index_values import EXTRA_TAGS, LevelValues, Signature, level_values, signature
from .instance_rows import INSTANCES, uids_of
from .keys import Level
from .parents import replace_further
from .row_values import RowValues, blank_columns
from .wholeness import uids_in

__all__ = ["PARENTS", "Parent", "Told"]

PARENTS = (Level.STUDY, Level.SERIES)
"""Levels of which every instance says something."""

_BATCH = 500
_MOST_FILES = 50_000
_MOST_VALUES = 5_000
_instance, _series = schema.instance.c, schema.series.c
_ORDER = (
    select(_instance.pk, _instance.sequence, _instance.series_pk)
    .join(schema.series, _series.pk == _instance.series_pk)
    .where(_series.study_pk == bindparam("key"))
    .order_by(_instance.sequence)
)
_SOME = INSTANCES.where(_instance.pk.in_(bindparam("keys", expanding=True)))

_Name = tuple[int, int]
"""Key and sequence number of an instance's row: an instance that is replaced gets another."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The row of a study or series, and what it must say."""

    level: Level
    pk: int
    values: RowValues

    def write(self, transaction: Transaction) -> None:
        """Have the row say just that."""
        table = schema.table_of(self.level)
        columns = blank_columns(self.level) | self.values.columns
        transaction.execute(update(table).where(table.c.pk == self.pk).values(columns))
        replace_further(transaction, self.level, self.pk, self.values.further)


class Told:
    """Remembers what files said, and works out what rows must say without some of them.

    Parameters
    ----------
    blobs
        Where the files are.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._told: dict[_Name, tuple[LevelValues, ...]] = {}
        self._silent: set[_Name] = set()
        self._values: dict[tuple[Level, Signature], LevelValues] = {}

    @classmethod
    def ahead(cls, index: Index, blobs: BlobStore, gone: Sequence[AnyRow]) -> Self:
        """Read what `without` will need, while nobody has to wait for it."""
        told = cls(blobs)
        with index.reading() as connection:
            told.without(connection, gone)
        return told

    def settle(self) -> None:
        """Have what could not be read tried again, and remember no more than enough."""
        self._silent.clear()
        if len(self._told) > _MOST_FILES or len(self._values) > _MOST_VALUES:
            self._told.clear()
            self._values.clear()

    def forget_after(self, sequence: int) -> None:
        """Forget what has later numbers, which are given out again: their transaction failed."""
        self._silent.clear()
        self._told = {name: said for name, said in self._told.items() if name[1] <= sequence}

    def note(self, pk: int, sequence: int, header: Header) -> None:
        """Take what a file says whose row has this key and sequence number."""
        self._told[pk, sequence] = tuple(self._remembered(header, level) for level in PARENTS)

    def renumber(self, row: AnyRow, sequence: int) -> None:
        """Take notice that a row got another sequence number for the same file."""
        self._told[row.pk, sequence] = self._told[_name(row)]

    def of(self, row: AnyRow, level: Level) -> LevelValues | None:
        """Tell what the file of a row said, if it was read or noted."""
        told = self._told.get(_name(row))
        return None if told is None else told[PARENTS.index(level)]

    def read(self, row: AnyRow) -> None:
        """Read the file of a row, unless that was tried before."""
        if _name(row) in self._told or _name(row) in self._silent:
            return
        with suppress(OSError, IsocenterError):
            header = scan_file(self._blobs.path(*uids_of(row)), extra=EXTRA_TAGS)
            if uids_in(header) == uids_of(row):
                self.note(row.pk, row.sequence, header)
                return
        self._silent.add(_name(row))

    def is_same(self, row: AnyRow, sequence: int) -> bool:
        """Whether the file of a row said the same as that which the row got with a later number."""
        before = self._told.get(_name(row))
        return before is not None and before == self._told.get((row.pk, sequence))

    def without(self, connection: Connection | Transaction, gone: Sequence[AnyRow]) -> list[Parent]:
        """Work out what the rows above instances must say without these.

        Parameters
        ----------
        connection
            To the index.
        gone
            Rows of `INSTANCES` of one study, of which some may be there still.

        Returns
        -------
        list of Parent
            The rows that may have to say something else, where something is left below them and
            all of that can be read.
        """
        if not gone:
            return []
        names = {_name(row) for row in gone}
        order = connection.execute(_ORDER, {"key": gone[0].study_pk})
        places: dict[_Name, int] = {_name(row): row.series_pk for row in order}
        self._silent |= names - places.keys()  # another file has its place
        left = {name: series for name, series in places.items() if name not in names}
        expected: list[Parent] = []
        for level, pk in {(level, _pk(row, level)) for level in PARENTS for row in gone}:
            of_series = level is Level.SERIES
            below = [name for name, series in left.items() if not of_series or series == pk]
            went = [row for row in gone if _pk(row, level) == pk]
            if below and not self._say_the_same(connection, level, below, went):
                values = self._said_by(level, _rows(connection, gone[0], below))
                expected += [Parent(level, pk, values)] if values else []
        return expected

    def _say_the_same(
        self,
        connection: Connection | Transaction,
        level: Level,
        left: Sequence[_Name],
        gone: Sequence[AnyRow],
    ) -> bool:
        """Whether those that are gone only said what one beside them says, before or after.

        To say the same twice in a row changes nothing.
        """
        sequences = [sequence for _, sequence in left]
        gaps = {_name(row): bisect(sequences, row.sequence) for row in gone}
        beside = {name for gap in gaps.values() for name in left[max(gap - 1, 0) : gap + 1]}
        rows = (*gone, *_rows(connection, gone[0], beside))
        said = {_name(row): self._said(row, level) for row in rows}
        for gap, between in groupby(sorted(gaps, key=itemgetter(1)), gaps.__getitem__):
            before, after = left[max(gap - 1, 0) : gap], left[gap : gap + 1]
            now, then = (*before, *after), (*before, *between, *after)
            if _changes(map(said.get, now)) != _changes(map(said.get, then)):
                return False
        return True

    def _said(self, row: AnyRow, level: Level) -> LevelValues | _Name:
        """Tell what a file says; of one that does not tell, something that no other says."""
        self.read(row)
        return self.of(row, level) or _name(row)

    def _said_by(self, level: Level, rows: Iterable[AnyRow]) -> RowValues | None:
        """Tell what files say of a row together, the later of which win; None if one is silent."""
        said = RowValues()
        for row in rows:
            self.read(row)
            values = self.of(row, level)
            if values is None:
                return None
            said.merge(values)
        return said

    def _remembered(self, header: Header, level: Level) -> LevelValues:
        name = level, signature(header, level)
        if name not in self._values:
            self._values[name] = level_values(header, level)
        return self._values[name]


def _name(row: AnyRow) -> _Name:
    return row.pk, row.sequence


def _pk(row: AnyRow, level: Level) -> int:
    return row.study_pk if level is Level.STUDY else row.series_pk


def _rows(
    connection: Connection | Transaction, one: AnyRow, names: Iterable[_Name]
) -> list[AnyRow]:
    """Read rows of the study that one row is of, in their order."""
    keys = [pk for pk, _ in names]
    rows: list[AnyRow] = []
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        rows += connection.execute(_SOME, {"study": one.study_instance_uid, "keys": some})
    return sorted(rows, key=attrgetter("sequence"))


def _changes(said: Iterable[Any]) -> list[Any]:
    """Leave out what says the same as what stands before it."""
    return [values for values, _ in groupby(said)]
