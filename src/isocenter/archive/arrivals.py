"""Values that pass between receiving an object, placing its file and registering it."""

import enum
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from isocenter.dicom.header import Header

from .index_values import IndexValues
from .temporary import Temporary

__all__ = ["Arrival", "ConflictPolicy", "Durability", "Origin", "Outcome", "Stored", "now"]


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
    inode: int = 0
    """Number of the file, by which it is recognised in its place."""
    placed: bool = False
    """Whether its file stands in its place, where there was none before."""
    same_as: tuple[int, bool] | None = None
    """Inode of the file found in its place, and whether that has the same bytes."""

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
        """Whether the file found in its place has the same bytes: its own is then thrown away."""
        return self.same_as is not None and self.same_as[1]

    def stored(self, outcome: Outcome, warnings: tuple[str, ...] = ()) -> Stored:
        """Say what became of it."""
        return Stored(self.study, self.series, self.instance, self.sop_class, outcome, warnings)
