"""An object under construction: every attribute is set through here, and so its origin is known.

`--explain` prints what this records: for each attribute the presence of its value and where it
came from.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

import isocenter
from isocenter.compose import attributes, values
from isocenter.compose.element_values import copied_element, element
from isocenter.compose.fixed_attributes import refuse_fixed
from isocenter.compose.sound_values import (
    attribute_types,
    given_element,
    mended,
    what_is_expected,
)
from isocenter.compose.sources import Source, Sources
from isocenter.compose.templates import Template
from isocenter.compose.writing import write
from isocenter.dicom import new_uid
from isocenter.dicom.validation.conditions import PAIRED_BODY_PARTS
from isocenter.errors import CannotCompose

_NEW_SERIES = 1000  # above the numbers that a modality gives to the series of a study
_MOST = (1 << 31) - 1
_ISSUER_OF_PATIENT_ID = 0x00100021  # without it the ID may be that of somebody else

__all__ = ["Composed", "Composition", "Origin", "Provenance"]


class Origin(Enum):
    """Where a value came from."""

    COPIED = "copied"
    GENERATED = "generated"
    GIVEN = "given"
    CONFIGURED = "configured"

    @property
    def source(self) -> str:
        """The word of conformance statements for it: COPY, AUTO, USER or CONFIG."""
        return _SOURCES[self]


_SOURCES = {
    Origin.COPIED: "COPY",
    Origin.GENERATED: "AUTO",
    Origin.GIVEN: "USER",
    Origin.CONFIGURED: "CONFIG",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of one top-level attribute, and what it came from in words."""

    origin: Origin
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """A finished object: its data set, and for each top-level attribute where it came from.

    Parameters
    ----------
    data_set
        The object, with File Meta Information once it is saved.
    provenance
        By tag `0xGGGGEEEE`.
    """

    data_set: Dataset
    provenance: Mapping[int, Provenance] = field(default_factory=dict[int, Provenance])

    def save(self, path: str | Path, *, transfer_syntax_uid: str | None = None) -> Path:
        """Write the object as a Part 10 file, whole or not at all.

        Parameters
        ----------
        path
            The file, or an existing folder, in which the file is named by its SOP Instance UID.
        transfer_syntax_uid
            The encoding; by default the one that the object was composed in. In one that loses
            information (JPEG baseline, near-lossless JPEG-LS, JPEG 2000, HTJ2K) the file holds an
            object of its own: derived, with a new SOP Instance UID, method and ratio.

        Returns
        -------
        Path
            The file written.
        """
        return write(self.data_set, Path(path), transfer_syntax_uid=transfer_syntax_uid)

    def explain(self) -> list[dict[str, str]]:
        """Return a row for each attribute of the top level, in the words of conformance statements.

        Returns
        -------
        list of dict
            `tag`, `keyword`, `vr`; `presence` of a value: ALWAYS, VNAP (value not always present:
            Type 2, copied), ANAP (attribute not always present: Type 3, copied) or EMPTY; `source`
            of it: COPY, AUTO, USER or CONFIG; `origin`, the same in plain words; and `detail`.
        """
        types = attribute_types(str(self.data_set.get("SOPClassUID", "")))
        return [self._row(int(element.tag), element, types) for element in self.data_set]

    def _row(self, tag: int, element: Any, types: Mapping[int, str]) -> dict[str, str]:
        provenance = self.provenance.get(tag, Provenance(Origin.GENERATED))
        return {
            "tag": f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
            "keyword": element.keyword,
            "vr": element.VR,
            "presence": _presence(element, provenance, types.get(tag, "3")),
            "source": provenance.origin.source,
            "origin": provenance.origin.value,
            "detail": provenance.detail,
        }


