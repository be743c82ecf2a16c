"""Writing arrivals into the index, many in one transaction."""

import contextlib
import logging
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError, OperationalError

from isocenter.errors import IsocenterError

from .arrivals import Arrival, ConflictPolicy, Stored
from .blobs import BlobStore
from .busy_index import ONE_TRY, IndexBusy
from .index import Index
from .parents import Parents
from .refused_files import RefusedFile, RefusedFiles
from .resources import answer_of, reported_as_out_of_resources
from .settlement import Settlement
from .told import Told

__all__ = ["Registrar"]

Results = list[Stored | Exception]

_log = logging.getLogger(__name__)

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
        self._refused = RefusedFiles(blobs)  # what is to be withdrawn

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
        files = [file for each in arrivals if (file := RefusedFile.of(each))]
        try:
            with _WRITING, self._index.writing(ONE_TRY) as transaction:
                self._refused.remove(transaction)
                for file in files:
                    file.remove(self._blobs, transaction)
        except IndexBusy:
            self._refused.leave(files)
            _log.warning(
                "files of %d refused objects stay for now: the index is locked; they go with the "
                "next object that is stored, or when the archive is closed or opened",
                len(files),
            )
        except BaseException:
            self._refused.leave(files)
            raise
        return [None] * len(arrivals)

    def close(self) -> None:
        """Withdraw what is left to be withdrawn, if the index is free now."""
        if self._refused.left:
            with contextlib.suppress(Exception):
                self.withdraw([])

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
            if self._refused.left:  # ahead of those that come anew, which may be other versions
                self._refused.remove(transaction)
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
