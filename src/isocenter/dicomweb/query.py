"""The query grammar of QIDO-RS: a query string becomes a structured query (PS3.18 8.3.4)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from isocenter.dicom import dictionary
from isocenter.dicom.encoding import describe
from isocenter.errors import QueryError

LARGEST_PAGE: Final = 1000

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBER = re.compile(r"[0-9]{1,40}")
_LARGEST_COUNT = 999_999_999
_DEEPEST = 8
_LONGEST_VALUE = 4096
_MAYBE_SEQUENCES = frozenset({"SQ", None})  # of private attributes nobody knows it
_Key = TypeVar("_Key")

AttributePath = tuple[int, ...]
"""Tags from the top level down: all but the last are sequences."""


@dataclass(frozen=True, slots=True)
class Match:
    """One attribute to match.

    Parameters
    ----------
    path
        The attribute, below the sequences that hold it.
    value
        As given; empty matches anything.
    """

    path: AttributePath
    value: str


@dataclass(frozen=True, slots=True)
class SearchParameters:
    """What a query string asks for.

    Parameters
    ----------
    matches
        Each attribute at most once.
    include
        Attributes wanted beyond the default ones.
    include_all
        Whether `includefield=all` was given.
    fuzzy
        Whether person names match by the beginnings of their words.
    limit
        The most results wanted, None if not given; at most 999,999,999.
    offset
        How many results to pass over; at most 999,999,999.
    """

    matches: tuple[Match, ...] = ()
    include: tuple[AttributePath, ...] = ()
    include_all: bool = False
    fuzzy: bool = False
    limit: int | None = None
    offset: int = 0


def parse_search(parameters: Iterable[tuple[str, str]]) -> SearchParameters:
    """Read the query string of a search.

    Parameters
    ----------
    parameters
        Decoded names and values in the order given.

    Returns
    -------
    SearchParameters
        The structured query.

    Raises
    ------
    QueryError
        An unknown attribute, one given twice, a private one without its private creator, or a
        malformed path or value.

    References
    ----------
    PS3.18 8.3.1, 8.3.4 and Table 8.3.4-1
    """
    matches: dict[AttributePath, str] = {}
    fields: list[str] = []
    controls: dict[str, str] = {}
    for name, value in parameters:
        if name == "includefield":
            fields += [field.strip() for field in value.split(",") if field.strip()]
        elif name in _CONTROLS:
            _set_once(controls, name, value, name)
        else:
            path = parse_attribute(name)
            _check_path(path, name, value)
            _set_once(matches, path, _checked_value(name, value), name)
    _check_private(matches)
    for name in _ALWAYS_ON:
        _flag(name, controls.get(name, "true"))
    return SearchParameters(
        matches=tuple(Match(path, value) for path, value in matches.items()),
        include=tuple(dict.fromkeys(parse_attribute(f) for f in fields if f.lower() != "all")),
        include_all=any(field.lower() == "all" for field in fields),
        fuzzy=_flag("fuzzymatching", controls.get("fuzzymatching", "false")),
        limit=_count("limit", controls["limit"]) if "limit" in controls else None,
        offset=_count("offset", controls.get("offset", "0")),
    )


# Empty values and several values always match; who asks for that asks for nothing more.
_ALWAYS_ON: Final = ("emptyvaluematching", "multiplevaluematching")
# `accept` belongs to content negotiation and is read there; results are always in UTF-8.
_CONTROLS: Final = frozenset({"fuzzymatching", "limit", "offset", "accept", "charset", *_ALWAYS_ON})


def _set_once(into: dict[_Key, str], key: _Key, value: str, name: str) -> None:
    if key in into:
        raise QueryError(f"the query parameter {name!r} is given twice; give it once")
    into[key] = value


def parse_attribute(text: str) -> AttributePath:
    """Read an attribute as a query string names it.

    Parameters
    ----------
    text
        A keyword (`PatientID`), a tag (`00100020`), or a path of either joined by dots
        (`RequestAttributesSequence.ScheduledProcedureStepID`).

    Returns
    -------
    tuple of int
        The tags from the top level down.

    Raises
    ------
    QueryError
        The text names no attribute.

    References
    ----------
    PS3.18 8.3.4.1
    """
    steps = text.split(".")
    if len(steps) > _DEEPEST:
        raise QueryError(f"an attribute more than {_DEEPEST} levels deep: {text[:100]!r}")
    return tuple(_tag(step, text) for step in steps)


def _tag(step: str, text: str) -> int:
    if _TAG.fullmatch(step):
        return int(step, 16)
    tag = dictionary.tag(step)
    if tag is None:
        raise QueryError(
            f"unknown attribute {text[:100]!r}: expected a keyword of PS3.6, a tag of 8 "
            "hexadecimal digits, or a path of these joined by dots"
        )
    return tag


def _check_path(path: AttributePath, name: str, value: str) -> None:
    """See that a path leads through sequences to an attribute of PS3.6 (PS3.18 8.3.1)."""
    for tag in path:
        if not (dictionary.is_private(tag) or dictionary.attribute(tag)):
            raise QueryError(
                f"unknown attribute {describe(tag)} in {name[:100]!r}: expected one of PS3.6, or a "
                "private one"
            )
    for tag in path[:-1]:
        if dictionary.vr(tag) not in _MAYBE_SEQUENCES:
            raise QueryError(f"{describe(tag)} in {name[:100]!r} is no sequence; expected one")
    if dictionary.vr(path[-1]) == "SQ" and value.strip("*") not in ("", '""'):
        raise QueryError(
            f"{describe(path[-1])} is a sequence, which has no value to match; match an attribute "
            "of its items, by a path with dots"
        )


def _check_private(matches: Mapping[AttributePath, str]) -> None:
    """See that private attributes come with their private creators (PS3.18 8.3.4.1)."""
    for path in matches:
        for place, tag in enumerate(path):
            creator = tag & 0xFFFF0000 | tag >> 8 & 0xFF
            if not dictionary.is_private(tag) or dictionary.is_private_creator(tag):
                continue
            if (*path[:place], creator) not in matches:
                raise QueryError(
                    f"private attribute {describe(tag)} is matched without its private creator "
                    f"({creator >> 16:04X},{creator & 0xFFFF:04X}); give both"
                )


def _checked_value(name: str, value: str) -> str:
    if len(value) > _LONGEST_VALUE:
        raise QueryError(
            f"the value of {name[:100]!r} has {len(value)} characters; at most {_LONGEST_VALUE}"
        )
    if "\0" in value:
        raise QueryError(f"the value of {name[:100]!r} holds a NUL character")
    return value


def _count(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise QueryError(f"{name} must be a whole number from 0, found {text[:60]!r}")
    return min(int(text), _LARGEST_COUNT)


def _flag(name: str, text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise QueryError(f"{name} must be true or false, found {text[:60]!r}")
    return lowered == "true"
