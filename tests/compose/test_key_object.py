"""Key Object Selection documents: dciodvfy, DCMTK and PixelMed judge them."""

import re
import tracemalloc
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from tests.compose.judges import dciodvfy_errors, dsrdump, pixelmed_sr_errors
from tests.factories import ct_series, ct_slice, multi_frame, part10_bytes, small_object

from isocenter.compose import sources
from isocenter.compose.codes import Code
from isocenter.compose.reading import read_data_set
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


def very_many(count: int) -> list[pydicom.Dataset]:
    def selected(number: int) -> pydicom.Dataset:
        one = pydicom.Dataset()
        one.PatientID, one.StudyInstanceUID = "1", "1.2.3"
        one.SeriesInstanceUID, one.SOPInstanceUID = f"1.2.4.{number % 9}", f"1.2.5.{number}"
        one.SOPClassUID, one.Rows = "1.2.840.10008.5.1.4.1.1.2", 8
        return one

    return [selected(number) for number in range(count)]


def test_a_selection_of_very_many_objects_names_each_of_them(tmp_path: Path) -> None:
    count = 10_000
    path = key_object_selection(very_many(count)).save(tmp_path / "k")
    # Each UID stands in the evidence and in the content.
    content = path.read_bytes()
    found = re.findall(rb"\x08\x00\x55\x11UI..1\.2\.5\.(\d+)", content, re.DOTALL)
    assert sorted(map(int, found)) == sorted([*range(count), *range(count)])
    assert dsrdump(path).count("IMAGE:") == count


def test_a_selection_of_very_many_objects_takes_little_memory(tmp_path: Path) -> None:
    count = 3000
    selected = very_many(count)
    key_object_selection(selected[:10]).save(tmp_path / "k")  # loads what is loaded once
    tracemalloc.start()
    try:
        key_object_selection(selected).save(tmp_path / "k")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < count * 2000


def test_a_selection_says_the_same_whether_its_items_were_looked_at_or_not(tmp_path: Path) -> None:
    images = [multi_frame(), *ct_series(2), small_object()]
    for image in images:
        image.PatientID = "PID-1"
    composed = key_object_selection(images, note="Läsion", referenced_frame_numbers="1-2")
    unseen = composed.save(tmp_path / "unseen").read_bytes()
    items = list(composed.data_set.ContentSequence)
    assert [item.ValueType for item in items] == ["TEXT", "IMAGE", "IMAGE", "IMAGE", "COMPOSITE"]
    assert list(items[1].ReferencedSOPSequence[0].ReferencedFrameNumber) == [1, 2]
    assert composed.data_set == pydicom.dcmread(tmp_path / "unseen")
    assert composed.save(tmp_path / "seen").read_bytes() == unseen
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        path = composed.save(tmp_path / "other", transfer_syntax_uid=syntax)
        assert pydicom.dcmread(path) == pydicom.dcmread(tmp_path / "unseen")


def test_an_item_that_was_changed_is_written_so(tmp_path: Path) -> None:
    composed = key_object_selection(ct_series(3))
    composed.data_set.ContentSequence[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    del composed.data_set.ContentSequence[0]
    data_set = pydicom.dcmread(composed.save(tmp_path / "k"))
    assert len(data_set.ContentSequence) == 2
    assert data_set.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3"


def test_of_images_in_files_only_the_first_is_read_whole(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "series" / "more").mkdir(parents=True)
    (tmp_path / "series" / "README").write_text("no image")
    images = ct_series(4)
    for image, name in zip(images, ("a.dcm", "b.dcm", "more/c.dcm", "z.dcm"), strict=True):
        (tmp_path / "series" / name).write_bytes(part10_bytes(image))
    read: list[Path] = []

    def counted(path: Path, **options: bool) -> pydicom.Dataset:
        if path.name != "README":
            read.append(path)
        return read_data_set(path, **options)

    monkeypatch.setattr(sources, "read_data_set", counted)
    from_files = key_object_selection(tmp_path / "series").data_set
    assert read == [tmp_path / "series" / "a.dcm"]
    given = key_object_selection(images).data_set
    assert from_files.ContentSequence == given.ContentSequence
    for keyword in ("PatientName", "StudyInstanceUID", "CurrentRequestedProcedureEvidenceSequence"):
        assert from_files[keyword] == given[keyword]


@pytest.mark.parametrize(
    "change",
    [{"PatientID": "PID-2"}, {"IssuerOfPatientID": "Elsewhere"}, {"PatientID": "Ärger"}],
)
def test_files_of_two_patients_are_refused(tmp_path: Path, change: dict[str, str]) -> None:
    for name, image in (("a", ct_slice()), ("b", ct_slice(**change))):
        (tmp_path / name).write_bytes(part10_bytes(image))
    with pytest.raises(CannotCompose, match="different patients"):
        key_object_selection(tmp_path)
