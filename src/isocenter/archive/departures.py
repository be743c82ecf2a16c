"""What the row above files must say when some of them go, from as few of the others as will do.

A row says what its files say together, in the order in which they came: a later value wins, one
that a later file leaves out stays. So the files around those that go mostly tell that nothing
changes: behind them the row says the same as before, whatever it said ahead of them.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from .index_values import FurtherValue, LevelValues
from .row_values import RowValues

__all__ = ["Name", "NewValues", "Said", "without"]

Name = tuple[int, int]
"""Key and sequence number of an instance's row: an instance that is replaced gets another."""

Said = LevelValues | Name
"""What a file says; of one that does not tell, its name, which is like nothing else."""

_FIRST_REACH = 2


@dataclass(frozen=True, slots=True)
class NewValues:
    """What a row must say from now on.

    Parameters
    ----------
    values
        Its values.
    is_all
        Whether it must say nothing else; otherwise it keeps the columns that are not named.
    """

    values: RowValues
    is_all: bool


def without(
    left: Sequence[Name], gone: Collection[Name], ask: Callable[[Sequence[Name]], list[Said]]
) -> NewValues | None:
    """Work out what a row must say without some of its files.

    Parameters
    ----------
    left
        Those that stay below it; at least one.
    gone
        Those that go; at least one.
    ask
        Reads what some of them say.

    Returns
    -------
    NewValues or None
        None where the row goes on saying what it says, or a file does not tell that would have to.
    """
    order = sorted({*left, *gone}, key=itemgetter(1))
    return None if _only_repeat(order, gone, ask) else _found_around(order, gone, ask)


def _only_repeat(
    order: Sequence[Name], gone: Collection[Name], ask: Callable[[Sequence[Name]], list[Said]]
) -> bool:
    """Whether those that go only say what one beside them says; twice in a row changes nothing."""
    runs = [list(run) for _, run in groupby(order, gone.__contains__)]
    for ahead, run, behind in zip([[], *runs[:-1]], runs, [*runs[1:], []], strict=True):
        if run[0] in gone:
            then = ask([*ahead[-1:], *run, *behind[:1]])
            now = then[: len(ahead[-1:])] + then[len(then) - len(behind[:1]) :]
            if _without_repetitions(then) != _without_repetitions(now):
                return False
    return True


def _without_repetitions(said: Iterable[Said]) -> list[Said]:
    return [values for values, _ in groupby(said)]


def _found_around(
    order: Sequence[Name], gone: Collection[Name], ask: Callable[[Sequence[Name]], list[Said]]
) -> NewValues | None:
    """Look ever further around those that go, until it does not matter what lies beyond."""
    places = [number for number, name in enumerate(order) if name in gone]
    reach = _FIRST_REACH
    while True:
        start, end = max(places[0] - reach, 0), min(places[-1] + 1 + reach, len(order))
        around = order[start:end]
        then = ask(around)
        now = [said for name, said in zip(around, then, strict=True) if name not in gone]
        if not all(isinstance(said, LevelValues) for said in now):
            return None
        is_all = start == 0
        found, before = _Outcome.of(now, is_all=is_all), _Outcome.of(then, is_all=is_all)
        if found is not None and found.further is not None:
            if found == before:
                return None
            values = RowValues(found.columns, found.further)
            if end == len(order) and (is_all or found.covers(before)):
                return NewValues(values, is_all)
        reach *= 2


@dataclass(slots=True)
class _Outcome:
    """What a row says behind some files in a row; what it said ahead of them may be unknown."""

    columns: dict[str, Any]
    further: list[FurtherValue] | None
    """None where that depends on what it said ahead of them."""

    @classmethod
    def of(cls, files: Iterable[Said], *, is_all: bool) -> "_Outcome | None":
        """Let files speak one behind the other, as `RowValues.merge` does; None if one does not."""
        outcome = cls({}, [] if is_all else None)
        for said in files:
            if not isinstance(said, LevelValues):
                return None
            outcome._add(said, is_all)
        return outcome

    def _add(self, said: LevelValues, is_all: bool) -> None:
        known = self.columns
        changes = any(
            known.get(name, None if is_all else value) != value
            for name, value in said.columns.items()
        )
        if said.further or changes:
            self.further = said.further
        elif self.further and not (is_all or said.columns.keys() <= known.keys()):
            self.further = None  # it may change a column that is not known yet
        known |= said.columns

    def covers(self, other: "_Outcome | None") -> bool:
        """Whether this names every column that another names."""
        return other is not None and other.columns.keys() <= self.columns.keys()
