"""What comes in is kept as it came, found, opened and deleted."""

import contextlib
import errno
import io
import threading
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, generate_uid
from tests.archive.conftest import keep, uids
from tests.factories import ct_series, ct_slice, data_set_bytes, part10_bytes, small_object

import isocenter
from isocenter.archive import Action, Archive, Level, Origin, Outcome, Query
from isocenter.dicom import tags
from isocenter.errors import (
    ConfigurationError,
    InstanceConflict,
    InvalidAttribute,
    InvalidDicom,
    NotDicom,
    NotFound,
)


def as_dimse_sends(archive: Archive, dataset, **names):
    """Begin a data set without file meta."""
    named = {
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "sop_class_uid": dataset.SOPClassUID,
        "sop_instance_uid": dataset.SOPInstanceUID,
    }
    return archive.incoming(**named | names)


def file_meta() -> bytes:
    """Preamble and file meta of some object, to stand before any data set."""
    dataset = small_object()
    return part10_bytes(dataset)[: -len(data_set_bytes(dataset))]


def test_a_stored_file_has_the_bytes_that_came_but_for_the_preamble(archive, directory):
    dataset = ct_slice(16, 16)
    sent = b"MZ" + b"\x90" * 126 + part10_bytes(dataset)[128:]

    stored = archive.ingest(sent)

    study, series, instance = uids(dataset)
    kept = (directory / study / series / f"{instance}.dcm").read_bytes()
    assert kept == bytes(128) + sent[128:]
    assert (stored.outcome, stored.study_instance_uid) == (Outcome.STORED, study)


@pytest.mark.parametrize("kind", ["bytes", "path", "file", "parts"])
def test_an_object_can_come_as_bytes_path_file_or_parts(sqlite_archive, tmp_path, kind):
    content = part10_bytes(small_object())
    (tmp_path / "object").write_bytes(content)
    source = {
        "bytes": content,
        "path": tmp_path / "object",
        "file": io.BytesIO(content),
        "parts": (content[at : at + 100] for at in range(0, len(content), 100)),
    }[kind]
    assert sqlite_archive.ingest(source).outcome is Outcome.STORED


def test_a_data_set_from_the_network_becomes_a_file_that_pydicom_reads(archive):
    dataset = ct_slice(16, 16)
    incoming = as_dimse_sends(archive, dataset, origin=Origin("SCANNER", "10.0.0.1"))
    content = memoryview(data_set_bytes(dataset))

    for at in range(0, len(content), 1000):
        incoming.write([content[at : at + 500], content[at + 500 : at + 1000]])
    incoming.commit()

    read = pydicom.dcmread(archive.open_instance(*uids(dataset)).path)
    assert read == dataset
    assert read.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert read.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


def test_a_commit_can_be_waited_for_elsewhere(sqlite_archive):
    dataset = small_object()
    incoming = as_dimse_sends(sqlite_archive, dataset)
    incoming.write([data_set_bytes(dataset)])
    assert incoming.commit_async().result(timeout=60).outcome is Outcome.STORED


def test_a_file_without_preamble_and_meta_gets_them(sqlite_archive):
    dataset = small_object()
    sqlite_archive.ingest(data_set_bytes(dataset, ImplicitVRLittleEndian))
    kept = pydicom.dcmread(sqlite_archive.open_instance(*uids(dataset)).path)
    assert kept.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert kept == dataset


