"""An object's attributes: every one of them is set through here, and so its origin is known."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from isocenter.compose import values
from isocenter.compose.composed import Origin, Provenance
from isocenter.compose.copied_items import MENDED_ITEMS, mended_items
from isocenter.compose.element_values import copied_element, element
from isocenter.compose.given_values import given_element
from isocenter.compose.left_out import LeftOut, cannot_be
from isocenter.compose.private_elements import creator_in, represented
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.compose.sound_values import how_mended, may_be_left_out, mended, what_is_expected
from isocenter.compose.sources import Source, Sources
from isocenter.compose.unsound_items import leave_out_inside
from isocenter.dicom import dictionary

__all__ = ["TracedAttributes"]


@lru_cache(maxsize=1024)  # many attributes of many objects have the same
def _copied(detail: str) -> Provenance:
    return Provenance(Origin.COPIED, detail)


@lru_cache(maxsize=1024)
def _generated(detail: str) -> Provenance:
    return Provenance(Origin.GENERATED, detail)


class TracedAttributes:
    """The attributes of an object that is being composed, and for each where it came from.

    Parameters
    ----------
    sop_class_uid
        What kind of object it becomes: it says which attributes it cannot be without.
    sources
        What it inherits from; the first one gives single values.
    """

    def __init__(self, sop_class_uid: str, sources: Sources) -> None:
        self._elements: dict[BaseTag, DataElement] = {}
        self.data_set = Dataset(cast("Any", self._elements))
        self.provenance: dict[int, Provenance] = {}
        self.sources = sources
        self._sop_class_uid = sop_class_uid
        self._unsound: dict[int, LeftOut] = {}  # what the object cannot be without
        self._left_out: dict[tuple[int, str, str], LeftOut] = {}

    def generate(self, keyword: str, value: Any, detail: str = "") -> None:
        """Set an attribute to what the rules of its kind say.

        Parameters
        ----------
        keyword
            Its keyword or tag.
        value
            Text, numbers, a list of them, mappings or data sets for items; None for an empty
            attribute.
        detail
            Why, for `Composed.explain`.
        """
        tag = values.tag_of(keyword)
        self._put(element(tag, value), _generated(detail))

    def give(self, keyword: str, value: Any, detail: str = "") -> None:
        """Set an attribute to what the caller said; None leaves it as it is.

        Parameters
        ----------
        keyword
            Its keyword or tag.
        value
            The value.
        detail
            Why, for `Composed.explain`.

        Raises
        ------
        CannotCompose
            When there is no such attribute, or it cannot have that value.
        """
        if value is not None:
            self._set_checked(keyword, value, Provenance(Origin.GIVEN, detail), trusted_items=True)

    def take(self, keyword: str, value: Any) -> None:
        """Set an attribute to what a parameter says, be it given or left at its default.

        Parameters
        ----------
        keyword
            Its keyword or tag.
        value
            The value.

        Raises
        ------
        CannotCompose
            When there is no such attribute, or it cannot have that value.
        """
        self._set_checked(keyword, value, Provenance(Origin.GENERATED))

    def copy(self, keywords: Iterable[str], source: Source | None = None) -> None:
        """Copy those of `keywords` that the source has (Type 3 and conditional attributes).

        Parameters
        ----------
        keywords
            What to copy.
        source
            Whom to ask; by default the worklist item, then the first source.
        """
        asked = self._asked(source)
        for tag in map(values.tag_of, keywords):
            self._inherit(tag, asked)

    def copy_or_empty(self, keywords: Iterable[str], source: Source | None = None) -> None:
        """Copy each of `keywords`, or leave it present and empty (Type 2 attributes).

        Parameters
        ----------
        keywords
            What to copy.
        source
            Whom to ask; by default the worklist item, then the first source.
        """
        asked = self._asked(source)
        for keyword in keywords:
            if not self._inherit(values.tag_of(keyword), asked):
                self.generate(keyword, None, "Type 2, no value known")

    def remove(self, keyword: str) -> None:
        """Take an attribute out again.

        Parameters
        ----------
        keyword
            Its keyword or tag.
        """
        tag = values.tag_of(keyword)
        if tag in self.data_set:
            del self.data_set[tag]
        self.provenance.pop(tag, None)

    def leaves_out(self, found: DataElement) -> bool:
        """Tell whether an element that somebody else copied from the source is left out here.

        Parameters
        ----------
        found
            The element.

        Returns
        -------
        bool
            True where its value cannot be and the object can be without it; it is noted as left out
            then.
        """
        tag, first = int(found.tag), self.sources.first
        if any((tag, "") == (left, path) for left, _, path in self._left_out):
            return True
        expected = what_is_expected(self._sop_class_uid, found)
        if not expected or first is None or not may_be_left_out(tag, self._sop_class_uid):
            return False
        self._leave_out(tag, found.value, expected, first.name)
        return True

    # -- inside -----------------------------------------------------------------------------------

    def _asked(self, source: Source | None) -> tuple[Source, ...]:
        """Return whom to ask for values: first the worklist item, unless it is about a source."""
        known = (source,) if source is not None else (self.sources.order, self.sources.first)
        return tuple(one for one in known if one is not None)

    def _inherit(self, tag: int, asked: Iterable[Source]) -> bool:
        """Copy from the first that knows; False if none does."""
        for source in asked:
            # Asking the data set itself is slow, and most of what there may be is not there.
            present = tag in source.data_set.keys()  # noqa: SIM118
            if present and self._copy_element(tag, source):
                return True
        return False

    def _copy_element(self, tag: int, source: Source) -> bool:
        """Copy an attribute that a source has; False when its value is unsound."""
        copied = copied_element(source.data_set[BaseTag(tag)])
        if copied.VR == "SQ":
            return self._copy_items(copied, source)
        made, detail = mended(copied), source.name
        if expected := what_is_expected(self._sop_class_uid, made):
            if may_be_left_out(tag, self._sop_class_uid):
                self._leave_out(tag, made.value, expected, source.name)
                return False
            self._unsound[tag] = LeftOut.of(tag, made.value, expected, source.name)
        if made is not copied:
            detail = f"{detail}, {how_mended(made.VR)}"
        self._put(made, _copied(detail))
        return True

    def _copy_items(self, copied: DataElement, source: Source) -> bool:
        """Copy a sequence without what its items say wrongly; False where none can stay."""
        made, detail, tag = mended_items(copied), source.name, int(copied.tag)
        wrong = leave_out_inside(made, self._sop_class_uid, source.name)
        gone = bool(wrong) and not made.value
        if gone and not may_be_left_out(tag, self._sop_class_uid):
            self._unsound[tag] = wrong[0]
        else:
            self._left_out.update({(tag, source.name, one.path): one for one in wrong})
            if gone:
                return False
        if made is not copied:
            detail = f"{detail}, {MENDED_ITEMS}"
        self._put(made, _copied(detail))
        return True

    def _leave_out(self, tag: int, value: Any, expected: str, source: str) -> None:
        self._left_out[tag, source, ""] = LeftOut.of(tag, value, expected, source)

    def _source_of(self, keyword: str) -> str:
        """Return which of the sources said it: the worklist item, where it does."""
        order, first = self.sources.order, self.sources.first
        said = order is not None and keyword in order.data_set
        source = order if said else first
        return source.name if source is not None else ""

    def _not_said(self) -> list[LeftOut]:
        """Return what was left out, and nobody has decided on since."""
        decided = (Origin.GIVEN, Origin.CONFIGURED)
        return [
            one
            for (tag, *_), one in sorted(self._left_out.items())
            if tag not in self.provenance or self.provenance[tag].origin not in decided
        ]

    def _refuse_unsound(self) -> None:
        """Refuse values of a source that an object needs and cannot have."""
        for tag, one in self._unsound.items():
            provenance = self.provenance.get(tag)
            if provenance is not None and provenance.origin is Origin.COPIED:
                raise cannot_be(tag, one.sources[0], one.expected)

    def _set_checked(
        self, keyword: str, value: Any, provenance: Provenance, *, trusted_items: bool = False
    ) -> None:
        tag = values.tag_of(keyword)
        vr = values.representation_said(keyword)
        value = represented(tag, value, vr=vr, creator=creator_in(self.data_set))
        made = given_element(tag, value, self._sop_class_uid, trusted_items=trusted_items)
        self._put(made, provenance.raised(value, made.VR))

    def _said(self) -> list[int]:
        """Return what caller or site said, and not a source or the rules."""
        said = (Origin.GIVEN, Origin.CONFIGURED)
        return [tag for tag, provenance in self.provenance.items() if provenance.origin in said]

    def _has(self, keyword: str) -> bool:
        tag = values.tag_of(keyword)
        return tag in self.data_set and not self.data_set[tag].is_empty

    def _put(self, made: DataElement, provenance: Provenance) -> None:
        tag = int(made.tag)
        plain = made.VR != "SQ" or isinstance(made.value, RepeatedItems)
        if plain and not dictionary.is_private(tag):
            self._elements[made.tag] = made
        else:
            self.data_set[made.tag] = made  # pydicom keeps books on items and private blocks
        self.provenance[tag] = provenance
