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
# PS3.4 Table C.6-2b, and C.6-2a with the equivalents of a code.
BASIC = [
    *("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning"),
    *("LongCodeValue", "URNCodeValue", "ContextIdentifier", "ContextUID", "MappingResource"),
    *("MappingResourceUID", "ContextGroupVersion", "ContextGroupExtensionFlag"),
    *("ContextGroupLocalVersion", "ContextGroupExtensionCreatorUID"),
]
ENHANCED = [*BASIC, *(f"EquivalentCodeSequence.{key}" for key in BASIC)]
ALTERNATE = "AlternateRepresentationSequence"
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
    *(f"ProcedureCodeSequence.{key}" for key in ENHANCED),
    *(f"AnatomicRegionsInStudyCodeSequence.{key}" for key in ENHANCED),
    *(f"ReferencedStudySequence.Referenced{key}UID" for key in ("SOPClass", "SOPInstance")),
    *(f"ReferencedPatientSequence.Referenced{key}UID" for key in ("SOPClass", "SOPInstance")),
    *(f"OtherPatientIDsSequence.{key}" for key in ("PatientID", "IssuerOfPatientID")),
    "OtherPatientIDsSequence.TypeOfPatientID",
    # of editions before 2017b
    "OtherPatientIDs",
    "OtherStudyNumbers",
    *(f"NumberOfPatientRelated{key}" for key in ("Studies", "Series", "Instances")),
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
    *(f"ConceptNameCodeSequence.{key}" for key in ENHANCED),
    # The text of C.6.1.1.5.1 names the UIDs otherwise than its table.
    *(f"{ALTERNATE}.{key}" for key in ("SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")),
    *(f"{ALTERNATE}.Referenced{key}UID" for key in ("SOPClass", "SOPInstance")),
    *(f"{ALTERNATE}.PurposeOfReferenceCodeSequence.{key}" for key in ENHANCED),
    "RelatedGeneralSOPClassUID",
    *(f"ContentTemplateSequence.{key}" for key in ("TemplateIdentifier", "MappingResource")),
    "ContainerIdentifier",
    *(f"SpecimenDescriptionSequence.{key}" for key in ("SpecimenIdentifier", "SpecimenUID")),
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
    "NumberOfPatientRelatedStudies": "1",
    "NumberOfPatientRelatedSeries": "1",
    "NumberOfPatientRelatedInstances": "1",
}
# Whose items stand in another sequence of the objects.
GATHERED = {"AnatomicRegionsInStudyCodeSequence": "AnatomicRegionSequence"}
TEXT = {"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}


def code(name: str, *equivalents: Dataset) -> Dataset:
    """A code with a value for every attribute of Table C.6-2b."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodingSchemeVersion = name, "99X", "2.1"
    item.CodeMeaning, item.LongCodeValue = f"Meaning of {name}", f"{name}-of-more-than-sixteen"
    item.URNCodeValue, item.ContextIdentifier = f"urn:oid:1.2.{len(name)}", "7205"
    item.ContextUID, item.MappingResource = "1.2.840.10008.6.1.480", "DCMR"
    item.MappingResourceUID, item.ContextGroupVersion = "1.2.840.10008.8.1.1", "20230815"
    item.ContextGroupExtensionFlag, item.ContextGroupLocalVersion = "Y", "20240203101112"
    item.ContextGroupExtensionCreatorUID = "1.2.3.4"
    if equivalents:
        item.EquivalentCodeSequence = Sequence(equivalents)
    return item


def item_of(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


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
    patient = {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.1.1"}
    patient["ReferencedSOPInstanceUID"] = generate_uid()
    alternate = {keyword: generate_uid() for keyword in ("SeriesInstanceUID", "SOPInstanceUID")}
    alternate["SOPClassUID"] = "1.2.840.10008.5.1.4.1.1.2"
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        alternate[f"Referenced{keyword}"] = generate_uid()
    dataset.AlternateRepresentationSequence = [item_of(**alternate)]
    purpose = [code("121329", code("L1"))]
    dataset.AlternateRepresentationSequence[0].PurposeOfReferenceCodeSequence = purpose
    dataset.ReferencedPatientSequence = [item_of(**patient)]
    dataset.OtherPatientIDsSequence = [
        item_of(PatientID="OLD-7", IssuerOfPatientID="CLINIC", TypeOfPatientID="TEXT")
    ]
    dataset.ProcedureCodeSequence = [code("CTCHEST", code("E1"))]
    dataset.ConceptNameCodeSequence = [code("121070", code("E2"))]
    dataset.AnatomicRegionSequence = [code("51185008", code("T-D3000"))]
    dataset.ContentTemplateSequence = [item_of(TemplateIdentifier="1500", MappingResource="DCMR")]
    specimen = item_of(SpecimenIdentifier="S24-17;A;1", SpecimenUID=generate_uid())
    dataset.SpecimenDescriptionSequence = [specimen]
    dataset.ContainerIdentifier, dataset.RelatedGeneralSOPClassUID = "S24-17;A", "1.2.840.7"
    dataset.OtherPatientIDs, dataset.OtherStudyNumbers = "OLD-8", 12
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
    # Of a patient of more than one study, series and instance.
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.22"
    return dataset


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return wanted()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Iterator[Web]:
    with opened(tmp_path_factory.mktemp("keys")) as web:
        web.keep(dataset, unlike(), unlike())
        yield web


def value_of(dataset: Dataset, path: str) -> str:
    if path in COMPUTED:
        return COMPUTED[path]
    *sequences, keyword = path.split(".")
    for sequence in sequences:
        dataset = dataset[GATHERED.get(sequence, sequence)].value[0]
    return str(dataset[keyword].value)


def matching(vr: str, value: str) -> tuple[list[str], list[str]]:
    """What must find a value, and what must not (PS3.4 C.2.2.2)."""
    finds, misses = [value, ""], []
    if vr in TEXT:
        finds += [f"{value[:1]}*", f"*{value[-1:]}", f"?{value[1:]}", f"{value[:-1]}?"]
        misses += [f"{value}?", "Q*", "QQ"]
    elif vr in ("DA", "TM", "DT"):
        earlier, later = ("000001", "235959") if vr == "TM" else ("19000101", "20990101")
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
    *sequences, keyword = path.split(".")
    value, vr = value_of(dataset, path), dictionary_VR(keyword)
    finds, misses = matching(vr, value)

    uid = dataset.StudyInstanceUID
    assert [each for each in finds if uid not in found(filled, level, path, each)] == []
    assert [each for each in misses if uid in found(filled, level, path, each)] == []

    asked = f"/{level}?StudyInstanceUID={uid}&includefield={path.partition('.')[0]}"
    answer = filled.get(asked)
    assert "warning" not in answer.headers
    (result,) = answer.json()
    for sequence in sequences:
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


@pytest.mark.parametrize(("level", "path"), CASES, ids=[f"{a}-{b}" for a, b in CASES])
def test_a_result_says_what_was_matched_without_being_asked(
    filled: Web, dataset: Dataset, level: str, path: str
) -> None:
    """PS3.18 10.6.3.3: all other attributes of the level that are passed as match parameters."""
    answer = filled.get(f"/{level}?{path}={quote(value_of(dataset, path))}")
    result = next(each for each in answer.json() if dataset.StudyInstanceUID in str(each))
    assert result[f"{tag_for_keyword(path.partition('.')[0]):08X}"]["Value"]


def test_attributes_of_levels_above_come_where_they_are_asked_for(
    filled: Web, dataset: Dataset
) -> None:
    fields = f"{REQUEST},ProcedureCodeSequence,OtherPatientIDs,NumberOfPatientRelatedStudies"
    uid = dataset.StudyInstanceUID
    (study,) = filled.get(f"/studies?StudyInstanceUID={uid}&includefield={fields}").json()
    (series,) = filled.get(f"/studies/{uid}/series?includefield={fields}").json()
    (instance,) = filled.get(f"/studies/{uid}/instances?includefield={fields}").json()
    for tag in ("00081032", "00101000", "00201200"):
        assert study[tag]["Value"]
        assert study[tag] == series[tag] == instance[tag]
    assert series["00400275"]["Value"]
    assert series["00400275"] == instance["00400275"]


@pytest.mark.parametrize("field", ["all", "ProcedureCodeSequence.CodeValue"])
def test_nested_codes_are_told_as_pydicom_writes_them(
    filled: Web, dataset: Dataset, field: str
) -> None:
    query = f"StudyInstanceUID={dataset.StudyInstanceUID}&includefield={field}"
    (study,) = filled.get(f"/studies?{query}").json()
    assert study["00081032"] == dataset["ProcedureCodeSequence"].to_json_dict(None, 0)
    if field == "all":
        assert study["00201200"] == {"vr": "IS", "Value": [1]}
        (instance,) = filled.get(f"/instances?{query}").json()
        for keyword in (ALTERNATE, "ConceptNameCodeSequence", "SpecimenDescriptionSequence"):
            element = dataset[keyword]
            assert instance[f"{int(element.tag):08X}"] == element.to_json_dict(None, 0)