@pytest.mark.parametrize(
    "keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
)
def test_an_object_without_its_identity_is_refused_by_name(sqlite_archive, directory, keyword):
    content = file_meta() + data_set_bytes(small_object(**{keyword: ""}))
    with pytest.raises(InvalidAttribute, match=keyword):
        sqlite_archive.ingest(content)
    assert not list(directory.glob("[0-9]*"))


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/../3", "..", "/", "a" * 10, "1" * 65])
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_a_uid_that_could_lead_elsewhere_never_reaches_a_path(
    sqlite_archive, tmp_path, keyword, uid
):
    dataset = small_object(**{keyword: "0"})
    dataset[keyword].VR, dataset[keyword].value = "LO", uid
    content = file_meta() + data_set_bytes(dataset)
    with pytest.raises(InvalidAttribute):
        sqlite_archive.ingest(content)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_object_of_another_identity_than_announced_is_refused(sqlite_archive):
    dataset = small_object()
    incoming = as_dimse_sends(sqlite_archive, dataset, sop_instance_uid="1.2.3")
    incoming.write([data_set_bytes(dataset)])
    with pytest.raises(InvalidAttribute, match="SOPInstanceUID"):
        incoming.commit()


def test_an_object_of_another_study_than_the_request_names_is_refused(sqlite_archive):
    with pytest.raises(InvalidAttribute, match="StudyInstanceUID"):
        sqlite_archive.ingest(part10_bytes(small_object()), study_instance_uid="1.2.3")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7" + b"x" * 1000, bytes(5000)])
def test_what_is_not_dicom_is_refused_as_such(sqlite_archive, content):
    with pytest.raises(NotDicom):
        sqlite_archive.ingest(content)


def test_a_truncated_object_is_refused(sqlite_archive):
    with pytest.raises(InvalidDicom, match="truncated"):
        sqlite_archive.ingest(part10_bytes(ct_slice(16, 16))[:-10])


def test_refused_and_discarded_objects_leave_nothing_behind(sqlite_archive, directory):
    incoming = as_dimse_sends(sqlite_archive, small_object())
    incoming.write([b"something"])
    incoming.discard()
    with pytest.raises(NotDicom):
        sqlite_archive.ingest(b"nothing")
    arrivals = [path for path in (directory / ".incoming").rglob("*") if path.suffix != ".lock"]
    assert [path.is_dir() for path in arrivals] == [True]


def test_the_same_bytes_again_change_nothing(archive):
    dataset = small_object()
    keep(archive, dataset)
    assert keep(archive, dataset)[0].outcome is Outcome.UNCHANGED
    assert len(archive.changes()) == 1


def test_file_meta_makes_no_difference_between_two_arrivals(sqlite_archive):
    dataset = small_object()
    keep(sqlite_archive, dataset)
    incoming = as_dimse_sends(sqlite_archive, dataset, origin=Origin("SOMEBODY"))
    incoming.write([data_set_bytes(dataset)])
    assert incoming.commit().outcome is Outcome.UNCHANGED


def test_other_bytes_under_a_kept_uid_are_refused(archive):
    dataset = small_object(PatientID="first")
    keep(archive, dataset)
    dataset.PatientID = "second"
    with pytest.raises(InstanceConflict, match="SOP Instance UID"):
        keep(archive, dataset)
    assert pydicom.dcmread(archive.open_instance(*uids(dataset)).path).PatientID == "first"
    assert archive.find(Query(Level.STUDY))[0].text(tags.PatientID) == "first"


def test_other_bytes_replace_where_the_policy_says_so(open_archive, directory):
    archive = open_archive(on_conflict="replace")
    dataset = small_object(PatientID="first", InstanceNumber=1)
    keep(archive, dataset)
    reader = archive.open_instance(*uids(dataset))
    dataset.PatientID, dataset.InstanceNumber = "second", 2

    assert keep(archive, dataset)[0].outcome is Outcome.REPLACED

    assert b"first" in reader.read(0, reader.size)
    assert pydicom.dcmread(archive.open_instance(*uids(dataset)).path).PatientID == "second"
    found = archive.find(Query(Level.INSTANCE))
    assert [(f.text(tags.PatientID), f.text(tags.InstanceNumber)) for f in found] == [
        ("second", "2")
    ]
    assert [change.action for change in archive.changes()] == [Action.CREATED, Action.REPLACED]
    assert not list((directory / ".replaced").iterdir())


