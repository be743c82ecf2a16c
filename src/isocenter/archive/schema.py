"""The tables of the index, the same on SQLite and PostgreSQL.

Patient attributes stand in the rows of the studies: DICOM gives a patient no key of its own that
all institutions share, and a study names its patient completely.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from .keys import KEYS, Key, Level

__all__ = [
    "TAKEN_OUT",
    "aside",
    "change",
    "conflict",
    "instance",
    "item_value",
    "metadata",
    "series",
    "series_metadata",
    "study",
    "table_of",
]

metadata = MetaData()

# Comparison by code point, so that ranges and prefixes use the ordinary index on both engines.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite makes only `INTEGER PRIMARY KEY` the row's own number.
_ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


# Empty instead of NULL, so that both engines sort the newest first by the ordinary index.
_SORTED = frozenset({"study_date", "study_time_search"})


def _columns(*levels: Level) -> list[Column[object]]:
    columns: list[Column[object]] = []
    for key in KEYS:
        if key.level in levels:
            columns.append(_column(key.column, _type(key), key.keyword.endswith("InstanceUID")))
            if key.has_search_column:
                columns.append(_column(key.search_column, _TEXT))
    return columns


def _column(name: str, kind: TypeEngine[Any], required: bool = False) -> Column[object]:
    if name in _SORTED:
        return Column(name, kind, nullable=False, server_default="")
    return Column(name, kind, nullable=not required)


def _type(key: Key) -> TypeEngine[Any]:
    return BigInteger() if key.is_number else _TEXT


study = Table(
    "study",
    metadata,
    Column("pk", _ROW_NUMBER, primary_key=True),
    *_columns(Level.PATIENT, Level.STUDY),
    Column("modalities", _TEXT, nullable=False, server_default=""),
    Column("sop_classes", _TEXT, nullable=False, server_default=""),
    Column("series_count", BigInteger, nullable=False, server_default="0"),
    Column("instance_count", BigInteger, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False),
    UniqueConstraint("study_instance_uid", name="study_uid"),
    Index("study_newest", "study_date", "study_time_search", "pk"),
    Index("study_patient_name", "patient_name_search"),
    Index("study_patient_id", "patient_id_search"),
    Index("study_accession_number", "accession_number_search"),
)
"""One row a study; `modalities` and `sop_classes` are joined by backslashes, as in DICOM."""

series = Table(
    "series",
    metadata,
    Column("pk", _ROW_NUMBER, primary_key=True),
    Column("study_pk", BigInteger, nullable=False),
    *_columns(Level.SERIES),
    Column("instance_count", BigInteger, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False),
    UniqueConstraint("study_pk", "series_instance_uid", name="series_uid"),
    Index("series_instance_uid", "series_instance_uid"),
)
"""One row a series."""

instance = Table(
    "instance",
    metadata,
    Column("pk", _ROW_NUMBER, primary_key=True),
    Column("series_pk", BigInteger, nullable=False),
    *_columns(Level.INSTANCE),
    Column("transfer_syntax_uid", _TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("origin", _TEXT),
    UniqueConstraint("series_pk", "sop_instance_uid", name="instance_uid"),
    Index("instance_sop_instance_uid", "sop_instance_uid"),
)
"""One row an instance, so one file."""

item_value = Table(
    "item_value",
    metadata,
    Column("pk", _ROW_NUMBER, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("owner_pk", BigInteger, nullable=False),
    Column("sequence_tag", BigInteger, nullable=False),
    Column("item", Integer, nullable=False),
    Column("tag", BigInteger, nullable=False),
    Column("value", _TEXT, nullable=False),
    Column("search", _TEXT, nullable=False),
    Index("item_value_owner", "owner_pk", "level"),
    Index("item_value_search", "tag", "sequence_tag", "search"),
)
"""Values inside sequences, and of an attribute of several values all but the first."""

TAKEN_OUT = text("action IN (3, 4)")
"""Changes that took an instance out: deleted, or lost."""

change = Table(
    "change",
    metadata,
    Column("sequence", _ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("action", Integer, nullable=False),
    Column("study_instance_uid", _TEXT, nullable=False),
    Column("series_instance_uid", _TEXT, nullable=False),
    Column("sop_instance_uid", _TEXT, nullable=False),
    Column("time", BigInteger, nullable=False),
    # Of these only: an index of all would cost every arrival a page, and nobody looks for them.
    Index(
        "change_taken_out", "sop_instance_uid", sqlite_where=TAKEN_OUT, postgresql_where=TAKEN_OUT
    ),
)
"""What happened, in an order without gaps."""

conflict = Table(
    "conflict",
    metadata,
    Column("pk", _ROW_NUMBER, primary_key=True),
    Column("study_instance_uid", _TEXT, nullable=False),
    Column("series_instance_uid", _TEXT, nullable=False),
    Column("tag", BigInteger, nullable=False),
    Column("value", _TEXT, nullable=False),
    Column("sop_instance_uid", _TEXT, nullable=False),
    Column("time", BigInteger, nullable=False),
    UniqueConstraint(
        "study_instance_uid", "series_instance_uid", "tag", "value", name="conflict_value"
    ),
)
"""Values of studies and series about which their instances disagreed."""

aside = Table(
    "aside",
    metadata,
    Column("pk", _ROW_NUMBER, primary_key=True),
    Column("study_instance_uid", _TEXT, nullable=False),
    Column("series_instance_uid", _TEXT, nullable=False),
    Column("sop_instance_uid", _TEXT, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Index("aside_instance", "sop_instance_uid"),
)
"""Newcomers that differed from the instance kept under their UID and were kept beside it."""

series_metadata = Table(
    "series_metadata",
    metadata,
    Column("series_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("root", _TEXT, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""DICOM JSON of whole series, compressed, ready to be sent."""


def table_of(level: Level) -> Table:
    """Give the table whose rows hold the attributes of a level."""
    return {Level.SERIES: series, Level.INSTANCE: instance}.get(level, study)
