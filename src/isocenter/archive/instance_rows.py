"""Rows of instances, with the UIDs that lead to their files."""

from sqlalchemy import bindparam, select

from . import schema
from .index import AnyRow

__all__ = ["INSTANCES", "ONE_INSTANCE", "uids_of"]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c

INSTANCES = (
    select(
        _instance.pk,
        _instance.series_pk,
        _series.study_pk,
        _study.study_instance_uid,
        _series.series_instance_uid,
        _instance.sop_instance_uid,
        _instance.sop_class_uid,
        _series.modality,
        _instance.size,
        _instance.sequence,
    )
    .join(schema.series, _series.pk == _instance.series_pk)
    .join(schema.study, _study.pk == _series.study_pk)
    .where(_study.study_instance_uid == bindparam("study"))
)
"""The instances of a study."""

ONE_INSTANCE = INSTANCES.where(
    _series.series_instance_uid == bindparam("series"),
    _instance.sop_instance_uid == bindparam("instance"),
)
"""One of them."""


def uids_of(row: AnyRow) -> tuple[str, str, str]:
    """Give the UIDs of study, series and instance that a row has."""
    return row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid
