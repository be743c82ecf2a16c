"""What `key: value` in the text of a report says: a number with its unit, a code, a date, words."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from isocenter.compose.codes import Code
from isocenter.compose.reports import units
from isocenter.compose.reports.concepts import parse_code
from isocenter.compose.reports.content import ContentItem
from isocenter.compose.reports.content_values import (
    Coded,
    Date,
    DateTime,
    Num,
    PersonName,
    Text,
    Time,
    UIDReference,
)

__all__ = ["key_and_value", "value_item"]

_KEY = re.compile(r'(\([^()]*"[^"]*"\s*\)|[^\W_][^:.!?;,\n]{0,39}):\s+(\S.*)', re.S)
_MOST_WORDS = 5
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(\S+)")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?")
_DATE_TIME = re.compile(_DATE.pattern + r"[T ]" + _TIME.pattern)

_ALIASES = {
    "°C": "Cel",
    "°": "deg",
    "degrees": "deg",
    "HU": "[hnsf'U]",
    "µm": "um",
    "μm": "um",
    "mm²": "mm2",
    "cm²": "cm2",
    "m²": "m2",
    "mm³": "mm3",
    "cm³": "cm3",
    "ccm": "cm3",
    "cc": "cm3",
    "mmHg": "mm[Hg]",
    "bpm": "{beats}/min",
    "sec": "s",
    "years": "a",
    "months": "mo",
    "days": "d",
    "hours": "h",
    "minutes": "min",
}
"""How people write units that UCUM writes otherwise."""

_SINGLE = frozenset({"m", "g", "s", "h", "L", "l", "%"})
"""Units of one letter that are not taken for a grade or stage, as the B of `2 B` would be."""


def key_and_value(line: str) -> tuple[str, str] | None:
    """Return the parts of `key: value`; None where the colon is but a part of a sentence."""
    found = _KEY.fullmatch(line.strip())
    if found is None:
        return None
    key, value = found[1].strip(), found[2].strip()
    if parse_code(key) is None and len(key.split()) > _MOST_WORDS:
        return None
    return key, value


def value_item(name: Code, value: str) -> ContentItem:
    """Return the content item that a value is by its looks; TEXT where it looks like nothing else.

    Parameters
    ----------
    name
        What the value is of.
    value
        `12.5 mm`, `(7771000, SCT, "Left")`, `2024-01-17`, `08:15`, `2024-01-17T08:15`,
        `Family^Given`, `urn:oid:1.2.3`, or words.
    """
    code = parse_code(value)
    if code is not None:
        return Coded(name, code)
    return (
        _number(name, value) or _moment(name, value) or _identity(name, value) or Text(name, value)
    )


def _number(name: Code, value: str) -> ContentItem | None:
    found = _NUMBER.fullmatch(value)
    if found is None:
        return None
    unit = _ALIASES.get(found[2], found[2])
    if len(found[2]) == 1 and found[2] not in _SINGLE and found[2] not in _ALIASES:
        return None
    return Num(name, Decimal(found[1]), units.unit(unit)) if units.is_ucum(unit) else None


def _moment(name: Code, value: str) -> ContentItem | None:
    try:  # the standard library refuses digits that are no day or no time
        if found := _DATE_TIME.fullmatch(value):
            datetime.datetime.fromisoformat(value)
            return DateTime(name, _digits(found))
        if found := _DATE.fullmatch(value):
            datetime.date.fromisoformat(value)
            return Date(name, _digits(found))
        if found := _TIME.fullmatch(value):
            datetime.time.fromisoformat(value)
            return Time(name, _digits(found))
    except ValueError:
        return None
    return None


def _digits(found: re.Match[str]) -> str:
    return "".join(part for part in found.groups() if part)


def _identity(name: Code, value: str) -> ContentItem | None:
    if value.startswith("urn:oid:"):
        uid = UIDReference(name, value.removeprefix("urn:oid:"))
        return uid if uid.is_valid() else None
    person = PersonName(name, value)
    return person if "^" in value and person.is_valid() and "\n" not in value else None
