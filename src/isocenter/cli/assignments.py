"""`--set KEY=VALUE`: attributes as people type them."""

from collections.abc import Iterable
from typing import Any

from isocenter.dicom.number_strings import parse_decimal, parse_integer
from isocenter.errors import ConfigurationError

__all__ = ["overrides", "pairs", "replacements"]

_INTEGERS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_REALS = frozenset({"FD", "FL"})
_LONG_TEXT = frozenset({"LT", "ST", "UR", "UT"})
_NOT_TYPED = frozenset({"AT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN"})


def pairs(assignments: Iterable[str], option: str) -> dict[str, str]:
    """Split `KEY=VALUE` texts.

    Raises
    ------
    ConfigurationError
        When one has no `=`.
    """
    found: dict[str, str] = {}
    for one in assignments:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(f"{option} {one}: write KEY=VALUE")
        found[key.strip()] = value
    return found


def overrides(assignments: Iterable[str]) -> dict[str, Any]:
    r"""Return the attributes that `--set` names, with values as their VR wants them.

    Parameters
    ----------
    assignments
        `KEY=VALUE`, several values parted by `\`, an empty one for a present and empty attribute.

    Raises
    ------
    ConfigurationError
        When one has no `=`, or a value does not fit.
    CannotCompose
        When the data dictionary has no such attribute.
    """
    return {key: _value(key, text) for key, text in pairs(assignments, "--set").items()}


def replacements(assignments: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return old and new values by keyword from `KEY:OLD=NEW` texts.

    Raises
    ------
    ConfigurationError
        When one is written otherwise.
    """
    found: dict[str, dict[str, str]] = {}
    for one in assignments:
        key, colon, values = one.partition(":")
        old, equals, new = values.partition("=")
        if not (key.strip() and colon and equals):
            raise ConfigurationError(f"--replace {one}: write KEY:OLD=NEW")
        found.setdefault(key.strip(), {})[old] = new
    return found


def _value(key: str, text: str) -> Any:
    from isocenter.compose import values

    vr = values.vr_of(values.tag_of(key))
    if vr in _NOT_TYPED:
        raise ConfigurationError(
            f"--set {key}: an attribute of VR {vr} cannot be typed; put it into a --template"
        )
    parts = [text] if vr in _LONG_TEXT else text.split("\\")
    if not text:
        return ""
    try:
        if vr in _INTEGERS:
            return _one_or_all(list(map(parse_integer, parts)))
        if vr in _REALS:
            return _one_or_all(list(map(parse_decimal, parts)))
        if vr == "DS":
            return _one_or_all([str(values.decimal(parse_decimal(part))) for part in parts])
    except ValueError as error:
        raise ConfigurationError(f"--set {key}={text}: {text!r} is no {vr}") from error
    return _one_or_all(parts)


def _one_or_all(many: list[Any]) -> Any:
    return many[0] if len(many) == 1 else many
