"""Whether values are what their attributes may hold, and how those of sources are mended."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from typing import Any, cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from isocenter.compose import values
from isocenter.compose.element_values import element
from isocenter.compose.reading import SIZES
from isocenter.dicom import dictionary
from isocenter.dicom.iod import iod
from isocenter.dicom.terms import STANDING_IN
from isocenter.dicom.validation.values import complaint, multiplicity_holds

__all__ = [
    "METHOD_OF_REMOVAL",
    "attribute_types",
    "complaint_of",
    "expected_number",
    "how_mended",
    "may_be_left_out",
    "mended",
    "says_who",
    "sound_text",
    "stays_empty",
    "what_is_expected",
    "whole_number",
]

METHOD_OF_REMOVAL = "NO, or De-identification Method (0012,0063) or its codes (0012,0064) beside it"
"""What goes with Patient Identity Removed (0012,0062), which may not stand without saying how."""

_TEXTS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR",
     "UT")
)  # fmt: skip
_LISTED = frozenset(("SL", "SS", "UL", "US"))
_WHO = frozenset((0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040))
"""Name, ID, its issuer, birth date and sex: without them a patient may be somebody else."""
_LEFT_EMPTY = ("2", "2C")
_MENDED = {
    "CS": "in capitals",
    "DA": "without dots",
    "DS": "rounded to 16 characters",
    "TM": "without colons",
}
_DOTTED = re.compile(r"\d{4}\.\d\d\.\d\d")
_WITH_COLONS = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


@cache
def attribute_types(sop_class_uid: str) -> dict[int, str]:
    """Return the strictest type that a module of the IOD gives each attribute."""
    known = iod(sop_class_uid)
    found: dict[int, str] = {}
    for rule in (rule for use in known.modules for rule in use.module.attributes) if known else ():
        found[rule.tag] = min(rule.type, found.get(rule.tag, "3"))
    return found


def what_is_expected(sop_class_uid: str, found: DataElement) -> str:
    """Return what the values of an attribute should be and are not; an empty text if all is well.

    A UID with leading zeros is let through: it says which study or frame of reference is meant.
    """
    value: Any = found.value
    if type(value) is str and value:
        return _expected_text(sop_class_uid, int(found.tag), found.VR, value)
    if found.VR in SIZES and isinstance(value, bytes):  # see `mark_torn`
        return f"numbers of {SIZES[found.VR]} bytes each"
    if number := expected_number(int(found.tag), found.VR, found.VM):
        return _expected_values(number)
    if found.VR not in _TEXTS and found.VR not in _LISTED:
        return ""
    listed = _enumerated(sop_class_uid).get(int(found.tag), ())
    if not listed and found.VR in _LISTED:
        return ""
    texts = ("" if one is None else str(one) for one in _values(found))
    return next(filter(None, (_complaint(found.VR, text, listed) for text in texts)), "")


@lru_cache(maxsize=4096)
def _expected_text(sop_class_uid: str, tag: int, vr: str, text: str) -> str:
    """Return the same of an attribute whose only value is a text."""
    if number := expected_number(tag, vr, 1):
        return _expected_values(number)
    if vr not in _TEXTS:
        return ""
    return _complaint(vr, text, _enumerated(sop_class_uid).get(tag, ()))


def _expected_values(number: str) -> str:
    return f"{number} value{'' if number == '1' else 's'} (value multiplicity)"


def _complaint(vr: str, text: str, listed: Collection[str]) -> str:
    """Return what was expected of one value, which may be of those that are listed alone."""
    if text and (expected := complaint_of(vr, text)):
        return expected
    return f"one of {', '.join(listed)}" if text and listed and text not in listed else ""


@lru_cache(maxsize=4096)
def expected_number(tag: int, vr: str, count: int) -> str:
    """Return the value multiplicity of an attribute that has too few or too many values (PS3.6).

    Empty if all is well: it has as many, none at all, or the data dictionary does not know it.
    """
    known = dictionary.attribute(tag) if count else None
    return "" if known is None or multiplicity_holds(vr, count, known.vm) else known.vm


def may_be_left_out(tag: int, sop_class_uid: str) -> bool:
    """Tell whether an object can be without a value of an attribute, and be the same patient's."""
    kind = attribute_types(sop_class_uid).get(tag, "3")
    return (kind == "3" or kind in _LEFT_EMPTY) and not says_who(tag)


