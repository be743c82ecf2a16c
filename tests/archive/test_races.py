"""Two who do something to the same instance at the same time lose nothing that was acknowledged."""

import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
from pydicom import Dataset
from sqlalchemy.exc import OperationalError
from tests.archive.conftest import keep, uids
from tests.factories import ct_series, data_set_bytes, part10_bytes, small_object

from isocenter.archive import (
    Action,
    Archive,
    Level,
    Outcome,
    Query,
    blobs,
    checking,
    commit_together,
    unknown_files,
)
from isocenter.archive.blobs import BlobStore
from isocenter.archive.deletion import Deleter
from isocenter.archive.index import Index
from isocenter.archive.settlement import Settlement
from isocenter.archive.temporary import Temporary
from isocenter.dicom import tags
from isocenter.errors import InstanceConflict, NotDicom, NotFound, OutOfResources


def other_version(dataset: Dataset) -> Dataset:
    study, series, instance = uids(dataset)
    return small_object(
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=instance,
        PatientName="Somebody^Else",
    )


def kinds(report) -> list[tuple[str, bool]]:
    return sorted((problem.kind.value, problem.repaired) for problem in report.problems)


class Clock:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_nobody_takes_a_place_that_was_filled_after_he_found_it_empty(open_archive, monkeypatch):
    first, second = open_archive(), open_archive()
    dataset = small_object(PatientName="Doe^Jane")
    stored = []
    close = Temporary.close_for_moving

    def late(temporary: Temporary) -> None:
        if not stored:
            stored.append("begun")
            stored.extend(keep(first, dataset))
        close(temporary)

    monkeypatch.setattr(Temporary, "close_for_moving", late)
    with pytest.raises(InstanceConflict):
        keep(second, other_version(dataset))

    assert first.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
    (found,) = second.find(Query(Level.STUDY))
    assert found.text(tags.PatientName) == "Doe^Jane"


def test_files_go_back_before_anybody_else_may_write(directory, sqlite_archive, monkeypatch):
    dataset = small_object()
    refused = []
    undo = Settlement.undo

    def fail(_settlement: Settlement) -> None:
        raise OutOfResources("no")

    def watch(settlement: Settlement) -> None:
        rival = sqlite3.connect(directory / "index.sqlite", timeout=0, isolation_level=None)
        try:
            rival.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            refused.append(str(error))
        finally:
            rival.close()
        undo(settlement)

    monkeypatch.setattr(Settlement, "write", fail)
    monkeypatch.setattr(Settlement, "undo", watch)
    with pytest.raises(OutOfResources):
        keep(sqlite_archive, dataset)
    assert refused
    assert set(refused) == {"database is locked"}


def test_a_replacement_that_another_process_ends_meanwhile_keeps_nobody_from_opening(
    directory, monkeypatch
):
    Archive.open(directory).close()
    gone = directory / ".replaced" / "1_1.2_1.3_1.4.dcm"
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone]))
    Archive.open(directory).close()


def test_a_file_that_was_missing_for_a_while_comes_back(archive):
    lost, kept = small_object(), small_object()
    keep(archive, lost, kept)
    path = archive.open_instance(*uids(lost)).path
    path.rename(path.with_suffix(".away"))
    assert kinds(archive.check(repair=True)) == [("missing", True)]
    assert archive.changes()[-1].action is Action.LOST

    path.with_suffix(".away").rename(path)
    assert kinds(archive.check(repair=True)) == [("orphan", True)]
    assert path.exists()
    assert archive.count(Query(Level.INSTANCE)) == 2


def test_a_damaged_file_that_was_repaired_by_hand_comes_back(sqlite_archive):
    dataset, kept = small_object(), small_object()
    keep(sqlite_archive, dataset, kept)
    path = sqlite_archive.open_instance(*uids(dataset)).path
    content, times = path.read_bytes(), path.stat()
    os.truncate(path, 300)
    assert kinds(sqlite_archive.check(repair=True)) == [("damaged", True)]

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert kinds(sqlite_archive.check(repair=True)) == [("orphan", True)]


def test_what_arrives_while_its_damaged_forerunner_is_looked_at_is_not_set_apart(
    sqlite_archive, directory, monkeypatch
):
    dataset = small_object()
    path = directory.joinpath(*uids(dataset)[:2], uids(dataset)[2] + ".dcm")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off" * 10)
    look = checking._examined

    def late(*arguments, **options):
        monkeypatch.setattr(checking, "_examined", look)
        found = look(*arguments, **options)
        keep(sqlite_archive, dataset)
        return found

    monkeypatch.setattr(checking, "_examined", late)
    sqlite_archive.check(repair=True)
    assert sqlite_archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
    assert not sqlite_archive.check().problems


