"""Keeping several objects at once: files synced side by side, rows in one commit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from .arrivals import Arrival, Stored
from .incoming import Incoming, Reception

__all__ = ["commit_together"]


@dataclass(slots=True, eq=False)
class _Member:
    """An object of those that are kept together, and what became of it."""

    incoming: Incoming
    arrival: Arrival | None = None
    outcome: Stored | Exception | None = None

    def examine(self) -> None:
        try:
            self.arrival = self.incoming.examine()
        except Exception as error:
            self.outcome = error

    def end(self, outcome: Stored | Exception) -> None:
        if isinstance(outcome, Exception):
            self.incoming.refuse(outcome)
            self.outcome = outcome
        else:
            self.outcome = self.incoming.accept(outcome)


def commit_together(
    incomings: Sequence[Incoming], since: float | None = None
) -> list[Stored | Exception]:
    """Keep objects of one archive, as `Incoming.commit` keeps one.

    They share the waits for the disk, which one after the other would take as often as they are
    many; each is kept or refused by itself.

    Parameters
    ----------
    incomings
        With all their bytes. Of two with the same instance the first is kept first.
    since
        From when on their patience counts where others have the index locked, as `time.monotonic`;
        from now on if not given.

    Returns
    -------
    list of Stored or Exception
        For each what `Incoming.commit` returns or raises; when this returns, what is stored would
        survive what the durability promises.
    """
    members = [_Member(incoming) for incoming in incomings]
    for member in members:
        member.examine()
    waiting = [member for member in members if member.arrival is not None]
    while waiting:
        batch = _of_different_places(waiting)
        _commit(incomings[0].reception, batch, time.monotonic() if since is None else since)
        waiting = [member for member in waiting if member.outcome is None]
    return [member.outcome for member in members if member.outcome is not None]


def _of_different_places(members: Sequence[_Member]) -> list[_Member]:
    first: dict[str, _Member] = {}
    for member in members:
        assert member.arrival is not None
        first.setdefault(member.arrival.place, member)
    return list(first.values())


def _commit(reception: Reception, members: Sequence[_Member], since: float) -> None:
    arrivals = [member.arrival for member in members if member.arrival is not None]
    outcomes: dict[int, Stored | Exception] = {}
    with reception.places.all_taken(arrivals, reception.syncing) as problems:
        sound = [number for number, problem in enumerate(problems) if problem is None]
        results = reception.commits.commit_all([arrivals[number] for number in sound], since)
        outcomes.update(zip(sound, results, strict=True))
        for number, result in outcomes.items():
            problems[number] = result if isinstance(result, Exception) else None
    for number, member in enumerate(members):
        outcome = problems[number] or outcomes[number]
        member.end(outcome)
    reception.committed()
