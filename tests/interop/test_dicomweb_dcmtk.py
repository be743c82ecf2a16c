"""DCMTK reads what DICOMweb answers, and writes the same XML."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless
from tests.factories import ct_slice, multi_frame, part10_bytes, small_object
from tests.interop.peers import needs, run

from isocenter.archive import Archive
from isocenter.dicom import scan_file, transfer_syntax
from isocenter.dicom.json_model import file_json
from isocenter.dicomweb import json_to_xml
from isocenter.services.transcoding import transcoded_object

pytestmark = pytest.mark.peer


def kept(dataset: Dataset, directory: Path) -> Archive:
    archive = Archive.open(directory, durability="fast")
    archive.ingest(part10_bytes(dataset))
    return archive


@needs("dcmdump", "dcmdrle", "dcmdjpls", "dcmdjpeg")
@pytest.mark.parametrize(
    ("syntax", "decoder"),
    [
        (RLELossless, "dcmdrle"),
        (JPEGLSLossless, "dcmdjpls"),
        (JPEGLosslessSV1, "dcmdjpeg"),
        (JPEG2000Lossless, None),
    ],
)
def test_transcoded_objects_are_read_and_decoded(
    tmp_path: Path, syntax: str, decoder: str | None
) -> None:
    dataset = multi_frame(3)
    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    with kept(dataset, tmp_path / "archive") as archive:
        content = b"".join(transcoded_object(archive.open_instance(*uids), transfer_syntax(syntax)))
    path, decoded = tmp_path / "transcoded.dcm", tmp_path / "decoded.dcm"
    path.write_bytes(content)
    dumped = run(["dcmdump", "+E", path])
    assert (dumped.returncode, "error" in dumped.stdout.lower()) == (0, False)
    if decoder is not None:
        done = run([decoder, path, decoded])
        assert done.returncode == 0, done.stdout
        assert dataset.PixelData in decoded.read_bytes()


def elements(parent: ElementTree.Element) -> dict[str, object]:
    """Attributes by tag and creator, with what they hold; text as it stands."""
    found: dict[str, object] = {}
    for element in parent:
        name = f"{element.attrib['tag'].upper()} {element.attrib.get('privateCreator', '')}"
        items = [elements(child) for child in element if _local(child) == "Item"]
        values = [
            (_local(child), child.attrib.get("number"), _texts(child))
            for child in element
            if _local(child) in ("Value", "PersonName")
        ]
        found[name] = (element.attrib["vr"], items or values)
    return found


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _texts(element: ElementTree.Element) -> list[object]:
    texts = [(_local(each), (each.text or "").strip()) for each in element.iter()]
    return [(name, _number(text)) for name, text in texts if text]


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


@needs("dcm2xml")
@pytest.mark.parametrize(
    "dataset",
    [
        small_object(),
        ct_slice(8, 8),
        small_object(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", PatientComments="a<b>&c"),
    ],
)
def test_xml_says_what_dcmtk_s_says(tmp_path: Path, dataset: Dataset) -> None:
    path = tmp_path / "object.dcm"
    path.write_bytes(part10_bytes(dataset))
    ours = ElementTree.fromstring(
        json_to_xml(file_json(path, scan_file(path), bulk_data_uri="/bulk"))
    )
    done = run(["dcm2xml", "-nat", "+U8", path])
    assert done.returncode == 0, done.stdout
    theirs = elements(ElementTree.fromstring(done.stdout.encode()))
    found = elements(ours)
    # Specific Character Set: UTF-8 either way, though DCMTK leaves out or keeps the label.
    for tag in ("00080005 ", "7FE00010 "):
        found.pop(tag, None)
        theirs.pop(tag, None)
    assert found == theirs
