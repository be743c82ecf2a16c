"""What instances of a study disagreed about."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import bindparam, select

from .index import Index
from .schema import conflict

__all__ = ["Conflict", "conflicts_of"]

_OF_STUDY = (
    select(conflict)
    .where(conflict.c.study_instance_uid == bindparam("study"))
    .order_by(conflict.c.pk)
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value of a study or series that a later instance overruled.

    Parameters
    ----------
    study_instance_uid
        The study.
    series_instance_uid
        The series whose value it was; empty for a value of the study.
    tag
        The attribute, `0xGGGGEEEE`.
    value
        What was given up.
    sop_instance_uid
        The instance that had another value.
    time
        When that came, in UTC.
    """

    study_instance_uid: str
    series_instance_uid: str
    tag: int
    value: str
    sop_instance_uid: str
    time: datetime


def conflicts_of(index: Index, study: str) -> list[Conflict]:
    """Read what instances of a study disagreed about, each value once, in order of time."""
    with index.reading() as connection:
        rows = connection.execute(_OF_STUDY, {"study": study}).all()
    return [
        Conflict(
            row.study_instance_uid,
            row.series_instance_uid,
            row.tag,
            row.value,
            row.sop_instance_uid,
            datetime.fromtimestamp(row.time / 1_000_000, UTC),
        )
        for row in rows
    ]
