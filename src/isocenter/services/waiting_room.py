"""Places for objects that have arrived and are not kept yet: each holds a file open."""

import asyncio
from collections.abc import Callable

__all__ = ["WaitingRoom"]


class WaitingRoom:
    """A bound on how many objects of all store requests wait to be kept with others.

    Parameters
    ----------
    places
        How many, at least 1.
    """

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._keepers: set[Callable[[], None]] = set()

    @property
    def full(self) -> bool:
        """Whether somebody waits, or would wait, for a place: nobody stays for company then."""
        return self._places.locked()

    def open_to(self, keep: Callable[[], None]) -> None:
        """Let the objects of a request in.

        Parameters
        ----------
        keep
            Called when the room is full, to have those kept that could stay for others to come.
        """
        self._keepers.add(keep)

    def close_to(self, keep: Callable[[], None]) -> None:
        """Forget a request."""
        self._keepers.discard(keep)

    async def enter(self) -> None:
        """Take a place; where there is none, have objects kept, of all requests, until there is."""
        if self.full:
            for keep in tuple(self._keepers):
                keep()
        await self._places.acquire()

    def leave(self, places: int = 1) -> None:
        """Give places back: their objects are kept, or gone."""
        for _ in range(places):
            self._places.release()
