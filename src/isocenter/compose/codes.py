"""Coded concepts: triples of value, scheme and meaning (PS3.3 8.8, PS3.16)."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydicom.dataset import Dataset

from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.reading import value_of
from isocenter.errors import CannotCompose

__all__ = ["CONTROL", "Code", "concepts", "document_title", "named_code", "nearest"]

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Control characters, which no name and no code holds."""

_MOST_SUGGESTIONS: Final = 5
_URN = ("urn:", "http:", "https:")
_WHOLE = re.compile(r'\(([^,]+),([^,]+),\s*["“](.+)["”]\s*\)|([^:]+):([^:]+):(.+)', re.S)


@dataclass(frozen=True, slots=True)
class Code:
    """One coded concept.

    Parameters
    ----------
    value
        Code Value (0008,0100), at most 16 characters; longer ones are written as Long Code Value.
    scheme
        Coding Scheme Designator (0008,0102), for example `DCM`, `SCT`, `UCUM`; a URN needs none.
    meaning
        Code Meaning (0008,0104), at most 64 characters.
    version
        Coding Scheme Version (0008,0103), where the scheme alone does not say which code it is.
    """

    value: str
    scheme: str
    meaning: str
    version: str = ""

    def __post_init__(self) -> None:
        check_members(self)

    @classmethod
    @checked
    def read(cls, item: Dataset) -> Code:
        """Return the code that an item of a code sequence holds.

        Parameters
        ----------
        item
            The item; what it does not say is left empty.

        Returns
        -------
        Code
            With the first of Code Value, Long Code Value and URN Code Value that there is.
        """
        names = ("CodeValue", "LongCodeValue", "URNCodeValue")
        found: list[Any] = [value for name in names if (value := value_of(item, name))]
        return cls(
            str(found[0]) if found else "",
            str(value_of(item, "CodingSchemeDesignator") or ""),
            str(value_of(item, "CodeMeaning") or ""),
            str(value_of(item, "CodingSchemeVersion") or ""),
        )

    @property
    def complete(self) -> bool:
        """Whether it says all that a code has to (PS3.3 Table 8.8-1)."""
        return bool(self.value and self.meaning and (self.scheme or self.value.startswith(_URN)))

    def faults(self) -> Iterator[tuple[int, str]]:
        """Yield what is wrong with the texts that there are, complete or not.

        Yields
        ------
        tuple of int and str
            The attribute at fault, and the end of a sentence, such as `has a code scheme of 17
            characters; at most 16 fit`.

        References
        ----------
        PS3.3 Table 8.8-1, PS3.5 6.2 (SH, LO, UC).
        """
        texts = (
            (0x00080104, "meaning", self.meaning, 64),
            (0x00080102, "scheme", self.scheme, 16),
            (0x00080103, "version", self.version, 16),
            (0x00080100, "value", self.value, 1 << 16),
        )
        for tag, what, text, most in texts:
            if len(text) > most:
                yield tag, f"has a code {what} of {len(text)} characters; at most {most} fit"
            if "\\" in text or CONTROL.search(text):
                yield tag, f"has a backslash or control character in a code {what}"

    def whole_item(self) -> Dataset:
        """Return the item of a code sequence, of a code that is complete.

        Returns
        -------
        Dataset
            As `item` gives it.

        Raises
        ------
        CannotCompose
            When value, meaning or scheme are missing, or `item` refuses them.
        """
        if not self.complete:
            raise CannotCompose(
                f"The code {self.value!r} of scheme {self.scheme!r}, meaning {self.meaning!r}, is "
                "incomplete; give value, scheme and meaning.",
                tag=0x00080100,
            )
        return self.item()

    def item(self) -> Dataset:
        """Return the item of a code sequence (PS3.3 Table 8.8-1), with what the code has.

        Returns
        -------
        Dataset
            The value as Code Value, as Long Code Value above 16 characters, or as URN Code Value.

        Raises
        ------
        CannotCompose
            When one of its texts is too long or holds a backslash or control characters.
        """
        for tag, fault in self.faults():
            raise CannotCompose(
                f"The code {self.value!r} of scheme {self.scheme!r}, meaning {self.meaning!r}, "
                f"{fault}.",
                tag=tag,
            )
        item = Dataset()
        if self.value.startswith(_URN):
            item.URNCodeValue = self.value
        elif len(self.value) > 16:
            item.LongCodeValue = self.value
        else:
            item.CodeValue = self.value
        if self.scheme:
            item.CodingSchemeDesignator = self.scheme
        if self.version:
            item.CodingSchemeVersion = self.version
        item.CodeMeaning = self.meaning
        return item


def named_code(
    text: str | Code, groups: Sequence[int], *, what: str, tag: int, module: str
) -> Code:
    """Return the code that `text` means in context groups; a `Code` is taken as it is.

    Parameters
    ----------
    text
        A meaning, whatever its case and punctuation; a value; or a code in whole, as
        `VALUE:SCHEME:MEANING` or `(VALUE, SCHEME, "MEANING")`.
    groups
        The numbers of the context groups (PS3.16).
    what
        What it is a code of, for the message.
    tag, module
        The attribute that it is for.

    Raises
    ------
    CannotCompose
        When the groups have no such code; the message says which are the nearest.
    """
    if isinstance(text, Code):
        return text
    whole = _WHOLE.fullmatch(text.strip())
    if whole is not None:
        return Code(*(part.strip() for part in whole.groups() if part is not None))
    known = concepts(tuple(groups))
    found = known.get(_folded(text)) or known.get(text.strip())
    if found is None:
        raise CannotCompose(
            f"{text!r} is no {what} of CID {groups[0]}; {nearest(text, known)}. A code of "
            "your own is written VALUE:SCHEME:MEANING.",
            tag=tag,
            module=module,
        )
    return found


def document_title(title: str | Code) -> Code:
    """Return the Key Object Selection title (PS3.16 CID 7010) that `title` means.

    Raises
    ------
    CannotCompose
        When CID 7010 has no such title.
    """
    return named_code(
        title,
        (7010,),
        what="Key Object Selection title",
        tag=0x0040A043,
        module="SR Document Content",
    )


@cache
def concepts(groups: tuple[int, ...]) -> Mapping[str, Code]:
    """Return the codes of context groups by their folded meanings and by their values."""
    known: Any = vars(importlib.import_module("pydicom.sr.codedict"))["codes"]
    found: dict[str, Code] = {}
    for number in groups:
        group = getattr(known, f"CID{number}", None)
        for name in group.dir() if group is not None else ():
            one = getattr(group, name)
            code = Code(one.value, one.scheme_designator, one.meaning)
            found.setdefault(_folded(code.meaning), code)
            found.setdefault(_folded(name), code)
            found.setdefault(code.value, code)
    return found


def _folded(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def nearest(text: str, known: Mapping[str, Code]) -> str:
    """Say which meanings are like `text`: they have its words, or most of its letters."""
    wanted = _folded(text)
    like = difflib.get_close_matches(wanted, known, n=_MOST_SUGGESTIONS, cutoff=0.6)
    words = [word for word in re.findall(r"[a-z0-9]+", text.casefold()) if len(word) > 3]
    like += [key for key in known if any(word in key for word in words)]
    meanings = list(dict.fromkeys(known[key].meaning for key in like))[:_MOST_SUGGESTIONS]
    if meanings:
        return f"the nearest are {', '.join(repr(one) for one in meanings)}"
    some = sorted({code.meaning for code in known.values()})[:_MOST_SUGGESTIONS]
    return f"it has {', '.join(repr(one) for one in some)} and others"
