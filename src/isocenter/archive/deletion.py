"""Deleting studies, series and instances."""

import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, func, select, update

from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import NotFound, OutOfResources

from . import schema
from .blobs import BlobStore
from .busy_index import IndexBusy
from .change_log import Action, log_changes
from .index import AnyRow, Index, Transaction
from .instance_rows import INSTANCES, uids_of
from .keys import Level
from .parents import joined
from .resources import reported_as_out_of_resources
from .told import Told

__all__ = ["Deleter", "delete_rows", "is_left_over", "shrink_study"]

_log = logging.getLogger(__name__)

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_item, _aside = schema.item_value.c, schema.aside.c
_change = schema.change.c
_BATCH = 500
_PATIENCE_FOR_FILES = 5.0
"""Seconds to wait for others who write, once the rows are gone; a check removes what is left."""
_LAST_TAKEN_OUT = (
    select(_change.action, _change.time)
    .where(
        schema.TAKEN_OUT,
        _change.sop_instance_uid == bindparam("instance"),
        _change.study_instance_uid == bindparam("study"),
        _change.series_instance_uid == bindparam("series"),
    )
    .order_by(_change.sequence.desc())
    .limit(1)
)


class Deleter:
    """Deletes rows, then files.

    Parameters
    ----------
    index
        Where the rows are.
    blobs
        Where the files are.
    """

    def __init__(self, index: Index, blobs: BlobStore) -> None:
        self._index = index
        self._blobs = blobs

    def delete(self, study: str, series: str | None = None, instance: str | None = None) -> int:
        """Delete a study, a series or an instance.

        Returns
        -------
        int
            How many instances that were.

        Raises
        ------
        NotFound
            There is nothing of that name.
        OutOfResources
            The index cannot be written; nothing is deleted.
        """
        try:
            return self._delete(study, series, instance)
        finally:
            self._index.reserve.make()

    def _delete(self, study: str, series: str | None, instance: str | None) -> int:
        rows, aside = self._delete_rows_making_room(study, series, instance)
        # From here on nobody finds them; a file that is left over by a crash is no instance.
        self._remove_aside(aside)
        try:
            for start in range(0, len(rows), _BATCH):
                self._remove_files(rows[start : start + _BATCH])
        except OutOfResources as error:
            _log.warning("files of what was deleted stay until a check removes them: %s", error)
        return len(rows)

    def _delete_rows_making_room(
        self, study: str, series: str | None, instance: str | None
    ) -> tuple[list[AnyRow], list[str]]:
        """Delete rows; whoever deletes may do so because the disk is full."""
        for make_room in (self._index.reuse_log, self._index.give_up_reserve):
            try:
                return self._delete_rows(study, series, instance)
            except IndexBusy:
                raise
            except OutOfResources:
                make_room()
        return self._delete_rows(study, series, instance)

    def _delete_rows(
        self, study: str, series: str | None, instance: str | None
    ) -> tuple[list[AnyRow], list[str]]:
        with reported_as_out_of_resources("delete from the index"):
            with self._index.reading() as connection:
                rows = _rows(connection, study, series, instance)
            told = Told.ahead(self._index, self._blobs, rows)
            with self._index.writing() as transaction:
                rows = _rows(transaction, study, series, instance)
                if not rows:
                    named = instance or series or study
                    raise NotFound(f"{named[:64]} cannot be deleted: it is not in this archive")
                delete_rows(transaction, rows, told)
                return rows, _delete_aside(transaction, rows)

    def _remove_aside(self, names: list[str]) -> None:
        """Remove what was kept aside; what stays is removed by who opens or checks the archive."""
        for name in names:
            try:
                self._blobs.aside(name).unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s is deleted, but its file stays: %s", name, error.strerror)

    def _remove_files(self, rows: list[AnyRow]) -> None:
        """Remove files unless their instances came anew; they cannot come while we look."""
        with (
            reported_as_out_of_resources("look into the index"),
            self._index.writing(_PATIENCE_FOR_FILES) as transaction,
        ):
            for row in rows:
                if not _rows(transaction, *uids_of(row)):
                    self._remove_file(self._blobs.path(*uids_of(row)))

    def _remove_file(self, path: Path) -> None:
        """Remove a file; one that stays is no instance any more, and a check removes it."""
        try:
            self._blobs.remove(path)
        except OSError as error:
            _log.warning("%s is deleted, but its file stays: %s", path.stem, error.strerror)


def _rows(
    connection: Connection | Transaction, study: str, series: str | None, instance: str | None
) -> list[AnyRow]:
    uids = {"study": study, "series": series, "instance": instance}
    given = {name: uid for name, uid in uids.items() if uid is not None}
    if not all(map(is_path_safe_uid, given.values())):  # which no kept instance has
        return []
    statement = INSTANCES.order_by(_instance.pk)
    if series is not None:
        statement = statement.where(_series.series_instance_uid == bindparam("series"))
    if instance is not None:
        statement = statement.where(_instance.sop_instance_uid == bindparam("instance"))
    return list(connection.execute(statement, given))


