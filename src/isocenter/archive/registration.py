"""Writing arrivals into the index, many in one transaction."""

import contextlib
import os
import threading
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError, OperationalError

from isocenter.errors import IsocenterError

from .arrivals import Arrival, ConflictPolicy, Stored
from .blobs import BlobStore
from .index import Index
from .parents import Parents
from .resources import answer_of, reported_as_out_of_resources
from .settlement import Settlement, kept_row
from .told import Told

__all__ = ["Registrar"]

Results = list[Stored | Exception]

_WRITING = reported_as_out_of_resources("write the index")


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
        self._lock = threading.Lock()

    def register(self, arrivals: Sequence[Arrival]) -> Results:
        """Commit arrivals; one that is refused does not hold up the others.

        Returns
        -------
        list of Stored or Exception
            What became of each.

        Raises
        ------
        OutOfResources
            The index cannot be written; nothing was.
        """
        with _WRITING:
            try:
                return self._transact(arrivals, careful=False)
            except OperationalError:
                raise
            except Exception:  # find out which one it was
                return [self._alone(arrival) for arrival in arrivals]

    def adopt(self, arrivals: Sequence[Arrival]) -> Results:
        """Register files that were found in their places; one that is known already stays so."""
        with contextlib.suppress(Exception):  # then one by one, to find out which one it was
            return self._transact(arrivals, careful=True)
        return [self._alone(arrival) for arrival in arrivals]

    def withdraw(self, arrivals: Sequence[Arrival]) -> list[None]:
        """Remove the files of arrivals that failed, except of those that have a row all the same.

        A check that found one without a row for long may have adopted it; none can while we look.
        Whoever dies on the way leaves a file without row, never a row without file.

        Raises
        ------
        OutOfResources
            The index cannot be asked; the files stay.
        """
        with _WRITING, self._index.writing() as transaction:
            for arrival in arrivals:
                if kept_row(transaction, arrival) is None:
                    self._remove(arrival)
        return [None] * len(arrivals)

    def _remove(self, arrival: Arrival) -> None:
        with contextlib.suppress(OSError):
            if os.stat(arrival.place).st_ino == arrival.inode:
                self._blobs.remove(arrival.path)

    def _alone(self, arrival: Arrival) -> Stored | Exception:
        try:
            with _WRITING:
                return self._transact([arrival], careful=True)[0]
        except DBAPIError as error:
            return IsocenterError(f"the index refused the object: {answer_of(error)}")
        except Exception as error:
            return error

    def _transact(self, arrivals: Sequence[Arrival], *, careful: bool) -> Results:
        with self._lock:  # what is remembered of parents belongs to one transaction at a time
            try:
                with self._index.writing() as transaction:
                    if transaction.sequence != self._last:  # somebody else wrote meanwhile
                        self._parents.forget()
                    settlement = Settlement(
                        transaction,
                        self._blobs,
                        self._parents,
                        self._told,
                        self._policy,
                        careful=careful,
                    )
                    transaction.before_rollback = settlement.undo
                    results: Results = [settlement.settle(arrival) for arrival in arrivals]
                    settlement.write()
                transaction.before_rollback = None  # each knew the other: work for the collector
            except BaseException:
                self._parents.forget()
                raise
            self._told.settle()
            self._last = settlement.sequence
            settlement.clean_up()
            return results
