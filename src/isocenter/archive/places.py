"""Putting a complete file into its place, one arrival at a time for each place."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from isocenter.errors import OutOfResources

from .arrivals import Arrival, Stored
from .blobs import BlobStore, folder_of
from .group_commit import GroupCommit
from .resources import reported_as_out_of_resources
from .same_object import occupant_of

__all__ = ["Places"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_PATIENCE = 120.0
"""Seconds to wait for another arrival of the same instance."""

_KEEPING = reported_as_out_of_resources("keep the object")


class Places:
    """Moves arrivals into place.

    Parameters
    ----------
    blobs
        Where the places are.
    withdrawals
        Take the files of arrivals that failed out of their places.
    """

    def __init__(self, blobs: BlobStore, withdrawals: GroupCommit[Arrival, None]) -> None:
        self._blobs = blobs
        self._withdrawals = withdrawals
        self._taken: set[str] = set()
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._waiting = 0

    def keep(self, arrival: Arrival, register: Callable[[Arrival, float], Stored]) -> Stored:
        """Hold an arrival's place while it is registered, its file there if the place was empty.

        The file is withdrawn where registering fails.

        Raises
        ------
        OutOfResources
            The disk is full, read-only or failing.
        """
        place, since = arrival.place, time.monotonic()
        self._wait_for(place)
        try:
            with _KEEPING:
                self._stand(arrival)
                if self._blobs.durable and (arrival.inode_in_place or not arrival.seems_kept):
                    self._sync_file(arrival)
                    if arrival.inode_in_place:
                        self._blobs.sync_names(folder_of(place))
            return register(arrival, since)
        except BaseException:
            self._take_away([arrival])
            raise
        finally:
            with self._lock:
                self._taken.discard(place)
                if self._waiting:
                    self._free.notify_all()

    @contextlib.contextmanager
    def held(self, place: str) -> Generator[None]:
        """Hold a place while somebody looks who stands there: nobody of this process arrives.

        Raises
        ------
        OutOfResources
            Another arrival takes too long.
        """
        self._wait_for(place)
        try:
            yield
        finally:
            self._leave([place])

    @contextlib.contextmanager
    def all_taken(
        self, arrivals: Sequence[Arrival], executor: Executor
    ) -> Generator[list[Exception | None]]:
        """Hold the places of several arrivals, as `keep` does that of one.

        Parameters
        ----------
        arrivals
            Of different places.
        executor
            Where files are synced side by side, so that they share the disk's waits.

        Yields
        ------
        list of Exception or None
            What hinders each. The body may add to it: the files of those that are hindered are
            withdrawn.
        """
        problems: list[Exception | None] = [None] * len(arrivals)
        held: list[int] = []
        try:
            # By their names: of two who wait for each other's, none would hold its first.
            for number in sorted(range(len(arrivals)), key=lambda n: arrivals[n].place):
                problems[number] = _problem(self._wait_for, arrivals[number].place)
                if problems[number] is None:
                    held.append(number)
            for number in held:
                problems[number] = _problem(self._stand, arrivals[number])
            if self._blobs.durable:
                self._sync_all(arrivals, problems, executor)
            yield problems
        except BaseException as error:
            failure = error if isinstance(error, Exception) else OutOfResources("interrupted")
            problems = [problem or failure for problem in problems]
            raise
        finally:
            self._let_go(arrivals, held, problems)

    def _sync_all(
        self, arrivals: Sequence[Arrival], problems: list[Exception | None], executor: Executor
    ) -> None:
        """Sync the files that stand, then each of their folders once."""
        standing = [
            number
            for number, problem in enumerate(problems)
            if problem is None and not arrivals[number].seems_kept
        ]
        synced = [
            executor.submit(_problem, self._sync_file, arrivals[number]) for number in standing[1:]
        ]
        if standing:
            problems[standing[0]] = _problem(self._sync_file, arrivals[standing[0]])
        for number, future in zip(standing[1:], synced, strict=True):
            problems[number] = future.result()
        folders: dict[str, Exception | None] = {}
        for number in standing:
            if problems[number] is None and arrivals[number].inode_in_place:
                folder = folder_of(arrivals[number].place)
                if folder not in folders:
                    folders[folder] = _problem(self._blobs.sync_names, folder)
                problems[number] = folders[folder]

    def _let_go(
        self,
        arrivals: Sequence[Arrival],
        held: Sequence[int],
        problems: Sequence[Exception | None],
    ) -> None:
        try:
            self._take_away([arrivals[number] for number in held if problems[number] is not None])
        finally:
            self._leave(arrivals[number].place for number in held)

    def _leave(self, places: Iterable[str]) -> None:
        with self._lock:
            self._taken.difference_update(places)
            self._free.notify_all()

    def _wait_for(self, place: str) -> None:
        with self._lock:
            if place in self._taken:
                self._wait(place)
            self._taken.add(place)

    def _wait(self, place: str) -> None:
        self._waiting += 1
        try:
            if not self._free.wait_for(lambda: place not in self._taken, _PATIENCE):
                raise OutOfResources(
                    "another arrival of the same instance takes too long; try again"
                )
        finally:
            self._waiting -= 1

    def _stand(self, arrival: Arrival) -> None:
        """Give a file its place, if no other stands there."""
        temporary = arrival.temporary
        assert temporary is not None
        inode = os.fstat(temporary.descriptor).st_ino
        temporary.close_for_moving()
        # The name goes first: one journal commit of the file system then covers name and bytes.
        if self._blobs.place(temporary, arrival.place):
            arrival.inode_in_place = inode
        else:
            # Before anybody has to wait for us. If that one goes or changes, the settlement looks
            # again, when nobody else can write.
            occupant_of(arrival)

    @staticmethod
    def _sync_file(arrival: Arrival) -> None:
        assert arrival.temporary is not None
        arrival.temporary.sync()

    def _take_away(self, arrivals: Sequence[Arrival]) -> None:
        placed = [arrival for arrival in arrivals if arrival.inode_in_place]
        for arrival in placed:
            with contextlib.suppress(OSError):
                _ = arrival.arrived_as  # a name that is left, for whoever wants the bytes
        for arrival, error in zip(placed, self._withdrawals.commit_all(placed), strict=True):
            if error is not None:
                _log.error("the file of %s stays where it is: %s", arrival.instance, error)


def _problem(act: Callable[[_T], None], what: _T) -> Exception | None:
    """Do something; give the error that it met, if any."""
    try:
        with _KEEPING:
            act(what)
    except Exception as error:
        return error
    return None
