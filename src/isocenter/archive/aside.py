"""Objects that differ from the instance kept under their UID, and were kept beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import bindparam, select

from .blobs import BlobStore
from .index import Index
from .schema import aside

__all__ = ["Aside", "kept_aside"]

_OF_STUDY = (
    select(aside).where(aside.c.study_instance_uid == bindparam("study")).order_by(aside.c.pk)
)


@dataclass(frozen=True, slots=True)
class Aside:
    """An object that was kept aside.

    Parameters
    ----------
    study_instance_uid, series_instance_uid, sop_instance_uid
        The instance whose place another object has.
    path
        The object's file.
    size
        Its bytes.
    time
        When it was kept aside, in UTC.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    path: Path
    size: int
    time: datetime


def kept_aside(index: Index, blobs: BlobStore, study: str) -> list[Aside]:
    """Read what was kept aside of a study, in order of time."""
    with index.reading() as connection:
        rows = connection.execute(_OF_STUDY, {"study": study}).all()
    return [
        Aside(
            row.study_instance_uid,
            row.series_instance_uid,
            row.sop_instance_uid,
            blobs.aside(row.name),
            row.size,
            datetime.fromtimestamp(row.time / 1_000_000, UTC),
        )
        for row in rows
    ]
