"""Content items that hold a value of their own: text, codes, numbers, moments, names, UIDs.

Those that refer to objects stand in `references`, those that point into them in `coordinates`
(PS3.3 C.17.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from pydicom.dataset import Dataset
from pydicom.valuerep import DA, DT, TM

from isocenter.compose.codes import CONTROL, Code
from isocenter.compose.reading import value_of
from isocenter.compose.reports import units
from isocenter.compose.reports.content import (
    ContentItem,
    code_faults,
    concept_name,
    is_moment,
)
from isocenter.dicom import is_valid_uid

__all__ = [
    "Coded",
    "Date",
    "DateTime",
    "Num",
    "PersonName",
    "Text",
    "Time",
    "UIDReference",
]

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
"""Control characters that text cannot hold; tabs, line feeds, form feeds and returns it can."""


@dataclass(frozen=True, slots=True)
class Text(ContentItem):
    """TEXT: words, kept literally; lines are parted by a line feed."""

    value_type: ClassVar[str] = "TEXT"

    name: Code
    value: str

    def attributes(self) -> dict[str, Any]:
        """Return Text Value (0040,A160) with the line ends of DICOM.

        Returns
        -------
        dict
            By keyword.
        """
        return {"TextValue": self.value.replace("\r\n", "\n").replace("\n", "\r\n")}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return name and text.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them, with line feeds alone at the ends of lines.
        """
        text = str(value_of(item, "TextValue") or "")
        return {"name": _named(item), "value": text.replace("\r\n", "\n")}

    def faults(self) -> Iterator[str]:
        """Yield empty text and control characters.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        if not self.value.strip(" "):
            yield "has no text"
        if found := _FORBIDDEN.search(self.value):
            yield f"has the control character U+{ord(found[0]):04X}, which text cannot hold"


@dataclass(frozen=True, slots=True)
class Coded(ContentItem):
    """CODE: a coded answer."""

    value_type: ClassVar[str] = "CODE"

    name: Code
    value: Code

    def attributes(self) -> dict[str, Any]:
        """Return Concept Code Sequence (0040,A168).

        Returns
        -------
        dict
            By keyword.
        """
        return {"ConceptCodeSequence": [self.value.item()]}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return name and code.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.
        """
        return {"name": _named(item), "value": _first_code(value_of(item, "ConceptCodeSequence"))}

    def faults(self) -> Iterator[str]:
        """Yield codes that are incomplete.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        yield from code_faults(self.value)


@dataclass(frozen=True, slots=True)
class Num(ContentItem):
    """NUM: a number and its unit, or why there is none.

    Parameters
    ----------
    name
        What was measured.
    value
        The number with its digits as measured; None where only a qualifier tells of it.
    unit
        The unit, in UCUM if nothing else is meant; `units.unit("mm")` makes one.
    qualifier
        Numeric Value Qualifier (0040,A301) of CID 42, such as Measurement failure.
    """

    value_type: ClassVar[str] = "NUM"

    name: Code
    value: Decimal | None
    unit: Code | None
    qualifier: Code | None = None

    @classmethod
    def of(cls, name: Code, value: float | str | Decimal, unit: str = "1", **more: Any) -> Num:
        """Return a measurement from a plain number and a UCUM unit, such as `mm`.

        Parameters
        ----------
        name
            What was measured.
        value
            A finite number; text keeps its digits.
        unit
            In UCUM; `1` for bare numbers.
        **more
            The other members of `Num`.

        Returns
        -------
        Num
            The item.

        Raises
        ------
        CannotCompose
            When the value is no finite number or UCUM has no such unit.
        """
        return cls(name, units.number(value), units.unit(unit), **more)

    def attributes(self) -> dict[str, Any]:
        """Return Measured Value Sequence (0040,A300) and the qualifier.

        Returns
        -------
        dict
            By keyword; with Floating Point Value (0040,A161) where 16 characters do not hold the
            number.
        """
        found: dict[str, Any] = {"MeasuredValueSequence": []}
        if self.value is not None and self.unit is not None:
            written = units.written(self.value)
            measured: dict[str, Any] = {
                "NumericValue": written,
                "MeasurementUnitsCodeSequence": [self.unit.item()],
            }
            if Decimal(written) != self.value:
                measured["FloatingPointValue"] = float(self.value)
            found["MeasuredValueSequence"] = [measured]
        if self.qualifier:
            found["NumericValueQualifierCodeSequence"] = [self.qualifier.item()]
        return found

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return name, number, unit and qualifier.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them; None for what it does not say.
        """
        measured = next(iter(value_of(item, "MeasuredValueSequence") or ()), Dataset())
        qualifiers = value_of(item, "NumericValueQualifierCodeSequence")
        unit = value_of(measured, "MeasurementUnitsCodeSequence")
        return {
            "name": _named(item),
            "value": units.read_number(measured),
            "unit": Code.read(unit[0]) if unit else None,
            "qualifier": Code.read(qualifiers[0]) if qualifiers else None,
        }

    def faults(self) -> Iterator[str]:
        """Yield numbers without a unit, units that UCUM does not have, and no value at all.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        yield from code_faults(self.unit)
        yield from code_faults(self.qualifier)
        if self.value is None and self.qualifier is None:
            yield "has neither a number nor a qualifier that says why"
        if self.value is not None:
            yield from units.faults(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class _Single(ContentItem):
    """A value type whose value is one attribute, as DICOM writes it."""

    keyword: ClassVar[str] = ""
    example: ClassVar[str] = ""

    name: Code
    value: str

    def attributes(self) -> dict[str, Any]:
        """Return its one attribute."""
        return {self.keyword: self.value}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return name and value."""
        value = item.get(cls.keyword)
        return {"name": _named(item), "value": "" if value is None else str(value)}

    def faults(self) -> Iterator[str]:
        """Yield values that its representation does not have."""
        yield from ContentItem.faults(self)
        if not self.is_valid():
            yield f"has a value that is no {self.value_type}; write it such as {self.example}"

    def is_valid(self) -> bool:
        """Tell whether the value is one of its representation."""
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class DateTime(_Single):
    """DATETIME: a moment as DT, `YYYYMMDDHHMMSS.FFFFFF&ZZXX` or the beginning of one."""

    value_type: ClassVar[str] = "DATETIME"
    keyword: ClassVar[str] = "DateTime"
    example: ClassVar[str] = "20240117081530"

    def is_valid(self) -> bool:
        """Tell whether it is a DT.

        Returns
        -------
        bool
            True for a moment such as 20240117081530.
        """
        return is_moment(self.value, DT)


