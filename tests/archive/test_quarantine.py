"""A refused object can be found again, with the reason."""

import json

import pytest
from sqlalchemy.exc import IntegrityError
from tests.factories import ct_slice, data_set_bytes, part10_bytes

from isocenter.archive import Archive, ProblemKind, blobs
from isocenter.archive.settlement import Settlement
from isocenter.errors import InstanceConflict, InvalidAttribute, IsocenterError, NotDicom


def refused(folder) -> list[tuple[bytes, dict]]:
    return [
        (path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
        for path in sorted(folder.glob("*.dcm"))
    ]


@pytest.fixture
def quarantine(tmp_path):
    return tmp_path / "refused"


@pytest.fixture(params=["nameless", "named"])
def archive(tmp_path, quarantine, request, monkeypatch):
    """With arriving files as this system has them, and as one without nameless files does."""
    if request.param == "named":
        monkeypatch.setattr(blobs, "has_nameless_files", lambda path: False)
    with Archive.open(tmp_path / "data", durability="fast", quarantine=quarantine) as archive:
        yield archive


def test_an_object_without_study_is_kept_with_the_reason(archive, quarantine):
    sent = part10_bytes(ct_slice(8, 8, StudyInstanceUID=None))
    with pytest.raises(InvalidAttribute) as error:
        archive.ingest(sent)
    ((kept, described),) = refused(quarantine)
    assert kept == sent
    assert described["reason"] == str(error.value)
    assert described["error"] == "InvalidAttribute"
    assert described["time"]


def test_a_conflicting_version_is_kept(archive, quarantine):
    first = ct_slice(8, 8, PatientName="A")
    archive.ingest(part10_bytes(first))
    first.PatientName = "B"
    with pytest.raises(InstanceConflict):
        archive.ingest(part10_bytes(first))
    ((kept, described),) = refused(quarantine)
    assert kept == part10_bytes(first)
    assert described["error"] == "InstanceConflict"


def test_an_object_that_the_index_refuses_is_kept(archive, quarantine, tmp_path, monkeypatch):
    """It stood in its place already, and has been taken away from there."""

    def refuse(_settlement) -> None:
        raise IntegrityError(None, None, Exception("no such value"))

    sent = part10_bytes(ct_slice(8, 8))
    monkeypatch.setattr(Settlement, "write", refuse)
    with pytest.raises(IsocenterError, match="the index refused the object"):
        archive.ingest(sent)
    ((kept, _),) = refused(quarantine)
    assert kept == sent
    assert not [path for path in (tmp_path / "data").rglob("*") if path.suffix == ".dcm"]
    assert not list((tmp_path / "data" / ".incoming").glob("*/*"))


def test_what_came_without_file_meta_information_is_kept_as_a_file(archive, quarantine):
    dataset = ct_slice(8, 8)
    incoming = archive.incoming(
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid="1.2.3.4",
    )
    incoming.write([data_set_bytes(dataset)])
    with pytest.raises(InvalidAttribute):
        incoming.commit()
    ((kept, _),) = refused(quarantine)
    assert kept[128:132] == b"DICM"
    assert kept.endswith(data_set_bytes(dataset))


def test_garbage_is_kept_too(archive, quarantine):
    with pytest.raises(NotDicom):
        archive.ingest(b"this is not DICOM" * 100)
    assert len(refused(quarantine)) == 1


def test_what_is_accepted_leaves_nothing_there(archive, quarantine):
    archive.ingest(part10_bytes(ct_slice(8, 8)))
    assert not quarantine.exists()


def test_a_quarantine_that_cannot_be_written_changes_nothing_for_the_sender(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with (
        Archive.open(tmp_path / "data", quarantine=blocked) as archive,
        pytest.raises(NotDicom),
    ):
        archive.ingest(b"this is not DICOM" * 100)


def test_a_check_tells_of_a_quarantine_that_cannot_be_written_and_repairs_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    for quarantine in (blocked, blocked / "refused"):
        with Archive.open(tmp_path / "data", quarantine=quarantine) as archive:
            for repair in (False, True):
                (problem,) = archive.check(repair=repair).problems
                assert problem.kind is ProblemKind.UNWRITABLE
                assert problem.path == quarantine
                assert "Not a directory" in problem.sentence
                assert not problem.repaired
    assert blocked.read_text() == "not a folder"


def test_a_quarantine_that_can_be_written_or_made_is_no_problem_and_stays_as_it_is(tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    for quarantine in (made, tmp_path / "not" / "made"):
        with Archive.open(tmp_path / "data", quarantine=quarantine) as archive:
            assert not archive.check(repair=True).problems
    assert list(made.iterdir()) == []
    assert not (tmp_path / "not").exists()


def test_what_the_quarantine_could_not_keep_is_counted(tmp_path):
    quarantine = tmp_path / "refused"
    with Archive.open(tmp_path / "data", quarantine=quarantine) as archive:
        for lost, blocks in enumerate((False, True, True, False)):
            quarantine.rename(tmp_path / f"before-{lost}") if quarantine.exists() else None
            if blocks:
                quarantine.write_text("in the way")
            with pytest.raises(NotDicom):
                archive.ingest(b"this is not DICOM" * 100)
        assert archive.unquarantined == 2


def test_without_a_quarantine_nothing_is_counted(tmp_path):
    with Archive.open(tmp_path / "data") as archive:
        with pytest.raises(NotDicom):
            archive.ingest(b"this is not DICOM" * 100)
        assert archive.unquarantined == 0
