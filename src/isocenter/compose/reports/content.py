"""Content items of structured reports, one class a value type (PS3.3 C.17.3).

Each class knows both its DICOM form and what is wrong with a value; a report is a tree of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar

from pydicom.dataset import Dataset
from pydicom.valuerep import DA, DT, TM

from isocenter.compose.codes import Code
from isocenter.compose.reading import value_of
from isocenter.compose.reports import units
from isocenter.dicom import is_valid_uid

__all__ = [
    "ByReference",
    "Coded",
    "Container",
    "ContentItem",
    "Date",
    "DateTime",
    "Num",
    "PersonName",
    "Relationship",
    "Text",
    "Time",
    "UIDReference",
    "Unknown",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
"""Control characters that text cannot hold; tabs, line feeds, form feeds and returns it can."""


class Relationship(Enum):
    """How a content item stands to the one that holds it (PS3.3 Table C.17.3-8)."""

    CONTAINS = "CONTAINS"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    HAS_PROPERTIES = "HAS PROPERTIES"
    INFERRED_FROM = "INFERRED FROM"
    SELECTED_FROM = "SELECTED FROM"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentItem:
    """What every content item has.

    Parameters
    ----------
    relationship
        How it stands to its parent; of no meaning at the root.
    children
        The items that hang on it.
    label
        A name by which a `ByReference` of the same report refers to it; empty for none.
    observed
        Observation DateTime (0040,A032), as DT; empty for none.
    observation_uid
        Observation UID (0040,A171); empty for none.
    """

    value_type: ClassVar[str] = ""

    relationship: Relationship = Relationship.CONTAINS
    children: tuple[ContentItem, ...] = ()
    label: str = ""
    observed: str = ""
    observation_uid: str = ""

    @property
    def concept(self) -> Code | None:
        """The concept name, or the purpose of a reference; None where it has none."""
        return getattr(self, "name", None)

    def attributes(self) -> dict[str, Any]:
        """Return what its value type adds to the item, by keyword.

        Returns
        -------
        dict
            Values as `Composition` takes them.
        """
        return {}

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return what the class is called with to hold the value of `item`.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            Members by name, without what every content item has.
        """
        return {"name": concept_name(item)}

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the value, each as the end of a sentence.

        Yields
        ------
        str
            Such as `has no text`.
        """
        yield from _code_faults(self.concept)
        if self.observed and not is_moment(self.observed, DT):
            yield "has an observation date-time that is no DT, such as 20240117081530"
        if self.observation_uid and not is_valid_uid(self.observation_uid):
            yield "has an observation UID that is no UID"


def concept_name(item: Dataset) -> Code | None:
    """Return the Concept Name Code Sequence (0040,A043) of an item, None where it has none."""
    names = value_of(item, "ConceptNameCodeSequence")
    return Code.read(names[0]) if names else None


@dataclass(frozen=True, slots=True)
class Container(ContentItem):
    """CONTAINER: a heading with what stands below it; at the root, the document and its title.

    Parameters
    ----------
    name
        The heading; the root must have one.
    continuous
        Whether the items below read as one running text (Continuity of Content).
    template
        The template that the content follows, such as `1500` of DCMR; empty for none.
    """

    value_type: ClassVar[str] = "CONTAINER"

    name: Code | None = None
    continuous: bool = False
    template: str = ""

    def attributes(self) -> dict[str, Any]:
        """Return Continuity of Content and the template.

        Returns
        -------
        dict
            By keyword.
        """
        found: dict[str, Any] = {
            "ContinuityOfContent": "CONTINUOUS" if self.continuous else "SEPARATE"
        }
        if self.template:
            found["ContentTemplateSequence"] = {
                "MappingResource": "DCMR",
                "TemplateIdentifier": self.template,
            }
        return found

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return heading, continuity and template.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730), or the document itself.

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.
        """
        templates = value_of(item, "ContentTemplateSequence") or [Dataset()]
        return {
            "name": concept_name(item),
            "continuous": value_of(item, "ContinuityOfContent") == "CONTINUOUS",
            "template": str(value_of(templates[0], "TemplateIdentifier") or ""),
        }


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
        yield from _code_faults(self.value)


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
        yield from _code_faults(self.unit)
        yield from _code_faults(self.qualifier)
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
        plain = "\\" not in self.value and not _CONTROL.search(self.value)
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


@dataclass(frozen=True, slots=True)
class ByReference(ContentItem):
    """A relationship by-reference: to the item of the same report that has this label."""

    target: str

    def faults(self) -> Iterator[str]:
        """Yield items that hang on it; they would have to hang on its target.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        if self.children:
            yield "has items of its own; hang them on the item that it refers to"


@dataclass(frozen=True, slots=True)
class Unknown(ContentItem):
    """An item that was read and whose value type is none of these, such as TABLE."""

    name: Code | None
    kind: str

    def faults(self) -> Iterator[str]:
        """Yield that it cannot be written.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield f"has the value type {self.kind!r}, which cannot be composed"


def is_moment(text: str, representation: Any) -> bool:
    """Tell whether `text` is a DA, TM or DT of pydicom."""
    try:
        return bool(text) and representation(text) is not None
    except (ValueError, OverflowError):
        return False


def _named(item: Dataset) -> Code:
    return concept_name(item) or Code("", "", "")


def _first_code(codes: Any) -> Code:
    return Code.read(codes[0]) if codes else Code("", "", "")


def _code_faults(code: Code | None) -> Iterator[str]:
    """Yield what is wrong with a code (PS3.3 8.8, PS3.5 6.2)."""
    if code is None:
        return
    if not (code.value and code.meaning and (code.scheme or ":" in code.value)):
        yield "has an incomplete code; give value, scheme and meaning"
    longest = ((code.meaning, 64, "meaning"), (code.scheme, 16, "scheme"))
    for text, most, what in (*longest, (code.value, 1 << 16, "value")):
        if len(text) > most:
            yield f"has a code {what} of {len(text)} characters; at most {most} fit"
        if "\\" in text or _CONTROL.search(text):
            yield f"has a backslash or control character in a code {what}"
