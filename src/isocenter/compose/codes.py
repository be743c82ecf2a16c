"""Coded concepts: triples of value, scheme and meaning (PS3.3 8.8, PS3.16)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose.reading import value_of
from isocenter.errors import CannotCompose

__all__ = ["Code", "document_title", "document_titles"]


@dataclass(frozen=True, slots=True)
class Code:
    """One coded concept.

    Parameters
    ----------
    value
        Code Value (0008,0100), at most 16 characters; longer ones are written as Long Code Value.
    scheme
        Coding Scheme Designator (0008,0102), for example `DCM`, `SCT`, `UCUM`.
    meaning
        Code Meaning (0008,0104), at most 64 characters.
    version
        Coding Scheme Version (0008,0103), where the scheme alone does not say which code it is.
    """

    value: str
    scheme: str
    meaning: str
    version: str = ""

    @classmethod
    def read(cls, item: Dataset) -> Code:
        """Return the code that an item of a code sequence holds."""
        names = ("CodeValue", "LongCodeValue", "URNCodeValue")
        found: list[Any] = [value for name in names if (value := value_of(item, name))]
        return cls(
            str(found[0]) if found else "",
            str(value_of(item, "CodingSchemeDesignator") or ""),
            str(value_of(item, "CodeMeaning") or ""),
            str(value_of(item, "CodingSchemeVersion") or ""),
        )

    def item(self) -> Dataset:
        """Return the item of a code sequence (PS3.3 Table 8.8-1)."""
        if len(self.meaning) > 64:
            raise CannotCompose(
                f"The code meaning {self.meaning!r} has {len(self.meaning)} characters; "
                "at most 64 fit.",
                tag=0x00080104,
            )
        item = Dataset()
        if self.value.startswith(("urn:", "http:", "https:")):
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


def document_titles() -> list[Code]:
    """Return the Key Object Selection document titles (PS3.16 CID 7010)."""
    group: Any = vars(importlib.import_module("pydicom.sr.codedict"))["codes"].CID7010
    concepts = [getattr(group, name) for name in group.dir()]
    return [Code(one.value, one.scheme_designator, one.meaning) for one in concepts]


def document_title(title: str | Code) -> Code:
    """Return the document title of CID 7010 by its meaning or value; a `Code` is taken as it is.

    Raises
    ------
    CannotCompose
        When CID 7010 has no such title.
    """
    if isinstance(title, Code):
        return title
    wanted = title.strip().casefold()
    titles = document_titles()
    for code in titles:
        if wanted in (code.meaning.casefold(), code.value):
            return code
    raise CannotCompose(
        f"{title!r} is no Key Object Selection title; expected one of "
        + ", ".join(repr(code.meaning) for code in titles)
        + ".",
        tag=0x0040A043,
        module="SR Document Content",
    )
