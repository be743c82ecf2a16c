"""Writing arrivals into the index, many in one transaction."""

import contextlib
import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, OperationalError

from isocenter.errors import IsocenterError

from .arrivals import Arrival, ConflictPolicy, Stored
from .blobs import BlobStore
from .busy_index import ONE_TRY, IndexBusy
from .index import Index, Transaction
from .parents import Parents
from .resources import answer_of, reported_as_out_of_resources
from .settlement import Settlement, find_row
from .told import Told

__all__ = ["Registrar"]

Results = list[Stored | Exception]

_log = logging.getLogger(__name__)

_WRITING = reported_as_out_of_resources("write the index")
_MOST_LEFT = 20_000


class _Refused(NamedTuple):
    """The file of an arrival that failed, in its place."""

    uids: tuple[str, str, str]
    place: str
    identity: tuple[int, int]
    """Number and time of the file: another that comes there may get the same number."""

    @classmethod
    def of(cls, arrival: Arrival) -> "_Refused | None":
        """Name the file of an arrival; None if that is gone."""
        uids, inode = (arrival.study, arrival.series, arrival.instance), arrival.inode_in_place
        file = cls(uids, arrival.place, _identity(arrival.place))
        return file if file.identity[0] == inode else None


def _identity(place: str) -> tuple[int, int]:
    try:
        status = os.stat(place)
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


class Registrar:
    """Decides about arrivals and writes their rows.

    Parameters
    ----------
    index
        Where the rows go.
    blobs
        Where the files are.
    policy
        What happens to an instance that is already kept with different bytes.
    """

    def __init__(self, index: Index, blobs: BlobStore, policy: ConflictPolicy) -> None:
        self._index = index
        self._blobs = blobs
        self._policy = policy
        self._parents = Parents()
        self._told = Told(blobs)
        self._last = -1
        self._left: deque[_Refused] = deque(maxlen=_MOST_LEFT)  # what is to be withdrawn

    def register(self, arrivals: Sequence[Arrival]) -> Results:
        """Commit arrivals; one that is refused does not hold up the others.

        Returns
        -------
        list of Stored or Exception
            What became of each.

        Raises
        ------
        IndexBusy
            Others write, or keep the index locked; nothing was written, and may be in another try.
        OutOfResources
            The index cannot be written; nothing was.
        """
        with _WRITING:
            try:
                results = self._transact(arrivals, careful=False, patience=ONE_TRY)
            except (IndexBusy, OperationalError):
                raise
            except Exception:  # find out which one it was
                return self._each_alone(arrivals, ONE_TRY)
        return results

    def adopt(self, arrivals: Sequence[Arrival]) -> Results:
        """Register files that were found in their places; one that is known already stays so.

        Raises
        ------
        IndexBusy
            Others write, or keep the index locked; nothing was written.
        """
        try:
            return self._transact(arrivals, careful=True)
        except IndexBusy:
            raise
        except Exception:  # find out which one it was
            return self._each_alone(arrivals)

    def withdraw(self, arrivals: Sequence[Arrival]) -> list[None]:
        """Remove the files of arrivals that failed, except of those that have a row all the same.

        A check that found one without a row for long may have adopted it; none can while we look.
        Whoever dies on the way leaves a file without row, never a row without file. Where the index
        is not free, or cannot be asked, that waits for the next that is registered.

        Raises
        ------
        OutOfResources
            The index cannot be asked; the files stay.
        """
        self._left.extend(file for each in arrivals if (file := _Refused.of(each)))
        try:
            with _WRITING, self._index.writing(ONE_TRY) as transaction:
                self._remove_left(transaction)
        except IndexBusy:
            _log.warning(
                "files of %d refused objects stay for now: the index is locked", len(arrivals)
            )
        return [None] * len(arrivals)

    def close(self) -> None:
        """Withdraw what is left to be withdrawn, if the index is free now."""
        if self._left:
            with contextlib.suppress(Exception):
                self.withdraw([])

    def _remove_left(self, transaction: Transaction) -> None:
        while self._left:
            file = self._left.popleft()
            try:
                if find_row(transaction, *file.uids) is None:
                    self._remove(file)
            except BaseException:
                self._left.append(file)
                raise

    def _remove(self, file: _Refused) -> None:
        with contextlib.suppress(OSError):
            if _identity(file.place) == file.identity:
                self._blobs.remove(Path(file.place))

    def _each_alone(self, arrivals: Sequence[Arrival], patience: float | None = None) -> Results:
        """Commit each by itself, until the index is locked: all others would wait as long."""
        results: Results = []
        for arrival in arrivals:
            busy = bool(results) and isinstance(results[-1], IndexBusy)
            results.append(results[-1] if busy else self._alone(arrival, patience))
        return results

    def _alone(self, arrival: Arrival, patience: float | None = None) -> Stored | Exception:
        try:
            with _WRITING:
                return self._transact([arrival], careful=True, patience=patience)[0]
        except DBAPIError as error:
            return IsocenterError(f"the index refused the object: {answer_of(error)}")
        except Exception as error:
            return error

    def _transact(
        self, arrivals: Sequence[Arrival], *, careful: bool, patience: float | None = None
    ) -> Results:
        # What is remembered of parents belongs to the transaction that goes on, as all here does.
        with self._index.writing(patience) as transaction:
            if self._left:  # ahead of those that come anew, which may be other versions
                self._remove_left(transaction)
            if transaction.sequence != self._last:  # somebody else wrote meanwhile
                self._parents.forget()
            settlement = Settlement(
                transaction, self._blobs, self._parents, self._told, self._policy, careful=careful
            )
            transaction.before_rollback = settlement.undo
            results: Results = [settlement.settle(arrival) for arrival in arrivals]
            settlement.write()
            self._told.trim()
            self._last = settlement.sequence
        transaction.before_rollback = None  # each knew the other: work for the collector
        settlement.clean_up()
        return results
