"""Secondary Captures, row by row of the tables in which two conformance statements list them.

Each row: keyword, type, presence of its value, source. Presence is ALWAYS, VNAP (Type 2: maybe
empty), ANAP (Type 3: maybe absent) or EMPTY; source is COPY, AUTO, USER or CONFIG.
"""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from tests.compose.attribute_tables import EVERYTHING
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice

from isocenter.compose import Composed, Template, load, secondary_capture

TABLES_51_TO_60 = """
PatientName 2 VNAP COPY
PatientID 2 VNAP COPY
IssuerOfPatientID 3 ANAP COPY
PatientBirthDate 2 VNAP COPY
PatientBirthTime 3 ANAP COPY
PatientSex 2 VNAP COPY
OtherPatientIDsSequence 3 ANAP COPY
OtherPatientNames 3 ANAP COPY
EthnicGroup 3 ANAP COPY
PatientComments 3 ANAP COPY
StudyDate 2 VNAP COPY
StudyTime 2 VNAP COPY
AccessionNumber 2 VNAP COPY
ReferringPhysicianName 2 VNAP COPY
StudyDescription 3 ANAP COPY
StudyInstanceUID 1 ALWAYS COPY
StudyID 2 VNAP COPY
AdmittingDiagnosesDescription 3 ANAP COPY
PatientAge 3 ANAP COPY
PatientSize 3 ANAP COPY
PatientWeight 3 ANAP COPY
Occupation 3 ANAP COPY
AdditionalPatientHistory 3 ANAP COPY
Modality 1 ALWAYS AUTO
SeriesInstanceUID 1 ALWAYS AUTO
SeriesNumber 2 ALWAYS AUTO
Laterality 2C VNAP COPY
SeriesDate 3 ALWAYS AUTO
SeriesTime 3 ALWAYS AUTO
SeriesDescription 3 ALWAYS AUTO
OperatorsName 3 ANAP COPY
BodyPartExamined 3 ANAP COPY
ProtocolName 3 ANAP COPY
Manufacturer 2 ALWAYS AUTO
InstitutionName 3 ANAP COPY
InstitutionAddress 3 ANAP COPY
StationName 3 ANAP COPY
InstitutionalDepartmentName 3 ANAP COPY
ManufacturerModelName 3 ALWAYS AUTO
DeviceSerialNumber 3 ALWAYS AUTO
SoftwareVersions 3 ALWAYS AUTO
ConversionType 1 ALWAYS AUTO
SecondaryCaptureDeviceManufacturer 3 ALWAYS AUTO
SecondaryCaptureDeviceManufacturerModelName 3 ALWAYS AUTO
SecondaryCaptureDeviceSoftwareVersions 3 ALWAYS AUTO
ContentDate 2C ALWAYS AUTO
ContentTime 2C ALWAYS AUTO
InstanceNumber 2 ALWAYS AUTO
PatientOrientation 2C EMPTY AUTO
ImageComments 3 ALWAYS AUTO
LossyImageCompression 3 ALWAYS AUTO
ReferencedImageSequence 3 ALWAYS AUTO
SamplesPerPixel 1 ALWAYS AUTO
PhotometricInterpretation 1 ALWAYS AUTO
PlanarConfiguration 1 ALWAYS AUTO
Rows 1 ALWAYS AUTO
Columns 1 ALWAYS AUTO
BitsAllocated 1 ALWAYS AUTO
BitsStored 1 ALWAYS AUTO
HighBit 1 ALWAYS AUTO
PixelRepresentation 1 ALWAYS AUTO
PixelData 1C ALWAYS USER
SpecificCharacterSet 1C ALWAYS AUTO
SOPClassUID 1 ALWAYS AUTO
SOPInstanceUID 1 ALWAYS AUTO
"""
"""Tables 51 to 60 of the viewer's statement, but for three things that the standard says otherwise.

Other Patient IDs (0010,1000) is retired, its sequence takes its place; the equipment (Table 55) is
what made this object, not what made its source; and Study Description has Type 3.
"""


def rows(table: str) -> list[tuple[str, str, str, str]]:
    return [tuple(line.split()) for line in table.strip().splitlines()]  # type: ignore[misc]


