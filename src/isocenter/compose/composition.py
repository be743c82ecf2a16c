"""An object under construction: what nearly every kind has, and what site and caller decide."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

import isocenter
from isocenter.compose import attributes, values
from isocenter.compose.argument_types import checked
from isocenter.compose.composed import Composed, Origin, Provenance
from isocenter.compose.element_values import element
from isocenter.compose.fixed_attributes import refuse_fixed
from isocenter.compose.private_elements import check_creators, creator_in, creators_first
from isocenter.compose.removals import staying_empty
from isocenter.compose.sound_values import METHOD_OF_REMOVAL, what_is_expected, whole_number
from isocenter.compose.sources import Source, Sources
from isocenter.compose.templates import Template
from isocenter.compose.traced_attributes import TracedAttributes
from isocenter.dicom import new_uid
from isocenter.dicom.validation.conditions import PAIRED_BODY_PARTS
from isocenter.errors import CannotCompose

_NEW_SERIES = 1000  # above the numbers that a modality gives to the series of a study
_MOST = (1 << 31) - 1
_PATIENT_ID, _OTHER_PATIENT_IDS = 0x00100020, 0x00101000
_NO_TEMPLATE = Template()

__all__ = ["Composed", "Composition", "Origin", "Provenance"]


class Composition(TracedAttributes):
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
        super().__init__(sop_class_uid, sources)
        offset = sources.first.data_set.get("TimezoneOffsetFromUTC") if sources.first else None
        # The offset is inherited, and holds for all dates and times of the object.
        self.now = values.local_moment(now or datetime.datetime.now(), str(offset or ""))
        self._kind = kind
        self._template = template or _NO_TEMPLATE
        self._overrides = dict(overrides or {})
        self._without: dict[int, Provenance] = {}  # what caller or site took out or emptied
        self.renew_identity(sop_class_uid)

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

    def renew_identity(self, sop_class_uid: str) -> None:
        """Set what a new object has of its own (PS3.3 C.12.1); again, after a source was copied.

        Parameters
        ----------
        sop_class_uid
            What the object is.
        """
        self._sop_class_uid = sop_class_uid
        self.generate("SOPClassUID", sop_class_uid)
        self.generate("SOPInstanceUID", new_uid(), "new instance")
        self.generate("InstanceCreationDate", values.date(self.now), "now")
        self.generate("InstanceCreationTime", values.time(self.now), "now")

    # -- inside -----------------------------------------------------------------------------------

    def _character_set_is_given(self) -> bool:
        """Tell whether caller or site chose the character set, and check that it holds all text."""
        provenance = self.provenance.get(0x00080005)
        if provenance is None or provenance.origin not in (Origin.GIVEN, Origin.CONFIGURED):
            return False
        values.check_character_set(self.data_set)
        return True

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

    def _is_patient_id(self, text: str, source: Source) -> bool:
        """Tell whether one of Other Patient IDs (0010,1000) is an ID; leave it out if not."""
        expected = what_is_expected(self._sop_class_uid, element(_PATIENT_ID, text))
        if expected:
            self._leave_out(_OTHER_PATIENT_IDS, text, expected, source.name)
        return not expected

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
