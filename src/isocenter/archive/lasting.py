"""Whether the file in the place of an instance that has a row is on the disk for certain.

A row is written once its file is on the disk. One whose file was lost may get it back from another
process at this moment, which has not come to waiting for the disk. Such a file has its name long
after the row was written, and since a short while.
"""

import os

from sqlalchemy import bindparam, select

from . import schema
from .arrivals import now
from .prepared import Prepared

__all__ = ["WRITTEN", "is_on_disk"]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_change = schema.change.c
WRITTEN = Prepared(
    select(_change.time)
    .join(schema.instance, _instance.sequence == _change.sequence)
    .join(schema.series, _series.pk == _instance.series_pk)
    .join(schema.study, _study.pk == _series.study_pk)
    .where(
        _study.study_instance_uid == bindparam("study"),
        _series.series_instance_uid == bindparam("series"),
        _instance.sop_instance_uid == bindparam("instance"),
    )
)
"""When the object came of which an instance's row is, as `arrivals.now` counts."""

_LONGEST_ARRIVAL = 10 * 60 * 1_000_000
"""Microseconds, more than pass from an arrival's last byte until it is registered."""


def is_on_disk(written: int, status: os.stat_result) -> bool:
    """Tell whether a file in its place is the one that its row is of, or has stood there for long.

    Parameters
    ----------
    written
        What `WRITTEN` finds.
    status
        Of the file.
    """
    named = status.st_ctime_ns // 1000
    return named - written < _LONGEST_ARRIVAL or now() - named > _LONGEST_ARRIVAL
