"""Values that every reader accepts: decimal strings, dates, times, text and its character set."""

import datetime
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any, cast

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import VR, DSfloat

from isocenter.compose.reading import element_of
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.dicom import dictionary
from isocenter.errors import CannotCompose

__all__ = [
    "character_set_for",
    "check_character_set",
    "date",
    "decimal",
    "decimals",
    "described",
    "in_capitals",
    "local_moment",
    "representation_said",
    "tag_of",
    "time",
    "use_fitting_character_set",
    "utc_offset",
    "vr_of",
]

_IN_LETTERS = re.compile(r"[A-Za-z0-9 _]{1,16}")
_WRITTEN_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")

_CHARACTER_SET = BaseTag(0x00080005)
_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NO_TEXT = frozenset({"DS", "FD", "FL", "IS", "OB", "OD", "OF", "OL", "OV", "OW"})


def decimal(number: float) -> DSfloat:
    """Return `number` as a Decimal String of at most 16 characters (PS3.5 6.2, DS).

    Raises
    ------
    CannotCompose
        When the number is NaN or infinite, which DS cannot say.
    """
    try:
        return cast("DSfloat", DSfloat(float(number), auto_format=True))
    except ValueError as error:
        raise CannotCompose(
            f"The number {number} cannot be written as a Decimal String (DS); give a finite number."
        ) from error


def decimals(numbers: Iterable[float]) -> list[DSfloat]:
    """Return each of `numbers` as a Decimal String; see `decimal`."""
    return [decimal(number) for number in numbers]


def in_capitals(value: Any, vr: str) -> Any:
    """Return what is a Code String but for small letters in capitals (PS3.5 6.2, CS).

    Parameters
    ----------
    value
        Text, several values of it in a list or parted by backslashes, or anything else.
    vr
        The value representation of its attribute.

    Returns
    -------
    Any
        `value` itself where it is no Code String, where it is in capitals already, or where
        capitals would not make it one.
    """
    if vr != "CS":
        return value
    if not isinstance(value, str):
        several = isinstance(value, list | tuple | MultiValue)
        many = cast("list[Any]", value) if several else ()
        raised = [in_capitals(one, vr) for one in many]
        return raised if raised != list(many) else value
    if value == value.upper():
        return value
    sound = all(not one or _IN_LETTERS.fullmatch(one) for one in value.split("\\"))
    return value.upper() if sound else value


def date(moment: datetime.date) -> str:
    """Return `moment` as DA (PS3.5 6.2): YYYYMMDD."""
    return moment.strftime("%Y%m%d")


def time(moment: datetime.datetime) -> str:
    """Return `moment` as TM (PS3.5 6.2): HHMMSS.FFFFFF."""
    return moment.strftime("%H%M%S.%f")


def utc_offset(moment: datetime.datetime) -> str:
    """Return the offset from UTC at `moment`, this machine's where it says none: +0200."""
    return moment.astimezone().strftime("%z") if moment.tzinfo is None else moment.strftime("%z")


def local_moment(now: datetime.datetime, offset: str) -> datetime.datetime:
    """Return a moment in the time zone that an object says all its times are in.

    An offset that is empty or that none of the world's zones has (PS3.3 C.12.1.1.8) changes
    nothing.
    """
    if len(offset) != 5 or offset[0] not in "+-" or not offset[1:].isdecimal():
        return now
    minutes = int(offset[0] + offset[1:3]) * 60 + int(offset[0] + offset[3:])
    if not -12 * 60 <= minutes <= 14 * 60:
        return now
    return now.astimezone(datetime.timezone(datetime.timedelta(minutes=minutes)))


def character_set_for(text: str) -> str | None:
    """Return the smallest Specific Character Set (0008,0005) that holds `text`; None for ASCII.

    Raises
    ------
    CannotCompose
        When no character set of PS3.3 C.12.1.1.2 holds it (lone surrogates).
    """
    for term, codec in ((None, "ascii"), ("ISO_IR 100", "latin-1"), ("ISO_IR 192", "utf-8")):
        try:
            text.encode(codec)
        except UnicodeEncodeError:
            continue
        # Latin-1 also encodes the C1 control characters, which ISO-IR 100 does not have.
        if term == "ISO_IR 100" and any("\x80" <= character <= "\x9f" for character in text):
            continue
        return term
    raise CannotCompose(
        "No character set of DICOM holds the text: it has unpaired surrogates; give valid Unicode "
        "text.",
        tag=0x00080005,
        module="SOP Common",
    )


def use_fitting_character_set(data_set: Dataset) -> str | None:
    """Set Specific Character Set (0008,0005) to the smallest that holds all text, items included.

    Returns
    -------
    str or None
        The defined term, or None where the default repertoire does and the attribute is left out.
    """
    try:
        term = character_set_for("".join(_texts(data_set)))
    except CannotCompose as error:
        raise _beyond(data_set, str(error).partition(": ")[2], _is_unicode) from None
    if term is None:
        if "SpecificCharacterSet" in data_set:
            del data_set.SpecificCharacterSet
    else:
        data_set.SpecificCharacterSet = term
    return term


