"""What the files of a study say of it and of its series, and what of that is left when some go."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Self

from sqlalchemy import Connection, bindparam, select, update

from isocenter.dicom.header import Header
from isocenter.dicom.scan import scan_file
from isocenter.errors import IsocenterError

from . import schema
from .blobs import BlobStore
from .departures import Name, NewValues, Said, without
from .index import AnyRow, Index, Transaction
from .index_values import EXTRA_TAGS, LevelValues, Signature, level_values, signature
from .instance_rows import INSTANCES, uids_of
from .keys import Level
from .parents import replace_further
from .row_values import blank_columns
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


@dataclass(frozen=True, slots=True)
class Parent:
    """The row of a study or series, and what it must say."""

    level: Level
    pk: int
    new: NewValues

    def write(self, transaction: Transaction) -> None:
        """Have the row say that."""
        table, values = schema.table_of(self.level), self.new.values
        blank = blank_columns(self.level) if self.new.is_all else {}
        columns = blank | values.columns
        transaction.execute(update(table).where(table.c.pk == self.pk).values(columns))
        replace_further(transaction, self.level, self.pk, values.further)


class Told:
    """Remembers what files said, and works out what rows must say without some of them.

    Parameters
    ----------
    blobs
        Where the files are.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._told: dict[Name, tuple[LevelValues, ...]] = {}
        self._silent: set[Name] = set()
        self._values: dict[tuple[Level, Signature], LevelValues] = {}

    @classmethod
    def ahead(cls, index: Index, blobs: BlobStore, gone: Sequence[AnyRow]) -> Self:
        """Read what `without` will need, while nobody has to wait for it."""
        told = cls(blobs)
        with index.reading() as connection:
            told.without(connection, gone)
        return told

    def trim(self) -> None:
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
        if self._is_known(_name(row)):
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
            The rows that must say something else, where something is left below them and as much
            of that can be read as it takes to tell.
        """
        if not gone:
            return []
        names = {_name(row) for row in gone}
        order = connection.execute(_ORDER, {"key": gone[0].study_pk})
        places: dict[Name, int] = {_name(row): row.series_pk for row in order}
        self._silent |= names - places.keys()  # another file has its place
        left = {name: series for name, series in places.items() if name not in names}
        expected: list[Parent] = []
        for level, pk in {(level, _pk(row, level)) for level in PARENTS for row in gone}:
            of_study = level is Level.STUDY
            below = [name for name, series in left.items() if of_study or series == pk]
            went = {_name(row) for row in gone if _pk(row, level) == pk}
            ask = partial(self._ask, connection, gone[0].study_instance_uid, level)
            if below and (new := without(below, went, ask)):
                expected.append(Parent(level, pk, new))
        return expected

    def _ask(
        self, connection: Connection | Transaction, study: str, level: Level, names: Sequence[Name]
    ) -> list[Said]:
        """Tell what files of a study say, and read those that were not read yet."""
        unread = [pk for pk, sequence in names if not self._is_known((pk, sequence))]
        for start in range(0, len(unread), _BATCH):
            some = {"study": study, "keys": unread[start : start + _BATCH]}
            for row in connection.execute(_SOME, some):
                self.read(row)
        return [
            told[PARENTS.index(level)] if (told := self._told.get(name)) else name for name in names
        ]

    def _is_known(self, name: Name) -> bool:
        return name in self._told or name in self._silent

    def _remembered(self, header: Header, level: Level) -> LevelValues:
        name = level, signature(header, level)
        if name not in self._values:
            self._values[name] = level_values(header, level)
        return self._values[name]


def _name(row: AnyRow) -> Name:
    return row.pk, row.sequence


def _pk(row: AnyRow, level: Level) -> int:
    return row.study_pk if level is Level.STUDY else row.series_pk
