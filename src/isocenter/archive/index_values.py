"""From the header of an object to the values of its rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from isocenter.dicom import tags
from isocenter.dicom.character_sets import CharacterSet
from isocenter.dicom.header import WANTED, Header
from isocenter.dicom.number_strings import parse_integer

from .further_values import LONGEST_SEARCH, LONGEST_VALUE, FurtherValue, sequence_values, storable
from .keys import KEYS, MOST_ITEMS, RARE_KEYS, SEQUENCE_KEYS, Key, Level, SequenceKey
from .normal_forms import date, date_time, decimal, folded, name_groups, time

__all__ = [
    "EXTRA_TAGS",
    "LONGEST_SEARCH",
    "FurtherValue",
    "IndexValues",
    "LevelValues",
    "Signature",
    "level_values",
    "signature",
]

EXTRA_TAGS = frozenset(key.tag for key in (*KEYS, *RARE_KEYS, *SEQUENCE_KEYS)) - WANTED
"""Tags that a scan must keep for the index besides those that it keeps anyway."""

_SHORT = 128
_LONGEST_SIGNATURE = 2048

# What mostly differs between the instances of a series. They mostly share the rest, which is
# decoded once; where they do not, it is decoded again.
_OWN_TAGS = frozenset(
    {
        tags.SOPInstanceUID,
        tags.InstanceNumber,
        tags.AcquisitionTime,
        tags.AcquisitionDateTime,
        tags.ContentTime,
    }
)
_LARGEST_NUMBER = 2**63
_SPECIFIC_CHARACTER_SET = 0x00080005

Result = TypeVar("Result")
Column = str | int | None
Signature = tuple[bytes | None, ...]
Forms = tuple[Column, str | None]
"""A value for its column, and its normal form."""
Text = tuple[str, tuple[str, ...]]
"""The values of an attribute of text for its column, and their normal forms."""


@dataclass(slots=True)
class LevelValues:
    """What one object says about its study, its series or itself."""

    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    further: list[FurtherValue] = field(default_factory=list[FurtherValue])
    warnings: list[str] = field(default_factory=list[str])

    def add_plain(self, keys: "_PlainKeys", raws: Sequence[bytes | None]) -> None:
        """Add the values that no character set touches."""
        columns = self.columns
        for (key, forms, column, search_column), raw in zip(keys.plans, raws, strict=True):
            if not raw:
                continue
            if (both := forms(raw)) is None:
                self._warn(key, raw.decode("latin-1"))
                continue
            columns[column] = both[0]
            if search_column:
                columns[search_column] = both[1]

    def add_text(self, key: Key, value: str, searches: Sequence[str]) -> None:
        """Add decoded text; the first normal form has a column, the others are further values."""
        self.columns[key.column] = value
        self.columns[key.search_column] = searches[0] if searches else ""
        if len(searches) > 1:
            self.further += (
                FurtherValue(0, number, key.tag, value, search)
                for number, search in enumerate(searches[1:], 1)
            )

    def add_rare(self, key: Key, header: Header) -> None:
        """Add the values of an attribute that has no column."""
        raw = header.values[key.tag]
        if key.is_text:
            found = _text(header, key)
        elif (found := _rare_forms(raw, key)) is None:
            self._warn(key, raw.decode("latin-1"))
        if found is not None:
            value, searches = found
            self.further += (
                FurtherValue(0, number, key.tag, value, search)
                for number, search in enumerate(searches)
            )

    def _warn(self, key: Key, value: str) -> None:
        self.warnings.append(
            f"{key} is {value[:64]!r}, which is no value of VR {key.vr}; it stays in the file "
            "and is left out of the index"
        )


def _remembered(
    size: int,
) -> Callable[[Callable[[bytes], Result]], Callable[[bytes], Result]]:
    """Remember what a function makes of short values; long ones must not fill the memory."""

    def decorate(function: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
        remembering = lru_cache(size)(function)

        def call(raw: bytes) -> Result:
            return remembering(raw) if len(raw) <= _SHORT else function(raw)

        return call

    return decorate


def _stripped(raw: bytes) -> str:
    return raw[:LONGEST_VALUE].decode("latin-1").strip(" \0").replace("\0", "")


def _uid(raw: bytes) -> Forms:
    text = _stripped(raw)
    return text, text


@_remembered(8192)
def _integer(raw: bytes) -> Forms | None:
    first = _stripped(raw).split("\\")[0]
    if not first:
        return None, None
    try:
        number = parse_integer(first)
    except ValueError:
        return None
    return (number, None) if -_LARGEST_NUMBER <= number < _LARGEST_NUMBER else None


def _date(raw: bytes) -> Forms | None:
    text = _stripped(raw)
    found = date(text.split("\\")[0]) if text else ""
    return None if found is None else (found, found)


def _with_normal_form(form: Callable[[str], str | None]) -> Callable[[bytes], Forms | None]:
    @_remembered(8192)
    def forms(raw: bytes) -> Forms | None:
        text = _stripped(raw)
        found = form(text.split("\\")[0]) if text else ""
        return None if found is None else (text, found)

    return forms


def _first_moment(text: str) -> str | None:
    span = date_time(text)
    return span[0] if span else None


def _code(raw: bytes) -> Forms:
    values = [value.strip() for value in _stripped(raw).split("\\")]
    return "\\".join(values), folded(values[0])[:LONGEST_SEARCH]


def _unsigned(raw: bytes) -> Forms:
    return int.from_bytes(raw[:2], "little") if len(raw) >= 2 else None, None


def _unsigned_big_endian(raw: bytes) -> Forms:
    return int.from_bytes(raw[:2], "big") if len(raw) >= 2 else None, None


_PLAIN_FORMS: dict[str, Callable[[bytes], Forms | None]] = {
    "AE": _code,
    "AS": _code,
    "CS": _code,
    "DA": _date,
    "DS": _with_normal_form(decimal),
    "DT": _with_normal_form(_first_moment),
    "IS": _integer,
    "TM": _with_normal_form(time),
    "UI": _uid,
    "US": _unsigned,
}
_BIG_ENDIAN_FORMS = _PLAIN_FORMS | {"US": _unsigned_big_endian}
_ONE_VALUE_VRS = frozenset({"LT", "ST", "UT"})


@cache
def _levels(level: Level) -> tuple[Level, ...]:
    """Levels whose attributes a table holds; the studies' holds the patient's too."""
    return (Level.PATIENT, Level.STUDY) if level is Level.STUDY else (level,)


@cache
def _keys_of(level: Level) -> tuple[Key, ...]:
    return tuple(key for key in KEYS if key.level in _levels(level))


@dataclass(frozen=True, slots=True, eq=False)
class _PlainKeys:
    """Keys whose values no character set touches."""

    tags: tuple[int, ...]
    plans: tuple[tuple[Key, Callable[[bytes], Forms | None], str, str], ...]
    """Of each: how its forms are made, and its columns, the second if it is another."""

    @classmethod
    def of(cls, keys: Sequence[Key], *, little_endian: bool) -> "_PlainKeys":
        forms = _PLAIN_FORMS if little_endian else _BIG_ENDIAN_FORMS
        plans = [
            (
                key,
                forms[key.vr],
                key.column,
                key.search_column if key.search_column != key.column else "",
            )
            for key in keys
        ]
        return cls(tuple(key.tag for key in keys), tuple(plans))


@cache
def _plain_keys_of(level: Level, little_endian: bool) -> tuple[_PlainKeys, _PlainKeys]:
    """Give the keys whose values instances mostly share, and those of an instance's own."""
    plain = [key for key in _keys_of(level) if key.vr in _PLAIN_FORMS]
    own = [key for key in plain if key.tag in _OWN_TAGS]
    shared = [key for key in plain if key.tag not in _OWN_TAGS]
    return (
        _PlainKeys.of(shared, little_endian=little_endian),
        _PlainKeys.of(own, little_endian=little_endian),
    )


