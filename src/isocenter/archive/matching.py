"""From matching keys to conditions in SQL: every matching kind of PS3.4 C.2.2.2."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, Text, and_, or_

from isocenter.dicom.number_strings import parse_integer
from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import QueryError

from .keys import Key
from .normal_forms import date, date_time, decimal, folded, name_groups, time_span

__all__ = ["EMPTY", "Column", "condition", "is_range", "is_universal", "span_condition", "span_of"]

Column = ColumnElement[object]
Condition = ColumnElement[bool]
Span = tuple[str | None, str | None]

EMPTY = '""'
"""What matches only what is empty or absent (PS3.4 C.2.2.2.7)."""

_LARGEST_CHARACTER = "\U0010ffff"
_WORD_SEPARATORS = "^= -"
_SPANS: dict[str, Callable[[str], tuple[str, str] | None]] = {
    "DA": lambda text: (day, day) if (day := date(text)) else None,
    "TM": time_span,
    "DT": date_time,
}
_EXPECTED = {
    "DA": "YYYYMMDD or a range of two such dates",
    "TM": "HHMMSS.FFFFFF, shortened as needed, or a range of two such times",
    "DT": "YYYYMMDDHHMMSS.FFFFFF, shortened as needed, or a range of two such moments",
}


def is_universal(value: str) -> bool:
    """Whether a value matches everything: none (PS3.4 C.2.2.2.3), or `*` as some clients write it.

    Wildcards are for text (C.2.2.2.4), but `*` alone has no other meaning for a date or UID.
    """
    return not value.strip("*")


def condition(key: Key, search: Column, value: str, *, fuzzy: bool) -> Condition:
    """Turn a matching key into a condition on the column that holds the attribute's normal form.

    Parameters
    ----------
    key
        The attribute.
    search
        The column; numbers may be in one of text, in the spelling of `str`.
    value
        What to match: one value, of a person name one component group; for a UID and a number also
        several with backslashes between them, of which one must match.
    fuzzy
        Whether each word of a person name, wildcards or not, need only begin a word of the value.

    Raises
    ------
    QueryError
        The value breaks the grammar of the attribute's VR.
    """
    if value == EMPTY:
        return search.is_(None) if key.is_number else or_(search.is_(None), search == "")
    if key.vr == "UI":
        return search.in_([_uid(key, text) for text in value.split("\\")])
    if key.is_number:
        numbers = [_number(key, text) for text in value.split("\\")]
        return search.in_(map(str, numbers) if isinstance(search.type, Text) else numbers)
    if key.vr == "DS":
        return search == _decimal(key, value)
    if key.vr in _SPANS:
        return span_condition(search, span_of(key, value))
    if key.vr == "PN":
        return _fuzzy_name(search, value) if fuzzy else _name(search, value)
    return _pattern(search, folded(value))


def _uid(key: Key, text: str) -> str:
    """Read a UID; nothing but a UID can match, and wildcards are none (PS3.4 C.2.2.2.4)."""
    uid = text.strip(" \0")
    if not is_path_safe_uid(uid):
        raise QueryError(
            f"{key} is matched with {text[:80]!r}; expected a UID, 1 to 64 digits and dots, or "
            "several of them"
        )
    return uid


def _number(key: Key, text: str) -> int:
    try:
        return parse_integer(text)
    except ValueError:
        raise QueryError(f"{key} is matched with {text!r}; expected an integer") from None


def _decimal(key: Key, text: str) -> str:
    if (form := decimal(text)) is None:
        raise QueryError(f"{key} is matched with {text!r}; expected a decimal number")
    return form


def is_range(value: str) -> bool:
    """Whether a value of DA or TM is a range (PS3.4 C.2.2.2.5)."""
    return "-" in value


def span_of(key: Key, value: str) -> Span:
    """Read a date, time or date-time, or a range of them, as first and last moment.

    Raises
    ------
    QueryError
        It is neither.
    """
    parse = _SPANS[key.vr]
    if (single := parse(value)) is not None:
        return single
    for place, letter in enumerate(value):  # the hyphen of a DT may be its offset's sign
        if letter != "-":
            continue
        first, last = value[:place].strip(), value[place + 1 :].strip()
        begin, end = parse(first), parse(last)
        if (begin or not first) and (end or not last) and (begin or end):
            return begin and begin[0], end and end[1]
    raise QueryError(f"{key} is matched with {value!r}; expected {_EXPECTED[key.vr]}")


def span_condition(search: Column, span: Span) -> Condition:
    """Say that a column lies between two moments."""
    first, last = span
    if first == last:
        return search == first
    conditions = [search >= first] if first else [search > ""]
    conditions += [search <= last] if last else []
    return and_(*conditions)


def _pattern(search: Column, pattern: str) -> Condition:
    """Match with `*` and `?` (PS3.4 C.2.2.2.4), or exactly where there is neither."""
    if "*" not in pattern and "?" not in pattern:
        return search == pattern
    like = pattern.translate(_LIKE)
    prefix = pattern[: min(pattern.find(sign) % (len(pattern) + 1) for sign in "*?")]
    if not prefix:
        return search.like(like, escape="\\")
    # LIKE alone would not use the index.
    return and_(
        search >= prefix, search < prefix + _LARGEST_CHARACTER, search.like(like, escape="\\")
    )


_LIKE = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\", "*": "%", "?": "_"})


def _name(search: Column, value: str) -> Condition:
    """Match a component group of a name, whole."""
    pattern = "=".join(name_groups(value))
    conditions = [_pattern(search, pattern)]
    if (shorter := pattern.rstrip("^*")) != pattern.rstrip("*"):
        conditions.append(_pattern(search, shorter))  # DOE^* finds DOE, too
    return or_(*conditions)


def _fuzzy_name(search: Column, value: str) -> Condition:
    words = folded(value).translate(str.maketrans("^=,-", "    ")).split()
    return and_(*(_some_word_begins(search, word) for word in words))


def _some_word_begins(search: Column, word: str) -> Condition:
    literal = word.translate(_LIKE)
    return or_(
        search.like(f"{literal}%", escape="\\"),
        *(search.like(f"%{sign}{literal}%", escape="\\") for sign in _WORD_SEPARATORS),
    )
