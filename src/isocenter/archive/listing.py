"""Listing the instances of a study or series: what sending them needs to know, and no more."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from isocenter.dicom.uids import is_path_safe_uid

from . import schema
from .index import Index
from .prepared import Prepared

__all__ = ["KeptInstance", "Lister"]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_LAST_CHANGE = Prepared(
    select(_study.sequence).where(_study.study_instance_uid == bindparam("study"))
)


@dataclass(frozen=True, slots=True)
class KeptInstance:
    """An instance as the index knows it.

    Parameters
    ----------
    study, series, instance
        Its UIDs.
    transfer_syntax_uid
        How it is encoded.
    size
        Of its file, in bytes.
    """

    study: str
    series: str
    instance: str
    transfer_syntax_uid: str
    size: int

    @property
    def uids(self) -> tuple[str, str, str]:
        """Its three UIDs."""
        return self.study, self.series, self.instance


class Lister:
    """Lists instances.

    Parameters
    ----------
    index
        Where the rows are.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def instances(self, study: str, series: str | None, instance: str | None) -> list[KeptInstance]:
        """List the instances of a study, a series, or one; series and instances by number."""
        uids = {"study": study, "series": series, "instance": instance}
        given = {name: uid for name, uid in uids.items() if uid is not None}
        if not all(map(is_path_safe_uid, given.values())):  # which no kept instance has
            return []
        with self._index.reading() as connection:
            rows = connection.execute(_statement(tuple(given)), given).all()
        return [KeptInstance(*row) for row in rows]

    def last_change(self, study: str) -> int:
        """Give the sequence number of the last change of a study; 0 where there is none."""
        found = self._index.first(_LAST_CHANGE, {"study": study})
        return found[0] if found is not None else 0


_COLUMNS = {
    "study": _study.study_instance_uid,
    "series": _series.series_instance_uid,
    "instance": _instance.sop_instance_uid,
}


@cache
def _statement(given: tuple[str, ...]) -> Select[Any]:
    return (
        select(*_COLUMNS.values(), _instance.transfer_syntax_uid, _instance.size)
        .join(schema.series, _series.pk == _instance.series_pk)
        .join(schema.study, _study.pk == _series.study_pk)
        .where(*(_COLUMNS[name] == bindparam(name) for name in given))
        .order_by(_series.series_number, _series.pk, _instance.instance_number, _instance.pk)
    )
