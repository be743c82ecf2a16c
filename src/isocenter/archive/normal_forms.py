"""Normal forms of values, in which differences that matching must not see are gone."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from isocenter.dicom.number_strings import parse_decimal

__all__ = ["date", "date_time", "decimal", "folded", "name_groups", "time", "time_span"]

_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)$")
_TIME = re.compile(r"(\d\d)(?::?([0-5]\d)(?::?([0-5]\d|60)(?:\.(\d{1,6}))?)?)?$")
_DATE_TIME = re.compile(r"(\d{4,14})(?:\.(\d{1,6}))?([+-]\d{4})?$")
_DATE_TIME_LENGTHS = frozenset({4, 6, 8, 10, 12, 14})


def folded(text: str) -> str:
    """Take case, accents and outer blanks away.

    Returns
    -------
    str
        ASCII stays on the fast path; what has no accents (kanji, hangul) stays as it is.
    """
    text = text.strip()
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    # Only the accents of European scripts: what voices a kana is no accent.
    bare = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFKC", bare).casefold()


def decimal(text: str) -> str | None:
    """Bring a DS value to the one spelling of its number; None where it is no number."""
    try:
        return repr(parse_decimal(text) or 0.0)
    except ValueError:
        return None


def name_groups(name: str) -> tuple[str, ...]:
    """Fold a person name component by component (PS3.5 6.2.1).

    Returns
    -------
    tuple of str
        The component groups that are not empty, without trailing empty components.
    """
    groups = (
        "^".join(folded(component) for component in group.split("^")).rstrip("^")
        for group in name.split("=")
    )
    return tuple(group for group in groups if group)


def date(text: str) -> str | None:
    """Bring a DA value to `YYYYMMDD`; None where it is no date."""
    found = _DATE.match(text.strip())
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    try:
        datetime(year, month, day)
    except ValueError:
        return None
    return f"{year:04}{month:02}{day:02}"


def time(text: str) -> str | None:
    """Bring a TM value to `HHMMSSFFFFFF`, what is missing as 0; None where it is no time."""
    span = time_span(text)
    return span[0] if span else None


def time_span(text: str) -> tuple[str, str] | None:
    """Give the first and the last moment that a TM value of any precision stands for."""
    found = _TIME.match(text.strip())
    if found is None or int(found[1]) > 23:
        return None
    given = "".join(part or "" for part in found.groups())
    return given + "000000000000"[len(given) :], given + "235959999999"[len(given) :]


def date_time(text: str) -> tuple[str, str] | None:
    """Give the first and the last moment that a DT value of any precision stands for.

    Returns
    -------
    tuple of str or None
        `YYYYMMDDHHMMSSFFFFFF` twice, in UTC where the value states an offset; None where it
        is no date-time.
    """
    found = _DATE_TIME.match(text.strip())
    if found is None or len(found[1]) not in _DATE_TIME_LENGTHS:
        return None
    first = found[1] + "00000101000000"[len(found[1]) :] + (found[2] or "").ljust(6, "0")
    try:
        start = datetime.strptime(first, "%Y%m%d%H%M%S%f")
        end = start + _precision(start, len(found[1]), found[2])
        return _in_utc(start, found[3]), _in_utc(end, found[3])
    except (ValueError, OverflowError):
        return None


def _precision(start: datetime, digits: int, fraction: str | None) -> timedelta:
    """How far the last moment that a shortened DT value stands for lies behind its first."""
    if fraction:
        step = timedelta(microseconds=10 ** (6 - len(fraction)))
    elif digits == 4:
        step = start.replace(year=start.year + 1) - start
    elif digits == 6:
        step = (start + timedelta(days=32)).replace(day=1) - start
    else:
        step = timedelta(seconds={8: 86400, 10: 3600, 12: 60, 14: 1}[digits])
    return step - timedelta(microseconds=1)


def _in_utc(moment: datetime, offset: str | None) -> str:
    if offset:
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
        moment = moment.replace(tzinfo=zone).astimezone(UTC)
    return f"{moment.year:04}{moment.strftime('%m%d%H%M%S%f')}"
