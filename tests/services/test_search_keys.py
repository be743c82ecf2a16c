"""QIDO-RS by the keys that the standard lists, each by every kind of matching that its VR has.

The lists are those of PS3.18 10.6 and PS3.4 C.6 (keys of Query/Retrieve), not our own.
"""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from tests.factories import ct_slice, small_object
from tests.services.conftest import Web, opened

REQUEST = "RequestAttributesSequence"
STUDY_KEYS = [
    # required, PS3.18 and Tables C.6-1, C.6-2 and C.6-5
    *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName"),
    *("PatientName", "PatientID", "StudyInstanceUID", "StudyID"),
    # optional
    *("SOPClassesInStudy", "StudyDescription", "NameOfPhysiciansReadingStudy"),
    *("AdmittingDiagnosesDescription", "IssuerOfPatientID", "PatientBirthDate"),
    *("PatientBirthTime", "PatientSex", "OtherPatientNames", "PatientAge", "PatientSize"),
    *("PatientWeight", "EthnicGroup", "Occupation", "AdditionalPatientHistory", "PatientComments"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "TimezoneOffsetFromUTC"),
    *(f"ProcedureCodeSequence.{key}" for key in ("CodeValue", "CodingSchemeDesignator")),
    "ProcedureCodeSequence.CodeMeaning",
    *(f"ReferencedStudySequence.Referenced{key}UID" for key in ("SOPClass", "SOPInstance")),
    *(f"ReferencedPatientSequence.Referenced{key}UID" for key in ("SOPClass", "SOPInstance")),
    "OtherPatientIDsSequence.PatientID",
]
SERIES_KEYS = [
    # required, PS3.18 and Table C.6-3
    *("Modality", "SeriesInstanceUID", "SeriesNumber", "PerformedProcedureStepStartDate"),
    *("PerformedProcedureStepStartTime", f"{REQUEST}.ScheduledProcedureStepID"),
    f"{REQUEST}.RequestedProcedureID",
    # optional
    *("NumberOfSeriesRelatedInstances", "SeriesDescription", "SeriesDate", "SeriesTime"),
    *("BodyPartExamined", "Laterality", "PerformingPhysicianName", "ProtocolName", "OperatorsName"),
    *("Manufacturer", "InstitutionName", "StationName", "ManufacturerModelName"),
]
INSTANCE_KEYS = [
    # required, PS3.18 and Table C.6-4
    *("SOPClassUID", "SOPInstanceUID", "InstanceNumber"),
    # optional
    *("Rows", "Columns", "BitsAllocated", "NumberOfFrames", "ContentDate", "ContentTime"),
    "AvailableTransferSyntaxUID",
    *(f"ConceptNameCodeSequence.{key}" for key in ("CodeValue", "CodingSchemeDesignator")),
    "ConceptNameCodeSequence.CodeMeaning",
]
CASES = [
    *(("studies", key) for key in STUDY_KEYS),
    *(("series", key) for key in SERIES_KEYS),
    *(("instances", key) for key in INSTANCE_KEYS),
]
# What no object says of itself.
COMPUTED = {
    "ModalitiesInStudy": "CT",
    "SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.2",
    "AvailableTransferSyntaxUID": "1.2.840.10008.1.2.1",
    "NumberOfStudyRelatedSeries": "1",
    "NumberOfStudyRelatedInstances": "1",
    "NumberOfSeriesRelatedInstances": "1",
}
TEXT = {"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"}


def wanted() -> Dataset:
    """A slice that has a value for every key."""
    dataset = ct_slice(
        *(8, 8),
        IssuerOfPatientID="HOSPITAL",
        PatientBirthTime="010203",
        OtherPatientNames="Roe^Jane",
        TimezoneOffsetFromUTC="+0100",
        Laterality="L",
        NumberOfFrames=1,
    )
    code, patient, identifier = Dataset(), Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "121070", "DCM", "Findings"
    patient.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.1.1"
    patient.ReferencedSOPInstanceUID = generate_uid()
    identifier.PatientID = "OLD-7"
    dataset.ConceptNameCodeSequence = Sequence([code])
    dataset.ReferencedPatientSequence = Sequence([patient])
    dataset.OtherPatientIDsSequence = Sequence([identifier])
    return dataset