def test_what_arrives_while_a_leftover_of_its_deletion_is_looked_at_is_not_removed(
    sqlite_archive, monkeypatch
):
    dataset = small_object()
    keep(sqlite_archive, dataset)
    path = sqlite_archive.open_instance(*uids(dataset)).path
    content, times = path.read_bytes(), path.stat()
    sqlite_archive.delete(*uids(dataset))
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    look = checking.Checker._was_deleted

    def late(checker, *arguments):
        monkeypatch.setattr(checking.Checker, "_was_deleted", look)
        found = look(checker, *arguments)
        keep(sqlite_archive, dataset)
        return found

    monkeypatch.setattr(checking.Checker, "_was_deleted", late)
    sqlite_archive.check(repair=True)
    assert path.exists()
    assert not sqlite_archive.check().problems


def test_an_object_without_file_meta_leaves_nothing_behind_on_a_full_disk(
    sqlite_archive, directory, monkeypatch
):
    content = data_set_bytes(small_object(), "1.2.840.10008.1.2")
    write, opened = Temporary.write, []

    def full(temporary: Temporary, parts) -> None:
        if temporary not in opened:
            opened.append(temporary)
        if len(opened) > 1:
            raise OSError(28, "No space left on device")
        write(temporary, parts)

    monkeypatch.setattr(Temporary, "write", full)
    with pytest.raises(OutOfResources):
        sqlite_archive.ingest(content)
    assert len(opened) == 2
    assert [each._descriptor for each in opened] == [-1, -1]
    assert not [path for path in (directory / ".incoming").glob("*/*") if path.is_file()]


def test_folders_that_another_made_are_synced_before_they_are_relied_on(tmp_path, monkeypatch):
    store = BlobStore(tmp_path, durable=True)
    (tmp_path / "1.2" / "3.4").mkdir(parents=True)
    synced = []
    monkeypatch.setattr(BlobStore, "sync_folder", lambda _store, folder: synced.append(folder))
    temporary = store.temporary()
    source = temporary.path
    temporary.close()
    store.move(source, store.path("1.2", "3.4", "5.6"))
    store.sync_names(str(tmp_path / "1.2" / "3.4"))
    store.close()
    assert {tmp_path, tmp_path / "1.2"} <= set(synced)


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_whose_answer_is_lost_counts_as_what_it_was(
    directory, make_database, monkeypatch, committed
):
    commit, rollback = psycopg.Connection.commit, psycopg.Connection.rollback

    def lost(connection: psycopg.Connection) -> None:
        monkeypatch.setattr(psycopg.Connection, "commit", commit)
        (commit if committed else rollback)(connection)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    dataset, newer = small_object(), small_object()
    with Archive.open(directory, index_url=make_database(), on_conflict="replace") as archive:
        keep(archive, dataset)
        monkeypatch.setattr(psycopg.Connection, "commit", lost)
        if committed:
            assert keep(archive, other_version(dataset))[0].outcome is Outcome.REPLACED
        else:
            with pytest.raises(OutOfResources):
                keep(archive, other_version(dataset))
        keep(archive, newer)
        (found,) = archive.find(Query.of(Level.STUDY, {tags.StudyInstanceUID: uids(dataset)[0]}))
        expected = other_version(dataset) if committed else dataset
        assert found.text(tags.PatientName) == str(expected.PatientName)
        path = archive.open_instance(*uids(dataset)).path
        assert path.read_bytes() == part10_bytes(expected)
        assert not archive.check(thorough=True).problems


def test_what_is_deleted_while_a_check_is_about_to_adopt_it_stays_deleted(
    sqlite_archive, directory, monkeypatch
):
    """A check that has read the rows before it arrived takes it for an orphan."""
    kept, deleted = ct_series(2, 8, 8)
    keep(sqlite_archive, kept, deleted)
    path = directory.joinpath(*uids(deleted)[:2], uids(deleted)[2] + ".dcm")
    remove = Deleter._remove_files
    results = []

    def adopt_first(deleter, rows):
        results.extend(sqlite_archive._registrar.adopt([unknown_files.arrival_of(path)]))
        remove(deleter, rows)

    monkeypatch.setattr(Deleter, "_remove_files", adopt_first)
    assert sqlite_archive.delete(*uids(deleted)) == 1
    assert [type(result) for result in results] == [NotFound]
    assert not path.exists()
    assert sqlite_archive.count(Query(Level.INSTANCE)) == 1
    assert [change.action for change in sqlite_archive.changes()][-1] is Action.DELETED


def test_what_is_set_apart_twice_from_one_place_is_all_there(sqlite_archive, directory):
    dataset = small_object()
    place = directory.joinpath(*uids(dataset)[:2], uids(dataset)[2] + ".dcm")
    others = [part10_bytes(small_object(PatientID=name)) for name in ("P1", "P2", "P3")]
    for other in others:
        keep(sqlite_archive, dataset)
        place.write_bytes(other)
        sqlite_archive.check(repair=True, thorough=True)
    assert sorted(path.read_bytes() for path in (directory / ".damaged").iterdir()) == sorted(
        others
    )


