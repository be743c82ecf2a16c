"""Write the values of one element in the DICOM JSON Model (PS3.18 F.2.2 to F.2.7)."""

import binascii
import re
import struct
from array import array
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring as quote
from math import isfinite

from isocenter.dicom.character_sets import CharacterSet

Converter = Callable[[bytes, CharacterSet, str], str]
"""Takes a value's bytes, the way to decode text, and the byte order as `<` or `>`.

Returns what stands behind the value representation, as `,"Value":[...]`; nothing for no value.
"""

BINARY_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
"""Written as `InlineBinary` or `BulkDataURI`."""

WORD_SIZES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes that big endian swaps, of the binary value representations that have words."""

# Of a length that a double holds: a DS has 16 characters at most.
_JSON_NUMBER = re.compile(
    r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII
)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_LARGEST_EXACT = 2**53 - 1
_PADDING = " \0"


def _list(values: Iterable[str]) -> str:
    return f',"Value":[{",".join(values)}]'


def _quote_or_null(text: str) -> str:
    return quote(text) if text else "null"


def _plain(raw: bytes, characters: CharacterSet, order: str) -> str:
    """CS, DA, DT, TM, UI and others of the default repertoire, several values."""
    text = raw.decode("latin-1").rstrip(_PADDING)
    if not text:
        return ""
    if "\\" in text:
        return _list(_quote_or_null(value.rstrip(_PADDING)) for value in text.split("\\"))
    return f',"Value":[{quote(text)}]'


def _title(raw: bytes, characters: CharacterSet, order: str) -> str:
    """AE, whose leading spaces mean nothing either."""
    text = raw.decode("latin-1").strip(_PADDING)
    return (
        _list(_quote_or_null(value.strip(_PADDING)) for value in text.split("\\")) if text else ""
    )


def _string(raw: bytes, characters: CharacterSet, order: str) -> str:
    """LO, SH, UC: several values in any character set."""
    text = characters.decode(raw).rstrip(_PADDING)
    if not text:
        return ""
    if "\\" in text:
        return _list(_quote_or_null(value.rstrip(_PADDING)) for value in text.split("\\"))
    return f',"Value":[{quote(text)}]'


def _text(raw: bytes, characters: CharacterSet, order: str) -> str:
    """LT, ST, UT: one value, in which a backslash is one."""
    text = characters.decode(raw).rstrip(_PADDING)
    return f',"Value":[{quote(text)}]' if text else ""


def _locator(raw: bytes, characters: CharacterSet, order: str) -> str:
    """UR: one value of the default repertoire."""
    text = raw.decode("latin-1").rstrip(_PADDING)
    return f',"Value":[{quote(text)}]' if text else ""


_COMPONENT_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def _name(raw: bytes, characters: CharacterSet, order: str) -> str:
    """PN: an object of component groups for each value."""
    text = characters.decode(raw, name=True).rstrip(_PADDING)
    return _list(_groups(value) for value in text.split("\\")) if text else ""


def _groups(value: str) -> str:
    groups = zip(_COMPONENT_GROUPS, value.rstrip(_PADDING).split("="), strict=False)
    members = ",".join([f'"{name}":{quote(text)}' for name, text in groups if text])
    return f"{{{members}}}" if members else "null"


def _decimal_string(raw: bytes, characters: CharacterSet, order: str) -> str:
    text = raw.decode("latin-1").strip(_PADDING)
    return _list(map(decimal_number, text.split("\\"))) if text else ""


def decimal_number(text: str) -> str:
    """Write one value of a DS as a JSON number, digit by digit; as a string if it is none."""
    text = text.strip(_PADDING)
    if _JSON_NUMBER.fullmatch(text):
        return text
    if _DECIMAL.fullmatch(text):
        number = float(text)
        return repr(number) if isfinite(number) else quote(text)
    return _quote_or_null(text)


def _integer_string(raw: bytes, characters: CharacterSet, order: str) -> str:
    text = raw.decode("latin-1").strip(_PADDING)
    return _list(map(_integer_number, text.split("\\"))) if text else ""


def _integer_number(text: str) -> str:
    text = text.strip(_PADDING)
    return str(int(text)) if _INTEGER.fullmatch(text) else decimal_number(text)


def _tags(raw: bytes, characters: CharacterSet, order: str) -> str:
    numbers = struct.unpack(f"{order}{len(raw) // 2}H", raw)
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return _list(f'"{group:04X}{element:04X}"' for group, element in pairs) if raw else ""


def _integers(code: str, size: int) -> Converter:
    def convert(raw: bytes, characters: CharacterSet, order: str) -> str:
        if len(raw) == size:
            return f',"Value":[{struct.unpack(order + code, raw)[0]}]'
        return (
            _list(map(str, struct.unpack(f"{order}{len(raw) // size}{code}", raw))) if raw else ""
        )

    return convert


def _long_integers(code: str) -> Converter:
    """SV and UV: what a double does not hold is a string, so that no reader rounds it."""

    def convert(raw: bytes, characters: CharacterSet, order: str) -> str:
        numbers = struct.unpack(f"{order}{len(raw) // 8}{code}", raw)
        return (
            _list(
                str(number) if abs(number) <= _LARGEST_EXACT else f'"{number}"'
                for number in numbers
            )
            if raw
            else ""
        )

    return convert


def _floats(code: str, size: int) -> Converter:
    def convert(raw: bytes, characters: CharacterSet, order: str) -> str:
        numbers = struct.unpack(f"{order}{len(raw) // size}{code}", raw)
        return _list(map(_float, numbers)) if raw else ""

    return convert


def lut_descriptor(raw: bytes, characters: CharacterSet, order: str) -> str:
    """Write a signed LUT descriptor, whose first value counts entries and is unsigned."""
    numbers = list(struct.unpack(f"{order}{len(raw) // 2}h", raw))
    return _list(str(number % 65536 if i == 0 else number) for i, number in enumerate(numbers))


def _float(number: float) -> str:
    if isfinite(number):
        return repr(number)
    return '"NaN"' if number != number else '"inf"' if number > 0 else '"-inf"'


def inline_binary(raw: bytes, vr: str, order: str) -> str:
    """Write a binary value as base64 of its little-endian bytes (PS3.18 F.2.7).

    Parameters
    ----------
    raw
        The value.
    vr
        One of `BINARY_VRS`, or another whose value cannot be read.
    order
        `<` or `>`, the byte order of `raw`.

    Returns
    -------
    str
        The member, with a comma before it; nothing if the value is empty.
    """
    if not raw:
        return ""
    octets = swapped(raw, WORD_SIZES.get(vr, 1)) if order == ">" else raw
    return f',"InlineBinary":"{binascii.b2a_base64(octets, newline=False).decode("ascii")}"'


def swapped(raw: bytes, word_size: int) -> bytes:
    """Swap the bytes of every whole word."""
    if word_size == 1:
        return raw
    words = array({2: "H", 4: "I", 8: "Q"}[word_size], raw[: len(raw) // word_size * word_size])
    words.byteswap()
    return words.tobytes() + raw[len(words) * word_size :]


def _binary(vr: str) -> Converter:
    def convert(raw: bytes, characters: CharacterSet, order: str) -> str:
        return inline_binary(raw, vr, order)

    return convert


CONVERTERS: dict[str, Converter] = {
    "AE": _title,
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM", "UI"), _plain),
    **dict.fromkeys(("LO", "SH", "UC"), _string),
    **dict.fromkeys(("LT", "ST", "UT"), _text),
    "UR": _locator,
    "PN": _name,
    "DS": _decimal_string,
    "IS": _integer_string,
    "AT": _tags,
    "US": _integers("H", 2),
    "SS": _integers("h", 2),
    "UL": _integers("I", 4),
    "SL": _integers("i", 4),
    "UV": _long_integers("Q"),
    "SV": _long_integers("q"),
    "FL": _floats("f", 4),
    "FD": _floats("d", 8),
    **{vr: _binary(vr) for vr in BINARY_VRS},
}
"""How to write the values of every value representation but `SQ`."""