def unlike() -> Dataset:
    """An object of another patient that has nothing of it all."""
    dataset = small_object(
        PatientName="Other^Otto",
        PatientID="Z9",
        PatientBirthDate=None,
        PatientSex="",
        StudyDate="",
        StudyTime="",
        AccessionNumber="",
        StudyDescription=None,
        ReferringPhysicianName="",
        StudyID="",
        SeriesNumber=77,
        InstanceNumber=77,
        ConceptNameCodeSequence=None,
    )
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.22"
    return dataset


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return wanted()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Iterator[Web]:
    with opened(tmp_path_factory.mktemp("keys")) as web:
        web.keep(dataset, unlike())
        yield web


def value_of(dataset: Dataset, path: str) -> str:
    if path in COMPUTED:
        return COMPUTED[path]
    sequence, _, keyword = path.rpartition(".")
    return str((dataset[sequence].value[0] if sequence else dataset)[keyword].value)


def matching(vr: str, value: str) -> tuple[list[str], list[str]]:
    """What must find a value, and what must not (PS3.4 C.2.2.2)."""
    finds, misses = [value, ""], []
    if vr in TEXT:
        finds += [f"{value[:1]}*", f"*{value[-1:]}", f"?{value[1:]}", f"{value[:-1]}?"]
        misses += [f"{value}?", "Q*", "QQ"]
    elif vr in ("DA", "TM"):
        earlier, later = ("19000101", "20990101") if vr == "DA" else ("000001", "235959")
        finds += [f"{earlier}-{later}", f"{earlier}-", f"-{later}", f"{value}-{value}"]
        misses += [later, f"{later}-", f"-{earlier}"]
    elif vr == "UI":
        finds += [f"1.2.999,{value}", f"{value},1.2.999"]
        misses += ["1.2.999", "1.2.998,1.2.999"]
    else:
        misses += ["424242"]
    return finds, misses


def found(web: Web, level: str, path: str, value: str) -> set[str]:
    answer = web.get(f"/{level}?{path}={quote(value)}")
    assert answer.status_code in (200, 204), answer.text
    results = answer.json() if answer.content else []
    return {each["0020000D"]["Value"][0] for each in results}


@pytest.mark.parametrize(("level", "path"), CASES, ids=[f"{a}-{b}" for a, b in CASES])
def test_the_key_finds_by_every_kind_of_matching_of_its_vr_and_comes_back(
    filled: Web, dataset: Dataset, level: str, path: str
) -> None:
    sequence, _, keyword = path.rpartition(".")
    value, vr = value_of(dataset, path), dictionary_VR(keyword)
    finds, misses = matching(vr, value)

    uid = dataset.StudyInstanceUID
    assert [each for each in finds if uid not in found(filled, level, path, each)] == []
    assert [each for each in misses if uid in found(filled, level, path, each)] == []

    asked = f"/{level}?StudyInstanceUID={uid}&includefield={sequence or keyword}"
    (result,) = filled.get(asked).json()
    if sequence:
        result = result[f"{tag_for_keyword(sequence):08X}"]["Value"][0]
    element = result[f"{tag_for_keyword(keyword):08X}"]
    (told,) = element["Value"]
    assert element["vr"] == vr
    assert (told["Alphabetic"] if vr == "PN" else str(told)) == value


# PS3.18 Tables 10.6.3-3 to 10.6.3-5, beside the UIDs of what was found.
ALWAYS = ("SpecificCharacterSet", "RetrieveURL", "TimezoneOffsetFromUTC")
PAYLOAD = {
    "studies": [
        *("StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability", "ModalitiesInStudy"),
        *("ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
        *("StudyInstanceUID", "StudyID", "NumberOfStudyRelatedSeries"),
        "NumberOfStudyRelatedInstances",
    ],
    "series": [
        *("Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber"),
        *("NumberOfSeriesRelatedInstances", "PerformedProcedureStepStartDate"),
        *("PerformedProcedureStepStartTime", "RequestAttributesSequence"),
    ],
    "instances": [
        *("SOPClassUID", "SOPInstanceUID", "InstanceAvailability", "InstanceNumber", "Rows"),
        *("Columns", "BitsAllocated", "NumberOfFrames"),
    ],
}


@pytest.mark.parametrize("level", PAYLOAD)
def test_a_result_says_without_being_asked_what_the_standard_wants(
    filled: Web, dataset: Dataset, level: str
) -> None:
    (result,) = filled.get(f"/{level}?StudyInstanceUID={dataset.StudyInstanceUID}").json()
    tags = {keyword: f"{tag_for_keyword(keyword):08X}" for keyword in (*PAYLOAD[level], *ALWAYS)}
    assert [keyword for keyword, tag in tags.items() if "Value" not in result.get(tag, {})] == []
