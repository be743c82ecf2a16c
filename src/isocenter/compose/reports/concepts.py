"""Codes for the words of a report: the standard's where it has them, else codes of our own."""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from isocenter.compose.codes import Code

__all__ = [
    "DEFAULT_TITLE",
    "LOCAL_SCHEME",
    "heading",
    "is_element_heading",
    "is_shortened",
    "local",
    "named",
    "parse_code",
    "text_name",
    "title",
]

LOCAL_SCHEME: Final = "99ISOCENTER"
"""The private coding scheme of words that no context group has (PS3.3 8.2)."""

DEFAULT_TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")
_COMMENT = Code("121106", "DCM", "Comment")
_LONGEST = 64

_TITLES = (7000, 7021)
_HEADINGS = (7001,)
_NAMES = (7002, 7001, 7469, 7464)

_ELEMENTS: Mapping[str, Code] = {
    "59776-5": Code("121071", "DCM", "Finding"),
    "55110-1": Code("121077", "DCM", "Conclusion"),
    "19005-8": Code("121073", "DCM", "Impression"),
    "18783-1": Code("121075", "DCM", "Recommendation"),
    "11329-0": Code("11329-0", "LN", "History"),
    "55111-9": Code("121065", "DCM", "Procedure Description"),
    "55115-0": Code("55115-0", "LN", "Request"),
    "18834-2": Code("121069", "DCM", "Previous Finding"),
    "55112-7": Code("55112-7", "LN", "Summary"),
    "55108-5": Code("55108-5", "LN", "Patient Presentation"),
    "55109-3": Code("116224001", "SCT", "Complication of Procedure"),
}
"""What the paragraphs below a heading of CID 7001 are called (PS3.16 CID 7002)."""


_CODE = re.compile(r'\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*,\s*["“](.+)["”]\s*\)', re.S)


def parse_code(text: str) -> Code | None:
    """Return the code that stands in `text` as the standard writes it, None if none does.

    Examples
    --------
    >>> parse_code('(121071, DCM, "Finding")')
    Code(value='121071', scheme='DCM', meaning='Finding', version='')
    """
    found = _CODE.fullmatch(text.strip())
    return Code(found[1], found[2], found[3]) if found else None


def title(text: str) -> Code:
    """Return the document title that `text` means: of CID 7000 or 7021, a code, or one of our own.

    Parameters
    ----------
    text
        A meaning (`CT Chest Report`), a value (`24627-2`), or `(24627-2, LN, "CT Chest Report")`.
    """
    return parse_code(text) or _known(_TITLES).get(_folded(text)) or local(text)


def heading(text: str) -> Code:
    """Return the heading that `text` means: of CID 7001, a code, or one of our own."""
    return parse_code(text) or _known(_HEADINGS).get(_folded(text)) or local(text)


def named(text: str) -> Code:
    """Return the concept that `text` means: an element of reports, a measurement, or our own."""
    return parse_code(text) or _known(_NAMES).get(_folded(text)) or local(text)


def text_name(section: Code | None) -> Code:
    """Return what text below a heading is called: Finding below Findings; Comment below others."""
    return _ELEMENTS.get(section.value if section else "", _COMMENT)


def is_element_heading(section: Code | None) -> bool:
    """Tell whether the heading says what the text below it is."""
    return section is not None and section.value in _ELEMENTS


def local(text: str) -> Code:
    """Return a code of our own for words: the same for the same words, whoever computes it."""
    words = " ".join(text.split())
    digest = hashlib.sha256(words.casefold().encode("utf-8", "surrogatepass")).digest()
    value = base64.b32encode(digest).decode()[:16]
    meaning = words if len(words) <= _LONGEST else words[: _LONGEST - 3].rstrip() + "..."
    return Code(value, LOCAL_SCHEME, meaning.replace("\\", "/"))


def is_shortened(text: str) -> bool:
    """Tell whether a code of our own could not hold all of the words."""
    words = " ".join(text.split())
    return len(words) > _LONGEST or "\\" in words


@cache
def _known(groups: tuple[int, ...]) -> Mapping[str, Code]:
    """Return the concepts of context groups by meaning, in singular and plural, and by value."""
    codes: Any = vars(importlib.import_module("pydicom.sr.codedict"))["codes"]
    found: dict[str, Code] = {}
    for number in groups:
        group = getattr(codes, f"CID{number}")
        for name in group.dir():
            one = getattr(group, name)
            code = Code(one.value, one.scheme_designator, one.meaning)
            found.setdefault(_folded(code.meaning), code)
            found.setdefault(code.value.casefold(), code)
    return found


def _folded(text: str) -> str:
    """Return words as they are compared: without case, plural and punctuation at the end."""
    words = " ".join(text.casefold().rstrip(": .").split())
    return words[:-1] if words.endswith("s") and not words.endswith("ss") else words
