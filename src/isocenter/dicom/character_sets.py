"""Decode text by Specific Character Set (0008,0005), with ISO 2022 extensions (PS3.5 6.1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from isocenter.dicom.encoding import Buffer

DEFAULT = "latin-1"
"""The default repertoire is ASCII; bytes beyond it, though wrong, are nearly always ISO 8859-1."""

# ISO registration number in a defined term -> codec of the whole byte range.
_SINGLE_BYTE = {
    6: DEFAULT,
    13: "shift_jis",  # JIS X 0201: only its single bytes occur
    100: "latin-1",
    101: "iso8859-2",
    109: "iso8859-3",
    110: "iso8859-4",
    126: "iso8859-7",
    127: "iso8859-6",
    138: "iso8859-8",
    144: "iso8859-5",
    148: "iso8859-9",
    166: "tis-620",
    203: "iso8859-15",
}
# First value of an object that has only a multi-byte term: its G1, beside an ASCII G0.
_MULTI_BYTE_G1 = {58: "gb2312", 149: "euc_kr"}
_WITHOUT_EXTENSIONS = {"GB18030": "gb18030", "GBK": "gbk", "ISO 2022 GBK": "gbk"}
_TERM = re.compile(r"ISO[ _-]*(?:2022[ _-]*)?(?:IR[ _-]*)?0*([0-9]+)", re.IGNORECASE)

# Escape sequence -> (code element, codec, prefix for the codec) (PS3.3 Tables C.12-3 and C.12-4).
_ESCAPES: dict[bytes, tuple[int, str, bytes]] = {
    b"(B": (0, "ascii", b""),
    b"(J": (0, "shift_jis", b""),
    b"$B": (0, "iso2022_jp", b"\x1b$B"),
    b"$@": (0, "iso2022_jp", b"\x1b$@"),
    b"$(D": (0, "iso2022_jp_2", b"\x1b$(D"),
    b"-A": (1, "latin-1", b""),
    b"-B": (1, "iso8859-2", b""),
    b"-C": (1, "iso8859-3", b""),
    b"-D": (1, "iso8859-4", b""),
    b"-F": (1, "iso8859-7", b""),
    b"-G": (1, "iso8859-6", b""),
    b"-H": (1, "iso8859-8", b""),
    b"-L": (1, "iso8859-5", b""),
    b"-M": (1, "iso8859-9", b""),
    b"-T": (1, "tis-620", b""),
    b"-b": (1, "iso8859-15", b""),
    b")I": (1, "shift_jis", b""),
    b"$)C": (1, "euc_kr", b""),
    b"$)A": (1, "gb2312", b""),
}
_PIECES = re.compile(
    rb"\x1b(?P<escape>\$[()][A-D]|\$[B@]|[()\-][A-Za-z])|(?P<low>[\x00-\x1a\x1c-\x7f]+|\x1b)"
    rb"|(?P<high>[\x80-\xff]+)"
)
_RESETS = re.compile(rb"([\\\r\n\x0c\t])")
_NAME_RESETS = re.compile(rb"([\\\r\n\x0c\t^=])")


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """What the values of Specific Character Set say about text.

    Parameters
    ----------
    codec
        Python's name of the codec for text without escape sequences.
    extensions
        Whether escape sequences may switch to other sets.
    """

    codec: str = DEFAULT
    extensions: bool = False

    def decode(self, data: Buffer, *, name: bool = False) -> str:
        """Decode the bytes of a text value, all of its values at once.

        Parameters
        ----------
        data
            Bytes of a value of an AE, CS, LO, LT, PN, SH, ST, UC, UT or other text element.
        name
            Whether it is a Person Name, in which `^` and `=` also end an extension.

        Returns
        -------
        str
            Text as written, padding included; what cannot be decoded becomes U+FFFD.

        References
        ----------
        PS3.5 6.1.2.5
        """
        octets = bytes(data)
        if not self.extensions or b"\x1b" not in octets:
            return octets.decode(self.codec, "replace")
        return _decode_extended(octets, self.codec, _NAME_RESETS if name else _RESETS)


def _decode_extended(octets: bytes, codec: str, resets: re.Pattern[bytes]) -> str:
    """Decode with G0 and G1 as they are switched; delimiters switch back to the first set."""
    decoded: list[str] = []
    first = ("shift_jis" if codec == "shift_jis" else "ascii", b""), (codec, b"")
    elements = list(first)
    for piece in _PIECES.finditer(octets):
        escape, low, high = piece.group("escape", "low", "high")
        if escape is not None:
            if escape in _ESCAPES:
                element, switched, prefix = _ESCAPES[escape]
                elements[element] = (switched, prefix)
        elif low is None:
            decoded.append(_decode_run(high, elements[1]))
        elif elements[0][1]:  # two bytes a character: no delimiter can stand among them
            decoded.append(_decode_run(low, elements[0]))
        else:
            decoded.append(low.decode("ascii"))
            if resets.search(low):
                elements = list(first)
    return "".join(decoded)


def _decode_run(octets: bytes, element: tuple[str, bytes]) -> str:
    codec, prefix = element
    return (prefix + octets).decode(codec, "replace")


ASCII = CharacterSet()


def character_set(values: Sequence[str]) -> CharacterSet:
    """Find how text is decoded under the values of Specific Character Set.

    Spellings such as `ISO-IR 100`, `ISO 8859`-less numbers or `ISO_IR_192` are understood; a term
    that is unknown counts as the default repertoire.

    Parameters
    ----------
    values
        Values of (0008,0005), padding removed; none for the default repertoire.

    Returns
    -------
    CharacterSet
        The way to decode.

    References
    ----------
    PS3.3 C.12.1.1.2
    """
    if not values:
        return ASCII
    first = values[0].strip().upper()
    if first in _WITHOUT_EXTENSIONS:
        return CharacterSet(_WITHOUT_EXTENSIONS[first])
    number = _registration(first)
    if number == 192:
        return CharacterSet("utf-8")
    if number is None and len(values) > 1:
        number = 6
    codec = _SINGLE_BYTE.get(number or 6) or _MULTI_BYTE_G1.get(number or 6, DEFAULT)
    return CharacterSet(codec, extensions=len(values) > 1 or "2022" in first)


def _registration(term: str) -> int | None:
    if term in {"UTF-8", "UTF8"}:
        return 192
    matched = _TERM.fullmatch(term)
    return int(matched.group(1)) if matched else None


def decode(data: Buffer, values: Sequence[str], *, name: bool = False) -> str:
    """Decode text under the values of Specific Character Set; see `CharacterSet.decode`.

    Parameters
    ----------
    data
        Bytes of a text element's value field.
    values
        Values of (0008,0005), padding removed; none for the default repertoire.
    name
        Whether it is a Person Name, in which `^` and `=` also end an extension.

    Returns
    -------
    str
        Text as written, padding included; what cannot be decoded becomes U+FFFD.
    """
    return character_set(values).decode(data, name=name)
