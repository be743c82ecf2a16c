"""Values that pass between receiving an object, placing its file and registering it."""

import enum
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from isocenter.dicom.header import Header

from .index_values import IndexValues
from .temporary import Temporary

__all__ = [
    "Arrival",
    "ConflictPolicy",
    "Durability",
    "Occupant",
    "Origin",
    "Outcome",
    "Stored",
    "now",
]


class Durability(enum.Enum):
    """What an acknowledgement promises."""

    SAFE = "safe"
    """File and index would survive a power cut."""
    FAST = "fast"
    """File and index would survive the end of the process."""


class ConflictPolicy(enum.Enum):
    """What happens to an instance that is already kept with different bytes."""

    REFUSE = "refuse"
    """It is refused with InstanceConflict."""
    REPLACE = "replace"
    """It takes the place of the kept one, which stays until it has."""
    KEEP = "keep"
    """The kept one stays what is found and served; the newcomer is accepted and kept aside."""


class Outcome(enum.Enum):
    """What became of an accepted instance."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    """The same bytes were here already."""
    REPLACED = "replaced"
    KEPT = "kept"
    """Another version stays in its place; this one was kept aside."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent an instance.

    Parameters
    ----------
    ae_title
        Calling AE title; empty where it did not come by DIMSE.
    address
        Peer address, path or URL.
    """

    ae_title: str = ""
    address: str = ""

    def __str__(self) -> str:
        both = self.ae_title and self.address
        sender = f"{self.ae_title}@{self.address}" if both else self.ae_title or self.address
        # Names of files may hold bytes that are no text, which no database takes.
        return sender.encode("utf-8", "backslashreplace").decode().replace("\0", "")


class Stored(NamedTuple):
    """An instance that is kept.

    Parameters
    ----------
    study_instance_uid, series_instance_uid, sop_instance_uid, sop_class_uid
        What it is.
    outcome
        What became of it.
    warnings
        Sentences about values that were left out of the index.
    violations
        A sentence about the rules of its IOD that it breaks, where arrivals are held against them.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    outcome: Outcome
    warnings: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()


def now() -> int:
    """Give this moment as the index counts it: microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class Occupant(NamedTuple):
    """A file that stood in the place of an arrival before that came.

    Parameters
    ----------
    inode
        Its number.
    is_same
        Whether it holds the same object.
    """

    inode: int
    is_same: bool


@dataclass(slots=True, eq=False)
class Arrival:
    """An object on its way into the index, known once its beginning is here."""

    header: Header
    study: str
    series: str
    instance: str
    sop_class: str
    place: str
    """The path of its place."""
    values: IndexValues
    """What its rows will hold."""
    origin: str = ""
    temporary: Temporary | None = None
    """Its file while that is not in place; None for a file that was found there."""
    size: int = 0
    """Bytes of the file, of which all are here."""
    time: int = 0
    """When they were all here, as `now` counts."""
    inode_in_place: int = 0
    """Number of its file, by which it is recognised, once that stands in its place; until then 0,
    and where another stands there."""
    occupant: Occupant | None = None
    """The other, once somebody has looked at it."""

    @property
    def path(self) -> Path:
        """Its place."""
        return Path(self.place)

    @property
    def arrived_as(self) -> str:
        """Name of its temporary file."""
        assert self.temporary is not None
        return self.temporary.path

    @property
    def seems_kept(self) -> bool:
        """Whether the same object stood in its place before: its own file is then thrown away."""
        return self.occupant is not None and self.occupant.is_same

    def stored(self, outcome: Outcome, warnings: tuple[str, ...] = ()) -> Stored:
        """Say what became of it."""
        return Stored(self.study, self.series, self.instance, self.sop_class, outcome, warnings)