def test_other_bytes_are_kept_aside_where_the_policy_says_so(open_archive, directory):
    archive = open_archive(on_conflict="keep")
    dataset = small_object(PatientID="first")
    keep(archive, dataset)
    dataset.PatientID = "second"

    assert [keep(archive, dataset)[0].outcome for _ in range(2)] == [Outcome.KEPT] * 2

    assert pydicom.dcmread(archive.open_instance(*uids(dataset)).path).PatientID == "first"
    (aside,) = archive.kept_aside(dataset.StudyInstanceUID)
    assert pydicom.dcmread(aside.path).PatientID == "second"
    assert archive.count(Query(Level.INSTANCE)) == 1
    archive.delete(dataset.StudyInstanceUID)
    assert not list((directory / ".aside").iterdir())


def test_a_file_that_the_index_does_not_know_is_never_overwritten(archive, directory):
    dataset = small_object(PatientID="found there")
    study, series, instance = uids(dataset)
    (directory / study / series).mkdir(parents=True)
    (directory / study / series / f"{instance}.dcm").write_bytes(part10_bytes(dataset))
    dataset.PatientID = "newcomer"

    assert keep(archive, dataset)[0].outcome is Outcome.STORED

    assert archive.find(Query(Level.STUDY))[0].text(tags.PatientID) == "newcomer"
    (aside,) = (directory / ".aside").iterdir()
    assert pydicom.dcmread(aside).PatientID == "found there"


@pytest.mark.parametrize("uid", [b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.95"])
@pytest.mark.parametrize("padded_first", [False, True])
def test_a_deflated_object_is_the_same_with_the_byte_that_sending_adds(archive, padded_first, uid):
    """A file may have an odd length (PS3.5 A.5), a C-STORE has none."""
    folder = Path(pydicom.__file__).parent / "data/test_files"
    odd = (folder / "image_dfl.dcm").read_bytes().replace(b"1.2.840.10008.1.2.1.99", uid)
    both = [odd + b"\0", odd] if padded_first else [odd, odd + b"\0"]
    assert [archive.ingest(file).outcome for file in both] == [Outcome.STORED, Outcome.UNCHANGED]
    for other in (odd + b"\0\0", odd + b"\1"):
        with pytest.raises((InstanceConflict, InvalidDicom)):
            archive.ingest(other)


def test_a_lost_file_comes_back_by_sending_the_object_again(archive):
    dataset = small_object()
    keep(archive, dataset)
    archive.open_instance(*uids(dataset)).path.unlink()
    with pytest.raises(NotFound, match="missing"):
        archive.open_instance(*uids(dataset))

    assert keep(archive, dataset)[0].outcome is Outcome.STORED

    assert archive.count(Query(Level.INSTANCE)) == 1
    assert pydicom.dcmread(archive.open_instance(*uids(dataset)).path) == dataset


def test_the_same_instance_by_many_senders_at_once_is_stored_once(archive):
    content = part10_bytes(ct_slice(16, 16))
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(archive.ingest(content).outcome))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcome.value for outcome in outcomes) == ["stored"] + ["unchanged"] * 7


