"""Content items of structured reports, one class a value type (PS3.3 C.17.3).

Each class knows both its DICOM form and what is wrong with a value; a report is a tree of them.
Here is what all of them have, and what makes the tree; `content_values`, `coordinates` and
`references` have the other value types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from isocenter.compose.codes import Code
from isocenter.compose.reading import value_of
from isocenter.dicom import is_valid_uid

__all__ = [
    "ByReference",
    "Container",
    "ContentItem",
    "Relationship",
    "Unknown",
    "code_faults",
    "concept_name",
    "is_moment",
]


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
        yield from code_faults(self.concept)
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


def code_faults(code: Code | None) -> Iterator[str]:
    """Yield what is wrong with a code (PS3.3 8.8, PS3.5 6.2)."""
    if code is None:
        return
    if not code.complete:
        yield "has an incomplete code; give value, scheme and meaning"
    yield from (fault for _, fault in code.faults())
