"""Results of a search as text: written straight from the index's values, in DICOM JSON.

Building a dictionary for each result and handing it to a general writer took ten times as long as
the index took to find it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias

from isocenter.archive import (
    COMPUTED_KEYS,
    KEYS,
    RARE_KEYS,
    SEQUENCE_KEYS,
    Found,
    Key,
    Level,
    SequenceKey,
    key,
)
from isocenter.dicom import tags
from isocenter.dicom.number_strings import parse_decimal, parse_integer

__all__ = ["ResultWriter", "everything"]

_Write: TypeAlias = Callable[[Any], str]

_WRITTEN_BY_US: Final = {
    tags.SpecificCharacterSet: "CS",
    tags.InstanceAvailability: "CS",
    tags.RetrieveURL: "UR",
}
_NUMBERS: Final = frozenset({"IS", "DS", "US", "UL", "SS", "SL"})
_NULL: Final = "null"
_NULLS: Final = f"{_NULL},"
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


class ResultWriter:
    """Writes results in the DICOM JSON model, with the attributes that were asked for.

    Parameters
    ----------
    level
        What was searched for.
    base
        URL of the service.
    default
        Tags that every result has, also where they are empty.
    included
        Tags that results have where their values are known.
    """

    def __init__(
        self, level: Level, base: str, default: frozenset[int], included: frozenset[int]
    ) -> None:
        self._level = level
        self._base = base
        self._elements = _elements(level, default, included)
        asked = included - _WRITTEN_BY_US.keys()
        self.unknown = sorted(tag for tag in asked if not _is_known(tag, level))
        """Tags that results of this level cannot say."""

    def result(self, found: Found) -> str:
        """Write one result, attributes in the order of their tags (PS3.18 F.2.2)."""
        said: dict[int, Sequence[Any]] = {**found.values, **found.items}
        said[tags.SpecificCharacterSet] = ("ISO_IR 192",)
        said[tags.RetrieveURL] = (self._url(found),)
        parts: list[str] = []
        for tag, head, empty, write in self._elements:
            values = said.get(tag)
            written = _joined(values, write) if values else _NULL
            if written != _NULL:
                parts.append(f"{head}{written}]}}")
            elif empty is not None:
                parts.append(empty)
        return f"{{{','.join(parts)}}}"

    def _url(self, found: Found) -> str:
        url = f"{self._base}/studies/{found.text(tags.StudyInstanceUID)}"
        if self._level >= Level.SERIES:
            url += f"/series/{found.text(tags.SeriesInstanceUID)}"
        if self._level >= Level.INSTANCE:
            url += f"/instances/{found.text(tags.SOPInstanceUID)}"
        return url


def _is_known(tag: int, level: Level) -> bool:
    """Tell whether results of a level can say an attribute: it is theirs, or of a level above."""
    found = key(tag)
    return found is not None and found.level <= level


@cache
def everything(level: Level) -> frozenset[int]:
    """Give the tags of all that results of a level can say, but for what is gathered from others.

    Parameters
    ----------
    level
        What is searched for.
    """
    keys = (*KEYS, *RARE_KEYS, *SEQUENCE_KEYS, *COMPUTED_KEYS)
    return frozenset(each.tag for each in keys if each.level <= level)


_Element: TypeAlias = tuple[int, str, str | None, _Write]


@lru_cache(maxsize=256)
def _elements(
    level: Level, default: frozenset[int], included: frozenset[int]
) -> tuple[_Element, ...]:
    """Give tag, text up to the values, text without values if there is one, and their writer."""
    known = {tag for tag in included if _is_known(tag, level)}
    return tuple(
        (tag, *_head(tag, vr := _vr(tag), tag in default), _writer(vr))
        for tag in sorted(known | default | _WRITTEN_BY_US.keys())
    )


def _head(tag: int, vr: str, is_default: bool) -> tuple[str, str | None]:
    start = f'"{tag:08X}":{{"vr":"{vr}"'
    return f'{start},"Value":[', f"{start}}}" if is_default else None


def _vr(tag: int) -> str:
    found = key(tag)
    return _WRITTEN_BY_US.get(tag) or (found.vr if isinstance(found, Key) else "SQ")


def _writer(vr: str) -> _Write:
    """Choose how one value is written (PS3.18 F.2.3)."""
    if vr == "SQ":
        return _item
    if vr == "PN":
        return _person_name
    return _number if vr in _NUMBERS else _quoted


def _joined(values: Sequence[Any], write: _Write) -> str:
    """Write values; empty ones are null (PS3.18 F.2.5)."""
    if len(values) == 1:
        return write(values[0]) if values[0] else _NULL
    return ",".join([write(value) if value else _NULL for value in values])


# A result has many short strings, for which this is all that is needed of a JSON encoder.
_quoted: Final[Callable[[str], str]] = json.encoder.encode_basestring


def _number(text: str) -> str:
    try:
        return str(parse_integer(text))
    except ValueError:
        pass
    try:
        return repr(parse_decimal(text))
    except ValueError:
        return _quoted(text)


def _person_name(text: str) -> str:
    if "=" not in text:
        return f'{{"Alphabetic":{_quoted(text)}}}'
    groups = zip(_NAME_GROUPS, text.split("="), strict=False)
    written = [f'"{name}":{_quoted(group)}' for name, group in groups if group]
    return f"{{{','.join(written)}}}" if written else _NULL


def _item(values: Mapping[int, Sequence[Any]]) -> str:
    parts: list[str] = []
    for tag in sorted(values):
        vr = _ITEM_VRS[tag]
        head, empty = _head(tag, vr, True)
        written = _joined(values[tag], _writer(vr))
        parts.append(f"{head}{written}]}}" if written.strip(_NULLS) else empty or "")
    return f"{{{','.join(parts)}}}"


def _item_vrs(sequences: Sequence[SequenceKey]) -> Iterator[tuple[int, str]]:
    for sequence in sequences:
        yield from ((inner.tag, inner.vr) for inner in sequence.items)
        yield from ((inner.tag, "SQ") for inner in sequence.inner)
        yield from _item_vrs(sequence.inner)


_ITEM_VRS: Final = dict(_item_vrs(SEQUENCE_KEYS))