@dataclass(frozen=True, slots=True)
class Date(_Single):
    """DATE: a day as DA, `YYYYMMDD`."""

    value_type: ClassVar[str] = "DATE"
    keyword: ClassVar[str] = "Date"
    example: ClassVar[str] = "20240117"

    def is_valid(self) -> bool:
        """Tell whether it is a DA.

        Returns
        -------
        bool
            True for a date of eight digits, such as 20240117.
        """
        return len(self.value) == 8 and is_moment(self.value, DA)


@dataclass(frozen=True, slots=True)
class Time(_Single):
    """TIME: a time of day as TM, `HHMMSS.FFFFFF` or the beginning of one."""

    value_type: ClassVar[str] = "TIME"
    keyword: ClassVar[str] = "Time"
    example: ClassVar[str] = "081530"

    def is_valid(self) -> bool:
        """Tell whether it is a TM.

        Returns
        -------
        bool
            True for a time such as 081530.
        """
        return is_moment(self.value, TM)


@dataclass(frozen=True, slots=True)
class PersonName(_Single):
    """PNAME: the name of a person as PN, `Family^Given`."""

    value_type: ClassVar[str] = "PNAME"
    keyword: ClassVar[str] = "PersonName"
    example: ClassVar[str] = "Family^Given"

    def is_valid(self) -> bool:
        """Tell whether it is a PN.

        Returns
        -------
        bool
            False without a name, with a backslash or control characters, or above 64 characters in
            one of its component groups (PS3.5 6.2.1).
        """
        groups = self.value.split("=")
        plain = "\\" not in self.value and not CONTROL.search(self.value)
        return bool(self.value.strip("^= ")) and plain and all(len(one) <= 64 for one in groups)


@dataclass(frozen=True, slots=True)
class UIDReference(_Single):
    """UIDREF: a UID of something that is no composite object."""

    value_type: ClassVar[str] = "UIDREF"
    keyword: ClassVar[str] = "UID"
    example: ClassVar[str] = "1.2.840.10008.1.1"

    def is_valid(self) -> bool:
        """Tell whether it is a UID.

        Returns
        -------
        bool
            True for a UID (PS3.5 9.1).
        """
        return is_valid_uid(self.value)


def _named(item: Dataset) -> Code:
    return concept_name(item) or Code("", "", "")


def _first_code(codes: Any) -> Code:
    return Code.read(codes[0]) if codes else Code("", "", "")
