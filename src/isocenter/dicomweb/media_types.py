"""Media types: their grammar, read leniently and written strictly (PS3.18 8.7)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from isocenter.errors import InvalidRequest

DICOM: Final = "application/dicom"
DICOM_JSON: Final = "application/dicom+json"
JSON: Final = "application/json"
"""What DICOM_JSON was called at first, and what programs say that know nothing of DICOM."""
DICOM_XML: Final = "application/dicom+xml"
OCTET_STREAM: Final = "application/octet-stream"
MULTIPART_RELATED: Final = "multipart/related"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Peers write `type=application/dicom` without the quotes that its slash asks for; a bare value
# therefore ends only at what must end it.
_BARE_VALUE = re.compile(r"[^\s;,\"]+")
_QUOTED_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE = re.compile(r"[ \t]*")
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or media range with its parameters.

    Parameters
    ----------
    type, subtype
        In lower case; `*` in a range.
    parameters
        Names (in lower case) and values (unquoted) in the order given.
    """

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def essence(self) -> str:
        """`type/subtype` without the parameters."""
        return f"{self.type}/{self.subtype}"

    def parameter(self, name: str) -> str | None:
        """Return the first value of a parameter, None if there is none.

        Parameters
        ----------
        name
            In lower case.

        Returns
        -------
        str or None
            Without quotes.
        """
        return next((value for key, value in self.parameters if key == name), None)

    def __str__(self) -> str:
        parts = [self.essence]
        parts += [f"{name}={_written(value)}" for name, value in self.parameters]
        return "; ".join(parts)


def _written(value: str) -> str:
    """Return a parameter's value as a token where it is one, else quoted."""
    if _TOKEN.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_media_type(text: str) -> MediaType:
    """Read one media type, such as the value of a Content-Type header field.

    Parameters
    ----------
    text
        At most 8192 characters.

    Returns
    -------
    MediaType
        The type and its parameters.

    Raises
    ------
    InvalidRequest
        The text is no media type.

    References
    ----------
    PS3.18 8.7, RFC 9110 8.3.1
    """
    _refuse_long(text)
    media_type, position = _media_type_at(text, 0)
    if text[position:].strip():
        raise InvalidRequest(f"unexpected text after the media type: {text[position:][:60]!r}")
    return media_type


def parse_media_types(text: str) -> list[MediaType]:
    """Read a comma-separated list of media types or ranges, passing over what cannot be read.

    Parameters
    ----------
    text
        The value of an Accept header field or `accept` query parameter, at most 8192 characters.

    Returns
    -------
    list of MediaType
        In the order given; what is malformed is left out, as PS3.18 8.7.7 asks.

    Raises
    ------
    InvalidRequest
        The text is too long.
    """
    _refuse_long(text)
    found: list[MediaType] = []
    for element in _elements(text):
        try:
            found.append(parse_media_type(element))
        except InvalidRequest:
            continue
    return found


def _refuse_long(text: str) -> None:
    if len(text) > _LONGEST:
        raise InvalidRequest(
            f"a media type list of {len(text)} characters; at most {_LONGEST} are read"
        )


def _elements(text: str) -> Iterator[str]:
    """Split at the commas that stand outside quotes."""
    start = position = 0
    while position < len(text):
        if text[position] == '"' and (quoted := _QUOTED_VALUE.match(text, position)):
            position = quoted.end()
            continue
        if text[position] == ",":
            yield text[start:position]
            start = position + 1
        position += 1
    yield text[start:]


def _media_type_at(text: str, position: int) -> tuple[MediaType, int]:
    position = _skip_space(text, position)
    main = _TOKEN.match(text, position)
    if main is None or text[main.end() : main.end() + 1] != "/":
        raise InvalidRequest(f"expected type/subtype, found {text[position:][:60]!r}")
    sub = _TOKEN.match(text, main.end() + 1)
    if sub is None:
        raise InvalidRequest(f"a media type without a subtype: {text[position:][:60]!r}")
    parameters, end = _parameters_at(text, sub.end())
    return MediaType(main.group().lower(), sub.group().lower(), parameters), end


def _parameters_at(text: str, position: int) -> tuple[tuple[tuple[str, str], ...], int]:
    parameters: list[tuple[str, str]] = []
    while True:
        position = _skip_space(text, position)
        if text[position : position + 1] != ";":
            return tuple(parameters), position
        position = _skip_space(text, position + 1)
        if position == len(text) or text[position] == ";":
            continue  # an empty parameter, as RFC 9110 5.6.6 allows
        name = _TOKEN.match(text, position)
        if name is None:
            raise InvalidRequest(f"expected a parameter, found {text[position:][:60]!r}")
        position = _skip_space(text, name.end())
        if text[position : position + 1] != "=":
            raise InvalidRequest(f"the parameter {name.group()!r} has no value")
        value, position = _value_at(text, _skip_space(text, position + 1))
        parameters.append((name.group().lower(), value))


def _value_at(text: str, position: int) -> tuple[str, int]:
    if quoted := _QUOTED_VALUE.match(text, position):
        return _ESCAPED.sub(r"\1", quoted.group(1)), quoted.end()
    if bare := _BARE_VALUE.match(text, position):
        return bare.group(), bare.end()
    raise InvalidRequest(f"expected a parameter value, found {text[position:][:60]!r}")


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
