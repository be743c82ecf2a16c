"""Check finds what differs between files and index; repair puts it right and loses nothing."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom import Dataset
from pydicom.uid import RLELossless
from sqlalchemy import text
from tests.archive.conftest import keep, uids
from tests.factories import ct_series, ct_slice, part10_bytes, small_object

from isocenter.archive import (
    Action,
    Level,
    Match,
    Outcome,
    ProblemKind,
    Query,
    blobs,
    unknown_files,
)
from isocenter.archive.blobs import BlobStore
from isocenter.archive.checking import Checker
from isocenter.dicom import tags
from isocenter.errors import OutOfResources


def kinds(report) -> list[tuple[str, bool]]:
    return sorted((problem.kind.value, problem.repaired) for problem in report.problems)


def test_an_archive_in_order_has_no_problems(archive):
    keep(archive, *ct_series(3, 8, 8), small_object())
    report = archive.check(thorough=True)
    assert (report.files, report.instances, report.problems) == (4, 4, [])


def test_a_lost_index_is_made_anew_from_the_files(
    open_archive, directory, index_url, make_database
):
    archive = open_archive()
    study = small_object().StudyInstanceUID
    for name, modality in (("Doe^Jane", "CT"), ("Roe^Jane", "MR"), ("Poe^Jane", "PT")):
        keep(archive, small_object(StudyInstanceUID=study, PatientName=name, Modality=modality))
    keep(archive, *ct_series(3, 8, 8))
    before = {
        level: [found.values for found in archive.find(Query(level))]
        for level in (Level.STUDY, Level.SERIES, Level.INSTANCE)
    }
    archive.close()
    for path in directory.glob("index.sqlite*"):
        path.unlink()

    options = {"index_url": make_database()} if index_url else {}
    archive = open_archive(**options)
    assert archive.count(Query(Level.INSTANCE)) == 0
    report = archive.check(repair=True)

    assert kinds(report) == [("orphan", True)] * 6
    for level, values in before.items():
        found = [each.values for each in archive.find(Query(level))]
        assert sorted(map(str, found)) == sorted(map(str, values))
    assert not archive.check(thorough=True).problems


def test_missing_files_leave_the_index_and_are_logged_as_deleted(archive):
    lost, kept = small_object(), small_object()
    keep(archive, lost, kept)
    archive.open_instance(*uids(lost)).path.unlink()
    assert kinds(archive.check()) == [("missing", False)]
    assert kinds(archive.check(repair=True)) == [("missing", True)]
    assert archive.count(Query(Level.STUDY)) == 1
    assert archive.changes()[-1].sop_instance_uid == lost.SOPInstanceUID


def test_a_disk_that_is_not_mounted_does_not_empty_the_index(sqlite_archive, directory):
    keep(sqlite_archive, small_object(), small_object())
    for folder in directory.glob("[0-9]*"):
        shutil.rmtree(folder)
    report = sqlite_archive.check(repair=True)
    assert kinds(report) == [("missing", False)] * 2
    assert "mounted" in report.problems[0].sentence
    assert sqlite_archive.count(Query(Level.INSTANCE)) == 2


def test_a_truncated_file_is_set_apart_so_that_the_object_can_be_sent_again(archive, directory):
    dataset = small_object()
    keep(archive, dataset)
    path = archive.open_instance(*uids(dataset)).path
    os.truncate(path, 300)

    assert kinds(archive.check(repair=True)) == [("damaged", True)]

    assert len(list((directory / ".damaged").iterdir())) == 1
    assert keep(archive, dataset)[0].outcome is Outcome.STORED
    assert not archive.check(thorough=True).problems


def test_a_file_in_the_wrong_place_is_found_by_a_thorough_check(sqlite_archive):
    one, other = (
        small_object(StudyInstanceUID=f"1.{n}", SeriesInstanceUID=f"2.{n}", SOPInstanceUID=f"3.{n}")
        for n in range(2)
    )
    later = small_object(StudyInstanceUID="1.1", SeriesInstanceUID="2.1")
    keep(sqlite_archive, one, other, later)
    paths = [sqlite_archive.open_instance(*uids(each)).path for each in (one, other)]
    shutil.copy(paths[0], paths[1])
    assert kinds(sqlite_archive.check()) == []
    assert kinds(sqlite_archive.check(thorough=True, repair=True)) == [("misplaced", True)]
    assert sqlite_archive.count(Query(Level.INSTANCE)) == 2


def test_a_file_whose_deletion_was_cut_off_does_not_come_back(sqlite_archive):
    dataset = small_object()
    keep(sqlite_archive, dataset)
    path = sqlite_archive.open_instance(*uids(dataset)).path
    content, times = path.read_bytes(), path.stat()
    sqlite_archive.delete(*uids(dataset))
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert kinds(sqlite_archive.check(repair=True)) == [("deleted", True)]

    assert not path.exists()
    assert sqlite_archive.count(Query(Level.INSTANCE)) == 0


def test_files_that_are_no_objects_are_set_apart(sqlite_archive, directory):
    folder = directory / "1.2" / "3.4"
    folder.mkdir(parents=True)
    (folder / "5.6.dcm").write_bytes(b"no DICOM at all" * 100)
    assert kinds(sqlite_archive.check(repair=True)) == [("damaged", True)]
    assert not folder.exists()


def test_wrong_counts_are_counted_anew(archive):
    keep(archive, *ct_series(3, 8, 8))
    with archive._index.writing() as transaction:
        transaction.execute(text("UPDATE series SET instance_count = 7"))
    assert kinds(archive.check()) == [("miscounted", False)]
    archive.check(repair=True)
    (series,) = archive.find(Query(Level.SERIES))
    assert series.values[0x00201209] == ["3"]
    assert series.text(tags.NumberOfStudyRelatedInstances) == "3"


def test_arrivals_of_a_dead_process_are_found(sqlite_archive, directory):
    (directory / ".incoming" / "dead").mkdir()
    (directory / ".incoming" / "dead" / "1").write_bytes(b"half")
    assert kinds(sqlite_archive.check()) == [("leftover", False)]
    assert kinds(sqlite_archive.check(repair=True)) == [("leftover", True)]
    assert not (directory / ".incoming" / "dead").exists()


def test_a_database_with_a_broken_page_is_not_compared(sqlite_archive, directory):
    """The page that breaks is of an index of the tables, which no query need come across."""
    keep(sqlite_archive, *(small_object() for _ in range(5)))
    index = sqlite_archive._index
    page_of = text("SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'study'")
    with index.reading() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        page = max(connection.execute(page_of).scalars())
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    index.close()
    with (directory / "index.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))
    with pytest.raises(OutOfResources, match="damaged.*check --repair"):
        sqlite_archive.check(repair=True)


def test_progress_is_told_study_by_study(sqlite_archive):
    keep(sqlite_archive, small_object(), small_object())
    seen = []
    sqlite_archive.check(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_the_report_counts_by_kind(sqlite_archive, directory):
    path = directory / "1.2" / "3.4" / "5.6.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(part10_bytes(small_object()))
    report = sqlite_archive.check()
    assert report.count(ProblemKind.MISPLACED) == 1
    assert len(report.unrepaired) == 1


@pytest.mark.parametrize("name", [".hidden", "notes.txt", "1.2"])
def test_what_others_put_beside_the_studies_is_left_alone(sqlite_archive, directory, name):
    (directory / name).write_text("mine")
    assert not sqlite_archive.check(repair=True).problems
    assert (directory / name).read_text() == "mine"


def test_a_file_that_cannot_be_read_now_stays_where_it_is(archive, monkeypatch):
    """Its disk or its permissions may come back: it is told, and nothing is taken for damaged."""
    kept = small_object()
    keep(archive, kept)

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("isocenter.archive.wholeness.scan_file", refuse)
        report = archive.check(repair=True, thorough=True)
    assert kinds(report) == [("unreadable", False)]
    assert archive.count(Query(Level.INSTANCE)) == 1
    assert not archive.check(thorough=True).problems


def emptied(archive, table: str, *columns: str) -> None:
    """Leave columns as a migration that adds them does."""
    with archive._index.writing() as transaction:
        for column in columns:
            transaction.execute(text(f"UPDATE {table} SET {column} = NULL"))


def test_values_of_columns_that_an_upgrade_added_are_filled_from_the_files(archive):
    first = small_object(PatientWeight="70.5", Occupation="Miller", ProtocolName="Knee")
    other = small_object(PatientSize="1.75", AdditionalPatientHistory="None told")
    keep(archive, first, other)
    before = [found.values for found in archive.find(Query(Level.SERIES))]
    added = ("patient_size", "patient_weight", "occupation", "additional_patient_history")
    emptied(archive, "study", *added, *(f"{name}_search" for name in added))
    emptied(archive, "series", "protocol_name", "protocol_name_search")
    heavy = Query(Level.STUDY, (Match(0x00101030, "70.50"),))
    assert archive.count(heavy) == 0

    report = archive.check()
    assert kinds(report) == [("incomplete", False)] * 2
    (sentence,) = [p.sentence for p in report.problems if first.StudyInstanceUID in str(p.path)]
    assert sentence.endswith("Occupation, PatientWeight, ProtocolName")
    assert archive.count(heavy) == 0
    assert kinds(archive.check(repair=True)) == [("incomplete", True)] * 2
    assert archive.count(heavy) == 1
    assert [found.values for found in archive.find(Query(Level.SERIES))] == before
    assert not archive.check(thorough=True).problems


def test_a_thorough_check_fills_the_rows_of_instances_and_their_sequences(archive):
    report_like = small_object(ContentDate="20240203")
    report_like.ConceptNameCodeSequence = [Dataset()]
    report_like.ConceptNameCodeSequence[0].CodeValue = "11528-7"
    report_like.ConceptNameCodeSequence[0].CodingSchemeDesignator = "LN"
    report_like.ConceptNameCodeSequence[0].CodeMeaning = "Radiology Report"
    keep(archive, report_like)
    emptied(archive, "instance", "content_date")
    with archive._index.writing() as transaction:
        transaction.execute(text("DELETE FROM item_value"))
    assert not archive.check().problems
    (problem,) = archive.check(thorough=True, repair=True).problems
    assert problem.sentence.endswith("ConceptNameCodeSequence, ContentDate")
    title = Match((0x0040A043, 0x00080100), "11528-7")
    on_day = Match(0x00080023, "20240203")
    assert archive.count(Query(Level.INSTANCE, (title, on_day))) == 1


def changed(archive, statement: str) -> None:
    """Change rows behind the archive's back."""
    with archive._index.writing() as transaction:
        transaction.execute(text(statement))


