"""Rules that break one by one: what is found names the attribute, module and remedy."""

import io
import os
import struct
from errno import EACCES

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from tests.dicom import corpus
from tests.factories import ct_series, ct_slice, part10_bytes, small_object

from isocenter.dicom import Severity, validate, validate_files
from isocenter.dicom.iod import iod
from isocenter.dicom.validation import Finding, Rule, findings_json, sarif
from isocenter.errors import InvalidDicom, NotDicom

CT = "1.2.840.10008.5.1.4.1.1.2"


def errors(source) -> list[Finding]:
    return [f for f in validate(source) if f.severity is Severity.ERROR]


def one(source, keyword: str) -> Finding:
    found = [f for f in errors(source) if f.keyword == keyword]
    assert len(found) == 1, [f.message for f in errors(source)]
    return found[0]


def sources() -> list[Dataset]:
    return [pydicom.dcmread(io.BytesIO(part10_bytes(image))) for image in ct_series(2, 8, 8)]


def segmentation() -> Dataset:
    manual = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    segment = highdicom.seg.SegmentDescription(1, "liver", codes.SCT.Organ, codes.SCT.Liver, manual)
    return highdicom.seg.Segmentation(
        sources(), np.ones((2, 8, 8), np.uint8), "BINARY", [segment], generate_uid(), 1,
        generate_uid(), 1, "maker", "model", "1", "serial",
    )  # fmt: skip


def key_objects() -> Dataset:
    images = sources()
    chosen = highdicom.ko.KeyObjectSelection(codes.DCM.Manifest, referenced_objects=images)
    return highdicom.ko.KeyObjectSelectionDocument(
        images, chosen, generate_uid(), 1, generate_uid(), 1, "maker"
    )


def presentation_state() -> Dataset:
    return highdicom.pr.GrayscaleSoftcopyPresentationState(
        sources(), generate_uid(), 1, generate_uid(), 1, "maker", "model", "1", "serial", "LABEL"
    )


@pytest.mark.parametrize("make", [segmentation, key_objects, presentation_state])
def test_what_highdicom_makes_has_no_errors(make, tmp_path):
    make().save_as(tmp_path / "made.dcm")
    assert errors(tmp_path / "made.dcm") == []


def item(**attributes) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def test_contours_may_cut_holes_as_the_current_standard_says():
    contour = item(ContourGeometricType="CLOSEDPLANAR_XOR", NumberOfContourPoints=3,
                   ContourData=["1"] * 9)  # fmt: skip
    structures = corpus.read(corpus.named("rtstruct.dcm"))
    structures.ROIContourSequence[0].ContourSequence = [contour]
    assert "ContourGeometricType" not in {f.keyword for f in errors(structures)}


def test_a_sound_image_has_no_errors():
    assert errors(ct_slice(8, 8)) == []


def test_a_missing_attribute_is_named_with_module_type_and_remedy():
    found = one(ct_slice(8, 8, KVP=None), "KVP")
    assert (found.tag, found.rule, found.module) == (0x00180060, Rule.MISSING, "CT Image")
    assert found.condition == "Type 2"
    assert found.message.startswith("(0018,0060) KVP [CT Image, Type 2]: missing; expected")
    assert "Add KVP, empty if it is unknown" in found.remedy


def test_a_condition_is_said_in_words():
    image = ct_slice(8, 8, PatientIdentityRemoved="YES")
    found = [f for f in errors(image) if f.keyword == "DeidentificationMethod"]
    assert "Patient Identity Removed (0012,0062) is YES" in found[0].condition


def test_evidence_goes_with_source_images_that_functional_groups_name():
    source = item(SourceImageSequence=[item(ReferencedSOPInstanceUID="1.2.3")])
    groups = [item(DerivationImageSequence=[source])]
    evidence = [item(StudyInstanceUID="1.2", ReferencedSeriesSequence=[])]
    said = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1", "SourceImageEvidenceSequence": evidence}

    def found(**more):
        named = validate(ct_slice(8, 8, **said, **more))
        return [f for f in named if f.path == "SourceImageEvidenceSequence"]

    assert found(PerFrameFunctionalGroupsSequence=groups) == found() == []
    del said["SourceImageEvidenceSequence"]
    (missing,) = found(PerFrameFunctionalGroupsSequence=groups)
    assert missing.rule is Rule.MISSING and "in functional groups, too" in missing.condition


