"""Key Object Selection documents: dciodvfy, DCMTK and PixelMed judge them."""

import re
from pathlib import Path

import pydicom
import pytest
from tests.compose.judges import dciodvfy_errors, dsrdump, pixelmed_sr_errors
from tests.factories import ct_series, ct_slice, multi_frame

from isocenter.compose.codes import Code
from isocenter.compose.reports.key_object import key_object_selection
from isocenter.errors import CannotCompose


def test_a_selection_of_a_series_is_valid_to_every_judge(tmp_path: Path) -> None:
    images = ct_series(3)
    path = key_object_selection(images, note="Lesion in segment 4").save(tmp_path / "ko.dcm")
    assert dciodvfy_errors(path) == []
    text = dsrdump(path)
    assert not [line for line in text.splitlines() if line.startswith("E:")]
    assert "Lesion in segment 4" in text and "Of Interest" in text
    assert pixelmed_sr_errors(path) == []


def test_every_selected_instance_is_evidence_and_content(tmp_path: Path) -> None:
    images = ct_series(3)
    data_set = key_object_selection(images).data_set
    (study,) = data_set.CurrentRequestedProcedureEvidenceSequence
    evidence = {
        one.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert evidence == {image.SOPInstanceUID for image in images}
    assert [item.ValueType for item in data_set.ContentSequence] == ["IMAGE"] * 3
    assert all("ConceptNameCodeSequence" not in item for item in data_set.ContentSequence)


def test_frames_are_named_in_the_content_and_not_in_the_evidence(tmp_path: Path) -> None:
    path = key_object_selection(multi_frame(), referenced_frame_numbers="1-2").save(tmp_path / "k")
    data_set = pydicom.dcmread(path)
    reference = data_set.ContentSequence[0].ReferencedSOPSequence[0]
    assert list(reference.ReferencedFrameNumber) == [1, 2]
    assert dciodvfy_errors(path) == []


def test_a_rejection_says_why(tmp_path: Path) -> None:
    image = ct_slice()
    with pytest.raises(CannotCompose, match="CID 7011"):
        key_object_selection(image, title="Rejected for Quality Reasons")
    motion = Code("111207", "DCM", "Image artifact(s)")
    path = key_object_selection(
        image, title="Rejected for Quality Reasons", title_modifiers=[motion]
    ).save(tmp_path / "ko.dcm")
    assert dciodvfy_errors(path) == []
    assert "Image artifact(s)" in dsrdump(path)


@pytest.mark.parametrize(
    ("references", "title", "sentence"),
    [
        ([], "Of Interest", "Nothing is selected"),
        ([ct_slice()], "Pretty", "'Best In Set'"),
        ([ct_slice()], "for surgry", "the nearest are 'For Surgery'"),
    ],
)
def test_what_cannot_be_right_is_refused(references: list, title: str, sentence: str) -> None:
    with pytest.raises(CannotCompose, match=sentence):
        key_object_selection(references, title=title)


def test_a_selection_of_very_many_objects_names_each_of_them(tmp_path: Path) -> None:
    def selected(number: int) -> pydicom.Dataset:
        one = pydicom.Dataset()
        one.PatientID, one.StudyInstanceUID = "1", "1.2.3"
        one.SeriesInstanceUID, one.SOPInstanceUID = f"1.2.4.{number % 9}", f"1.2.5.{number}"
        one.SOPClassUID, one.Rows = "1.2.840.10008.5.1.4.1.1.2", 8
        return one

    count = 10_000
    path = key_object_selection([selected(number) for number in range(count)]).save(tmp_path / "k")
    # Each UID stands in the evidence and in the content.
    content = path.read_bytes()
    found = re.findall(rb"\x08\x00\x55\x11UI..1\.2\.5\.(\d+)", content, re.DOTALL)
    assert sorted(map(int, found)) == sorted([*range(count), *range(count)])
    assert dsrdump(path).count("IMAGE:") == count
