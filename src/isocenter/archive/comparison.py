"""Rows of a study beside what its files say of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from isocenter.dicom.header import Header
from isocenter.errors import IsocenterError

from . import schema
from .blobs import BlobStore
from .change_log import Action, log_changes
from .deletion import shrink_study
from .index import AnyRow, Index, Transaction
from .index_values import FurtherValue
from .instance_rows import INSTANCES, uids_of
from .keys import Level
from .parents import joined, replace_further
from .row_values import Difference, RowValues, differing, instance_values
from .told import PARENTS, Told
from .versions import wait_for_replacements
from .wholeness import scan_stored, uids_in

__all__ = ["Comparison", "Finding"]

_series, _instance, _item = schema.series.c, schema.instance.c, schema.item_value.c
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one row.

    Parameters
    ----------
    place
        The file of an instance, or the folder of a study or series, below the archive's.
    lacked, differed
        Keywords of what the row does not have, and of what it has otherwise than the files.
    sizes
        Bytes of the file, and as the row has it, where these differ.
    """

    place: Path
    lacked: set[str]
    differed: set[str]
    sizes: tuple[int, int] | None = None

    @property
    def sentence(self) -> str:
        """What differs, for a person."""
        said: list[str] = []
        if keywords := sorted(self.differed - {"size"}):
            said.append(f"the index says otherwise than files of {', '.join(keywords)}")
        if self.sizes:
            said.append("the file is {} bytes long, the index says {}".format(*self.sizes))
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A row that is not as it should be."""

    level: Level
    pk: int
    instance: AnyRow
    """The row's own, or that of the last instance below it."""
    expected: RowValues
    difference: Difference

    @property
    def finding(self) -> Finding:
        row, difference = self.instance, self.difference
        study, series, instance = uids_of(row)
        names = study, series, f"{instance}.dcm"
        sizes = (difference.differing["size"], row.size) if "size" in difference.differing else None
        return Finding(Path(*names[: self.level]), difference.lacked, difference.differed, sizes)