def test_attributes_within_sequences_are_found_by_their_path():
    image = ct_slice(8, 8, AnatomicRegionSequence=[item(CodeValue="1", CodeMeaning="a")])
    found = one(image, "CodingSchemeDesignator")
    assert found.path == "AnatomicRegionSequence[1]/CodingSchemeDesignator"


def test_an_optional_module_is_asked_for_once_it_has_begun():
    found = one(ct_slice(8, 8, ClinicalTrialSponsorName="ACME"), "ClinicalTrialProtocolID")
    assert found.module == "Clinical Trial Subject"


def test_a_data_set_with_values_that_cannot_be_written_is_still_judged():
    with pydicom.config.disable_value_validation():
        image = ct_slice(8, 8, PatientBirthDate="not a date", AccessionNumber="x" * 17)
    assert one(image, "PatientBirthDate").rule is Rule.VALUE
    assert one(image, "AccessionNumber").expected == "at most 16 characters"


def test_text_beyond_ascii_needs_a_character_set(tmp_path):
    path = tmp_path / "name.dcm"
    path.write_bytes(
        part10_bytes(ct_slice(8, 8, PatientName="Müller")).replace(b"ISO_IR 192", b"          ")
    )
    assert one(path, "PatientName").rule is Rule.CHARACTERS


@pytest.mark.parametrize(
    ("attributes", "keyword"),
    [
        ({"HighBit": 3}, "HighBit"),
        ({"BitsAllocated": 12}, "BitsAllocated"),
        ({"WindowWidth": "0"}, "WindowWidth"),
        ({"WindowWidth": ["10", "20"], "WindowCenter": ["1", "2", "3"]}, "WindowWidth"),
        ({"RescaleSlope": "0"}, "RescaleSlope"),
        ({"RescaleType": "US"}, "RescaleType"),
        ({"PixelSpacing": ["0.5", "-0.5"]}, "PixelSpacing"),
        ({"ImageOrientationPatient": ["1", "0", "0", "0.1", "0.995", "0"]},
         "ImageOrientationPatient"),
        ({"PixelData": bytes(100)}, "PixelData"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "OTHER"]}, "ImageType"),
        ({"NumberOfFrames": 0}, "NumberOfFrames"),
    ],
)  # fmt: skip
def test_images_agree_with_their_description(attributes, keyword, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8, **attributes)))
    assert keyword in {f.keyword for f in errors(path)}


def test_a_lookup_table_has_as_many_entries_as_its_descriptor_says():
    table = item(LUTDescriptor=[4, 0, 16], LUTData=[1, 2, 3])
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    found = one(ct_slice(8, 8, VOILUTSequence=[table]), "LUTData")
    assert "4 entries" in found.expected and found.found == "6 bytes"