def check_character_set(data_set: Dataset) -> None:
    """Check that the Specific Character Set (0008,0005) which was chosen holds all text.

    Raises
    ------
    CannotCompose
        When it is none of PS3.3 C.12.1.1.2, or a text is beyond it.
    """
    chosen = data_set.get("SpecificCharacterSet") or ""
    terms = [chosen] if isinstance(chosen, str) else list(chosen)
    text = "".join(_texts(data_set))
    codecs = [_codec(term) for term in terms]
    if not all(_fits(part, codecs) for part in text.split("\\")):
        message = (
            f"Specific Character Set (0008,0005) {'/'.join(terms)} does not hold all text of the "
            "object; choose another, such as ISO_IR 192, or none: one that fits is then found."
        )
        raise _beyond(data_set, message, lambda text: _fits(text, codecs))


def _beyond(data_set: Dataset, message: str, fits: Callable[[str], bool]) -> CannotCompose:
    """Return the error for text that does not fit, which names the first attribute that has it."""
    path = _path_of(data_set, fits)
    where = f"{' > '.join(map(described, path))}: " if path else ""
    tag = path[-1] if path else 0x00080005
    return CannotCompose(f"{where}{message}", tag=tag, module="SOP Common")


def _path_of(data_set: Dataset, fits: Callable[[str], bool]) -> list[int]:
    """Return the tags that lead to the first text that does not fit."""
    for element in data_set:
        if element.VR == "SQ":
            for item in element.value:
                if below := _path_of(item, fits):
                    return [int(element.tag), *below]
        elif element.VR in _TEXT and not all(map(fits, str(element.value or "").split("\\"))):
            return [int(element.tag)]
    return []


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _codec(term: str) -> str:
    try:
        return python_encoding[term]
    except KeyError:
        raise CannotCompose(
            f"Specific Character Set (0008,0005) {term!r} is none of PS3.3 C.12.1.1.2; ISO_IR 192 "
            "holds everything.",
            tag=0x00080005,
            module="SOP Common",
        ) from None


def _fits(text: str, codecs: Iterable[str]) -> bool:
    # With code extensions a text may change between sets, so each character need fit one of them.
    return all(any(_holds(character, codec) for codec in codecs) for character in set(text))


def _holds(character: str, codec: str) -> bool:
    if character.isascii():
        return True
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return codec != "iso8859"  # the default repertoire is ASCII, whatever pydicom reads it as


def _texts(data_set: Dataset) -> Iterable[str]:
    for present in data_set.values():
        if present.VR in _NO_TEXT:
            continue  # parsing it may take long, and finds no text
        element = present if isinstance(present, DataElement) else element_of(data_set, present)
        if element.VR == "SQ":
            repeated = isinstance(element.value, RepeatedItems)
            for item in element.value.made() if repeated else element.value:
                if _CHARACTER_SET in item.keys():  # noqa: SIM118 - asking the item is slow
                    del item.SpecificCharacterSet
                yield from _texts(item)
        elif element.VR in _TEXT and element.value is not None:
            yield str(element.value)


@lru_cache(maxsize=8192)
def tag_of(keyword: str) -> int:
    """Return the tag of an attribute given as keyword, `GGGGEEEE` or `(GGGG,EEEE)`.

    A value representation may stand behind it; see `representation_said`.

    Raises
    ------
    CannotCompose
        When the data dictionary has no such keyword.
    """
    name = keyword.partition(":")[0]
    tag = dictionary.tag(name)
    if tag is None and (match := _WRITTEN_TAG.fullmatch(name)):
        tag = int(match[1] + match[2], 16)
    if tag is None:
        raise CannotCompose(
            f"{keyword!r} is no attribute of the data dictionary; use its keyword, "
            f"{_meant(name) or 'for example InstitutionName'}, or its tag, for example 00080080."
        )
    return tag


def _meant(name: str) -> str:
    """Return the keyword of an attribute that is written with other capitals, or as its name."""
    tag = dictionary.tag_of_name(name)
    return f"which is {dictionary.keyword(tag)}" if tag is not None else ""


def representation_said(keyword: str) -> str:
    """Return the VR that is said with an attribute, as in `0009,1010:LO`; empty if none is.

    Raises
    ------
    CannotCompose
        When it is no VR, or not one that the data dictionary has for the attribute.
    """
    _, colon, vr = keyword.partition(":")
    if not colon:
        return ""
    known = dictionary.vr(tag_of(keyword))
    allowed = known.split(" or ") if known else sorted(one.value for one in VR if len(one) == 2)
    if vr not in allowed:
        raise CannotCompose(
            f"{vr!r}, said with {described(tag_of(keyword))}, is no value representation that it "
            f"can have; expected one of {', '.join(allowed)}.",
            tag=tag_of(keyword),
        )
    return vr


@cache
def vr_of(tag: int) -> str:
    """Return the VR in which an attribute is written; of several allowed ones, the first."""
    return (dictionary.vr(tag) or "UN").split(" or ")[0]


def described(tag: int) -> str:
    """Return how messages name an attribute: keyword and tag."""
    return f"{dictionary.keyword(tag) or 'Private'} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
