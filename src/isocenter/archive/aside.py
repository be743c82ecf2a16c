"""Objects that differ from the instance kept under their UID, and were kept beside it."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, insert, select

from isocenter.dicom.scan import scan_file
from isocenter.errors import IsocenterError

from .blobs import BlobStore
from .deletion import is_left_over
from .index import Index, Transaction
from .schema import aside
from .wholeness import uids_in

__all__ = [
    "Aside",
    "kept_aside",
    "left_aside",
    "list_aside",
    "names_aside",
    "remove_left_aside",
    "unlisted_aside",
]

_log = logging.getLogger(__name__)

_NAMES = select(aside.c.name)
_NAMES_OF_INSTANCE = _NAMES.where(
    aside.c.study_instance_uid == bindparam("study"),
    aside.c.series_instance_uid == bindparam("series"),
    aside.c.sop_instance_uid == bindparam("instance"),
)
_INSERT = insert(aside)
_OF_STUDY = (
    select(aside).where(aside.c.study_instance_uid == bindparam("study")).order_by(aside.c.pk)
)


@dataclass(frozen=True, slots=True)
class Aside:
    """An object that was kept aside.

    Parameters
    ----------
    study_instance_uid, series_instance_uid, sop_instance_uid
        The instance whose place another object has.
    path
        The object's file.
    size
        Its bytes.
    time
        When it was kept aside, in UTC.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    path: Path
    size: int
    time: datetime


def kept_aside(index: Index, blobs: BlobStore, study: str) -> list[Aside]:
    """Read what was kept aside of a study, in order of time."""
    with index.reading() as connection:
        rows = connection.execute(_OF_STUDY, {"study": study}).all()
    return [
        Aside(
            row.study_instance_uid,
            row.series_instance_uid,
            row.sop_instance_uid,
            blobs.aside(row.name),
            row.size,
            datetime.fromtimestamp(row.time / 1_000_000, UTC),
        )
        for row in rows
    ]


def list_aside(
    transaction: Transaction, uids: tuple[str, str, str], name: str, size: int, time: int
) -> None:
    """Write the row of an object that is kept aside.

    Parameters
    ----------
    transaction
        Where the row goes.
    uids
        Of study, series and instance.
    name
        Of the file, which is there already.
    size
        Its bytes.
    time
        When it came, as `arrivals.now` counts.
    """
    study, series, instance = uids
    row = {
        "study_instance_uid": study,
        "series_instance_uid": series,
        "sop_instance_uid": instance,
        "name": name,
        "size": size,
        "time": time,
    }
    transaction.execute(_INSERT, row)


def names_aside(connection: Connection | Transaction, uids: tuple[str, str, str]) -> list[str]:
    """Read the names of the files that are kept aside of an instance."""
    study, series, instance = uids
    named = {"study": study, "series": series, "instance": instance}
    return [row.name for row in connection.execute(_NAMES_OF_INSTANCE, named)]


def unlisted_aside(index: Index, blobs: BlobStore) -> list[Path]:
    """Find files that were put aside and have no row: not yet, not any more, or at all."""
    files = {path.name: path for path in blobs.files_aside()}
    if not files:
        return []
    with index.reading() as connection:
        return _unlisted(connection, files)


def left_aside(index: Index, blobs: BlobStore) -> list[Path]:
    """Find files that were kept aside of instances which are deleted, and have no row themselves.

    A deletion removes them after its commit: whoever is about to do so is not through with them,
    whoever died leaves them. Where the index was lost, nothing tells of a deletion: a check lists
    them again.
    """
    files = {path.name: path for path in blobs.files_aside()}
    if not files:
        return []
    with index.reading() as connection:
        return _left_of(connection, files)


def remove_left_aside(index: Index, blobs: BlobStore, patience: float | None = None) -> list[Path]:
    """Remove what `left_aside` finds; gives what is gone now. What stays is logged.

    Raises
    ------
    IndexBusy
        Others wrote for longer than `patience` seconds.
    """
    gone: list[Path] = []
    if left_aside(index, blobs):
        # Who keeps an object aside moves it and writes its row while nobody else can write.
        with index.writing(patience) as transaction:
            files = {path.name: path for path in blobs.files_aside()}
            for path in _left_of(transaction, files):
                try:
                    path.unlink(missing_ok=True)
                    gone.append(path)
                except OSError as error:
                    _log.warning("%s is deleted, but its file stays: %s", path, error.strerror)
    return gone


def _left_of(connection: Connection | Transaction, files: dict[str, Path]) -> list[Path]:
    return [path for path in _unlisted(connection, files) if _is_left(connection, path)]


def _unlisted(connection: Connection | Transaction, files: dict[str, Path]) -> list[Path]:
    listed = {row.name for row in connection.execute(_NAMES)}
    return [files[name] for name in sorted(files.keys() - listed)]


def _is_left(connection: Connection | Transaction, path: Path) -> bool:
    try:
        return is_left_over(connection, uids_in(scan_file(path)), path)
    except (OSError, IsocenterError):  # gone, or it does not say of which instance it is
        return False