def says_who(tag: int) -> bool:
    """Tell whether somebody may be taken for somebody else without an attribute."""
    return tag in _WHO


def stays_empty(tag: int, sop_class_uid: str) -> bool:
    """Tell whether an attribute whose value is left out stays, empty (PS3.5 7.4.3, 7.4.4)."""
    return attribute_types(sop_class_uid).get(tag, "3") in _LEFT_EMPTY


def sound_text(data_set: Dataset, keyword: str) -> str:
    """Return the text of an attribute that is used as a part of another one's, empty if unsound.

    It may be too long, since it is cut to what fits.
    """
    found = data_set.get(keyword) or ""
    if not isinstance(found, str):  # several values of an attribute that has one
        return ""
    line = values.vr_of(values.tag_of(keyword)) in ("LO", "SH")
    return "" if complaint_of("UC" if line else "UT", found) else found.strip()


def whole_number(data_set: Dataset, keyword: str) -> int:
    """Return the value of an attribute of VR IS; 0 where there is none that is one."""
    try:
        return int(data_set.get(keyword) or 0)
    except (ValueError, TypeError):
        return 0


def mended(found: DataElement) -> DataElement:
    """Return an element with what is only written wrongly as it should be.

    Decimal strings of more than 16 characters become the nearest shorter ones; dates with dots and
    times with colons, as ACR-NEMA had them, lose these; code strings are written in capitals
    (PS3.5 6.2).
    """
    if found.VR not in _MENDED:
        return found
    if found.VR == "DS":
        return _shortened(found)
    if found.VR == "CS":
        raised = values.in_capitals(found.value, "CS")
        return found if raised is found.value else element(int(found.tag), raised)
    if found.VR == "DA" and _DOTTED.fullmatch(str(found.value)):
        return element(int(found.tag), str(found.value).replace(".", ""))
    if found.VR == "TM" and _WITH_COLONS.fullmatch(str(found.value)):
        return element(int(found.tag), str(found.value).replace(":", ""))
    return found


def how_mended(vr: str) -> str:
    """Return what `mended` does to values of a VR, in words."""
    return _MENDED.get(vr, "")


def _shortened(found: DataElement) -> DataElement:
    texts = [str(one) for one in _values(found)]
    if not any(len(text) > 16 for text in texts):
        return found
    try:
        return element(int(found.tag), [float(text) for text in texts])
    except (ValueError, OverflowError):
        return found


def _values(found: DataElement) -> Iterable[Any]:
    value: Any = found.value
    return cast("Iterable[Any]", value if isinstance(value, MultiValue | list) else (value,))


@lru_cache(maxsize=4096)
def complaint_of(vr: str, text: str) -> str:
    """Return what was expected of a value, or an empty text if it is well-formed."""
    if vr == "UI":
        numbered = len(text) <= 64 and all(part.isdecimal() for part in text.split("."))
        return "" if numbered and text.isascii() else "a UID of at most 64 digits and dots"
    return complaint(vr, text)


@cache
def _enumerated(sop_class_uid: str) -> dict[int, tuple[str, ...]]:
    """Return the values of attributes for which modules of the IOD list the only ones."""
    known = iod(sop_class_uid)
    found: dict[int, tuple[str, ...]] = {}
    rules = [rule for use in known.modules for rule in use.module.attributes] if known else []
    for rule in sorted(rules, key=lambda rule: rule.terms is STANDING_IN.get(rule.tag)):
        lists = [one.terms for one in rule.terms if one.enumerated and not one.number]
        if lists and not (rule.tag in found and rule.terms is STANDING_IN.get(rule.tag)):
            more = (term for one in lists for term in one)
            found[rule.tag] = tuple(dict.fromkeys((*found.get(rule.tag, ()), *more)))
    return found
