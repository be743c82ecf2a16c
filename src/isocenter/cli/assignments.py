"""`--set KEY=VALUE`: attributes as people type them."""

from collections.abc import Iterable
from typing import Any

from isocenter.errors import ConfigurationError

__all__ = ["overrides", "pairs", "replacements"]


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
    from isocenter.compose import typed_text, values
    from isocenter.dicom import dictionary

    tag = values.tag_of(key)
    vr = values.representation_said(key) or values.vr_of(tag)
    if vr == "UN" and dictionary.attribute(tag) is None:
        return text  # what it is read as depends on the object
    if typed_text.cannot_be_typed(vr):
        raise ConfigurationError(
            f"--set {key}: an attribute of VR {vr} cannot be typed; put it into a --template"
        )
    try:
        return typed_text.typed(vr, text)
    except ValueError as error:
        raise ConfigurationError(f"--set {key}={text}: {text!r} is no {vr}") from error
