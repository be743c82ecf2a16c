"""Questions to the index and their answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from isocenter.dicom.encoding import describe
from isocenter.errors import QueryError

from .keys import Level

__all__ = ["AttributePath", "Found", "Item", "Match", "Order", "Query"]

AttributePath = int | tuple[int, ...]
"""A tag, or the tags of the sequences that hold an attribute, the outermost first, and its own."""

Item: TypeAlias = "dict[int, list[str] | list[Item]]"
"""Of an item of a sequence, by tag, the values of attributes and the items of sequences in it."""


@dataclass(frozen=True, slots=True)
class Match:
    """A value to match (PS3.4 C.2.2.2).

    Parameters
    ----------
    path
        The attribute; several tags mean one in the items of a sequence, the outermost first.
    value
        As a query has it: a single value, one with wildcards, a range, several values with
        backslashes between them; empty matches everything, `""` matches what is absent or empty.

    Raises
    ------
    QueryError
        The value holds half of a character, which no text that was received or read has.
    """

    path: AttributePath
    value: str

    def __post_init__(self) -> None:
        try:
            self.value.encode()
        except UnicodeEncodeError as error:
            tags = (self.path,) if isinstance(self.path, int) else self.path
            path = " in ".join(describe(tag) for tag in reversed(tags))
            raise QueryError(
                f"{path} is matched with {self.value[:80]!r}, whose character {error.start + 1} "
                "is half of one (a surrogate); expected text"
            ) from None


@dataclass(frozen=True, slots=True)
class Order:
    """An attribute to sort by.

    Parameters
    ----------
    tag
        Of the asked level, of a level above it, or computed.
    descending
        Whether the largest comes first.
    """

    tag: int
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the index.

    Parameters
    ----------
    level
        What to find: patients, studies, series or instances.
    matches
        All of them must hold. An attribute of a level below holds where any series or instance
        below has it.
    fuzzy
        Whether a person name matches where each of its words begins a word of the value.
    combined_date_time
        Whether a range of dates and one of times on the same pair of attributes mean one range
        from date and time to date and time (PS3.4 C.2.2.2.5).
    include
        Attributes to give, as tags; None for all but those for which the rows of others are looked
        at: what is related to a patient, gathered items. The UIDs are given always.
    order
        Sorting; without it, newest study first, series and instances by number.
    limit
        How many rows at most; None for all.
    offset
        How many rows to leave out at the start.
    """

    level: Level
    matches: tuple[Match, ...] = ()
    fuzzy: bool = False
    combined_date_time: bool = False
    include: frozenset[int] | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @classmethod
    def of(
        cls, level: Level, matches: Mapping[AttributePath, str] | None = None, **options: Any
    ) -> "Query":
        """Write a query shortly: `Query.of(Level.STUDY, {tags.PatientID: "P1"}, limit=10)`.

        Parameters
        ----------
        level
            What to find.
        matches
            By attribute, the value that it must match; see `Match`. None matches everything.
        **options
            The other fields of `Query`, such as `limit`, `order` or `fuzzy`.

        Returns
        -------
        Query
            One that asks for all of these at the same time.

        Raises
        ------
        QueryError
            A value holds half of a character; see `Match`.
        """
        pairs = (Match(path, value) for path, value in (matches or {}).items())
        return cls(level, tuple(pairs), **options)


@dataclass(slots=True)
class Found:
    """A patient, study, series or instance that was found.

    Parameters
    ----------
    level
        What it is.
    values
        Values of the attributes that it has, by tag: its own, those of the levels above it, and
        the computed ones. What it does not have is not there.
    items
        By sequence, the items that it has or that a level above it has.
    """

    level: Level
    values: dict[int, list[str]]
    items: dict[int, list[Item]] = field(default_factory=dict[int, list[Item]])

    def text(self, tag: int) -> str:
        """Give an attribute's values joined by backslashes; empty where it has none.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        str
            As a DICOM value field has several values; `values` has them apart.
        """
        return "\\".join(self.values.get(tag, ()))
