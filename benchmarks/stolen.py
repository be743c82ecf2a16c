"""Time that the host of a virtual machine takes away: trials that it disturbed do not count."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

MOST_STOLEN = 0.03
"""Share of the processor time that programs wanted, above which a trial is done again."""

PATIENCE = 20.0
"""Seconds for a trial's attempts; what takes longer by itself is done once."""

_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Trialled:
    """What a trial came to.

    Parameters
    ----------
    value
        What it measured.
    stolen
        Share of the processor time wanted meanwhile, by whomever, that the host took: 0 to 1.
    repeated
        How many disturbed trials were dropped for this one.
    """

    value: float
    stolen: float
    repeated: int = 0


def least_disturbed(trial: Callable[[], float], attempts: int) -> Trialled:
    """Do a trial again while the host disturbs it; the least disturbed counts.

    Parameters
    ----------
    trial
        Does the work once. Whose work it is makes no difference, nor does the value.
    attempts
        How often at most.
    """
    end = time.monotonic() + PATIENCE
    best = _watched(trial)
    repeated = 0
    while best.stolen > MOST_STOLEN and repeated + 1 < attempts and time.monotonic() < end:
        repeated += 1
        best = min(best, _watched(trial), key=lambda trialled: trialled.stolen)
    return replace(best, repeated=repeated)


def _watched(trial: Callable[[], float]) -> Trialled:
    before = _Times.now()
    value = trial()
    return Trialled(value, before.stolen_since())


@dataclass(frozen=True)
class _Times:
    """Ticks of all processors since the system started; proc_stat(5) names the columns."""

    wanted: int
    stolen: int

    @classmethod
    def now(cls) -> "_Times":
        if not _STAT.exists():  # no Linux: nothing is known of a host
            return cls(0, 0)
        user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(
            int, _STAT.read_text().split("\n", 1)[0].split()[1:]
        )
        return cls(user + nice + system + irq + softirq + steal, steal)

    def stolen_since(self) -> float:
        now = self.now()
        return (now.stolen - self.stolen) / max(1, now.wanted - self.wanted)
