"""Files that have no row: not yet, not any more, or at all."""

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from isocenter.dicom.scan import scan_file

from .arrivals import Arrival, now
from .index_values import EXTRA_TAGS, IndexValues
from .versions import identity_of
from .wholeness import uids_in

__all__ = ["Statuses", "UnknownFiles", "arrival_of", "unchanged"]

# From the moment when a file gets its place until its row is committed, or from the deletion of its
# row until it is gone itself, is milliseconds; a file that has no row for longer has none.
_PATIENCE = 1.0

Statuses = dict[Path, os.stat_result]


@dataclass(frozen=True, slots=True)
class UnknownFiles:
    """Files of a study that had no row when they were seen.

    Parameters
    ----------
    study
        Study Instance UID.
    statuses
        The files as they were seen.
    due
        When whoever brings or deletes one of them is through with it, in monotonic seconds.
    """

    study: str
    statuses: Statuses
    due: float

    @classmethod
    def seen_now(cls, study: str, paths: Iterable[Path]) -> "UnknownFiles":
        """See those files that are there."""
        return cls(study, _statuses(paths), time.monotonic() + _PATIENCE)

    @property
    def is_due(self) -> bool:
        """Whether they may be looked at again."""
        return time.monotonic() >= self.due

    def wait(self) -> None:
        """Wait until they may be looked at again."""
        time.sleep(max(0.0, self.due - time.monotonic()))


def _statuses(paths: Iterable[Path]) -> Statuses:
    """Look at those files that are there."""
    found: Statuses = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found[path] = path.stat()
    return found


def unchanged(seen: Statuses) -> Statuses:
    """Give those files that are still there, and still the same."""
    return {
        path: status
        for path, status in _statuses(seen).items()
        if identity_of(status) == identity_of(seen[path])
    }


def arrival_of(path: Path) -> Arrival | None:
    """Make an arrival of a file that stands in its place already, unless that is gone."""
    try:
        status = path.stat()
        header = scan_file(path, extra=EXTRA_TAGS)
    except FileNotFoundError:
        return None
    return Arrival(
        header,
        *uids_in(header),
        sop_class=header.sop_class_uid,
        place=str(path),
        values=IndexValues.of(header),
        size=status.st_size,
        time=now(),
        inode_in_place=status.st_ino,
    )
