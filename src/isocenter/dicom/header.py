"""What a scan of a data set yields: index values, pixel description, and where the pixels are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from isocenter.dicom import tags
from isocenter.dicom.character_sets import CharacterSet, character_set
from isocenter.dicom.encoding import Layout
from isocenter.dicom.number_strings import parse_integer
from isocenter.dicom.transfer_syntaxes import TransferSyntax

INDEX_TAGS = frozenset(
    {
        tags.SpecificCharacterSet,
        tags.TimezoneOffsetFromUTC,
        # Patient and study: PS3.18 Table 10.6.1-3, PS3.4 Tables C.6-1, C.6-2
        tags.PatientName,
        tags.PatientID,
        tags.IssuerOfPatientID,
        tags.PatientBirthDate,
        tags.PatientBirthTime,
        tags.PatientSex,
        tags.OtherPatientIDs,
        tags.OtherPatientNames,
        tags.EthnicGroup,
        tags.PatientComments,
        tags.StudyInstanceUID,
        tags.StudyDate,
        tags.StudyTime,
        tags.AccessionNumber,
        tags.IssuerOfAccessionNumberSequence,
        tags.StudyID,
        tags.StudyDescription,
        tags.ReferringPhysicianName,
        tags.NameOfPhysiciansReadingStudy,
        tags.PhysiciansOfRecord,
        tags.AdmittingDiagnosesDescription,
        tags.ProcedureCodeSequence,
        tags.PatientAge,
        tags.PatientSize,
        tags.PatientWeight,
        tags.Occupation,
        tags.AdditionalPatientHistory,
        # Series: Table 10.6.1-4, Table C.6-3
        tags.SeriesInstanceUID,
        tags.Modality,
        tags.SeriesNumber,
        tags.SeriesDescription,
        tags.SeriesDate,
        tags.SeriesTime,
        tags.BodyPartExamined,
        tags.Laterality,
        tags.ProtocolName,
        tags.OperatorsName,
        tags.PerformingPhysicianName,
        tags.Manufacturer,
        tags.ManufacturerModelName,
        tags.InstitutionName,
        tags.InstitutionalDepartmentName,
        tags.StationName,
        tags.DeviceSerialNumber,
        tags.PerformedProcedureStepStartDate,
        tags.PerformedProcedureStepStartTime,
        tags.PerformedProcedureStepID,
        tags.PerformedProcedureStepDescription,
        tags.RequestAttributesSequence,
        # Instance: Table 10.6.1-5, Table C.6-4
        tags.SOPClassUID,
        tags.SOPInstanceUID,
        tags.InstanceNumber,
        tags.ImageType,
        tags.InstanceCreationDate,
        tags.InstanceCreationTime,
        tags.AcquisitionDate,
        tags.AcquisitionTime,
        tags.AcquisitionDateTime,
        tags.AcquisitionNumber,
        tags.ContentDate,
        tags.ContentTime,
        tags.ContentLabel,
        tags.ContentDescription,
        tags.ConceptNameCodeSequence,
        tags.CompletionFlag,
        tags.VerificationFlag,
        tags.DocumentTitle,
        tags.MIMETypeOfEncapsulatedDocument,
        # Geometry, which orders a stack
        tags.FrameOfReferenceUID,
        tags.ImagePositionPatient,
        tags.ImageOrientationPatient,
        tags.SliceLocation,
    }
)
"""Attributes that are searched for, by the tables named above."""

PIXEL_TAGS = frozenset(
    {
        tags.SamplesPerPixel,
        tags.PhotometricInterpretation,
        tags.PlanarConfiguration,
        tags.NumberOfFrames,
        tags.Rows,
        tags.Columns,
        tags.BitsAllocated,
        tags.BitsStored,
        tags.HighBit,
        tags.PixelRepresentation,
        tags.LossyImageCompression,
        tags.ExtendedOffsetTable,
        tags.ExtendedOffsetTableLengths,
    }
)
"""Attributes without which Pixel Data cannot be read (PS3.3 C.7.6.3)."""

WANTED = INDEX_TAGS | PIXEL_TAGS


# Person Names, in which more characters than elsewhere end a code extension (PS3.5 6.1.2.5.3).
_NAMES = frozenset(
    {
        tags.PatientName,
        tags.OtherPatientNames,
        tags.ReferringPhysicianName,
        tags.NameOfPhysiciansReadingStudy,
        tags.PhysiciansOfRecord,
        tags.PerformingPhysicianName,
        tags.OperatorsName,
        tags.ContentCreatorName,
    }
)
_LARGEST_IS = 2**31 - 1


class PixelDataElement(NamedTuple):
    """Where Pixel Data (or Float or Double Float Pixel Data) stands.

    Parameters
    ----------
    tag
        Which of the three it is.
    vr
        `OB`, `OW`, `OF`, `OD` or what the object says; empty in Implicit VR.
    offset
        Where the element begins.
    value_offset
        Where its value begins; for encapsulated pixel data, the item of the Basic Offset Table.
    length
        Of the value, in bytes; None if undefined, which means encapsulated.
    """

    tag: int
    vr: str
    offset: int
    value_offset: int
    length: int | None


@dataclass(slots=True, eq=False)
class Header:
    """What a scan found. Offsets count from where the caller's `base` put the data set's start.

    Parameters
    ----------
    transfer_syntax
        What the object is labelled as.
    layout
        How it is really laid out.
    data_set_offset
        Where the data set begins: right behind the File Meta Information in a file.
    values
        Raw bytes of each wanted attribute that the top level has, padding included; for the tables
        of `places`, nothing.
    pixel_data
        Where Pixel Data stands; None if the object has none.
    places
        Offset and length of the values of Extended Offset Table and its lengths.
    inflated
        Whether the offsets count in the inflated data set, not in the deflated bytes.
    """

    transfer_syntax: TransferSyntax
    layout: Layout
    data_set_offset: int
    values: dict[int, bytes]
    pixel_data: PixelDataElement | None
    places: dict[int, tuple[int, int]]
    inflated: bool = False
    _character_set: CharacterSet | None = field(default=None, init=False, repr=False)

    @property
    def character_set(self) -> CharacterSet:
        """The way to decode text of the top level."""
        if self._character_set is None:
            raw = self.values.get(tags.SpecificCharacterSet, b"")
            terms = raw.decode("latin-1").split("\\") if raw else []
            self._character_set = character_set([term.strip(" \0") for term in terms])
        return self._character_set

    def text(self, tag: int) -> str:
        """Decode an attribute's value as one text, without padding; empty if absent.

        Parameters
        ----------
        tag
            One of those scanned for.

        Returns
        -------
        str
            All values, with the backslashes between them.
        """
        raw = self.values.get(tag)
        if not raw:
            return ""
        return self.character_set.decode(raw, name=tag in _NAMES).strip(" \0")

    def strings(self, tag: int) -> list[str]:
        """Decode an attribute's values, each without padding.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        list of str
            None of them if the attribute is absent or empty.
        """
        text = self.text(tag)
        return [value.strip(" \0") for value in text.split("\\")] if text else []

    def integer(self, tag: int) -> int | None:
        """Decode an IS, US, SS, UL or SL attribute's first value.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        int or None
            None if the attribute is absent, empty or not a number.
        """
        raw = self.values.get(tag)
        if not raw:
            return None
        if tag in _BINARY_INTEGERS:
            order = "little" if self.layout.little_endian else "big"
            return int.from_bytes(raw[:2], order) if len(raw) >= 2 else None
        try:
            return parse_integer(raw.split(b"\\")[0].decode("latin-1"))
        except ValueError:
            return None

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID (0008,0016); empty if absent."""
        return self._uid(tags.SOPClassUID)

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID (0008,0018); empty if absent."""
        return self._uid(tags.SOPInstanceUID)

    @property
    def study_instance_uid(self) -> str:
        """Study Instance UID (0020,000D); empty if absent."""
        return self._uid(tags.StudyInstanceUID)

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID (0020,000E); empty if absent."""
        return self._uid(tags.SeriesInstanceUID)

    def _uid(self, tag: int) -> str:
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")

    def uids(self, wanted: Iterable[int]) -> dict[int, str]:
        """Decode several UIDs.

        Parameters
        ----------
        wanted
            Attributes of VR UI, `0xGGGGEEEE`.

        Returns
        -------
        dict of int to str
            By tag, without padding; empty if absent.
        """
        found = self.values
        return {tag: found.get(tag, b"").decode("latin-1").strip(" \0") for tag in wanted}

    @property
    def number_of_frames(self) -> int:
        """Number of Frames (0028,0008); 1 if absent, empty, no number or below 1."""
        return min(max(self.integer(tags.NumberOfFrames) or 1, 1), _LARGEST_IS)


_BINARY_INTEGERS = frozenset(
    {
        tags.SamplesPerPixel,
        tags.PlanarConfiguration,
        tags.Rows,
        tags.Columns,
        tags.BitsAllocated,
        tags.BitsStored,
        tags.HighBit,
        tags.PixelRepresentation,
    }
)
