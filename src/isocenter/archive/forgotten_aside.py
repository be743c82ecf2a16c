"""Files that were put aside, and of which the index does not know.

Whoever keeps an object aside moves its file and then commits the row. Where the process is killed
in between, or the index is lost later, the file alone is left, and it may be the only copy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from isocenter.errors import IsocenterError

from .arrivals import Outcome, Stored
from .aside import list_aside, names_aside, unlisted_aside
from .blobs import BlobStore, folder_of
from .check_report import Problem, ProblemKind
from .index import Index, Transaction
from .instance_rows import ONE_INSTANCE
from .recovery import set_apart
from .registration import Registrar
from .same_object import same_object
from .unknown_files import Statuses, arrival_of, unchanged
from .wholeness import scan_stored, uids_in

__all__ = ["ForgottenAside"]

_Uids = tuple[str, str, str]


class _Kept(NamedTuple):
    """What is kept of an instance: the change that stored it, and what is kept aside of it."""

    sequence: int | None
    aside: tuple[str, ...]


class ForgottenAside:
    """Says of such files whether what they hold is kept elsewhere, and keeps it if it is not.

    Parameters
    ----------
    index, blobs, registrar
        Of the archive.
    repair
        Whether to list, move or remove them.
    """

    def __init__(
        self, index: Index, blobs: BlobStore, registrar: Registrar, *, repair: bool
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._registrar = registrar
        self._repair = repair

    def check(self, path: Path) -> Iterator[Problem]:
        """Look at a file that has no row; nothing is said of one that is gone meanwhile."""
        seen: Statuses = {}
        try:
            seen[path] = path.stat()
            header, _ = scan_stored(path, None)
            uids = uids_in(header)
            place = self._blobs.path(*uids)
        except FileNotFoundError:
            return
        except OSError as error:
            sentence = error.strerror or type(error).__name__
            yield Problem(ProblemKind.UNREADABLE, path, sentence)
        except IsocenterError as error:
            yield self._damaged(path, str(error), seen)
        else:
            yield self._whole(path, uids, place, seen)

    def _whole(self, path: Path, uids: _Uids, place: Path, seen: Statuses) -> Problem:
        with self._index.reading() as connection:
            kept = _kept(connection, uids)
        others = [self._blobs.aside(name) for name in kept.aside]
        if kept.sequence is not None:
            others.insert(0, place)
        twin = next((other for other in others if _is_same(other, path, seen)), None)
        sentence, act = "it holds an object that is kept nowhere else", ""
        if twin is not None:
            sentence = f"what it holds is kept as {twin}, too"
        elif others:
            sentence = "it holds a version of its instance that is kept nowhere else"
        if self._repair and others:
            act = self._settle(path, uids, kept, seen, is_twin=twin is not None)
        elif self._repair:
            act = self._put_in_place(path, place)
        sentence = f"put aside, but not in the index; {sentence}"
        return Problem(ProblemKind.ASIDE, path, sentence + (act and f"; {act}"), bool(act))

    def _settle(
        self, path: Path, uids: _Uids, kept: _Kept, seen: Statuses, *, is_twin: bool
    ) -> str:
        """Remove a file that is kept twice, list another; tells what was done, if anything was."""
        with self._index.writing() as transaction:
            if _kept(transaction, uids) != kept or unchanged(seen).keys() != seen.keys():
                return ""  # stored, replaced or deleted while we looked: the next check tells
            if is_twin:
                path.unlink()
                return "removed"
            status = seen[path]
            time = status.st_mtime_ns // 1000
            list_aside(transaction, uids, path.name, status.st_size, time)
        return "listed as kept aside"

    def _put_in_place(self, path: Path, place: Path) -> str:
        """Give a file the empty place of its instance; tells so, if that could be done."""
        if not self._blobs.give_place(path, str(place)):
            return ""
        self._blobs.sync_names(folder_of(str(place)))
        arrival = arrival_of(place)
        if arrival is None:
            return ""
        (result,) = self._registrar.adopt([arrival])
        if not isinstance(result, Stored) or result.outcome is not Outcome.STORED:
            return ""
        path.unlink(missing_ok=True)
        return f"moved to {place}"

    def _damaged(self, path: Path, sentence: str, seen: Statuses) -> Problem:
        repaired = False
        if self._repair:
            with self._index.writing():  # whoever puts a file aside is through with it now
                unlisted = path in unlisted_aside(self._index, self._blobs)
                if repaired := unlisted and path in unchanged(seen):
                    sentence += f"; moved to {set_apart(self._blobs, path)}"
        return Problem(ProblemKind.DAMAGED, path, sentence, repaired)


def _kept(connection: Connection | Transaction, uids: _Uids) -> _Kept:
    study, series, instance = uids
    named = {"study": study, "series": series, "instance": instance}
    row = connection.execute(ONE_INSTANCE, named).one_or_none()
    sequence = None if row is None else row.sequence
    return _Kept(sequence, tuple(sorted(names_aside(connection, uids))))


def _is_same(other: Path, path: Path, seen: Statuses) -> bool:
    """Compare a file that is kept; where it is the same, remember how it was seen."""
    try:
        status = other.stat()
        is_same = same_object(other, path)
    except (OSError, IsocenterError):  # nothing that could be relied on instead
        return False
    if is_same:
        seen[other] = status
    return is_same