def test_a_row_that_says_otherwise_than_its_file_is_found_and_written_anew(archive):
    dataset = ct_slice(8, 8, InstanceNumber=7)
    keep(archive, dataset)
    changed(archive, "UPDATE instance SET instance_number = 8, acquisition_number = NULL")
    (problem,) = (p for p in archive.check(thorough=True).problems if p.kind.value == "differing")
    assert problem.sentence == "the index says otherwise than files of InstanceNumber"
    assert problem.path == archive.open_instance(*uids(dataset)).path

    numbered = Query(Level.INSTANCE, (Match(tags.InstanceNumber, "7"),))
    assert archive.count(numbered) == 0
    archive.check(thorough=True, repair=True)
    assert archive.count(numbered) == 1
    assert not archive.check(thorough=True).problems


def test_a_value_that_a_row_has_and_its_file_does_not_is_taken_out(archive):
    keep(archive, small_object())
    changed(archive, "UPDATE instance SET acquisition_number = 3")
    (problem,) = archive.check(thorough=True, repair=True).problems
    assert problem.sentence.endswith("AcquisitionNumber")
    of_number = Query(Level.INSTANCE, (Match(tags.AcquisitionNumber, "3"),))
    assert archive.count(of_number) == 0


def test_codes_that_are_not_those_of_the_file_are_written_anew(archive):
    report_like = small_object()
    report_like.ConceptNameCodeSequence = [Dataset()]
    report_like.ConceptNameCodeSequence[0].CodeValue = "11528-7"
    keep(archive, report_like)
    changed(archive, "UPDATE item_value SET value = '4711', search = '4711'")
    (problem,) = archive.check(thorough=True, repair=True).problems
    assert problem.sentence.endswith("ConceptNameCodeSequence")
    title = Match((0x0040A043, 0x00080100), "11528-7")
    assert archive.count(Query(Level.INSTANCE, (title,))) == 1
    assert not archive.check(thorough=True).problems


