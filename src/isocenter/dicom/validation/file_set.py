"""What several objects must agree about: patient, study, series, frame of reference, identity."""

from dataclasses import dataclass, field
from typing import Final

from isocenter.dicom import dictionary, tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["FileSet"]

_PATIENT: Final = (tags.PatientName, tags.PatientBirthDate, tags.PatientSex)
_STUDY: Final = (
    tags.PatientID, tags.StudyDate, tags.StudyTime, tags.StudyID, tags.AccessionNumber,
    tags.ReferringPhysicianName, tags.StudyDescription,
)  # fmt: skip
_SERIES: Final = (
    tags.StudyInstanceUID, tags.Modality, tags.SeriesNumber, tags.FrameOfReferenceUID,
    tags.SeriesDescription, tags.SeriesDate, tags.SeriesTime, tags.Laterality,
    tags.Manufacturer, tags.DeviceSerialNumber,
)  # fmt: skip
_PLANES: Final = (tags.Rows, tags.Columns, tags.PixelSpacing, tags.ImageOrientationPatient)
_GEOMETRY_SERIES: Final = {"CT", "MR", "PT"}
Values = dict[int, tuple[str, ...]]


@dataclass(slots=True)
class FileSet:
    """Remembers what each patient, study and series said first, and compares the rest with it."""

    patients: dict[str, Values] = field(default_factory=dict[str, Values])
    studies: dict[str, Values] = field(default_factory=dict[str, Values])
    series: dict[str, Values] = field(default_factory=dict[str, Values])
    instances: set[str] = field(default_factory=set[str])

    def add(self, item: Item, findings: Findings) -> None:
        """Take an object in and note where it contradicts those before it."""
        patient = item.text(tags.PatientID)
        study = item.text(tags.StudyInstanceUID)
        series = item.text(tags.SeriesInstanceUID)
        self._compare(self.patients, patient, _PATIENT, "patient", item, findings)
        self._compare(self.studies, study, _STUDY, "study", item, findings)
        self._compare(self.series, series, _SERIES, "series", item, findings)
        if item.text(tags.Modality) in _GEOMETRY_SERIES:
            self._compare_planes(series, item, findings)
        self._check_identity(item, findings)

    def _compare(self, known: dict[str, Values], uid: str, attributes: tuple[int, ...], level: str,
                 item: Item, findings: Findings) -> None:  # fmt: skip
        if not uid:
            return
        own = {tag: item.texts(tag) for tag in attributes}
        first = known.setdefault(uid, own)
        for tag, values in own.items():
            if values != first[tag]:
                findings.error(item, tag, Rule.FILE_SET, _shown(values),
                               f"{_shown(first[tag])}, as in the other files of the {level}",
                               f"Give all files of the {level} the same {dictionary.name(tag)}",
                               module=f"General {level.title()}" if level != "patient"
                               else "Patient")  # fmt: skip

    def _compare_planes(self, series: str, item: Item, findings: Findings) -> None:
        """Localizers and volumes may share a series; so this is advice."""
        own = {tag: item.texts(tag) for tag in _PLANES}
        first = self.series.setdefault(f"{series} planes", own)
        for tag, values in own.items():
            if values != first[tag]:
                findings.warning(item, tag, Rule.FILE_SET, _shown(values),
                                 f"{_shown(first[tag])}, as in the other images of the series",
                                 "Put images of another geometry into a series of their own",
                                 module="Image Plane")  # fmt: skip

    def _check_identity(self, item: Item, findings: Findings) -> None:
        uid = item.text(tags.SOPInstanceUID)
        if uid in self.instances:
            findings.error(item, tags.SOPInstanceUID, Rule.FILE_SET, uid,
                           "a UID that no other file has", "Give each instance a UID of its own",
                           module="SOP Common")  # fmt: skip
        if uid:
            self.instances.add(uid)


def _shown(values: tuple[str, ...]) -> str:
    return repr("\\".join(values)) if values else "nothing"