def leave_behind(directory: Path, *names: str) -> None:
    """Leave what a process does that dies while objects arrive."""
    for name in names:
        (directory / ".incoming" / name).mkdir()
        (directory / ".incoming" / name / "1").write_bytes(b"half")


def test_two_who_open_an_archive_at_once_both_clear_up_after_the_dead(directory, monkeypatch):
    Archive.open(directory).close()
    leave_behind(directory, "dead", "gone")
    remove = blobs.shutil.rmtree

    def both(folder: Path, **options) -> None:
        monkeypatch.setattr(blobs.shutil, "rmtree", remove)
        Archive.open(directory).close()  # leaves out what the first is at, and takes the other
        remove(folder, **options)

    monkeypatch.setattr(blobs.shutil, "rmtree", both)
    Archive.open(directory).close()
    assert not list((directory / ".incoming").iterdir())


def test_a_process_that_ends_while_another_looks_for_the_dead_is_none_of_them(
    directory, monkeypatch
):
    ending, looking = (BlobStore(directory, durable=False) for _ in range(2))
    take = blobs._Claim.try_taking

    def late(path: Path):
        ending.close()
        return take(path)

    monkeypatch.setattr(blobs._Claim, "try_taking", late)
    assert looking.remove_leftovers() == 0
    looking.close()


def test_a_lock_that_was_removed_before_it_was_taken_claims_nothing(directory, monkeypatch):
    """Else two would hold a claim to one folder: by its file, and by another of that name."""
    fcntl = pytest.importorskip("fcntl", reason="Windows removes no file that is open")
    store = BlobStore(directory, durable=False)
    leave_behind(directory, "dead")
    lock = directory / ".incoming" / "dead.lock"
    flock = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        lock.unlink(missing_ok=True)
        flock(descriptor, how)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        assert list(store.leftovers()) == []
    assert store.remove_leftovers() == 1
    store.close()


def adopted_before_it_fails(archive: Archive, monkeypatch, *coming: Dataset) -> list[object]:
    """Have a check adopt arrivals that take long; then they fail. Gives what became of them."""

    def late(arrivals):
        monkeypatch.setattr(unknown_files, "time", Clock())
        assert kinds(archive.check(repair=True)) == [("orphan", True)] * len(coming)
        raise OutOfResources("the index is away")

    with monkeypatch.context() as patch:
        patch.setattr(archive._reception.commits, "_write", late)
        incomings = [archive.receiving() for _ in coming]
        for incoming, dataset in zip(incomings, coming, strict=True):
            incoming.write([part10_bytes(dataset)])
        return list(commit_together(incomings))


@pytest.mark.parametrize("number", [1, 2])
def test_what_a_check_adopted_keeps_its_file_though_its_arrival_fails(archive, monkeypatch, number):
    keep(archive, small_object())
    coming = [small_object() for _ in range(number)]
    outcomes = adopted_before_it_fails(archive, monkeypatch, *coming)
    assert [type(outcome) for outcome in outcomes] == [OutOfResources] * number
    for dataset in coming:
        assert archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
    assert not archive.check(thorough=True).problems
    assert keep(archive, coming[0])[0].outcome is Outcome.UNCHANGED


def test_failed_arrivals_leave_their_files_while_the_index_cannot_say_whether_they_have_rows(
    archive, monkeypatch
):
    datasets = [small_object() for _ in range(3)]
    asked = []

    def away(*_):
        asked.append(1)
        raise OperationalError("", {}, Exception("the index is away"))

    with monkeypatch.context() as patch:
        patch.setattr(Index, "_begin", away)
        incomings = [archive.receiving() for _ in datasets]
        for incoming, dataset in zip(incomings, datasets, strict=True):
            incoming.write([part10_bytes(dataset)])
        assert all(isinstance(outcome, OutOfResources) for outcome in commit_together(incomings))
    assert len(asked) == 2  # for all together: each may take long to say no
    assert kinds(archive.check()) == [("refused", False)] * 3
    assert [stored.outcome for stored in keep(archive, *datasets)] == [Outcome.STORED] * 3
    assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("together", [False, True])
def test_what_is_registered_counts_as_stored_whatever_becomes_of_its_temporary_file(
    archive, monkeypatch, together
):
    datasets = [small_object(), small_object()]
    discard = Temporary.discard

    def failing(temporary: Temporary) -> None:
        discard(temporary)
        raise RuntimeError("no")

    monkeypatch.setattr(Temporary, "discard", failing)
    incomings = [archive.receiving() for _ in range(3)]
    for incoming, content in zip(
        incomings, [b"no DICOM", *map(part10_bytes, datasets)], strict=True
    ):
        incoming.write([content])
    if together:
        outcomes = commit_together(incomings)
        assert isinstance(outcomes.pop(0), NotDicom)
    else:
        outcomes = [incoming.commit() for incoming in incomings[1:]]
    assert [outcome.outcome for outcome in outcomes] == [Outcome.STORED] * 2
