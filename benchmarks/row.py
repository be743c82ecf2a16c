"""One line of the table: the work, who does it, what Isocenter must reach, and how it is timed."""

import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import inf

from benchmarks.bench import Bench
from benchmarks.stolen import MOST_STOLEN, Trialled, least_disturbed

Trial = Callable[[], float]
Contenders = Callable[[Bench], AbstractContextManager[Mapping[str, Trial]]]
US = "Isocenter"


@dataclass(frozen=True)
class Target:
    """What Isocenter must reach.

    Parameters
    ----------
    bound
        Times the peer's speed, or without a peer the value itself.
    peer
        The contender that is compared with.
    """

    bound: float
    peer: str | None = None

    def worded(self, unit: str, value: float | None = None) -> str:
        """Write the bound, or what was measured instead, as a ratio or in the row's unit."""
        what = f"{self.bound if value is None else value:.4g}"
        return f"{what} × {self.peer}" if self.peer else f"{what} {unit}"


@dataclass(frozen=True)
class Row:
    """One kind of work.

    Parameters
    ----------
    key
        Its name on the command line.
    work
        Its name in the table.
    unit
        Of the values; objects/s and GB/s are better when larger, all others when smaller.
    targets
        What Isocenter must reach.
    contenders
        Opens what the row needs and gives one trial a contender; a trial does the work once.
    """

    key: str
    work: str
    unit: str
    targets: tuple[Target, ...]
    contenders: Contenders

    @property
    def larger_is_better(self) -> bool:
        """Whether the unit is a rate."""
        return self.unit.endswith("/s")


@dataclass
class Result:
    """What a row measured.

    Parameters
    ----------
    values
        One value a round, by contender.
    failures
        Why a contender has no values.
    repeated
        Trials that were done again because the machine's host disturbed them.
    disturbed
        Values that stand although it disturbed them: no attempt was better.
    run
        When the run began that measured it; empty in files that do not say.
    """

    row: Row
    values: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    disturbed: int = 0
    run: str = ""

    def add(self, contender: str, trialled: Trialled) -> None:
        """Take in the trial of a round."""
        self.values.setdefault(contender, []).append(trialled.value)
        self.repeated += trialled.repeated
        self.disturbed += trialled.stolen > MOST_STOLEN

    def medians(self) -> dict[str, float]:
        """Return the median of each contender."""
        return {name: statistics.median(values) for name, values in self.values.items()}

    def ratio(self, peer: str) -> float | None:
        """Say how many times faster than the peer Isocenter is."""
        medians = self.medians()
        if US not in medians or peer not in medians:
            return None
        ours, theirs = medians[US], medians[peer]
        if not (theirs if self.row.larger_is_better else ours):
            return inf  # less than the clock tells
        return ours / theirs if self.row.larger_is_better else theirs / ours

    def reached(self, target: Target) -> bool | None:
        """Whether the target is met; None when it could not be measured."""
        if target.peer:
            ratio = self.ratio(target.peer)
            return None if ratio is None else ratio >= target.bound
        ours = self.medians().get(US)
        if ours is None:
            return None
        return ours >= target.bound if self.row.larger_is_better else ours <= target.bound


def measure(row: Row, bench: Bench) -> Result:
    """Let every contender do the work once a round, in turn, so that noise meets all of them."""
    result = Result(row, run=bench.run)
    try:
        with row.contenders(bench) as trials:
            for contender, trialled in _rounds(trials, bench, result.failures):
                result.add(contender, trialled)
                _say(f"{row.key}: {contender} {_described(trialled, row.unit)}")
    except Exception as error:  # the rows that follow shall be measured all the same
        result.failures[US] = f"{type(error).__name__}: {error}"
        _say(f"{row.key}: {result.failures[US]}")
    for contender in result.failures:
        result.values.pop(contender, None)
    return result


def _rounds(
    trials: Mapping[str, Trial], bench: Bench, failures: dict[str, str]
) -> Iterator[tuple[str, Trialled]]:
    for _ in range(bench.rounds):
        for contender, trial in trials.items():
            if contender in failures:
                continue
            try:
                yield contender, least_disturbed(trial, bench.attempts)
            except Exception as error:  # one contender's failure must not end the others' run
                failures[contender] = f"{type(error).__name__}: {error}"
                _say(f"{contender} failed: {failures[contender]}")


def _described(trialled: Trialled, unit: str) -> str:
    line = f"{trialled.value:.4g} {unit}, {trialled.stolen:.1%} stolen"
    return f"{line}, attempt {trialled.repeated + 1}" if trialled.repeated else line


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)