def test_a_bit_that_turned_in_a_header_is_found_by_a_thorough_check(archive):
    slices = ct_series(3, 8, 8)
    keep(archive, *slices)
    path = archive.open_instance(*uids(slices[0])).path
    content = path.read_bytes()
    rows = b"\x28\0\x10\0US\2\0\x08\0"
    assert content.count(rows) == 1
    path.write_bytes(content.replace(rows, rows[:-2] + b"\x48\0"))
    (problem,) = archive.check(thorough=True).problems
    # Its pixel data would be too short for so many rows, but nobody unpacks it here.
    assert (problem.kind, problem.path) == (ProblemKind.DIFFERING, path)
    assert problem.sentence.endswith("Rows")


@pytest.mark.parametrize("by", [-2, 400])
def test_a_whole_file_whose_size_alone_is_another_stays_and_its_row_is_written_anew(
    archive, directory, by
):
    dataset = ct_slice(8, 8)
    keep(archive, dataset)
    path = archive.open_instance(*uids(dataset)).path
    content = path.read_bytes()
    changed(archive, f"UPDATE instance SET size = size + {by}")
    (problem,) = archive.check().problems
    assert (problem.kind, problem.path) == (ProblemKind.DIFFERING, path)
    assert problem.sentence == (
        f"the file is {len(content)} bytes long, the index says {len(content) + by}"
    )
    assert kinds(archive.check(repair=True)) == [("differing", True)]
    assert path.read_bytes() == content
    assert not (directory / ".damaged").exists()
    (kept,) = archive.instances(dataset.StudyInstanceUID)
    assert kept.size == len(content)
    assert not archive.check(thorough=True).problems