def jpeg() -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(4).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def full() -> tuple[Dataset, Composed]:
    given = ct_slice(16, 16, **EVERYTHING)
    composed = secondary_capture(jpeg(), source=given, series_description="Secondary captures")
    return given, composed


@pytest.fixture(scope="module")
def bare() -> Composed:
    return secondary_capture(jpeg(), series_description="Secondary captures")


@pytest.mark.parametrize(("keyword", "kind", "presence", "origin"), rows(TABLES_51_TO_60))
def test_a_source_that_has_everything_gives_what_the_tables_list(
    full: tuple[Dataset, Composed], keyword: str, kind: str, presence: str, origin: str
) -> None:
    given, composed = full
    (row,) = [one for one in composed.explain() if one["keyword"] == keyword]
    assert (row["presence"], row["source"]) == (presence, origin)
    element = composed.data_set[keyword]
    assert element.is_empty == (presence == "EMPTY")
    if origin == "COPY" and keyword in given:
        assert element.value == given[keyword].value


@pytest.mark.parametrize(("keyword", "kind", "presence", "origin"), rows(TABLES_51_TO_60))
def test_without_a_source_types_1_and_2_are_there_and_type_3_is_not_empty(
    bare: Composed, keyword: str, kind: str, presence: str, origin: str
) -> None:
    element = next((one for one in bare.data_set if one.keyword == keyword), None)
    if kind == "1":
        assert element is not None and not element.is_empty
    elif kind == "2":
        assert element is not None
    elif kind == "3" and element is not None:
        assert not element.is_empty


def test_both_pass_the_independent_checker(
    full: tuple[Dataset, Composed], bare: Composed, tmp_path
) -> None:
    for number, composed in enumerate((full[1], bare)):
        assert dciodvfy_errors(composed.save(tmp_path / f"{number}.dcm")) == []


def test_retired_other_patient_ids_move_into_their_sequence(full: tuple[Dataset, Composed]) -> None:
    data_set = full[1].data_set
    assert "OtherPatientIDs" not in data_set
    items = [(one.PatientID, one.TypeOfPatientID) for one in data_set.OtherPatientIDsSequence]
    assert items == [("A1", "TEXT"), ("B2", "TEXT")]


def test_the_comment_names_series_instance_and_frame_of_the_source() -> None:
    given = ct_slice(8, 8, SeriesDescription="Thorax", InstanceNumber=7, NumberOfFrames=12)
    composed = secondary_capture(jpeg(), source=given, source_frame=5)
    assert composed.data_set.ImageComments == "Thorax 7 5"
    (item,) = composed.data_set.ReferencedImageSequence
    assert item.ReferencedFrameNumber == 5
    assert item.ReferencedSOPInstanceUID == given.SOPInstanceUID


def test_a_capture_joins_the_series_of_those_before_it(tmp_path) -> None:
    given = ct_slice(8, 8)
    first = secondary_capture(jpeg(), source=given, series_description="Secondary captures")
    second = secondary_capture(jpeg(), source=given, series_of=first.data_set)
    for keyword in ("SeriesInstanceUID", "SeriesNumber", "SeriesDate", "SeriesTime",
                    "SeriesDescription", "Modality"):  # fmt: skip
        assert second.data_set[keyword].value == first.data_set[keyword].value
    (row,) = [one for one in second.explain() if one["keyword"] == "SeriesInstanceUID"]
    assert (row["presence"], row["source"]) == ("ALWAYS", "COPY")
    assert (first.data_set.InstanceNumber, second.data_set.InstanceNumber) == (1, 2)
    assert first.data_set.SOPInstanceUID != second.data_set.SOPInstanceUID


TABLE_7_1 = {
    "Modality": "OT",
    "ConversionType": "DRW",
    "Manufacturer": "SITE - Software Services",
    "StationName": "LISTENER",
    "ManufacturerModelName": "SITE MODEL",
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "YBR_FULL_422",
    "PlanarConfiguration": 0,
    "Rows": 16,
    "Columns": 24,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "LossyImageCompression": "01",
    "LossyImageCompressionMethod": "ISO_10918_1",
}
TEMPLATE = Template(
    {
        "defaults": {"StationName": "LISTENER"},
        "overrides": {"Manufacturer": "SITE - Software Services"},
        "secondary_capture": {
            "overrides": {"ManufacturerModelName": "SITE MODEL", "ConversionType": "DRW"}
        },
    },
    "site.toml",
)