def test_an_overlay_has_a_bit_for_each_pixel():
    image = ct_slice(8, 8)
    for element, vr, value in (
        (0x10, "US", 8), (0x11, "US", 8), (0x40, "CS", "G"), (0x50, "SS", [1, 1]),
        (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", bytes(6)),
    ):  # fmt: skip
        image.add_new(0x60000000 | element, vr, value)
    assert one(image, "OverlayData").expected.startswith("8 bytes")


def registration(grid: bytes, matrix=None, kind: str = "RIGID") -> Dataset:
    """A deformable registration, as far as these rules go."""
    matrix = np.eye(4) if matrix is None else matrix
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.3"
    pre = item(FrameOfReferenceTransformationMatrixType=kind,
               FrameOfReferenceTransformationMatrix=np.ravel(matrix).tolist())  # fmt: skip
    points = item(GridDimensions=[2, 3, 4], GridResolution=[1.0, 1.0, 1.0], VectorGridData=grid)
    made.DeformableRegistrationSequence = Sequence([
        item(PreDeformationMatrixRegistrationSequence=[pre],
             DeformableRegistrationGridSequence=[points]),
    ])  # fmt: skip
    return made


def of_rule(source, rule: Rule) -> list[str]:
    return [f.keyword for f in errors(source) if f.rule is rule]


def test_a_grid_has_twelve_bytes_for_each_point():
    assert of_rule(registration(bytes(2 * 3 * 4 * 12)), Rule.REGISTRATION) == []
    assert of_rule(registration(bytes(2 * 3 * 4 * 12 - 12)), Rule.REGISTRATION) == [
        "VectorGridData"
    ]


@pytest.mark.parametrize(
    ("matrix", "kind", "sound"),
    [
        (np.eye(4), "RIGID", True),
        (np.diag([2, 2, 2, 1]), "RIGID", False),
        (np.diag([2, 1, 3, 1]), "RIGID_SCALE", True),
        (np.diag([-1, 1, 1, 1]), "RIGID", False),
        (np.eye(4) + np.eye(4, k=1) * [0, 0.5, 0, 0], "RIGID_SCALE", False),
        (np.eye(4) + np.eye(4, k=1) * [0, 0.5, 0, 0], "AFFINE", True),
        (np.diag([0, 1, 1, 1]), "AFFINE", False),
        (np.eye(4) * 2, "AFFINE", False),
    ],
)
def test_a_matrix_is_what_its_type_says(matrix, kind, sound):
    found = of_rule(registration(bytes(288), matrix, kind), Rule.REGISTRATION)
    assert found == ([] if sound else ["FrameOfReferenceTransformationMatrix"])


def test_content_items_need_what_their_value_type_says():
    text = item(RelationshipType="CONTAINS", ValueType="TEXT",
                ConceptNameCodeSequence=[item(CodeValue="1", CodingSchemeDesignator="DCM",
                                              CodeMeaning="a")])  # fmt: skip
    report = small_object(ContentSequence=[text])
    found = one(report, "TextValue")
    assert found.path == "ContentSequence[1]/TextValue"
    assert found.condition == "required if Value Type (0040,A040) is TEXT"


def test_long_text_is_read_to_its_end(tmp_path):
    image = ct_slice(8, 8, GridFrameOffsetVector=["1"] * 600_000)
    path = tmp_path / "long.dcm"
    path.write_bytes(part10_bytes(image, "1.2.840.10008.1.2"))
    found = [f for f in errors(path) if f.keyword == "GridFrameOffsetVector"]
    assert [f.found for f in found] == ["600000 values"]


def test_every_frame_is_described_once():
    image = corpus.read(corpus.named("eCT_Supplemental.dcm"))
    image.PerFrameFunctionalGroupsSequence = image.PerFrameFunctionalGroupsSequence[:1]
    assert one(image, "PerFrameFunctionalGroupsSequence").rule is Rule.ITEMS


def test_files_that_belong_together_agree(tmp_path):
    slices = ct_series(3, 8, 8)
    slices[1].PatientName = "Other^Name"
    slices[2].FrameOfReferenceUID = "1.2.3"
    for number, image in enumerate(slices):
        (tmp_path / f"{number}.dcm").write_bytes(part10_bytes(image))
    found = {(f.file.name, f.keyword) for f in errors(tmp_path) if f.rule is Rule.FILE_SET}
    assert found == {("1.dcm", "PatientName"), ("2.dcm", "FrameOfReferenceUID")}


def test_an_instance_that_is_there_twice_is_found(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(part10_bytes(ct_slice(8, 8, SOPInstanceUID="1.2.3")))
    assert "SOPInstanceUID" in {f.keyword for f in errors(tmp_path) if f.rule is Rule.FILE_SET}


def test_meta_information_names_the_same_object(tmp_path):
    image = ct_slice(8, 8, SOPInstanceUID="1.2.3")
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(image).replace(b"1.2.3\0", b"1.2.4\0", 1))
    assert one(path, "MediaStorageSOPInstanceUID").rule is Rule.META


def test_a_class_that_is_not_known_is_a_warning():
    findings = validate(ct_slice(8, 8, SOPClassUID="1.2.3.4"))
    assert [(f.severity, f.rule) for f in findings] == [(Severity.WARNING, Rule.SOP_CLASS)]


def test_one_unreadable_file_does_not_stop_the_others(tmp_path):
    (tmp_path / "good.dcm").write_bytes(part10_bytes(ct_slice(8, 8, KVP=None)))
    (tmp_path / "cut.dcm").write_bytes(part10_bytes(ct_slice(8, 8))[:-50])
    (tmp_path / "notes.txt").write_text("no DICOM")
    report = validate_files([tmp_path])
    assert report.files == 1 and [f.keyword for f in report.findings
                                  if f.severity is Severity.ERROR] == ["KVP"]  # fmt: skip
    assert [path.name for path, _ in report.unreadable] == ["cut.dcm"]
    with pytest.raises(InvalidDicom, match="truncated"):
        validate(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="that system has no such permissions; run on others")
def test_what_may_not_be_read_in_a_folder_is_told_and_does_not_stop_the_others(
    tmp_path, monkeypatch
):
    (tmp_path / "good.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    (tmp_path / "closed.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "hidden.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    (tmp_path / "closed.dcm").chmod(0)
    (tmp_path / "closed").chmod(0)
    if os.geteuid() == 0:  # who may read everything
        forbid(monkeypatch)
    try:
        report = validate_files([tmp_path])
        with pytest.raises(InvalidDicom, match="closed.*Permission denied"):
            validate(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert report.files == 1
    assert report.unreadable == (
        (tmp_path / "closed", "Permission denied"),
        (tmp_path / "closed.dcm", "Permission denied"),
    )


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody read what has no permissions, as the system does for everybody but root."""

    def guarded(function):
        def call(path, *arguments, **named):
            if not isinstance(path, int) and not os.stat(path).st_mode & 0o777:
                raise PermissionError(EACCES, os.strerror(EACCES), str(path))
            return function(path, *arguments, **named)

        return call

    monkeypatch.setattr("os.scandir", guarded(os.scandir))
    monkeypatch.setattr("io.open", guarded(open))
    monkeypatch.setattr("builtins.open", guarded(open))


def nested(depth: int) -> bytes:
    """A file with sequences of defined length so deep in each other, which a scan passes over."""
    value = b""
    for _ in range(depth):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
        value = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, len(item)) + item
    return part10_bytes(small_object()) + value


@pytest.mark.parametrize("depth", [65, 1000, 3000])
def test_sequences_nested_without_reason_are_told_of_one_file_alone(tmp_path, depth):
    (tmp_path / "deep.dcm").write_bytes(nested(depth))
    (tmp_path / "good.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    report = validate_files([tmp_path])
    assert report.files == 1
    ((path, reason),) = report.unreadable
    assert (path.name, reason) == ("deep.dcm", "sequences nest deeper than 64")
    with pytest.raises(InvalidDicom, match="deeper than 64"):
        validate(tmp_path / "deep.dcm")


def test_sequences_nested_as_deep_as_may_be_are_validated(tmp_path):
    (tmp_path / "deep.dcm").write_bytes(nested(64))
    assert validate_files([tmp_path]).files == 1


def test_what_is_no_dicom_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pytest.raises((NotDicom, InvalidDicom)):
        validate(tmp_path / "notes.txt")


def test_findings_become_json_and_sarif(tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8, KVP=None)))
    findings = errors(path)
    described = findings_json(findings[0])
    assert described["tag"] == "(0018,0060)" and described["file"] == str(path)
    run = sarif(findings)["runs"][0]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert rules == {rule.value for rule in Rule}
    assert run["results"][0]["ruleId"] == "missing-attribute"
    location = run["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == path.as_uri()


def test_every_storage_class_of_the_table_has_modules_that_share_patient_and_study():
    definition = iod(CT)
    assert definition is not None and definition.name == "CT Image"
    names = [use.module.name for use in definition.modules]
    assert {"Patient", "General Study", "Image Plane", "SOP Common"} <= set(names)
    assert iod("1.2.3") is None


@pytest.mark.parametrize("path", corpus.files()[::4], ids=lambda p: p.name)
def test_no_file_makes_validation_fail(path):
    validate_files([path])


def test_a_number_that_is_cut_off_is_found(tmp_path):
    content = part10_bytes(ct_slice(8, 8), "1.2.840.10008.1.2")
    place = content.index(struct.pack("<HH", 0x0020, 0x000D))
    path = tmp_path / "cut.dcm"
    # Diffusion b-value is a double, but these are six bytes.
    diffusion = struct.pack("<HHI", 0x0018, 0x9087, 6) + b"abcdef"
    path.write_bytes(content[:place] + diffusion + content[place:])
    (finding,) = [one for one in validate(path) if one.tag == 0x00189087]
    assert (finding.found, finding.rule) == ("6 bytes", Rule.VALUE)


@pytest.mark.parametrize(("term", "known"), [("ISO_IR 192", True), ("ISO_IR 999", False)])
def test_a_character_set_must_be_one_that_the_standard_defines(term, known):
    data_set = ct_slice(8, 8, SpecificCharacterSet=term)
    found = [one for one in validate(data_set) if one.tag == 0x00080005]
    assert (not found) == known