def test_a_file_that_somebody_changed_in_its_place_is_told_to_all_who_read_it(archive):
    dataset = ct_slice(8, 8, StudyDescription="Head")
    keep(archive, dataset)
    before = archive.metadata(*uids(dataset)[:2]).etag, archive.metadata(*uids(dataset)).etag
    path = archive.open_instance(*uids(dataset)).path
    dataset.StudyDescription, dataset.InstanceNumber = "Head and neck", 70
    path.write_bytes(part10_bytes(dataset))

    report = archive.check(repair=True)

    assert kinds(report) == [("differing", True)] * 2  # its own row and that of the study
    (study,) = archive.find(Query(Level.STUDY))
    assert study.text(tags.StudyDescription) == "Head and neck"
    assert archive.count(Query(Level.INSTANCE, (Match(tags.InstanceNumber, "70"),))) == 1
    after = archive.metadata(*uids(dataset)[:2]).etag, archive.metadata(*uids(dataset)).etag
    assert not set(before) & set(after)
    assert [change.sequence for change in archive.changes()] == [1, 2, 3]
    assert archive.changes()[-1].action is Action.REPLACED
    assert archive.last_change(dataset.StudyInstanceUID) == 3
    assert not archive.check(thorough=True).problems


def test_compressed_pixels_that_break_off_are_no_whole_file(archive, directory):
    dataset = ct_slice(32, 32)
    archive.ingest(part10_bytes(dataset, RLELossless))
    path = archive.open_instance(*uids(dataset)).path
    os.truncate(path, path.stat().st_size - 24)
    assert kinds(archive.check(repair=True)) == [("damaged", True)]
    assert len(list((directory / ".damaged").iterdir())) == 1


def test_studies_and_series_must_say_what_the_latest_file_says(archive):
    dataset = small_object(PatientWeight="70.5", ProtocolName="Knee", Modality="SR")
    keep(archive, small_object(), dataset)
    changed(archive, "UPDATE study SET patient_weight = '71' WHERE patient_weight IS NOT NULL")
    changed(archive, "UPDATE series SET protocol_name = 'Hip' WHERE protocol_name IS NOT NULL")
    changed(archive, "UPDATE study SET modalities = 'MR' WHERE patient_weight IS NOT NULL")

    found = archive.check()
    assert kinds(found) == [("differing", False)] * 2
    study = archive.open_instance(*uids(dataset)).path.parent.parent
    sentences = {problem.path: problem.sentence.split(" of ")[1] for problem in found.problems}
    assert sentences == {
        study: "ModalitiesInStudy, PatientWeight",
        study / dataset.SeriesInstanceUID: "ProtocolName",
    }
    assert kinds(archive.check(repair=True)) == [("differing", True)] * 2
    of_weight = Match(0x00101030, "70.5"), Match(tags.ModalitiesInStudy, "SR")
    assert archive.count(Query(Level.STUDY, of_weight)) == 1
    assert not archive.check(thorough=True).problems


