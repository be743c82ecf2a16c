"""Value representations and value multiplicities (PS3.5 6.2, 6.4)."""

import datetime
import re
from functools import cache
from typing import Final

from isocenter.dicom import dictionary, tags
from isocenter.dicom.uids import is_valid_uid
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Element, Item

__all__ = ["check_values", "complaint", "multiplicity_holds"]

_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PATTERNS: Final = {
    "AE": (re.compile(r"[\x20-\x7e]{1,16}"), "at most 16 printable characters"),
    "AS": (re.compile(r"\d{3}[DWMY]", re.ASCII), "three digits and D, W, M or Y"),
    "CS": (re.compile(r"[A-Z0-9 _]{0,16}"), "at most 16 of A-Z, 0-9, space and underscore"),
    "DA": (re.compile(r"\d{8}", re.ASCII), "a date as YYYYMMDD"),
    "DS": (re.compile(_NUMBER, re.ASCII), "a decimal number in at most 16 characters"),
    "DT": (
        re.compile(r"\d{4}(\d\d(\d\d(\d\d(\d\d(\d\d(\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?", re.ASCII),
        "a date and time as YYYYMMDDHHMMSS.FFFFFF&ZZXX",
    ),
    "IS": (re.compile(r"[+-]?\d{1,12}", re.ASCII), "an integer in at most 12 characters"),
    "TM": (
        re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?|60)?)?", re.ASCII),
        "a time as HHMMSS.FFFFFF",
    ),
    "UR": (re.compile(r"[^\s\\]\S*"), "a URI without spaces around it"),
}
_LENGTHS: Final = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "PN": 64 * 3 + 2}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_LINE_CONTROL: Final = re.compile(r"[\x00-\x1a\x1c-\x1f]")
_SINGLE: Final = "6|13|100|101|109|110|126|127|138|144|148|166|203"
_CHARACTER_SETS: Final = re.compile(
    rf"(ISO_IR ({_SINGLE}|192)|ISO 2022 IR ({_SINGLE}|58|87|149|159)|GB18030|GBK|)"
)
_SIZES: Final = {
    **dict.fromkeys(("OW", "SS", "US"), 2),
    **dict.fromkeys(("AT", "FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes of one number (PS3.5 Table 6.2-1)."""
_ONE_VALUE: Final = {"OB", "OW", "OF", "OD", "OL", "OV", "LT", "ST", "UT", "UR"}


def check_values(item: Item, findings: Findings) -> None:
    """Look at every value of an item, and of the items within, for form and number."""
    for inner in item.walk():
        for element in inner.elements.values():
            if element.items is None:
                _check_element(inner, element, findings)


def _check_element(item: Item, element: Element, findings: Findings) -> None:
    known = dictionary.attribute(element.tag)
    if known is not None and element.vr not in known.vr.split(" or ") + ["UN"]:
        findings.error(item, element.tag, Rule.REPRESENTATION, f"value representation {element.vr}",
                       known.vr, "Write it with that value representation")  # fmt: skip
    if dictionary.is_private(element.tag):
        _check_private(item, element, findings)
    size = _SIZES.get(element.vr, 1)
    if element.length > 0 and element.length % size:
        findings.error(item, element.tag, Rule.VALUE, f"{element.length} bytes",
                       f"numbers of {size} bytes each, as {element.vr} has them",
                       "Write whole numbers")  # fmt: skip
    if element.is_empty:
        return
    if (
        known is not None
        and element.vr != "UN"
        and not multiplicity_holds(element.vr, len(element.values), known.vm)
    ):
        findings.error(item, element.tag, Rule.MULTIPLICITY, f"{len(element.values)} values",
                       f"value multiplicity {known.vm}", "Give as many values as that")  # fmt: skip
    for value in element.values:
        if isinstance(value, str) and value:
            _check_text(item, element, value, findings)
    _check_characters(item, element, findings)


def _check_private(item: Item, element: Element, findings: Findings) -> None:
    """Look for blocks without a creator, and for elements where none may be (PS3.5 7.8.1)."""
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if number == 0:  # a group length, retired but harmless
        return
    if number < 0x10 or 0x100 <= number < 0x1000:
        found, remedy = "a private element outside of any block", "Remove it"
    elif number >= 0x1000 and not item.has(group << 16 | number >> 8):
        found, remedy = "a private element without its creator", "Add the private creator"
    elif number < 0x100 and element.is_empty:
        found, remedy = "a private creator without a name", "Name the creator"
    else:
        return
    findings.error(item, element.tag, Rule.VALUE, found, "blocks that a creator reserves", remedy)


def _check_text(item: Item, element: Element, value: str, findings: Findings) -> None:
    expected = complaint(element.vr, value)
    if expected:
        shown = value if len(value) <= 64 else f"{value[:60]}..."
        findings.error(item, element.tag, Rule.VALUE, f"{shown!r} is no value of {element.vr}",
                       expected, "Correct the value")  # fmt: skip
    if element.tag == tags.SpecificCharacterSet and not _CHARACTER_SETS.fullmatch(value):
        findings.error(item, element.tag, Rule.CHARACTERS, repr(value),
                       "a defined term such as ISO_IR 192",
                       "Name the character set as PS3.3 C.12.1.1.2 does")  # fmt: skip


@cache
def _multiplicity(vm: str) -> tuple[int, int | None, int]:
    """Return the least, the most and the step of a value multiplicity such as `2-2n`."""
    least, _, most = vm.partition("-")
    if not most:
        return int(least), int(least), 1
    if most.endswith("n"):
        return int(least), None, int(most[:-1] or 1)
    return int(least), int(most), 1


def multiplicity_holds(vr: str, count: int, vm: str) -> bool:
    """Tell whether an attribute may have so many values.

    Parameters
    ----------
    vr
        Its value representation; some have one value however long it is (PS3.5 6.2).
    count
        How many it has.
    vm
        Its value multiplicity (PS3.6), such as `1` or `2-2n`.
    """
    if vr in _ONE_VALUE:
        return True
    try:
        least, most, step = _multiplicity(vm.split(" or ")[-1])
    except ValueError:
        return True
    return count >= least and (most is None or count <= most) and (count - least) % step == 0


def complaint(vr: str, value: str) -> str:
    """Return what was expected of a value, or an empty text if it is well-formed."""
    if vr in _PATTERNS:
        pattern, expected = _PATTERNS[vr]
        return "" if pattern.fullmatch(value) and _in_range(vr, value) else expected
    if vr == "UI":
        sound = is_valid_uid(value) and value.split(".", 1)[0] in ("0", "1", "2")
        return (
            "" if sound else "a UID: a root 0, 1 or 2, components of digits, at most 64 characters"
        )
    if vr in _LENGTHS and len(value) > _LENGTHS[vr]:
        return f"at most {_LENGTHS[vr]} characters"
    if vr == "PN":
        return _name_complaint(value)
    control = _LINE_CONTROL if vr in ("LO", "SH", "UC") else _CONTROL
    return "text without control characters" if control.search(value) else ""


def _in_range(vr: str, value: str) -> bool:
    if vr == "DA":
        return _is_date(value)
    if vr == "DT":
        return len(value) < 8 or not value[:8].isdigit() or _is_date(value[:8])
    if vr == "DS":
        return len(value) <= 16
    if vr == "IS":
        return -(2**31) <= int(value) < 2**31
    return True


def _is_date(value: str) -> bool:
    try:
        datetime.date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    except ValueError:
        return False
    return True


def _name_complaint(value: str) -> str:
    groups = value.split("=")
    if len(groups) > 3:
        return "at most three component groups"
    if any(len(group) > 64 for group in groups):
        return "at most 64 characters in a component group"
    if any(group.count("^") > 4 for group in groups):
        return "at most five components, parted by ^"
    return "text without control characters" if _LINE_CONTROL.search(value) else ""


def _check_characters(item: Item, element: Element, findings: Findings) -> None:
    if element.raw is None or element.raw.isascii():
        return
    if element.vr not in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
        return
    declared = item.lookup(tags.SpecificCharacterSet)
    if declared is None or declared.is_empty:
        findings.error(item, element.tag, Rule.CHARACTERS, "characters beyond ASCII",
                       "Specific Character Set (0008,0005) that names their encoding",
                       "Add Specific Character Set", module="SOP Common",
                       condition="Type 1C, required for other characters than ASCII")  # fmt: skip
    elif any(isinstance(v, str) and "\ufffd" in v for v in element.values):
        names = "\\".join(str(v) for v in declared.values)
        findings.error(item, element.tag, Rule.CHARACTERS, "bytes that cannot be decoded",
                       f"text in {names}", "Correct the text or the character set")  # fmt: skip