class Comparison:
    """Compares the rows of one study with its files, and writes anew those that are wrong.

    Rows of instances must say what their files say. Those of the study and its series say what the
    latest file says that says anything; what no file says any more may stay.

    Parameters
    ----------
    study
        Study Instance UID.
    index, blobs
        Of the archive.
    repair
        Whether to write rows anew, or only to tell.
    thorough
        Whether the rows of all instances are compared, or only those of files of another size.
    """

    def __init__(
        self, study: str, index: Index, blobs: BlobStore, *, repair: bool, thorough: bool
    ) -> None:
        self._study = study
        self._index = index
        self._blobs = blobs
        self._repair = repair
        self._thorough = thorough
        self._told = Told(blobs)
        self._pending: list[tuple[AnyRow, RowValues]] = []
        self._findings: list[Finding] = []

    def add(self, row: AnyRow, header: Header, size: int) -> None:
        """Take what a file says.

        Parameters
        ----------
        row
            Its row, of `INSTANCES`.
        header, size
            As `scan_stored` gives them.
        """
        self._told.note(row.pk, row.sequence, header)
        if self._thorough or size != row.size:
            self._pending.append((row, instance_values(header, size)))
        if len(self._pending) >= _BATCH:
            self._compare_instances()

    def finish(self) -> list[Finding]:
        """Compare what is left, and the rows of the study and its series; tell what was wrong."""
        self._compare_instances()
        self._compare_parents()
        return self._findings

    def _compare_instances(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        with self._index.reading() as connection:
            suspects = [wrong.instance for wrong in _wrong_instances(connection, pending)]
        if suspects and self._repair:
            with self._index.writing() as transaction:
                found = _wrong_instances(transaction, self._read_again(suspects))
                self._rewrite_instances(transaction, found)
            self._findings += [wrong.finding for wrong in found]
        elif suspects:
            self._wait_for_replacements(suspects)
            with self._index.reading() as connection:
                found = _wrong_instances(connection, self._read_again(suspects))
            self._findings += [wrong.finding for wrong in found]

    def _wait_for_replacements(self, rows: Iterable[AnyRow]) -> None:
        """Wait, for a file is replaced a moment before the index says so."""
        for series in {row.series_instance_uid for row in rows}:
            wait_for_replacements(self._blobs, self._study, series)

    def _read_again(self, rows: Iterable[AnyRow]) -> Iterator[tuple[AnyRow, RowValues]]:
        for row in rows:
            try:
                header, size = scan_stored(self._blobs.path(*uids_of(row)), row.size)
            except (OSError, IsocenterError):  # replaced or deleted meanwhile
                continue
            if uids_in(header) == uids_of(row):
                yield row, instance_values(header, size)

    def _rewrite_instances(self, transaction: Transaction, found: Sequence[_Wrong]) -> None:
        _rewrite(transaction, found)
        changed = [wrong.instance for wrong in found if wrong.difference.differed]
        for sequence, row in enumerate(changed, transaction.sequence + 1):
            of_row = _instance.pk == row.pk
            transaction.execute(update(schema.instance).where(of_row).values(sequence=sequence))
            self._told.renumber(row, sequence)

    def _compare_parents(self) -> None:
        with self._index.reading() as connection:
            found = self._wrong_parents(connection)
        if found and self._repair:
            with self._index.writing() as transaction:
                found = self._wrong_parents(transaction)
                _rewrite(transaction, found)
        elif found:
            self._wait_for_replacements(wrong.instance for wrong in found)
            with self._index.reading() as connection:
                found = self._wrong_parents(connection)
        self._findings += [wrong.finding for wrong in found]

    def _wrong_parents(self, connection: Any) -> list[_Wrong]:
        below: dict[tuple[Level, int], list[AnyRow]] = {}
        rows = connection.execute(INSTANCES, {"study": self._study}).all()
        for row in sorted(rows, key=lambda row: row.sequence):
            for level, pk in ((Level.STUDY, row.study_pk), (Level.SERIES, row.series_pk)):
                below.setdefault((level, pk), []).append(row)
        return [
            wrong
            for level in PARENTS
            for pk, row, further in _kept(
                connection, level, [pk for of, pk in below if of is level]
            )
            if (wrong := self._wrong_parent(level, row, further, below[level, pk]))
        ]

    def _wrong_parent(
        self, level: Level, row: Any, further: Sequence[FurtherValue], below: Sequence[AnyRow]
    ) -> _Wrong | None:
        said, sure = self._said(level, below)
        if level is Level.STUDY:
            gathered = _gathered(row, below)
            said.columns |= gathered
            sure = RowValues(sure.columns | gathered, sure.further)
        difference = differing(said, row, further, exact=False)
        difference = difference and difference.sure_of(sure)
        return _Wrong(level, row["pk"], below[-1], said, difference) if difference else None

    def _said(self, level: Level, below: Sequence[AnyRow]) -> tuple[RowValues, RowValues]:
        """Give what files say of a row, and what of it nobody can have overruled."""
        said = RowValues()
        told = [values for row in below if (values := self._told.of(row, level))]
        for values in told:
            said.merge(values)
        if len(told) == len(below):
            return said, said
        last = self._told.of(below[-1], level)
        return said, RowValues(last.columns, last.further) if last else RowValues()


def _gathered(row: Any, below: Sequence[AnyRow]) -> dict[str, str]:
    """Give what the row of a study must say of those below it."""
    found = {
        "modalities": {each.modality for each in below if each.modality},
        "sop_classes": {each.sop_class_uid for each in below if each.sop_class_uid},
    }
    return {
        name: joined(values)
        for name, values in found.items()
        if set((row[name] or "").split("\\")) - {""} != set(joined(values).split("\\")) - {""}
    }


def _kept(
    connection: Any, level: Level, keys: Sequence[int]
) -> Iterator[tuple[int, Any, list[FurtherValue]]]:
    """Read rows of a level, and the values beside them."""
    table = schema.table_of(level)
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        further: dict[int, list[FurtherValue]] = {}
        of_rows = (_item.level == int(level)) & _item.owner_pk.in_(some)
        for item in connection.execute(select(schema.item_value).where(of_rows)):
            value = FurtherValue(item.sequence_tag, item.item, item.tag, item.value, item.search)
            further.setdefault(item.owner_pk, []).append(value)
        found = connection.execute(select(table).where(table.c.pk.in_(some))).mappings().all()
        for row in found:
            yield row["pk"], row, further.get(row["pk"], [])


def _wrong_instances(connection: Any, pending: Iterable[tuple[AnyRow, RowValues]]) -> list[_Wrong]:
    """Compare the rows of instances that are still as they were read."""
    expected = {row.pk: (row, values) for row, values in pending}
    found: list[_Wrong] = []
    for pk, kept, further in _kept(connection, Level.INSTANCE, list(expected)):
        row, values = expected[pk]
        difference = differing(values, kept, further, exact=True)
        if difference and kept["sequence"] == row.sequence:
            found.append(_Wrong(Level.INSTANCE, pk, row, values, difference))
    return found


def _rewrite(transaction: Transaction, found: Sequence[_Wrong]) -> None:
    """Write rows anew; what changes by it is logged, so that all who read them do so again."""
    for wrong in found:
        _rewrite_row(transaction, wrong)
    changed = {wrong.instance.pk: wrong.instance for wrong in found if wrong.difference.differed}
    sequence = log_changes(transaction, list(changed.values()), Action.REPLACED)
    for series in {row.series_pk for row in changed.values()}:
        of_row = _series.pk == series
        transaction.execute(update(schema.series).where(of_row).values(sequence=sequence))
    for study in {wrong.instance.study_pk for wrong in found}:
        shrink_study(transaction, study, sequence)


def _rewrite_row(transaction: Transaction, wrong: _Wrong) -> None:
    table, difference = schema.table_of(wrong.level), wrong.difference
    if difference.columns:
        of_row = table.c.pk == wrong.pk
        transaction.execute(update(table).where(of_row).values(**difference.columns))
    if difference.touches_further:
        replace_further(transaction, wrong.level, wrong.pk, wrong.expected.further)