@cache
def _other_keys_of(level: Level) -> tuple[Key, ...]:
    return tuple(key for key in _keys_of(level) if key.vr not in _PLAIN_FORMS)


@cache
def _rare_keys_of(level: Level) -> tuple[Key, ...]:
    return tuple(key for key in RARE_KEYS if key.level in _levels(level))


@cache
def _sequences_of(level: Level) -> tuple[SequenceKey, ...]:
    return tuple(key for key in SEQUENCE_KEYS if key.level in _levels(level))


@cache
def _other_tags_of(level: Level) -> frozenset[int]:
    keys = (*_other_keys_of(level), *_rare_keys_of(level), *_sequences_of(level))
    return frozenset(key.tag for key in keys)


@cache
def _tags_of(level: Level) -> tuple[int, ...]:
    keys = (*_keys_of(level), *_rare_keys_of(level), *_sequences_of(level))
    return (_SPECIFIC_CHARACTER_SET, *(key.tag for key in keys))


def signature(header: Header, level: Level) -> Signature:
    """Give the encoded values of a level, of much text a digest: equal ones mean equal rows."""
    found = tuple(map(header.values.get, _tags_of(level)))
    if sum(map(len, filter(None, found))) <= _LONGEST_SIGNATURE:
        return found
    return tuple([raw if not raw or len(raw) <= _SHORT else _digest(raw) for raw in found])