def test_many_senders_at_once_lose_nothing_and_leave_no_gap_in_the_log(archive):
    datasets = [small_object() for _ in range(60)]
    threads = [
        threading.Thread(target=keep, args=(archive, *datasets[n::6]), daemon=True)
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    changes = archive.changes()
    assert [change.sequence for change in changes] == list(range(1, 61))
    assert {change.sop_instance_uid for change in changes} == {
        dataset.SOPInstanceUID for dataset in datasets
    }
    assert archive.count(Query(Level.STUDY)) == 60


def test_two_processes_worth_of_archives_share_a_directory(open_archive):
    first, second = open_archive(), open_archive()
    study, series = generate_uid(), generate_uid()
    for number, archive in enumerate([first, second, first, second]):
        keep(archive, small_object(StudyInstanceUID=study, SeriesInstanceUID=series))
        assert archive.count(Query(Level.INSTANCE)) == number + 1
    second.delete(study)
    keep(first, small_object(StudyInstanceUID=study, SeriesInstanceUID=series))
    (found,) = second.find(Query(Level.STUDY))
    assert found.text(tags.NumberOfStudyRelatedInstances) == "1"


def test_a_bad_object_does_not_stop_those_that_arrive_with_it(sqlite_archive):
    good, failures = [small_object() for _ in range(10)], []

    def send(dataset):
        try:
            keep(sqlite_archive, dataset)
        except InvalidAttribute as error:
            failures.append(error)

    bad = [small_object(StudyInstanceUID="") for _ in range(5)]
    threads = [threading.Thread(target=send, args=(dataset,)) for dataset in good + bad]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (len(failures), sqlite_archive.count(Query(Level.INSTANCE))) == (5, 10)


def test_deleting_an_instance_a_series_and_a_study(archive, directory):
    series = ct_series(3, 8, 8)
    other = small_object(StudyInstanceUID=series[0].StudyInstanceUID)
    keep(archive, *series, other, elsewhere := small_object())
    study, series_uid, first = uids(series[0])

    assert archive.delete(study, series_uid, first) == 1
    (found,) = archive.find(Query.of(Level.STUDY, {tags.StudyInstanceUID: study}))
    assert found.values[tags.ModalitiesInStudy] == ["CT", "SR"]
    assert found.text(tags.NumberOfStudyRelatedInstances) == "3"

    assert archive.delete(study, series_uid) == 2
    (found,) = archive.find(Query.of(Level.STUDY, {tags.StudyInstanceUID: study}))
    assert found.values[tags.ModalitiesInStudy] == ["SR"]
    assert found.values[tags.SOPClassesInStudy] == [other.SOPClassUID]
    assert found.text(tags.NumberOfStudyRelatedSeries) == "1"

    assert archive.delete(study) == 1
    assert not (directory / study).exists()
    (left,) = archive.find(Query(Level.INSTANCE))
    assert left.text(tags.SOPInstanceUID) == elsewhere.SOPInstanceUID
    assert [change.action for change in archive.changes(since=5)] == [Action.DELETED] * 4


def test_what_is_deleted_cannot_be_opened_or_deleted_again(archive):
    dataset = small_object()
    keep(archive, dataset)
    archive.open_instance(*uids(dataset))
    archive.delete(*uids(dataset))
    with pytest.raises(NotFound):
        archive.open_instance(*uids(dataset))
    with pytest.raises(NotFound):
        archive.delete(dataset.StudyInstanceUID)
    assert keep(archive, dataset)[0].outcome is Outcome.STORED


def test_two_studies_may_share_series_and_instance_uids(archive):
    dataset = small_object()
    copy = small_object(
        SeriesInstanceUID=dataset.SeriesInstanceUID, SOPInstanceUID=dataset.SOPInstanceUID
    )
    keep(archive, dataset, copy)
    archive.delete(dataset.StudyInstanceUID)
    assert archive.open_instance(*uids(copy)).size


def test_an_index_url_that_means_nothing_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="sqlite:///"):
        Archive.open(tmp_path, index_url="nonsense")


def test_isocenter_open_gives_the_archive(tmp_path):
    with isocenter.open(tmp_path / "data", durability="fast") as archive:
        keep(archive, small_object())
    with isocenter.open(tmp_path / "data") as archive:
        assert archive.count(Query(Level.INSTANCE)) == 1


def test_deleting_and_sending_at_the_same_time_loses_no_acknowledged_file(archive):
    dataset = ct_slice(16, 16)
    content = part10_bytes(dataset)
    stop = threading.Event()

    def delete() -> None:
        while not stop.is_set():
            try:
                archive.delete(dataset.StudyInstanceUID)
            except NotFound:
                continue

    deleter = threading.Thread(target=delete, daemon=True)
    deleter.start()
    for _ in range(60):
        archive.ingest(content)
    stop.set()
    deleter.join(timeout=30)
    archive.ingest(content)
    assert archive.open_instance(*uids(dataset)).size == len(content)
    assert not archive.check(thorough=True).problems