@pytest.mark.parametrize(("keyword", "expected"), TABLE_7_1.items())
def test_a_site_s_template_makes_what_table_7_1_lists(keyword: str, expected: object) -> None:
    composed = secondary_capture(jpeg(), template_file=TEMPLATE)
    assert composed.data_set[keyword].value == expected
    if keyword in ("Manufacturer", "StationName", "ManufacturerModelName", "ConversionType"):
        (row,) = [one for one in composed.explain() if one["keyword"] == keyword]
        assert (row["presence"], row["source"]) == ("ALWAYS", "CONFIG")


@pytest.mark.parametrize(
    "keyword",
    [
        *("StudyDate", "StudyTime", "StudyID", "StudyInstanceUID"),
        *("SeriesInstanceUID", "SeriesNumber", "InstanceNumber"),
    ],
)
def test_what_table_7_1_creates_without_a_source_has_a_value(keyword: str) -> None:
    assert not secondary_capture(jpeg()).data_set[keyword].is_empty


def test_a_capture_without_compression_says_nothing_of_loss() -> None:
    data_set = secondary_capture(np.zeros((4, 4, 3), np.uint8)).data_set
    assert data_set.PhotometricInterpretation == "RGB"
    assert "LossyImageCompression" not in data_set
    assert "LossyImageCompressionMethod" not in data_set


@pytest.mark.parametrize("term", ["ISO_IR 100", "ISO_IR 192", "ISO_IR 144"])
def test_a_site_chooses_the_character_set_where_it_holds_the_text(term: str, tmp_path) -> None:
    name = "Жуков^Пётр" if term == "ISO_IR 144" else "Öhler^Jörg"
    template = Template({"overrides": {"SpecificCharacterSet": term}}, "site.toml")
    composed = secondary_capture(
        jpeg(), source=ct_slice(8, 8, PatientName=name, SpecificCharacterSet="ISO_IR 192"),
        template_file=template,
    )  # fmt: skip
    assert composed.data_set.SpecificCharacterSet == term
    read = pydicom.dcmread(composed.save(tmp_path / "out.dcm"))
    assert str(read.PatientName) == name


def item() -> Dataset:
    """A Modality Worklist item."""
    order, step = Dataset(), Dataset()
    order.PatientID, order.PatientName = "W1", "LEAVITT^HENRIETTA"
    order.PatientBirthDate, order.PatientSex = "18680704", "F"
    order.AccessionNumber, order.StudyInstanceUID = "ACC9", "1.2.3.4"
    order.RequestedProcedureDescription, order.ReferringPhysicianName = "HEAD", "REF^X"
    order.RequestedProcedureID = "RP1"
    step.Modality, step.ScheduledProcedureStepID = "XC", "SPS1"
    step.ScheduledProcedureStepStartDate = "20260102"
    step.ScheduledProcedureStepStartTime = "101112"
    order.ScheduledProcedureStepSequence = [step]
    return order


@pytest.mark.parametrize(
    ("keyword", "expected"),
    {
        "PatientID": "W1",
        "PatientName": "LEAVITT^HENRIETTA",
        "PatientBirthDate": "18680704",
        "PatientSex": "F",
        "AccessionNumber": "ACC9",
        "StudyInstanceUID": "1.2.3.4",
        "Modality": "XC",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "StudyDescription": "HEAD",
        "ReferringPhysicianName": "REF^X",
    }.items(),
)
def test_a_worklist_item_gives_what_section_7_1_2_1_lists(keyword: str, expected: str) -> None:
    composed = secondary_capture(jpeg(), source=load(None, worklist=item()))
    assert str(composed.data_set[keyword].value) == expected
    if keyword != "Modality":
        (row,) = [one for one in composed.explain() if one["keyword"] == keyword]
        assert row["source"] == "COPY"


def test_a_worklist_item_leaves_its_request_in_the_series(tmp_path) -> None:
    composed = secondary_capture(jpeg(), source=load(None, worklist=item()))
    (request,) = composed.data_set.RequestAttributesSequence
    assert (request.RequestedProcedureID, request.ScheduledProcedureStepID) == ("RP1", "SPS1")
    assert dciodvfy_errors(composed.save(tmp_path / "out.dcm")) == []
