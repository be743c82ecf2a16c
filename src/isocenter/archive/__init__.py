"""The archive: keeps DICOM objects, finds them, gives them back."""

from .archive import Archive
from .arrivals import ConflictPolicy, Durability, Origin, Outcome, Stored
from .aside import Aside
from .change_log import Action, Change
from .check_report import CheckReport, Problem, ProblemKind
from .conflicts import Conflict
from .incoming import Incoming
from .keys import (
    COMPUTED_KEYS,
    GATHERED_KEYS,
    KEYS,
    RARE_KEYS,
    SEQUENCE_KEYS,
    Key,
    Level,
    SequenceKey,
    key,
)
from .listing import KeptInstance
from .opening import INDEX_NAME
from .query import AttributePath, Found, Match, Order, Query
from .series_metadata import Metadata
from .stored_instance import StoredInstance
from .together import commit_together

__all__ = [
    "COMPUTED_KEYS",
    "GATHERED_KEYS",
    "INDEX_NAME",
    "KEYS",
    "RARE_KEYS",
    "SEQUENCE_KEYS",
    "Action",
    "AttributePath",
    "Found",
    "StoredInstance",
    "Archive",
    "Aside",
    "Change",
    "CheckReport",
    "Problem",
    "ProblemKind",
    "Conflict",
    "ConflictPolicy",
    "Durability",
    "Incoming",
    "KeptInstance",
    "Key",
    "Level",
    "Match",
    "Metadata",
    "Order",
    "Origin",
    "Outcome",
    "Query",
    "SequenceKey",
    "Stored",
    "commit_together",
    "key",
]
