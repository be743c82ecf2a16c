"""Putting a complete file into its place, one arrival at a time for each place."""

import contextlib
import os
import threading
from collections.abc import Generator
from pathlib import Path

from isocenter.errors import OutOfResources

from .arrivals import Arrival
from .blobs import BlobStore
from .resources import reported_as_out_of_resources
from .same_object import same_object

__all__ = ["Places"]

_PATIENCE = 120.0
"""Seconds to wait for another arrival of the same instance."""


class Places:
    """Moves arrivals into place.

    Parameters
    ----------
    blobs
        Where the places are.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._taken: set[str] = set()
        self._free = threading.Condition()

    @contextlib.contextmanager
    def taken(self, arrival: Arrival) -> Generator[None]:
        """Hold an arrival's place, its file standing there if the place was empty.

        The file is taken away again where the body fails.

        Raises
        ------
        OutOfResources
            The disk is full, read-only or failing.
        """
        self._wait_for(arrival.place)
        try:
            with reported_as_out_of_resources("keep the object"):
                self._place(arrival)
            yield
        except BaseException:
            self._take_away(arrival)
            raise
        finally:
            with self._free:
                self._taken.discard(arrival.place)
                self._free.notify_all()

    def _wait_for(self, place: str) -> None:
        with self._free:
            if place in self._taken and not self._free.wait_for(
                lambda: place not in self._taken, _PATIENCE
            ):
                raise OutOfResources(
                    "another arrival of the same instance takes too long; try again"
                )
            self._taken.add(place)

    def _place(self, arrival: Arrival) -> None:
        temporary = arrival.temporary
        assert temporary is not None
        arrival.inode = os.fstat(temporary.descriptor).st_ino
        temporary.close_for_moving()
        # The name goes first: one journal commit of the file system then covers name and bytes.
        arrival.placed = self._blobs.place(temporary, arrival.place)
        if not arrival.placed:
            self._compare(arrival, arrival.path, Path(temporary.path))
        if self._blobs.durable:
            temporary.sync()
            if arrival.placed:
                self._blobs.sync_names(os.path.dirname(arrival.place))

    def _compare(self, arrival: Arrival, path: Path, mine: Path) -> None:
        """Compare with the file in the place before anybody has to wait for us.

        If that is being deleted, the settlement looks again, when nobody else can write.
        """
        with contextlib.suppress(FileNotFoundError):
            found = path.stat().st_ino
            arrival.same_as = found, same_object(path, mine)

    def _take_away(self, arrival: Arrival) -> None:
        if arrival.placed:
            with contextlib.suppress(OSError):
                _ = arrival.arrived_as  # a name that is left, for whoever wants the bytes
            with contextlib.suppress(OSError):
                if os.stat(arrival.place).st_ino == arrival.inode:
                    self._blobs.remove(arrival.path)