def _presence(element: Any, provenance: Provenance, kind: str) -> str:
    if provenance.origin is Origin.COPIED and kind[0] != "1":
        return "VNAP" if kind[0] == "2" else "ANAP"
    return "EMPTY" if element.is_empty else "ALWAYS"


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
        attribute.
    kind
        The name by which a template speaks of this kind of object, for example `secondary_capture`.
    now
        The moment of composition; the clock's when None.
    """

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
        self._template = template or Template()
        self._overrides = dict(overrides or {})
        self._unsound: dict[int, str] = {}  # what is expected of copied values that are not it
        self._sop_common(sop_class_uid)

    # -- where values come from -------------------------------------------------------------------

    def generate(self, keyword: str, value: Any, detail: str = "") -> None:
        """Set an attribute to what the rules of its kind say."""
        tag = values.tag_of(keyword)
        self._put(element(tag, value), Provenance(Origin.GENERATED, detail))

    def give(self, keyword: str, value: Any, detail: str = "") -> None:
        """Set an attribute to what the caller said; None leaves it as it is."""
        if value is not None:
            self._set_checked(keyword, value, Provenance(Origin.GIVEN, detail))

    def copy(self, keywords: Iterable[str], source: Source | None = None) -> None:
        """Copy those of `keywords` that the source has (Type 3 and conditional attributes)."""
        for keyword in keywords:
            self._inherit(keyword, source)

    def copy_or_empty(self, keywords: Iterable[str], source: Source | None = None) -> None:
        """Copy each of `keywords`, or leave it present and empty (Type 2 attributes)."""
        for keyword in keywords:
            if not self._inherit(keyword, source):
                self.generate(keyword, None, "Type 2, no value known")

    def remove(self, keyword: str) -> None:
        """Take an attribute out again."""
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
        removed = self.data_set.get("PatientIdentityRemoved") != "NO"
        if removed and not any(self.data_set.get(one) for one in methods):
            self.remove("PatientIdentityRemoved")  # which may not stand without saying how

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
        """Begin a series of its own (PS3.3 C.7.3.1)."""
        self.generate("Modality", modality)
        self.generate("SeriesInstanceUID", new_uid(), "new series")
        if number is None:
            self.generate("SeriesNumber", self._series_number(), "above those of the sources")
        else:
            self.generate("SeriesNumber", number)
        self.generate("SeriesDate", values.date(self.now), "now")
        self.generate("SeriesTime", values.time(self.now), "now")
        if description:
            self.generate("SeriesDescription", description)
        if self.sources.order is not None:
            self.copy(("RequestAttributesSequence",), self.sources.order)
        self.copy(("Laterality", *attributes.SERIES_OPTIONAL))
        if not self.data_set.get("Laterality"):
            self._unknown_laterality()

    def join(self, series: Sources) -> int:
        """Take the series of objects that were made before, instead of one of its own.

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
        return max(int(one.data_set.get("InstanceNumber") or 0) for one in series) + 1

    def equipment(self) -> None:
        """Name this software as the equipment (PS3.3 C.7.5.1)."""
        self.generate("Manufacturer", "Isocenter")
        self.generate("ManufacturerModelName", "Isocenter")
        self.generate("DeviceSerialNumber", isocenter.__version__, "the version stands for it")
        self.generate("SoftwareVersions", isocenter.__version__)
        self.copy(attributes.INSTITUTION)

    def frame_of_reference(self, *, required: bool = True) -> None:
        """Inherit the Frame of Reference module (PS3.3 C.7.4.1)."""
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
        """Set Pixel Data (7FE0,0010), already encoded in `transfer_syntax_uid`."""
        self.data_set.add_new(0x7FE00010, vr, data)
        self.provenance[0x7FE00010] = Provenance(Origin.GIVEN, "the pixels")
        encapsulated = UID(transfer_syntax_uid).is_encapsulated
        self.data_set["PixelData"].is_undefined_length = encapsulated
        self.data_set.file_meta = FileMetaDataset()
        self.data_set.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)

    # -- the end -----------------------------------------------------------------------------------

    def finish(self) -> Composed:
        """Apply template and overrides, choose the character set, and return the object."""
        refuse_fixed(self._template.overrides(self._kind), by=self._template.name)
        refuse_fixed(self._overrides)
        for keyword, value in self._template.defaults(self._kind).items():
            if not self.data_set.get(keyword):
                self._set_checked(
                    keyword, value, Provenance(Origin.CONFIGURED, self._template.name)
                )
        for keyword, value in self._template.overrides(self._kind).items():
            self._override(keyword, value, Provenance(Origin.CONFIGURED, self._template.name))
        for keyword, value in self._overrides.items():
            self._override(keyword, value, Provenance(Origin.GIVEN, "override"))
        self._refuse_unsound()
        if self._character_set_is_given():
            return Composed(self.data_set, self.provenance)
        if values.use_fitting_character_set(self.data_set) is not None:
            self.provenance[0x00080005] = Provenance(
                Origin.GENERATED, "the smallest that holds the text"
            )
        return Composed(self.data_set, self.provenance)

    def renew_identity(self, sop_class_uid: str) -> None:
        """Set what a new object has of its own, after all of a source was copied."""
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

    def _inherit(self, keyword: str, source: Source | None) -> bool:
        """Copy from the worklist item if it knows, else from the source; False if neither does."""
        order = self.sources.order
        if source is None and order is not None and self._copy_element(keyword, order):
            return True
        source = source or self.sources.first
        return source is not None and self._copy_element(keyword, source)

    def _other_patient_ids(self) -> None:
        """Carry the retired Other Patient IDs (0010,1000) over into the sequence in its place."""
        source = self.sources.first
        if source is None or "OtherPatientIDsSequence" in self.data_set:
            return
        retired = source.data_set.get("OtherPatientIDs") or ()
        many = (retired,) if isinstance(retired, str) else retired
        items = [{"PatientID": str(one), "TypeOfPatientID": "TEXT"} for one in many if one]
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
        present = [int(one.data_set.get("SeriesNumber") or 0) for one in self.sources]
        highest = max(present, default=0)
        return highest + _NEW_SERIES if present and highest < _MOST - _NEW_SERIES else 1

    def _copy_element(self, keyword: str, source: Source) -> bool:
        """Copy an attribute; False when the source does not have it, or only an unsound value."""
        tag = values.tag_of(keyword)
        if tag not in source.data_set.keys():  # noqa: SIM118 - asking the data set is slow
            return False
        made = mended(copied_element(source.data_set[tag]))
        if expected := what_is_expected(self._sop_class_uid, made):
            kind = attribute_types(self._sop_class_uid).get(tag, "3")
            if kind in ("3", "2C") and tag != _ISSUER_OF_PATIENT_ID:
                return False
            self._unsound[tag] = expected
        self._put(made, Provenance(Origin.COPIED, source.name))
        return True

    def _refuse_unsound(self) -> None:
        """Refuse values of a source that an object needs and cannot have."""
        for tag, expected in self._unsound.items():
            provenance = self.provenance.get(tag)
            if provenance is not None and provenance.origin is Origin.COPIED:
                raise CannotCompose(
                    f"{values.described(tag)} of {provenance.detail} cannot be; expected "
                    f"{expected}. Correct it there (`isocenter correct`), or set another.",
                    tag=tag,
                )

    def _override(self, keyword: str, value: Any, provenance: Provenance) -> None:
        if value is None:
            self.remove(keyword)
        else:
            self._set_checked(keyword, value, provenance)

    def _set_checked(self, keyword: str, value: Any, provenance: Provenance) -> None:
        made = given_element(values.tag_of(keyword), value, self._sop_class_uid)
        self._put(made, provenance)

    def _put(self, made: DataElement, provenance: Provenance) -> None:
        if made.VR == "SQ" or made.tag.is_private:
            self.data_set[made.tag] = made  # pydicom keeps books on items and private blocks
        else:
            self._elements[made.tag] = made
        self.provenance[int(made.tag)] = provenance
