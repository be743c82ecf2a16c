"""Whether objects are held against the rules of their IOD when they arrive (PS3.3 Annex A)."""

import enum
from pathlib import Path

from isocenter.errors import InvalidAttribute, InvalidDicom

__all__ = ["Scrutiny", "scrutinised"]

_NAMED = 3


class Scrutiny(enum.Enum):
    """What happens to an arriving object that breaks rules of its IOD."""

    OFF = "off"
    """Nobody looks."""
    WARN = "warn"
    """It is kept; who sends it is told."""
    REFUSE = "refuse"
    """It is refused with InvalidAttribute."""


def scrutinised(path: str, scrutiny: Scrutiny) -> tuple[str, ...]:
    """Say which rules a file breaks; no value of it is quoted.

    Parameters
    ----------
    path
        A Part 10 file.
    scrutiny
        What is to happen then.

    Returns
    -------
    tuple of str
        A sentence, or none.

    Raises
    ------
    InvalidAttribute, InvalidDicom
        If it breaks any and is to be refused.
    """
    if scrutiny is Scrutiny.OFF:
        return ()
    from isocenter.dicom.validation import Severity, validate  # takes 0.3 s: only where asked for

    try:
        errors = [one for one in validate(Path(path)) if one.severity is Severity.ERROR]
    except Exception as error:  # what cannot be judged is no reason to lose it
        sentence = "the object cannot be validated: one of its values cannot be read"
        if scrutiny is Scrutiny.REFUSE:
            raise InvalidDicom(sentence) from error
        return (sentence,)
    if not errors:
        return ()
    named = ", ".join(
        f"{one.path or 'attribute'} ({one.tag >> 16:04X},{one.tag & 0xFFFF:04X}) {one.rule.value}"
        for one in errors[:_NAMED]
    )
    more = f" and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    sentence = f"the object breaks rules of its IOD: {named}{more}; isocenter validate tells all"
    if scrutiny is Scrutiny.REFUSE:
        raise InvalidAttribute(sentence, errors[0].tag)
    return (sentence,)
