"""Encapsulated documents: dciodvfy accepts them, and the document comes out as it went in."""

import struct
from pathlib import Path

import pydicom
import pytest
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice

from isocenter.compose import Origin
from isocenter.compose.encapsulated import encapsulated
from isocenter.dicom import validate
from isocenter.errors import CannotCompose, NotFound

PDF = b"%PDF-1.4\n1 0 obj << >> endobj\n%%EOF\n"
CDA = (
    b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
    b'<id extension="c266" root="2.16.840.1.113883.19.4"/></ClinicalDocument>'
)
STL = bytes(80) + struct.pack("<I", 1) + bytes(50)
OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
MTL = b"newmtl red\nKd 1 0 0\n"
KINDS = {
    "pdf": (PDF, "1.2.840.10008.5.1.4.1.1.104.1", "application/pdf"),
    "cda": (CDA, "1.2.840.10008.5.1.4.1.1.104.2", "text/XML"),
    "stl": (STL, "1.2.840.10008.5.1.4.1.1.104.3", "model/stl"),
    "obj": (OBJ, "1.2.840.10008.5.1.4.1.1.104.4", "model/obj"),
    "mtl": (MTL, "1.2.840.10008.5.1.4.1.1.104.5", "model/mtl"),
}
UNKNOWN_TO_DCIODVFY = ["obj", "mtl"]


@pytest.mark.parametrize("with_source", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_document_is_told_by_its_content_or_name(
    tmp_path: Path, kind: str, with_source: bool
) -> None:
    content, sop_class, media_type = KINDS[kind]
    (tmp_path / f"document.{kind}").write_bytes(content)
    composed = encapsulated(
        tmp_path / f"document.{kind}",
        source=ct_slice(8, 8) if with_source else None,
        title="Übersicht",
    )
    path = composed.save(tmp_path / "out.dcm")
    data_set = pydicom.dcmread(path)
    assert data_set.SOPClassUID == sop_class
    assert data_set.MIMETypeOfEncapsulatedDocument == media_type
    assert data_set.EncapsulatedDocumentLength == len(content)
    assert data_set.EncapsulatedDocument[: len(content)] == content
    assert data_set.DocumentTitle == "Übersicht"
    assert [str(one) for one in validate(path)] == []
    assert ("FrameOfReferenceUID" in data_set) == (kind in ("stl", "obj"))
    if kind not in UNKNOWN_TO_DCIODVFY:
        assert dciodvfy_errors(path) == []


def test_a_document_inherits_its_patient_and_refers_to_its_source() -> None:
    source = ct_slice(8, 8)
    composed = encapsulated(PDF, source=source)
    data_set = composed.data_set
    assert data_set.PatientID == source.PatientID
    assert composed.provenance[0x00100020].origin is Origin.COPIED
    (item,) = data_set.SourceInstanceSequence
    assert item.ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_a_cda_document_brings_its_identifier() -> None:
    assert encapsulated(CDA).data_set.HL7InstanceIdentifier == "2.16.840.1.113883.19.4^c266"


def test_a_model_lies_in_the_frame_of_reference_of_its_source() -> None:
    source = ct_slice(8, 8)
    data_set = encapsulated(STL, kind="stl", source=source).data_set
    assert data_set.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert data_set.MeasurementUnitsCodeSequence[0].CodeValue == "mm"


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"", "pdf", "is empty"),
        (PDF + b"trailer << /Encrypt 5 0 R >>", "pdf", "password"),
        (b"hello", "pdf", "%PDF-"),
        (PDF, "cda", "ClinicalDocument"),
        (b"<ClinicalDocument/>", "cda", "no id"),
        (b"solid ascii", "stl", "binary STL"),
        (STL[:-1], "stl", "binary STL"),
        (b"hello", "docx", "'docx'"),
        (b"hello", None, "expected one of pdf"),
    ],
)
def test_what_cannot_be_right_is_refused(content: bytes, kind: str | None, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        encapsulated(content, kind=kind)


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(NotFound, match=r"nowhere\.pdf"):
        encapsulated("nowhere.pdf")