def is_left_over(connection: Connection | Transaction, uids: Sequence[str], path: Path) -> bool:
    """Whether a file without row is what a deletion has left, or is about to remove.

    Parameters
    ----------
    connection
        To the index.
    uids
        Of study, series and instance.
    path
        The file.
    """
    study, series, instance = uids
    named = {"study": study, "series": series, "instance": instance}
    last = connection.execute(_LAST_TAKEN_OUT, named).one_or_none()
    if last is None or last.action != int(Action.DELETED):
        return False
    try:
        return path.stat().st_mtime_ns // 1000 < last.time
    except FileNotFoundError:
        return True


def delete_rows(
    transaction: Transaction, rows: list[AnyRow], told: Told, action: Action = Action.DELETED
) -> int:
    """Delete the rows of instances, of series and studies that are left empty, and log it.

    Parameters
    ----------
    transaction
        Where the rows are.
    rows
        Instances of one study, of `INSTANCES`.
    told
        What files said that may have been read ahead.
    action
        What the log says.

    Returns
    -------
    int
        The sequence number of the last change now.
    """
    for parent in told.without(transaction, rows):
        parent.write(transaction)
    _delete_instances(transaction, [row.pk for row in rows])
    sequence = log_changes(transaction, rows, action)
    for series in {row.series_pk for row in rows}:
        _shrink_series(transaction, series, sequence)
    for study in {row.study_pk for row in rows}:
        shrink_study(transaction, study, sequence)
    return sequence


def _delete_instances(transaction: Transaction, keys: list[int]) -> None:
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        transaction.execute(delete(schema.instance).where(_instance.pk.in_(some)))
        transaction.execute(
            delete(schema.item_value).where(
                _item.level == int(Level.INSTANCE), _item.owner_pk.in_(some)
            )
        )


def _delete_aside(transaction: Transaction, rows: list[AnyRow]) -> list[str]:
    """Delete the rows of what was kept aside of instances; returns the names of the files."""
    of_study = _aside.study_instance_uid == rows[0].study_instance_uid
    kept = transaction.execute(select(schema.aside).where(of_study)).all()
    gone = {(row.series_instance_uid, row.sop_instance_uid) for row in rows}
    found = [row for row in kept if (row.series_instance_uid, row.sop_instance_uid) in gone]
    for row in found:
        transaction.execute(delete(schema.aside).where(_aside.pk == row.pk))
    return [row.name for row in found]


def _shrink_series(transaction: Transaction, series: int, sequence: int) -> None:
    left = transaction.execute(
        select(func.count()).select_from(schema.instance).where(_instance.series_pk == series)
    ).scalar_one()
    if left:
        transaction.execute(
            update(schema.series)
            .where(_series.pk == series)
            .values(instance_count=left, sequence=sequence)
        )
        return
    metadata = schema.series_metadata
    transaction.execute(delete(metadata).where(metadata.c.series_pk == series))
    _forget_items(transaction, Level.SERIES, series)
    transaction.execute(delete(schema.series).where(_series.pk == series))


def shrink_study(transaction: Transaction, study: int, sequence: int) -> None:
    """Work out anew what a study's row says about the series and instances below it."""
    rows = transaction.execute(
        select(_series.modality, _series.instance_count).where(_series.study_pk == study)
    ).all()
    if not rows:
        _forget_items(transaction, Level.STUDY, study)
        _forget_conflicts(transaction, study)
        transaction.execute(delete(schema.study).where(_study.pk == study))
        return
    classes = transaction.execute(
        select(_instance.sop_class_uid)
        .join(schema.series, _series.pk == _instance.series_pk)
        .where(_series.study_pk == study)
        .distinct()
    ).scalars()
    summary = {
        "series_count": len(rows),
        "instance_count": sum(row.instance_count for row in rows),
        "modalities": joined({row.modality for row in rows if row.modality}),
        "sop_classes": joined(set(classes)),
        "sequence": sequence,
    }
    transaction.execute(update(schema.study).where(_study.pk == study).values(summary))


def _forget_conflicts(transaction: Transaction, study: int) -> None:
    """Delete the values that were overruled: names of patients, too."""
    uid = select(_study.study_instance_uid).where(_study.pk == study).scalar_subquery()
    conflict = schema.conflict
    transaction.execute(delete(conflict).where(conflict.c.study_instance_uid == uid))


def _forget_items(transaction: Transaction, level: Level, owner: int) -> None:
    transaction.execute(
        delete(schema.item_value).where(_item.level == int(level), _item.owner_pk == owner)
    )
