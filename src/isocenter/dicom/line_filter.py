"""Regular expressions for lines, with the POSIX classes and shorthands that Python's own lack."""

import re
from typing import Final

from isocenter.errors import ConfigurationError

__all__ = ["line_filter"]

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "d": r"\d",
    "digit": r"\d",
    "graph": r"\x21-\x7e\u00a1-\U0010ffff",
    "l": "a-z",
    "lower": "a-z",
    "print": r"\x20-\x7e\u00a0-\U0010ffff",
    "punct": r"!-/:-@\[-`{-~",
    "s": r"\s",
    "space": r"\s",
    "u": "A-Z",
    "upper": "A-Z",
    "w": r"\w",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}
_CLASS: Final = re.compile(r"\[:(\w+):\]")
_SHORTHAND: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:(l)|(u)(?![0-9a-fA-F]{4}))")


def line_filter(expression: str) -> re.Pattern[str]:
    r"""Compile an expression whose `search` tells whether a line is kept.

    Parameters
    ----------
    expression
        As of Python's `re`, and with POSIX classes such as `[[:digit:]]`, `\l` for a lower-case
        letter and `\u` for an upper-case one. One that begins with `.*` must match the whole line,
        any other may match anywhere in it.

    Returns
    -------
    re.Pattern
        Ready for `search`.

    Raises
    ------
    ConfigurationError
        If it is no regular expression.
    """
    plain = _CLASS.sub(_class, expression)
    plain = _SHORTHAND.sub(lambda m: f"{m[1]}[{'a-z' if m[2] else 'A-Z'}]", plain)
    if plain.startswith(".*"):
        plain = f"^(?:{plain})$"
    try:
        return re.compile(plain)
    except re.error as error:
        raise ConfigurationError(
            f"{expression!r} is no regular expression: {error}; a backslash before one of "
            "()[]{}.*+?|^$ takes it literally"
        ) from error


def _class(found: re.Match[str]) -> str:
    name = found[1]
    if name not in _CLASSES:
        known = ", ".join(sorted(_CLASSES))
        raise ConfigurationError(f"[:{name}:] is no class of characters; there are {known}")
    return _CLASSES[name]
