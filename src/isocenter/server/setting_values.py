"""What a value of a setting may be, and the sentence that refuses another.

Sentences name the kind of what was found, and its text only where it can be no secret.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    PlainSerializer,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import NoDecode

from isocenter.dimse.address import check_ae_title
from isocenter.errors import ConfigurationError
from isocenter.server.listen_address import ListenAddress

__all__ = [
    "EXPECTED",
    "AETitle",
    "Count",
    "Folder",
    "Hosts",
    "Listener",
    "Origins",
    "Peers",
    "Seconds",
    "Size",
    "Tokens",
    "Url",
]

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_HOST = re.compile(r"[A-Za-z0-9_.-]+")
_LONGEST_S = 86_400
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    ((list, tuple), "a list"),
    (dict, "a table"),
    ((date, time), "a date or time"),
)


def _kind(value: object) -> str:
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "something else")


def _text(value: object, what: str, example: str) -> str:
    """Return text as it is; refuse what stands without quotes in the file."""
    if isinstance(value, str):
        return value
    found = _kind(value)
    raise ValueError(f'found {found}; expected {what} in quotes, for example "{example}"')


def _listed(*examples: str) -> BeforeValidator:
    """Let one string hold several values with commas between them, as in the environment."""
    example = json.dumps(examples)

    def split(value: object) -> object:
        if isinstance(value, str):
            if value.strip().startswith("["):
                raise ValueError(
                    "give several values with commas between them, without [ ] and quotes"
                )
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"found {_kind(value)}; expected a list, for example {example}")
        items = cast("list[object]", value)
        for item in items:
            if not isinstance(item, (str, SecretStr)):
                raise ValueError(
                    f"found {_kind(item)} in the list; expected each value in quotes, "
                    f"for example {example}"
                )
        return items

    return BeforeValidator(split)


def _listen_address(value: object) -> object:
    if isinstance(value, ListenAddress):
        return value
    if isinstance(value, int) and not isinstance(value, bool):  # a port
        value = str(value)
    try:
        return ListenAddress.parse(_text(value, "HOST:PORT", "127.0.0.1:8104"))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


def _ae_title(value: object) -> str:
    try:
        return check_ae_title(_text(value, "an AE title", "ARCHIVE"))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


def _peer(value: object) -> object:
    title, _, address = str(value).partition("@")
    if address:
        ipaddress.ip_address(address)
    return f"{_ae_title(title)}@{address}" if address else _ae_title(title)


def _folder(value: object) -> object:
    path = str(value) if isinstance(value, Path) else _text(value, "a path", "/srv/isocenter")
    if not path.strip():
        raise ValueError("the path is empty; name a folder (. is this folder)")
    if "\0" in path:
        raise ValueError("a path has no NUL; name a folder")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{path!r}: nobody knows whose home folder ~ is; write the path in full, or ./~ for a "
            "folder of that name"
        ) from error


def _url(value: object) -> object:
    if isinstance(value, SecretStr):
        return value
    return _text(value, "a URL", "postgresql+psycopg://db/index")


def _no_boolean(value: object) -> object:
    """Refuse what pydantic takes for 0 or 1."""
    if isinstance(value, bool):
        raise ValueError(_kind(value))
    return value


def _more_than_nothing(value: ByteSize) -> ByteSize:
    if value < 1:
        raise ValueError("nothing would fit")
    return value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    for host in value:
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"{host!r} is no host name; write each alone, without http://, port and path, for "
                "example pacs.example.org (there is no way to allow every name)"
            )
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no web origin; write scheme and host as a browser does, without a "
                "path, for example https://viewer.example.org (there is no way to allow everybody)"
            )
    return value


def _strong(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 16:
        raise ValueError("a token needs 16 characters or more; `openssl rand -hex 24` makes one")
    return value


Listener = Annotated[
    ListenAddress, NoDecode, BeforeValidator(_listen_address), PlainSerializer(str)
]
AETitle = Annotated[str, BeforeValidator(_ae_title)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Url = Annotated[SecretStr, BeforeValidator(_url)]
Tokens = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_strong)], ...],
    NoDecode,
    _listed("OUTPUT OF openssl rand -hex 24"),
]
Peers = Annotated[
    tuple[Annotated[str, BeforeValidator(_peer)], ...],
    NoDecode,
    _listed("CT1", "MR1@192.0.2.10"),
]
Hosts = Annotated[tuple[str, ...], NoDecode, _listed("pacs.example.org"), AfterValidator(_hosts)]
Origins = Annotated[
    tuple[str, ...], NoDecode, _listed("https://viewer.example.org"), AfterValidator(_origins)
]
Count = Annotated[PositiveInt, BeforeValidator(_no_boolean)]
Size = Annotated[ByteSize, BeforeValidator(_no_boolean), AfterValidator(_more_than_nothing)]
Seconds = Annotated[
    float, Field(gt=0, le=_LONGEST_S, allow_inf_nan=False), BeforeValidator(_no_boolean)
]

EXPECTED: Mapping[object, str] = {
    bool: "give true or false",
    int: "give a whole number above 0, for example 256",
    float: f"give seconds, above 0 and up to {_LONGEST_S}, for example 10",
    ByteSize: "give a number of bytes above 0, or a size such as 8GiB",
}
"""What to say of whatever is wrong with a value of such a type."""
