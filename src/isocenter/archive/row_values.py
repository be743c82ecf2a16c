"""What rows of the index should hold, going by the files that they are of."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from isocenter.dicom.header import Header

from . import schema
from .index_values import FurtherValue, LevelValues, level_values
from .keys import KEYS, RARE_KEYS, SEQUENCE_KEYS, Level, SequenceKey, sequence_number
from .prepared import blank_row

__all__ = ["Difference", "RowValues", "blank_columns", "differing", "instance_values"]

_KEYWORDS = {name: key.keyword for key in KEYS for name in (key.column, key.search_column)} | {
    "transfer_syntax_uid": "TransferSyntaxUID",
    "size": "size",
    "modalities": "ModalitiesInStudy",
    "sop_classes": "SOPClassesInStudy",
}


def _numbers(sequence: SequenceKey, *outer: int) -> Iterator[int]:
    """Give the numbers of a sequence and of those in its items."""
    path = (*outer, sequence.tag)
    yield sequence_number(*path)
    for inner in sequence.inner:
        yield from _numbers(inner, *path)


_BY_TAG = {key.tag: key.keyword for key in (*KEYS, *RARE_KEYS)} | {
    number: sequence.keyword for sequence in SEQUENCE_KEYS for number in _numbers(sequence)
}
_EMPTY = (None, "")
_NOTHING = Counter[FurtherValue]()


@dataclass(slots=True)
class RowValues:
    """Values of a row, and those beside it that have no column."""

    columns: dict[str, Any] = field(default_factory=dict[str, Any])
    further: list[FurtherValue] = field(default_factory=list[FurtherValue])

    def merge(self, values: LevelValues) -> None:
        """Let later values win, as they do where objects arrive; what they leave out stays."""
        changed = any(self.columns.get(name) != value for name, value in values.columns.items())
        self.columns |= values.columns
        if values.further or changed:
            self.further = values.further


@dataclass(frozen=True, slots=True)
class Difference:
    """What a row lacks, and what it says otherwise than files do.

    Parameters
    ----------
    lacking, differing
        The columns, with the values that they should have.
    lacking_further, differing_further
        Tags of attributes, and numbers of sequences, of whose values beside the row some are not
        there, or others.
    """

    lacking: dict[str, Any]
    differing: dict[str, Any]
    lacking_further: frozenset[int]
    differing_further: frozenset[int]

    @property
    def lacked(self) -> set[str]:
        """Keywords of what is not there."""
        return _keywords(self.lacking, self.lacking_further)

    @property
    def differed(self) -> set[str]:
        """Keywords of what is there and other."""
        return _keywords(self.differing, self.differing_further)

    @property
    def columns(self) -> dict[str, Any]:
        """All columns that have to be written."""
        return self.lacking | self.differing

    @property
    def touches_further(self) -> bool:
        """Whether values beside the row have to be written."""
        return bool(self.lacking_further or self.differing_further)

    def sure_of(self, sure: RowValues) -> "Difference":
        """Leave out what differs from other values than these; what lacks stays.

        Parameters
        ----------
        sure
            What is known to have been said last.
        """
        differing = {name: value for name, value in self.differing.items() if name in sure.columns}
        if sure.further:
            return Difference(self.lacking, differing, self.lacking_further, self.differing_further)
        return Difference(self.lacking, differing, frozenset(), frozenset())


def _keywords(columns: Iterable[str], tags: Iterable[int]) -> set[str]:
    named = {_BY_TAG.get(tag, f"({tag >> 16:04X},{tag & 0xFFFF:04X})") for tag in tags}
    return named | {_KEYWORDS[name] for name in columns}


def instance_values(header: Header, size: int) -> RowValues:
    """Give all that the row of an instance says of its file.

    Parameters
    ----------
    header
        The file's.
    size
        Its bytes.
    """
    values = level_values(header, Level.INSTANCE)
    columns = blank_columns(Level.INSTANCE) | values.columns
    columns |= {"transfer_syntax_uid": header.transfer_syntax.uid, "size": size}
    return RowValues(columns, values.further)


@cache
def blank_columns(level: Level) -> dict[str, Any]:
    """Give the columns that hold what files say of a level, with nothing in them."""
    table = schema.table_of(level)
    keys = [key for key in KEYS if schema.table_of(key.level) is table]
    names = {name for key in keys for name in (key.column, key.search_column)}
    return {name: value for name, value in blank_row(table).items() if name in names}


def differing(
    expected: RowValues, row: Mapping[Any, Any], further: Sequence[FurtherValue], *, exact: bool
) -> Difference | None:
    """Compare a row with what it should hold.

    Parameters
    ----------
    expected
        What files say.
    row
        The row's columns.
    further
        Its values that have no column.
    exact
        Whether the row must hold nothing else; those of studies and series may, for a file that is
        deleted now may have said it.

    Returns
    -------
    Difference or None
        None where nothing is wrong.
    """
    wrong = {
        name: value
        for name, value in expected.columns.items()
        if (exact or value not in _EMPTY) and _other(row[name], value)
    }
    lacking = {name: value for name, value in wrong.items() if row[name] in _EMPTY}
    differing = {name: value for name, value in wrong.items() if name not in lacking}
    kept, said = _by_tag(further), _by_tag(expected.further)
    if not (exact or said):
        kept = {}
    lacking_further = frozenset(tag for tag in said if kept.get(tag, _NOTHING) < said[tag])
    others = (tag for tag in kept if kept[tag] != said.get(tag))
    differing_further = frozenset(others) - lacking_further
    if not (wrong or lacking_further or differing_further):
        return None
    return Difference(lacking, differing, lacking_further, differing_further)


def _other(kept: object, said: object) -> bool:
    return kept != said and not (kept in _EMPTY and said in _EMPTY)


def _by_tag(values: Sequence[FurtherValue]) -> dict[int, Counter[FurtherValue]]:
    """Group values by their attribute: their sequence, or themselves."""
    found: dict[int, Counter[FurtherValue]] = {}
    for value in values:
        found.setdefault(value.sequence_tag or value.tag, Counter())[value] += 1
    return found