def test_instances_that_disagree_about_their_study_are_no_problem(archive):
    study, series = small_object().StudyInstanceUID, small_object().SeriesInstanceUID
    names = ("Doe^Jane", "Roe^Jane", None, "Poe^Jane", None)
    slices = [
        small_object(
            StudyInstanceUID=study,
            SeriesInstanceUID=series if number % 2 else small_object().SeriesInstanceUID,
            PatientName=name,
            PatientWeight=None if number else "70",
            ProtocolName=f"Protocol {number}",
        )
        for number, name in enumerate(names)
    ]
    keep(archive, *slices)
    assert not archive.check().problems
    assert not archive.check(thorough=True).problems
    archive.delete(*uids(slices[0]))  # which alone said the weight
    assert not archive.check().problems
    assert not archive.check(thorough=True).problems


def test_nothing_is_wrong_while_instances_are_being_replaced(open_archive):
    archive = open_archive(on_conflict="replace")
    first, other = (ct_slice(8, 8, InstanceNumber=number) for number in (1, 22222))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(other, keyword, first[keyword].value)
    keep(archive, first)
    stop = threading.Event()

    def replace() -> None:
        while not stop.is_set():
            keep(archive, other, first)

    with ThreadPoolExecutor(1) as executor:
        replacing = executor.submit(replace)
        try:
            for _ in range(10):
                assert not archive.check(thorough=True).problems
                assert not archive.check(thorough=True, repair=True).problems
        finally:
            stop.set()
        replacing.result(60)


class Clock:
    """A clock that goes on only while somebody sleeps, and then lets somebody else do something."""

    def __init__(self, meanwhile=lambda: None) -> None:
        self.now = 0.0
        self._meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._meanwhile()


def once_before(monkeypatch, place, name: str, act, *, after: bool = False) -> None:
    """Have something happen right before (or after) the next call of a function."""
    original = getattr(place, name)

    def called(*arguments):
        monkeypatch.setattr(place, name, original)
        if after:
            result = original(*arguments)
            act()
            return result
        act()
        return original(*arguments)

    monkeypatch.setattr(place, name, called)


def alike() -> list[Dataset]:
    """Make two instances of a series that say the same."""
    first = small_object()
    study, series, _ = uids(first)
    return [first, small_object(StudyInstanceUID=study, SeriesInstanceUID=series)]


def lost_rows(archive, *datasets: Dataset) -> None:
    """Forget instances, but not their files, as an index does that was put back from a copy."""
    kept = [archive.open_instance(*uids(dataset)).path for dataset in datasets]
    content = [path.read_bytes() for path in kept]
    for dataset in datasets:
        archive.delete(*uids(dataset))
    with archive._index.writing() as transaction:
        transaction.execute(text("DELETE FROM change"))
    for path, each in zip(kept, content, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each)


@pytest.mark.parametrize("repair", [False, True])
def test_what_is_deleted_after_its_row_was_read_is_not_missing(archive, monkeypatch, repair):
    kept, deleted = alike()
    keep(archive, kept, deleted)
    once_before(monkeypatch, Checker, "_check_known", lambda: archive.delete(*uids(deleted)))
    assert not archive.check(repair=repair).problems
    assert archive.changes()[-1].action is Action.DELETED


@pytest.mark.parametrize("repair", [False, True])
def test_an_arrival_that_is_not_committed_yet_is_no_orphan(archive, monkeypatch, repair):
    kept, coming = alike()
    keep(archive, kept)
    commit, results, reports = archive._reception.commits._write, [], []

    def late(arrivals):
        """Commit while the check waits, or else after it."""
        clock = Clock(lambda: results.extend(commit(arrivals)))
        monkeypatch.setattr(unknown_files, "time", clock)
        reports.append(archive.check(repair=repair))
        return results or commit(arrivals)

    monkeypatch.setattr(archive._reception.commits, "_write", late)
    assert keep(archive, coming)[0].outcome is Outcome.STORED
    assert not reports[0].problems
    assert [change.action for change in archive.changes()] == [Action.CREATED] * 2


