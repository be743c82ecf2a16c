"""An object under construction: every attribute is set through here, and so its origin is known."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

import isocenter
from isocenter.compose import attributes, values
from isocenter.compose.argument_types import checked
from isocenter.compose.composed import Composed, Origin, Provenance
from isocenter.compose.copied_items import MENDED_ITEMS, mended_items
from isocenter.compose.element_values import copied_element, element
from isocenter.compose.fixed_attributes import refuse_fixed
from isocenter.compose.given_values import given_element
from isocenter.compose.left_out import LeftOut
from isocenter.compose.private_elements import (
    check_creators,
    creator_in,
    creators_first,
    represented,
)
from isocenter.compose.removals import staying_empty
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.compose.sound_values import (
    METHOD_OF_REMOVAL,
    how_mended,
    may_be_left_out,
    mended,
    what_is_expected,
    whole_number,
)
from isocenter.compose.sources import Source, Sources
from isocenter.compose.templates import Template
from isocenter.compose.unsound_items import leave_out_inside
from isocenter.dicom import dictionary, new_uid
from isocenter.dicom.validation.conditions import PAIRED_BODY_PARTS
from isocenter.errors import CannotCompose

_NEW_SERIES = 1000  # above the numbers that a modality gives to the series of a study
_MOST = (1 << 31) - 1
_PATIENT_ID, _OTHER_PATIENT_IDS = 0x00100020, 0x00101000
_NO_TEMPLATE = Template()

__all__ = ["Composed", "Composition", "Origin", "Provenance"]


@lru_cache(maxsize=1024)  # many attributes of many objects have the same
def _copied(detail: str) -> Provenance:
    return Provenance(Origin.COPIED, detail)


@lru_cache(maxsize=1024)
def _generated(detail: str) -> Provenance:
    return Provenance(Origin.GENERATED, detail)


class Composition:
    """An object being composed.

    Parameters
    ----------
    sop_class_uid
        What kind of object it becomes.
    sources
        What it inherits from; the first one gives single values.
    template
        Site defaults and overrides; None for none.
    overrides
        Attributes by keyword or tag that win over everything else; None as a value removes the
        attribute, or empties it where it must be there (Type 2).
    kind
        The name by which a template speaks of this kind of object, for example `secondary_capture`.
    now
        The moment of composition; the clock's when None.
    """

    @checked
    def __init__(
        self,
        sop_class_uid: str,
        *,
        kind: str,
        sources: Sources,
        template: Template | None = None,
        overrides: Mapping[str, Any] | None = None,
        now: datetime.datetime | None = None,
    ) -> None:
        self._elements: dict[BaseTag, DataElement] = {}
        self.data_set = Dataset(cast("Any", self._elements))
        self.provenance: dict[int, Provenance] = {}
        self.sources = sources
        offset = sources.first.data_set.get("TimezoneOffsetFromUTC") if sources.first else None
        # The offset is inherited, and holds for all dates and times of the object.
        self.now = values.local_moment(now or datetime.datetime.now(), str(offset or ""))
        self._kind = kind
        self._template = template or _NO_TEMPLATE
        self._overrides = dict(overrides or {})
        self._without: dict[int, Provenance] = {}  # what caller or site took out or emptied
        self._unsound: dict[int, LeftOut] = {}  # what the object cannot be without
        self._left_out: dict[tuple[int, str, str], LeftOut] = {}
        self._sop_common(sop_class_uid)

    # -- where values come from -------------------------------------------------------------------

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

    # -- modules that nearly every kind shares ----------------------------------------------------

    def patient(self) -> None:
        """Inherit the Patient module (PS3.3 C.7.1.1)."""
        self.copy_or_empty(attributes.PATIENT_REQUIRED)
        self.copy(attributes.PATIENT_OPTIONAL)
        self._other_patient_ids()
        methods = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
        removed = self.data_set.get("PatientIdentityRemoved", "NO")
        if removed != "NO" and not any(self.data_set.get(one) for one in methods):
            where = self._source_of("PatientIdentityRemoved")
            self.remove("PatientIdentityRemoved")
            if removed:
                self._leave_out(
                    values.tag_of("PatientIdentityRemoved"), removed, METHOD_OF_REMOVAL, where
                )

    def study(self) -> None:
        """Inherit the study (PS3.3 C.7.2.1, C.7.2.2), or begin one."""
        self.copy_or_empty(attributes.STUDY_REQUIRED)
        if not self.sources:
            for keyword, value in (
                ("StudyDate", values.date(self.now)),
                ("StudyTime", values.time(self.now)),
                ("StudyID", self.now.strftime("%Y%m%d%H%M%S")),
            ):
                if not self.data_set[keyword].value:
                    self.generate(keyword, value, "now")
        self.copy(attributes.STUDY_OPTIONAL)
        self.copy(("StudyInstanceUID",))
        if not self.data_set.get("StudyInstanceUID"):
            self.generate("StudyInstanceUID", new_uid(), "new study")

    def series(
        self, modality: str, *, number: int | None = None, description: str | None = None
    ) -> None:
        """Begin a series of its own (PS3.3 C.7.3.1).

        Parameters
        ----------
        modality
            Modality (0008,0060).
        number
            Series Number (0020,0011); by default above those of the sources.
        description
            Series Description (0008,103E); none by default.

        Raises
        ------
        CannotCompose
            When one of them cannot be that of its attribute.
        """
        self.take("Modality", modality)
        self.generate("SeriesInstanceUID", new_uid(), "new series")
        if number is None:
            self.generate("SeriesNumber", self._series_number(), "above those of the sources")
        else:
            self.take("SeriesNumber", number)
        self.generate("SeriesDate", values.date(self.now), "now")
        self.generate("SeriesTime", values.time(self.now), "now")
        if description:
            self.take("SeriesDescription", description)
        if self.sources.order is not None:
            self.copy(("RequestAttributesSequence",), self.sources.order)
        self.copy(("Laterality", *attributes.SERIES_OPTIONAL))
        if not self.data_set.get("Laterality"):
            self._unknown_laterality()

    def join(self, series: Sources) -> int:
        """Take the series of objects that were made before, instead of one of its own.

        Parameters
        ----------
        series
            The objects; with none the series stays its own.

        Returns
        -------
        int
            The next free Instance Number (0020,0013).

        Raises
        ------
        CannotCompose
            When they belong to another study.
        """
        first = series.first
        if first is None:
            return 1
        if first.data_set.get("StudyInstanceUID") != self.data_set.get("StudyInstanceUID"):
            raise CannotCompose(
                "The series to join belongs to another study than the object; give a source of "
                "that study.",
                tag=0x0020000E,
                module="General Series",
            )
        self.copy(attributes.SERIES_IDENTITY, first)
        return max(whole_number(one.data_set, "InstanceNumber") for one in series) + 1

    def equipment(self) -> None:
        """Name this software as the equipment (PS3.3 C.7.5.1)."""
        self.generate("Manufacturer", "Isocenter")
        self.generate("ManufacturerModelName", "Isocenter")
        self.generate("DeviceSerialNumber", isocenter.__version__, "the version stands for it")
        self.generate("SoftwareVersions", isocenter.__version__)
        self.copy(attributes.INSTITUTION)

    def frame_of_reference(self, *, required: bool = True) -> None:
        """Inherit the Frame of Reference module (PS3.3 C.7.4.1).

        Parameters
        ----------
        required
            Whether to refuse a source without one, instead of leaving the module out.

        Raises
        ------
        CannotCompose
            When it is required and the source has no Frame of Reference UID (0020,0052).
        """
        source = self.sources.first
        if source is None or not source.data_set.get("FrameOfReferenceUID"):
            if required:
                raise CannotCompose(
                    "The source has no Frame of Reference UID; give a source that has one.",
                    tag=0x00200052,
                    module="Frame of Reference",
                )
            return
        self.copy(("FrameOfReferenceUID",))
        self.copy_or_empty(("PositionReferenceIndicator",))

    def new_frame_of_reference(self) -> None:
        """Begin a Frame of Reference of its own (PS3.3 C.7.4.1)."""
        self.generate("FrameOfReferenceUID", new_uid(), "new frame of reference")
        self.generate("PositionReferenceIndicator", None, "Type 2")

    def content_moment(self) -> None:
        """Set Content Date and Time to the moment of composition (PS3.3 C.7.6.1)."""
        self.generate("ContentDate", values.date(self.now), "now")
        self.generate("ContentTime", values.time(self.now), "now")

    def set_pixel_data(self, data: bytes, transfer_syntax_uid: str, *, vr: str) -> None:
        """Set Pixel Data (7FE0,0010), already encoded in `transfer_syntax_uid`.

        Parameters
        ----------
        data
            Its bytes; encapsulated ones with their items.
        transfer_syntax_uid
            Their encoding, which becomes that of the object.
        vr
            OB or OW.
        """
        syntax = UID(transfer_syntax_uid)
        made = DataElement(BaseTag(0x7FE00010), vr, data, already_converted=True)
        made.is_undefined_length = syntax.is_encapsulated
        self._put(made, Provenance(Origin.GIVEN, "the pixels"))
        self.data_set.file_meta = FileMetaDataset()
        self.data_set.file_meta.TransferSyntaxUID = syntax

    # -- the end -----------------------------------------------------------------------------------

    def finish(self) -> Composed:
        """Apply template and overrides, choose the character set, and return the object.

        Returns
        -------
        Composed
            The object; `save` writes it.

        Raises
        ------
        CannotCompose
            When what template or overrides say cannot be, or the object cannot be without what a
            source says wrongly.
        """
        refuse_fixed(self._template.overrides(self._kind), by=self._template.name)
        refuse_fixed(self._overrides)
        for keyword, value in creators_first(self._template.defaults(self._kind)):
            if not self._has(keyword):
                self._set_checked(
                    keyword, value, Provenance(Origin.CONFIGURED, self._template.name)
                )
        for keyword, value in creators_first(self._template.overrides(self._kind)):
            self._override(keyword, value, Provenance(Origin.CONFIGURED, self._template.name))
        for keyword, value in creators_first(self._overrides):
            self._override(keyword, value, Provenance(Origin.GIVEN, "override"))
        self._settle_removals()
        check_creators(self._said(), creator_in(self.data_set))
        self._refuse_unsound()
        fits = self._character_set_is_given()
        if not fits and values.use_fitting_character_set(self.data_set) is not None:
            self.provenance[0x00080005] = Provenance(
                Origin.GENERATED, "the smallest that holds the text"
            )
        return Composed(self.data_set, self.provenance, tuple(self._not_said()))

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

    def renew_identity(self, sop_class_uid: str) -> None:
        """Set what a new object has of its own, after all of a source was copied.

        Parameters
        ----------
        sop_class_uid
            What the object is.
        """
        self._sop_common(sop_class_uid)

    # -- inside -----------------------------------------------------------------------------------

    def _sop_common(self, sop_class_uid: str) -> None:
        self._sop_class_uid = sop_class_uid
        self.generate("SOPClassUID", sop_class_uid)
        self.generate("SOPInstanceUID", new_uid(), "new instance")
        self.generate("InstanceCreationDate", values.date(self.now), "now")
        self.generate("InstanceCreationTime", values.time(self.now), "now")

    def _character_set_is_given(self) -> bool:
        """Tell whether caller or site chose the character set, and check that it holds all text."""
        provenance = self.provenance.get(0x00080005)
        if provenance is None or provenance.origin not in (Origin.GIVEN, Origin.CONFIGURED):
            return False
        values.check_character_set(self.data_set)
        return True

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

    def _other_patient_ids(self) -> None:
        """Carry the retired Other Patient IDs (0010,1000) over into the sequence in its place."""
        source = self.sources.first
        if source is None or "OtherPatientIDsSequence" in self.data_set:
            return
        retired = source.data_set.get("OtherPatientIDs") or ()
        many = (retired,) if isinstance(retired, str) else retired
        sound = [one for one in many if one and self._is_patient_id(str(one), source)]
        items = [{"PatientID": str(one), "TypeOfPatientID": "TEXT"} for one in sound]
        if items:
            tag = values.tag_of("OtherPatientIDsSequence")
            self._put(element(tag, items), Provenance(Origin.COPIED, source.name))

    def _unknown_laterality(self) -> None:
        """Leave Laterality (0020,0060) empty, or absent where the body part is an unpaired one."""
        part = self.data_set.get("BodyPartExamined")
        if not part or part in PAIRED_BODY_PARTS:
            self.generate("Laterality", None, "Type 2C: the body part may be a paired one")
        else:
            self.remove("Laterality")

    def _series_number(self) -> int:
        present = [whole_number(one.data_set, "SeriesNumber") for one in self.sources]
        highest = max(present, default=0)
        return highest + _NEW_SERIES if present and highest < _MOST - _NEW_SERIES else 1

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

    def _is_patient_id(self, text: str, source: Source) -> bool:
        """Tell whether one of Other Patient IDs (0010,1000) is an ID; leave it out if not."""
        expected = what_is_expected(self._sop_class_uid, element(_PATIENT_ID, text))
        if expected:
            self._leave_out(_OTHER_PATIENT_IDS, text, expected, source.name)
        return not expected

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
                raise CannotCompose(
                    f"{values.described(tag)} of {one.sources[0]} cannot be; expected "
                    f"{one.expected}. Correct it there (`isocenter correct`), or set another.",
                    tag=tag,
                )

    def _override(self, keyword: str, value: Any, provenance: Provenance) -> None:
        tag = values.tag_of(keyword)
        if value is None:
            self.remove(keyword)
            self._without[tag] = provenance
        else:
            self._set_checked(keyword, value, provenance)
            self._without.pop(tag, None)
            if self.data_set[tag].is_empty:
                self._without[tag] = provenance

    def _settle_removals(self) -> None:
        """Refuse what cannot be without a value; leave empty what must be there (Type 2)."""
        without = {tag: tag not in self.data_set for tag in self._without}
        present = frozenset(map(int, self._elements))
        for tag in staying_empty(without, present, self._sop_class_uid, lambda: self.data_set):
            provenance = self._without[tag]
            detail = ", ".join(filter(None, (provenance.detail, "empty, since it is Type 2")))
            self._put(element(tag, None), Provenance(provenance.origin, detail))

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