def _digest(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=_SHORT // 4).digest()


class IndexValues(NamedTuple):
    """What the index needs of an object, worked out while the rest of it arrives.

    Parameters
    ----------
    study, series
        Signatures of these levels.
    instance
        Values of the instance's own row.
    """

    study: Signature
    series: Signature
    instance: LevelValues

    @classmethod
    def of(cls, header: Header) -> "IndexValues":
        """Work them out from an object's header."""
        return cls(
            signature(header, Level.STUDY),
            signature(header, Level.SERIES),
            level_values(header, Level.INSTANCE),
        )


def level_values(header: Header, level: Level) -> LevelValues:
    """Decode what an object says about one level.

    Parameters
    ----------
    header
        The object's header.
    level
        STUDY (with the patient's attributes), SERIES or INSTANCE.

    Returns
    -------
    LevelValues
        Without what the object leaves out or leaves empty, and without values that break their VR.
    """
    values = _plain_values(header, level)
    if _other_tags_of(level).isdisjoint(header.values):
        return values
    for key in _other_keys_of(level):
        if header.values.get(key.tag) and (text := _text(header, key)):
            values.add_text(key, *text)
    for key in _rare_keys_of(level):
        if header.values.get(key.tag):
            values.add_rare(key, header)
    for sequence in _sequences_of(level):
        if raw := header.values.get(sequence.tag):
            values.further += sequence_values(sequence, raw, header)
    return values


def _plain_values(header: Header, level: Level) -> LevelValues:
    shared, own = _plain_keys_of(level, header.layout.little_endian)
    found = header.values.get
    raws = tuple(map(found, shared.tags))
    is_long = sum(map(len, filter(None, raws))) > _LONGEST_SIGNATURE
    known = (_shared_values if is_long else _remembered_shared_values)(shared, raws)
    values = LevelValues(known.columns.copy(), [], known.warnings.copy())
    values.add_plain(own, tuple(map(found, own.tags)))
    return values


def _shared_values(keys: _PlainKeys, raws: tuple[bytes | None, ...]) -> LevelValues:
    values = LevelValues()
    values.add_plain(keys, raws)
    return values


_remembered_shared_values = lru_cache(1024)(_shared_values)


def _text(header: Header, key: Key) -> Text | None:
    raw = header.values[key.tag]
    forms = _text_forms if len(raw) > _SHORT else _remembered_text_forms
    return forms(raw, header.character_set, key.vr)


def _text_forms(raw: bytes, characters: CharacterSet, vr: str) -> Text | None:
    """Decode an attribute's values; None where there is nothing but padding."""
    text = characters.decode(raw, name=vr == "PN").strip(" \0")
    if not text:
        return None
    found = [text] if vr in _ONE_VALUE_VRS else [each.strip(" \0") for each in text.split("\\")]
    texts = [storable(each) for each in found[:MOST_ITEMS]]
    groups = [name_groups(each) if vr == "PN" else (folded(each),) for each in texts]
    searches = [form[:LONGEST_SEARCH] for forms in groups for form in forms]
    return "\\".join(texts)[:LONGEST_VALUE], tuple(searches[:MOST_ITEMS])


_remembered_text_forms = lru_cache(8192)(_text_forms)


def _rare_forms(raw: bytes, key: Key) -> Text | None:
    """Give the values of UIDs or integers and their normal forms; None where one is no integer."""
    text = _stripped(raw)
    values = [value for each in text.split("\\")[:MOST_ITEMS] if (value := each.strip(" "))]
    try:
        forms = [str(parse_integer(value)) if key.is_number else value for value in values]
    except ValueError:
        return None
    return text, tuple(forms)