@pytest.mark.parametrize("repair", [False, True])
def test_an_instance_whose_deletion_is_under_way_is_no_leftover(archive, monkeypatch, repair):
    """Its row goes first, and its file a moment later."""
    kept, deleted = alike()
    keep(archive, kept, deleted)
    reports = []
    path = archive.open_instance(*uids(deleted)).path

    def check() -> None:
        monkeypatch.setattr(unknown_files, "time", Clock(path.unlink))
        reports.append(archive.check(repair=repair))

    once_before(monkeypatch, archive._deleter, "_remove_files", check)
    archive.delete(*uids(deleted))
    assert not reports[0].problems


def test_what_comes_anew_while_a_check_waits_is_no_orphan(archive, monkeypatch):
    """Another file in the place of the one that was seen is somebody's arrival, not committed."""
    kept, orphan = alike()
    keep(archive, kept, orphan)
    lost_rows(archive, orphan)
    path = archive._blobs.path(*uids(orphan))

    def take_the_place() -> None:
        path.with_suffix(".new").write_bytes(path.read_bytes())
        path.with_suffix(".new").replace(path)

    monkeypatch.setattr(unknown_files, "time", Clock(take_the_place))
    assert not archive.check(repair=True).problems
    assert archive.count(Query(Level.INSTANCE)) == 1


def test_a_check_waits_once_in_all_and_only_for_what_looks_like_an_orphan(archive, monkeypatch):
    objects = [small_object() for _ in range(4)]
    keep(archive, *objects)
    clock = Clock()
    monkeypatch.setattr(unknown_files, "time", clock)
    assert not archive.check().problems
    assert clock.now == 0

    lost_rows(archive, *objects[1:])
    told = []
    report = archive.check(progress=lambda done, _: told.append(done))
    assert kinds(report) == [("orphan", False)] * 3
    assert 0 < clock.now <= 1
    assert told == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("place", "name"),
    [(Checker, "_is_damaged"), (Checker, "_check_orphans"), (Checker, "_adopt")],
)
@pytest.mark.parametrize("repair", [False, True])
def test_an_orphan_that_goes_while_it_is_looked_at_ends_no_check(
    sqlite_archive, monkeypatch, place, name, repair
):
    kept, orphan = alike()
    keep(sqlite_archive, kept, orphan)
    lost_rows(sqlite_archive, orphan)
    path = sqlite_archive._blobs.path(*uids(orphan))
    monkeypatch.setattr(unknown_files, "time", Clock())
    once_before(monkeypatch, place, name, path.unlink)
    report = sqlite_archive.check(repair=repair)
    assert not report.unrepaired
    assert not sqlite_archive.check().problems


def test_a_leftover_that_goes_while_it_is_looked_at_ends_no_check(sqlite_archive, monkeypatch):
    kept, deleted = alike()
    keep(sqlite_archive, kept, deleted)
    path = sqlite_archive.open_instance(*uids(deleted)).path
    monkeypatch.setattr(sqlite_archive._deleter, "_remove_files", lambda rows: None)
    sqlite_archive.delete(*uids(deleted))
    monkeypatch.setattr(unknown_files, "time", Clock())
    once_before(monkeypatch, Checker, "_was_deleted", path.unlink)
    assert not sqlite_archive.check().problems


def test_a_series_that_is_deleted_while_files_are_listed_ends_no_check(sqlite_archive, monkeypatch):
    study = small_object().StudyInstanceUID
    kept, deleted = (small_object(StudyInstanceUID=study) for _ in range(2))
    keep(sqlite_archive, kept, deleted)

    def delete() -> None:
        sqlite_archive.delete(study, deleted.SeriesInstanceUID)

    once_before(monkeypatch, blobs, "_subfolders", delete, after=True)
    found = BlobStore.files(sqlite_archive._blobs, study)
    assert [path.stem for path in found] == [kept.SOPInstanceUID]
    assert not sqlite_archive.check().problems