def test_hostile_values_are_cut_for_the_index_and_kept_in_the_file(archive):
    dataset = small_object(
        InstitutionName="é" * 30_000, PatientName="a^" * 30_000, StudyDescription="a\0b" * 900
    )
    dataset.OperatorsName = ["Op"] * 10_000
    keep(archive, dataset)
    changed = small_object(StudyInstanceUID=dataset.StudyInstanceUID, StudyDescription="\0\0x")
    keep(archive, changed)
    (found,) = archive.find(Query.of(Level.SERIES, {tags.InstitutionName: "é*"}))
    assert len(found.text(tags.InstitutionName)) <= 4096
    assert len(found.text(tags.OperatorsName)) <= 4096
    read = pydicom.dcmread(archive.open_instance(*uids(dataset)).path)
    assert len(read.InstitutionName) == 30_000
    assert len(archive.conflicts(dataset.StudyInstanceUID)) == 2


def test_a_deleted_study_leaves_no_word_of_its_patient_in_the_index(archive):
    one, other = small_object(PatientName="Doe^Jane"), small_object(PatientName="Roe^Jane")
    other.StudyInstanceUID = one.StudyInstanceUID
    keep(archive, one, other)
    assert archive.conflicts(one.StudyInstanceUID)
    archive.delete(one.StudyInstanceUID)
    assert archive.conflicts(one.StudyInstanceUID) == []


def test_what_is_deleted_is_gone_for_readers_also_where_its_file_cannot_be_removed(
    archive, monkeypatch
):
    datasets = ct_series(3, 8, 8)
    keep(archive, *datasets)
    study = datasets[0].StudyInstanceUID
    for dataset in datasets:
        archive.open_instance(*uids(dataset))
    unlink = Path.unlink

    def stuck(path: Path, missing_ok: bool = False) -> None:
        if path.name == f"{datasets[1].SOPInstanceUID}.dcm":
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", stuck)
    assert archive.delete(study) == 3
    for dataset in datasets:
        with pytest.raises(NotFound):
            archive.open_instance(*uids(dataset))
    assert [path.stem for path in archive.directory.rglob("*.dcm")] == [datasets[1].SOPInstanceUID]


@pytest.mark.parametrize(("validation", "kept"), [("warn", 1), ("refuse", 0)])
def test_an_object_that_no_rule_can_be_held_against_is_kept_or_refused_without_its_values(
    tmp_path, monkeypatch, caplog, validation, kept
):
    def fails(source):
        raise RecursionError("SECRET^NAME")

    monkeypatch.setattr("isocenter.dicom.validation.validate", fails)
    with Archive.open(tmp_path, durability="fast", validation=validation) as archive:
        with contextlib.nullcontext() if kept else pytest.raises(InvalidDicom) as refused:
            archive.ingest(part10_bytes(small_object()))
        assert archive.count(Query(Level.INSTANCE)) == kept
    assert "SECRET" not in caplog.text + str(refused)


def test_a_kept_file_whose_meta_information_claims_too_much_is_no_fault_of_who_sends_it_again(
    archive,
):
    """What is refused is the other version, not its size (A700 would say: out of resources)."""
    dataset = small_object()
    keep(archive, dataset)
    path = archive.open_instance(*uids(dataset)).path
    content = bytearray(part10_bytes(dataset))
    # (0002,0001) OB: its length is claimed to be 2 GB.
    content[132 + 12 + 8 : 132 + 12 + 12] = (1 << 31).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InstanceConflict):
        keep(archive, dataset)
    archive.check(repair=True, thorough=True)
    assert keep(archive, dataset)[0].outcome is Outcome.STORED
