"""Files of refused objects that have to stay in their places for a while.

Whether one of them has a row all the same, because a check adopted it, only the index can tell, and
it may be locked. Until it is not, a note in a folder of its own says of each whose file it is: a
process that comes after ours neither adopts it nor takes it for a version of what comes.
"""

import contextlib
import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from isocenter.dicom.uids import is_path_safe_uid

from .arrivals import Arrival
from .blobs import BlobStore
from .index import Transaction
from .instance_rows import ONE_INSTANCE

__all__ = ["RefusedFile", "RefusedFiles", "is_refused"]

_log = logging.getLogger(__name__)

_MOST_LEFT = 20_000


class RefusedFile(NamedTuple):
    """The file of an arrival that failed, in its place."""

    uids: tuple[str, str, str]
    place: str
    identity: tuple[int, int]
    """Number and time of the file: another that comes there may get the same number."""

    @classmethod
    def of(cls, arrival: Arrival) -> "RefusedFile | None":
        """Name the file of an arrival; None if that is gone."""
        uids, inode = (arrival.study, arrival.series, arrival.instance), arrival.inode_in_place
        file = cls(uids, arrival.place, _identity(arrival.place))
        return file if file.identity[0] == inode else None

    @classmethod
    def noted(cls, note: Path, blobs: BlobStore) -> "RefusedFile | None":
        """Read a note; None where it is none."""
        number, time, *uids = note.name.split("_") if note.name.count("_") == 4 else ("", "")
        if not (number.isdigit() and time.isdigit() and all(map(is_path_safe_uid, uids))):
            return None
        study, series, instance = uids
        place = blobs.place_of(study, series, instance)
        return cls((study, series, instance), place, (int(number), int(time)))

    def note(self, blobs: BlobStore) -> Path:
        """Give the note's place; its name says all."""
        return blobs.withdrawn("_".join((*map(str, self.identity), *self.uids)))

    def remove(self, blobs: BlobStore, transaction: Transaction) -> None:
        """Remove the file unless it has a row or is another one, and then the note."""
        with contextlib.suppress(OSError):
            if _identity(self.place) == self.identity and not _has_row(transaction, self.uids):
                blobs.remove(Path(self.place))
            self.note(blobs).unlink(missing_ok=True)


class RefusedFiles:
    """The files that this process is to remove as soon as the index is free.

    Parameters
    ----------
    blobs
        Where the files are.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.left: deque[RefusedFile] = deque(maxlen=_MOST_LEFT)

    def leave(self, files: Sequence[RefusedFile]) -> None:
        """Leave files for later, with notes that outlive this process; trouble is logged."""
        if files:
            try:
                self._note(files)
            except OSError as error:
                _log.error("%d refused objects could not be noted: %s", len(files), error.strerror)
            self.left.extend(files)

    def _note(self, files: Sequence[RefusedFile]) -> None:
        folder = self._blobs.withdrawn("")
        folder.mkdir(exist_ok=True)
        for file in files:
            file.note(self._blobs).touch()
        self._blobs.sync_folder(folder)

    def remove(self, transaction: Transaction) -> None:
        """Remove what is left, while nobody else can write."""
        while self.left:
            file = self.left.popleft()
            try:
                file.remove(self._blobs, transaction)
            except BaseException:
                self.left.append(file)
                raise


def is_refused(blobs: BlobStore, uids: tuple[str, str, str], path: Path) -> bool:
    """Whether a file without row is that of an object which was refused.

    Parameters
    ----------
    blobs
        Where the files are.
    uids
        Of study, series and instance.
    path
        The file.
    """
    file = RefusedFile(uids, str(path), _identity(str(path)))
    return file.note(blobs).exists()


def _identity(place: str) -> tuple[int, int]:
    try:
        status = os.stat(place)
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def _has_row(transaction: Transaction, uids: tuple[str, str, str]) -> bool:
    study, series, instance = uids
    named = {"study": study, "series": series, "instance": instance}
    return transaction.execute(ONE_INSTANCE, named).one_or_none() is not None
