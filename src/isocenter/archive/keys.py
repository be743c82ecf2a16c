"""The attributes that the index keeps and can match (PS3.4 C.6, PS3.18 Tables 10.6.1-3 to -5)."""

import enum
import re
from dataclasses import dataclass, field

__all__ = [
    "COMPUTED_KEYS",
    "GATHERED_KEYS",
    "KEYS",
    "MOST_ITEMS",
    "RARE_KEYS",
    "SEQUENCE_KEYS",
    "Key",
    "Level",
    "SequenceKey",
    "key",
    "sequence_number",
]

MOST_ITEMS = 64
"""Items of a sequence, and values of an attribute, that the index keeps at most."""


class Level(enum.IntEnum):
    """A level of the query/retrieve information model (PS3.4 C.6), from the top down."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3


_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TEXT_VRS = frozenset({"AE", "AS", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_LARGEST_NUMBER = 2**63 - 25  # the largest prime that a database's integers reach
_NUMBER_VRS = frozenset({"IS", "US", "UL"})


# Each key is there once: comparing and hashing all that it says would cost every object.
@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """An attribute that the index keeps.

    Parameters
    ----------
    tag
        The attribute as group and element in one number, `0xGGGGEEEE`.
    keyword
        Its keyword in PS3.6.
    vr
        Its value representation.
    level
        The level whose rows hold it.
    """

    tag: int
    keyword: str
    vr: str
    level: Level
    column: str = field(init=False)
    """Name of the column that holds the value; those of `RARE_KEYS` and in sequences have none."""
    search_column: str = field(init=False)
    """Name of the column that matching looks at."""

    def __post_init__(self) -> None:
        column = _WORD_START.sub("_", self.keyword).lower()
        object.__setattr__(self, "column", column)
        search = f"{column}_search" if self.has_search_column else column
        object.__setattr__(self, "search_column", search)

    @property
    def is_number(self) -> bool:
        """Whether the value is an integer, so that matching and ordering go by its worth."""
        return self.vr in _NUMBER_VRS

    @property
    def is_text(self) -> bool:
        """Whether wildcards apply and case does not count."""
        return self.vr in _TEXT_VRS or self.vr == "PN"

    @property
    def may_have_further_values(self) -> bool:
        """Whether an object may have several values, or a name in several scripts."""
        return self.vr == "PN" or self.keyword == "AdmittingDiagnosesDescription"

    @property
    def has_search_column(self) -> bool:
        """Whether matching looks at a normal form beside the value."""
        return self.is_text or self.vr in {"DS", "TM", "DT"}

    def __str__(self) -> str:
        return f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X}) {self.keyword}"


@dataclass(frozen=True, slots=True, eq=False)
class SequenceKey:
    """A sequence whose items can be matched (PS3.4 C.2.2.2.6).

    Parameters
    ----------
    tag
        The sequence.
    keyword
        Its keyword in PS3.6.
    level
        The level whose rows own the items.
    items
        The attributes of an item that can be matched.
    inner
        The sequences of an item that can be matched.
    gathered_from
        The sequence of all instances below whose items these are; None where objects have the
        sequence itself.
    """

    tag: int
    keyword: str
    level: Level
    items: tuple[Key, ...]
    inner: tuple["SequenceKey", ...] = ()
    gathered_from: int | None = None

    def __str__(self) -> str:
        return f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X}) {self.keyword}"


def _keys(level: Level, *rows: tuple[int, str, str]) -> tuple[Key, ...]:
    return tuple(Key(tag, keyword, vr, level) for tag, keyword, vr in rows)


KEYS: tuple[Key, ...] = (
    *_keys(
        Level.PATIENT,
        (0x00100010, "PatientName", "PN"),
        (0x00100020, "PatientID", "LO"),
        (0x00100021, "IssuerOfPatientID", "LO"),
        (0x00100030, "PatientBirthDate", "DA"),
        (0x00100032, "PatientBirthTime", "TM"),
        (0x00100040, "PatientSex", "CS"),
        (0x00101001, "OtherPatientNames", "PN"),
        (0x00102160, "EthnicGroup", "SH"),
        (0x00104000, "PatientComments", "LT"),
    ),
    *_keys(
        Level.STUDY,
        (0x0020000D, "StudyInstanceUID", "UI"),
        (0x00080020, "StudyDate", "DA"),
        (0x00080030, "StudyTime", "TM"),
        (0x00080050, "AccessionNumber", "SH"),
        (0x00080090, "ReferringPhysicianName", "PN"),
        (0x00080201, "TimezoneOffsetFromUTC", "SH"),
        (0x00081030, "StudyDescription", "LO"),
        (0x00081048, "PhysiciansOfRecord", "PN"),
        (0x00081060, "NameOfPhysiciansReadingStudy", "PN"),
        (0x00081080, "AdmittingDiagnosesDescription", "LO"),
        (0x00101010, "PatientAge", "AS"),
        (0x00101020, "PatientSize", "DS"),
        (0x00101030, "PatientWeight", "DS"),
        (0x00102180, "Occupation", "SH"),
        (0x001021B0, "AdditionalPatientHistory", "LT"),
        (0x00200010, "StudyID", "SH"),
    ),
    *_keys(
        Level.SERIES,
        (0x0020000E, "SeriesInstanceUID", "UI"),
        (0x00080060, "Modality", "CS"),
        (0x00200011, "SeriesNumber", "IS"),
        (0x0008103E, "SeriesDescription", "LO"),
        (0x00080021, "SeriesDate", "DA"),
        (0x00080031, "SeriesTime", "TM"),
        (0x00080070, "Manufacturer", "LO"),
        (0x00080080, "InstitutionName", "LO"),
        (0x00081010, "StationName", "SH"),
        (0x00081040, "InstitutionalDepartmentName", "LO"),
        (0x00081050, "PerformingPhysicianName", "PN"),
        (0x00081070, "OperatorsName", "PN"),
        (0x00081090, "ManufacturerModelName", "LO"),
        (0x00180015, "BodyPartExamined", "CS"),
        (0x00181030, "ProtocolName", "LO"),
        (0x00200052, "FrameOfReferenceUID", "UI"),
        (0x00200060, "Laterality", "CS"),
        (0x00400244, "PerformedProcedureStepStartDate", "DA"),
        (0x00400245, "PerformedProcedureStepStartTime", "TM"),
        (0x00400253, "PerformedProcedureStepID", "SH"),
        (0x00400254, "PerformedProcedureStepDescription", "LO"),
    ),
    *_keys(
        Level.INSTANCE,
        (0x00080018, "SOPInstanceUID", "UI"),
        (0x00080016, "SOPClassUID", "UI"),
        (0x00200013, "InstanceNumber", "IS"),
        (0x00080022, "AcquisitionDate", "DA"),
        (0x00080032, "AcquisitionTime", "TM"),
        (0x0008002A, "AcquisitionDateTime", "DT"),
        (0x00080023, "ContentDate", "DA"),
        (0x00080033, "ContentTime", "TM"),
        (0x00200012, "AcquisitionNumber", "IS"),
        (0x00280008, "NumberOfFrames", "IS"),
        (0x00280010, "Rows", "US"),
        (0x00280011, "Columns", "US"),
        (0x00280100, "BitsAllocated", "US"),
    ),
)
"""Every attribute with a column, level by level."""

RARE_KEYS: tuple[Key, ...] = (
    *_keys(Level.PATIENT, (0x00101000, "OtherPatientIDs", "LO")),
    *_keys(Level.STUDY, (0x00201070, "OtherStudyNumbers", "IS")),
    *_keys(
        Level.INSTANCE,
        (0x0008001A, "RelatedGeneralSOPClassUID", "UI"),
        (0x00400512, "ContainerIdentifier", "LO"),
    ),
)
"""Attributes that few objects have: their values stand beside the rows, in no column."""

# PS3.4 Table C.6-2b; of two attributes it prints the tag of another one.
_CODE = (
    (0x00080100, "CodeValue", "SH"),
    (0x00080102, "CodingSchemeDesignator", "SH"),
    (0x00080103, "CodingSchemeVersion", "SH"),
    (0x00080104, "CodeMeaning", "LO"),
    (0x00080105, "MappingResource", "CS"),
    (0x00080106, "ContextGroupVersion", "DT"),
    (0x00080107, "ContextGroupLocalVersion", "DT"),
    (0x0008010B, "ContextGroupExtensionFlag", "CS"),
    (0x0008010D, "ContextGroupExtensionCreatorUID", "UI"),
    (0x0008010F, "ContextIdentifier", "CS"),
    (0x00080117, "ContextUID", "UI"),
    (0x00080118, "MappingResourceUID", "UI"),
    (0x00080119, "LongCodeValue", "UC"),
    (0x00080120, "URNCodeValue", "UR"),
)

_REFERENCE = (
    (0x00081150, "ReferencedSOPClassUID", "UI"),
    (0x00081155, "ReferencedSOPInstanceUID", "UI"),
)


def _codes(tag: int, keyword: str, level: Level, gathered_from: int | None = None) -> SequenceKey:
    """Make the key for a sequence of codes with their equivalents (PS3.4 Table C.6-2a)."""
    keys = _keys(level, *_CODE)
    equivalent = SequenceKey(0x00080121, "EquivalentCodeSequence", level, keys)
    return SequenceKey(tag, keyword, level, keys, (equivalent,), gathered_from)


SEQUENCE_KEYS: tuple[SequenceKey, ...] = (
    SequenceKey(
        0x00081120, "ReferencedPatientSequence", Level.PATIENT, _keys(Level.PATIENT, *_REFERENCE)
    ),
    SequenceKey(
        0x00081110, "ReferencedStudySequence", Level.STUDY, _keys(Level.STUDY, *_REFERENCE)
    ),
    SequenceKey(
        0x00101002,
        "OtherPatientIDsSequence",
        Level.PATIENT,
        _keys(
            Level.PATIENT,
            (0x00100020, "PatientID", "LO"),
            (0x00100021, "IssuerOfPatientID", "LO"),
            (0x00100022, "TypeOfPatientID", "CS"),
        ),
    ),
    _codes(0x00081032, "ProcedureCodeSequence", Level.STUDY),
    SequenceKey(
        0x00400275,
        "RequestAttributesSequence",
        Level.SERIES,
        _keys(
            Level.SERIES,
            (0x00400009, "ScheduledProcedureStepID", "SH"),
            (0x00401001, "RequestedProcedureID", "SH"),
            (0x00080050, "AccessionNumber", "SH"),
            (0x0020000D, "StudyInstanceUID", "UI"),
            (0x00400007, "ScheduledProcedureStepDescription", "LO"),
            (0x00321060, "RequestedProcedureDescription", "LO"),
        ),
    ),
    # PS3.4 C.6.1.1.5 writes the UIDs of an alternate representation by both pairs of tags.
    SequenceKey(
        0x00083001,
        "AlternateRepresentationSequence",
        Level.INSTANCE,
        _keys(
            Level.INSTANCE,
            (0x0020000E, "SeriesInstanceUID", "UI"),
            (0x00080016, "SOPClassUID", "UI"),
            (0x00080018, "SOPInstanceUID", "UI"),
            *_REFERENCE,
        ),
        (_codes(0x0040A170, "PurposeOfReferenceCodeSequence", Level.INSTANCE),),
    ),
    _codes(0x0040A043, "ConceptNameCodeSequence", Level.INSTANCE),
    SequenceKey(
        0x0040A504,
        "ContentTemplateSequence",
        Level.INSTANCE,
        _keys(
            Level.INSTANCE,
            (0x0040DB00, "TemplateIdentifier", "CS"),
            (0x00080105, "MappingResource", "CS"),
        ),
    ),
    SequenceKey(
        0x00400560,
        "SpecimenDescriptionSequence",
        Level.INSTANCE,
        _keys(
            Level.INSTANCE,
            (0x00400551, "SpecimenIdentifier", "LO"),
            (0x00400554, "SpecimenUID", "UI"),
        ),
    ),
    _codes(0x00082218, "AnatomicRegionSequence", Level.INSTANCE),
)
"""Every sequence of objects that can be matched."""

GATHERED_KEYS: tuple[SequenceKey, ...] = (
    _codes(0x00080063, "AnatomicRegionsInStudyCodeSequence", Level.STUDY, 0x00082218),
)
"""Sequences that no object carries: the index gathers their items from those of instances."""

COMPUTED_KEYS: tuple[Key, ...] = (
    *_keys(
        Level.PATIENT,
        (0x00201200, "NumberOfPatientRelatedStudies", "IS"),
        (0x00201202, "NumberOfPatientRelatedSeries", "IS"),
        (0x00201204, "NumberOfPatientRelatedInstances", "IS"),
    ),
    *_keys(
        Level.STUDY,
        (0x00080061, "ModalitiesInStudy", "CS"),
        (0x00080062, "SOPClassesInStudy", "UI"),
        (0x00201206, "NumberOfStudyRelatedSeries", "IS"),
        (0x00201208, "NumberOfStudyRelatedInstances", "IS"),
    ),
    *_keys(Level.SERIES, (0x00201209, "NumberOfSeriesRelatedInstances", "IS")),
    *_keys(
        Level.INSTANCE,
        (0x00080056, "InstanceAvailability", "CS"),
        (0x00083002, "AvailableTransferSyntaxUID", "UI"),
    ),
)
"""Attributes that no object carries: the index works them out."""

_BY_TAG: dict[int, Key | SequenceKey] = {
    entry.tag: entry
    for entry in (*KEYS, *RARE_KEYS, *SEQUENCE_KEYS, *GATHERED_KEYS, *COMPUTED_KEYS)
}


def key(*path: int) -> Key | SequenceKey | None:
    """Find the key for an attribute.

    Parameters
    ----------
    *path
        The attribute, `0xGGGGEEEE`, behind the sequences that hold it, the outermost first.

    Returns
    -------
    Key or SequenceKey or None
        None where the index does not know the attribute.
    """
    found = _BY_TAG.get(path[0])
    for tag in path[1:]:
        if not isinstance(found, SequenceKey):
            return None
        found = next((each for each in (*found.items, *found.inner) if each.tag == tag), None)
    return found


def sequence_number(*path: int) -> int:
    """Give the number by which the index knows a sequence.

    Parameters
    ----------
    *path
        The sequence behind those that hold it, the outermost first, as tags `0xGGGGEEEE`.

    Returns
    -------
    int
        Of 63 bits: its tag where no sequence holds it; else one made of all the tags.
    """
    number = 0
    for tag in path:
        number = (number << 32 | tag) % _LARGEST_NUMBER
    return number
