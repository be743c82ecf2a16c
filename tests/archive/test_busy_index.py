"""Another program that keeps the index locked: refused in good time, nothing lost, service resumes.

The lock is held by another process, through SQLite's or PostgreSQL's own driver.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from tests.archive.conftest import keep, uids
from tests.factories import ct_series, part10_bytes, small_object

from isocenter.archive import (
    Action,
    Archive,
    Level,
    Outcome,
    Query,
    busy_index,
    commit_together,
    connections,
    deletion,
    group_commit,
    index,
)
from isocenter.archive.deletion import Deleter
from isocenter.archive.settlement import Settlement
from isocenter.errors import OutOfResources

PATIENCE = 2.0
ENOUGH = PATIENCE + 3 * busy_index.ONE_TRY + 1.0  # a busy machine

HOLD_SQLITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
HOLD_POSTGRESQL = """
import psycopg, sys
with psycopg.connect(sys.argv[1]) as connection:
    connection.execute(f"SELECT pg_advisory_xact_lock({0x150C3})")
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def less_patience(monkeypatch):
    for module in (index, group_commit, connections):
        monkeypatch.setattr(module, "PATIENCE", PATIENCE)


@pytest.fixture
def lock(directory, index_url) -> Iterator[Callable[[], subprocess.Popen]]:
    """Have another process take the write lock; it keeps it until its standard input ends."""
    holders: list[subprocess.Popen] = []

    def take() -> subprocess.Popen:
        where = index_url or directory / "index.sqlite"
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD_POSTGRESQL if index_url else HOLD_SQLITE, str(where)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        holders.append(holder)
        assert holder.stdout.readline() == "locked\n"
        return holder

    yield take
    for holder in holders:
        let_go(holder)


def let_go(holder: subprocess.Popen) -> None:
    holder.communicate(timeout=30)


def seconds_until_refused(act: Callable[[], object]) -> float:
    begun = time.monotonic()
    with pytest.raises(OutOfResources, match="locked by another program"):
        act()
    return time.monotonic() - begun


def test_what_arrives_is_refused_once_and_for_all_in_one_patience(archive, directory, lock):
    kept, coming = ct_series(2, 8, 8)
    keep(archive, kept)
    holder = lock()
    assert PATIENCE / 2 < seconds_until_refused(lambda: keep(archive, coming)) < ENOUGH
    assert archive.count(Query(Level.INSTANCE)) == 1
    let_go(holder)
    assert keep(archive, coming)[0].outcome is Outcome.STORED
    assert archive.open_instance(*uids(coming)).path.read_bytes() == part10_bytes(coming)
    assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("together", [False, True])
def test_none_of_many_senders_waits_for_the_patience_of_another(archive, lock, together):
    holder, waited, refused = lock(), [], []
    begin = time.monotonic()

    def send(number: int) -> None:
        time.sleep(number * PATIENCE / 8)
        begun = time.monotonic()
        try:
            if together:
                incomings = [archive.receiving() for _ in range(3)]
                for incoming in incomings:
                    incoming.write([part10_bytes(small_object())])
                refused.extend(commit_together(incomings))
            else:
                keep(archive, small_object())
        except OutOfResources as error:
            refused.append(error)
        waited.append(time.monotonic() - begun)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert time.monotonic() - begin < PATIENCE + ENOUGH
    assert [type(each) for each in refused] == [busy_index.IndexBusy] * len(refused)
    assert len(refused) == (24 if together else 8)
    assert PATIENCE / 2 < min(waited) <= max(waited) < ENOUGH
    let_go(holder)
    keep(archive, small_object())
    assert archive.count(Query(Level.INSTANCE)) == 1


def test_what_arrives_while_others_have_not_waited_enough_is_stored_when_the_lock_goes(
    archive, lock
):
    early, late = ct_series(2, 8, 8)
    holder, outcomes = lock(), {}

    def send(dataset) -> None:
        try:
            outcomes[dataset.SOPInstanceUID] = keep(archive, dataset)[0].outcome
        except OutOfResources as error:
            outcomes[dataset.SOPInstanceUID] = type(error)

    threads = [threading.Thread(target=send, args=(dataset,)) for dataset in (early, late)]
    threads[0].start()
    time.sleep(PATIENCE * 0.75)
    threads[1].start()
    threads[0].join(30)
    let_go(holder)
    threads[1].join(30)
    assert outcomes == {
        early.SOPInstanceUID: busy_index.IndexBusy,
        late.SOPInstanceUID: Outcome.STORED,
    }


def test_files_of_what_was_refused_go_as_soon_as_the_index_is_free(
    archive, directory, lock, caplog
):
    refused = [small_object() for _ in range(2)]
    holder = lock()
    for dataset in refused:
        seconds_until_refused(lambda dataset=dataset: keep(archive, dataset))
    said = [each for each in caplog.messages if "refused objects stay" in each]
    assert len(said) == 2
    assert all("they go with the next object that is stored" in each for each in said)
    let_go(holder)
    again, other = refused[0], small_object()
    keep(archive, again, other)
    files = {path.stem for path in directory.glob("[0-9]*/*/*.dcm")}
    assert files == {again.SOPInstanceUID, other.SOPInstanceUID}
    assert not archive.check(thorough=True).problems


def test_none_waits_for_the_patience_of_another_that_brings_the_same(archive, lock):
    dataset, waited = small_object(), []
    lock()

    def send() -> None:
        waited.append(seconds_until_refused(lambda: keep(archive, dataset)))

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(waited) == 5
    assert max(waited) < ENOUGH


def test_what_was_refused_is_no_version_of_what_comes_under_its_uid(archive, directory, lock):
    dataset = small_object()
    holder = lock()
    seconds_until_refused(lambda: keep(archive, dataset))
    let_go(holder)
    dataset.PatientName = "Other^Bytes"
    assert keep(archive, dataset)[0].outcome is Outcome.STORED
    assert not list(directory.glob(".aside/*"))
    assert archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
    assert not archive.check(thorough=True).problems


def test_files_of_what_was_refused_go_at_the_latest_when_the_archive_closes(
    open_archive, directory, lock
):
    archive, holder = open_archive(), lock()
    seconds_until_refused(lambda: keep(archive, small_object()))
    let_go(holder)
    archive.close()
    assert not list(directory.glob("[0-9]*/*/*.dcm"))


def test_one_bad_object_does_not_have_all_beside_it_wait_for_the_lock(archive, lock, monkeypatch):
    settle, holders = Settlement.settle, []

    def bad(settlement, arrival):
        if not holders:
            monkeypatch.setattr(archive._index, "writing", locked(archive._index.writing))
            raise ValueError("a mistake")
        return settle(settlement, arrival)

    def locked(writing):
        def late(patience=None):
            if not holders:
                holders.append(lock())
            return writing(patience)

        return late

    monkeypatch.setattr(Settlement, "settle", bad)
    incomings = [archive.receiving() for _ in range(12)]
    for incoming in incomings:
        incoming.write([part10_bytes(small_object())])
    begun = time.monotonic()
    outcomes = commit_together(incomings)
    assert {type(outcome) for outcome in outcomes} == {busy_index.IndexBusy}
    assert time.monotonic() - begun < ENOUGH
    let_go(holders[0])
    keep(archive, small_object())
    assert archive.count(Query(Level.INSTANCE)) == 1
    assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("index_url", ["postgresql"], indirect=True)  # SQLite locks no table alone
def test_a_locked_table_refuses_as_a_locked_index_does(archive, index_url):
    kept, waited = small_object(), []
    keep(archive, kept)

    def refused(act: Callable[[], object]) -> None:
        waited.append(seconds_until_refused(act))

    with psycopg.connect(index_url) as connection:
        connection.execute("LOCK TABLE instance IN SHARE MODE")
        threads = [
            threading.Thread(target=refused, args=(lambda: keep(archive, small_object()),))
            for _ in range(3)
        ]
        threads.append(
            threading.Thread(target=refused, args=(lambda: archive.delete(*uids(kept)),))
        )
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(waited) == 4
        assert max(waited) < ENOUGH + PATIENCE
    assert archive.delete(*uids(kept)) == 1
    keep(archive, small_object())
    assert archive.count(Query(Level.INSTANCE)) == 1
    assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("index_url", ["postgresql"], indirect=True)
def test_who_reads_behind_a_locked_table_is_refused_as_one_who_writes(archive, index_url):
    dataset = small_object()
    keep(archive, dataset)
    reads: list[Callable[[], object]] = [
        lambda: archive.find(Query(Level.STUDY)),
        lambda: archive.count(Query(Level.INSTANCE)),
        lambda: archive.instances(dataset.StudyInstanceUID),
        lambda: archive.open_instance(*uids(dataset)),
        lambda: archive.metadata(dataset.StudyInstanceUID),
        lambda: archive.check(),
    ]
    with psycopg.connect(index_url) as connection:
        connection.execute("LOCK TABLE instance, series, study IN ACCESS EXCLUSIVE MODE")
        for read in reads:
            assert PATIENCE / 2 < seconds_until_refused(read) < ENOUGH
    for read in reads:
        read()


def test_a_delete_is_refused_in_one_patience_and_deletes_nothing(archive, directory, lock):
    datasets = ct_series(3, 8, 8)
    keep(archive, *datasets)
    holder = lock()
    refused = seconds_until_refused(lambda: archive.delete(*uids(datasets[0])))
    assert PATIENCE / 2 < refused < ENOUGH
    assert archive.count(Query(Level.INSTANCE)) == 3
    assert all(archive.open_instance(*uids(dataset)).path.exists() for dataset in datasets)
    let_go(holder)
    assert archive.delete(datasets[0].StudyInstanceUID) == 3
    assert not archive.check(thorough=True).problems


def test_a_lock_that_comes_between_rows_and_files_lets_a_delete_be_one(
    archive, directory, lock, monkeypatch
):
    kept, deleted = ct_series(2, 8, 8)
    keep(archive, kept, deleted)
    path = archive.open_instance(*uids(deleted)).path
    monkeypatch.setattr(deletion, "_PATIENCE_FOR_FILES", 0.1)
    remove, holders = Deleter._remove_files, []

    def late(deleter, rows) -> None:
        holders.append(lock())
        remove(deleter, rows)

    monkeypatch.setattr(Deleter, "_remove_files", late)
    assert archive.delete(*uids(deleted)) == 1
    assert archive.count(Query(Level.INSTANCE)) == 1
    assert archive.changes()[-1].action is Action.DELETED
    assert path.exists()
    let_go(holders[0])
    assert [problem.kind.value for problem in archive.check(repair=True).problems] == ["deleted"]
    assert not path.exists()


def test_a_file_that_a_delete_left_is_no_version_of_what_comes_anew(
    archive, directory, monkeypatch
):
    kept, deleted = ct_series(2, 8, 8)
    keep(archive, kept, deleted)
    monkeypatch.setattr(Deleter, "_remove_files", lambda *_: None)
    archive.delete(*uids(deleted))
    deleted.PatientName = "Other^Bytes"
    assert keep(archive, deleted)[0].outcome is Outcome.STORED
    assert not list(directory.glob(".aside/*"))
    assert archive.open_instance(*uids(deleted)).path.read_bytes() == part10_bytes(deleted)


def test_reading_waits_for_nobody_who_writes(archive, lock):
    dataset = small_object()
    keep(archive, dataset)
    lock()
    begun = time.monotonic()
    assert archive.find(Query(Level.STUDY))
    assert archive.open_instance(*uids(dataset)).size
    assert archive.metadata(dataset.StudyInstanceUID).json()
    assert time.monotonic() - begun < 3 * busy_index.ONE_TRY


def test_a_repair_gives_up_in_one_patience(archive, directory, lock):
    dataset, kept = ct_series(2, 8, 8)
    keep(archive, dataset, kept)
    archive.open_instance(*uids(dataset)).path.unlink()
    lock()
    assert seconds_until_refused(lambda: archive.check(repair=True)) < ENOUGH


@pytest.mark.parametrize("index_url", [None])
def test_what_was_acknowledged_before_and_after_a_lock_is_there_when_the_process_is_killed(
    directory, tmp_path, lock
):
    """The same process is refused, acknowledged, and killed."""
    first, refused, last = ct_series(3, 8, 8)
    for name, dataset in {"first": first, "refused": refused, "last": last}.items():
        (tmp_path / name).write_bytes(part10_bytes(dataset))
    program = """
import sys
from pathlib import Path
from isocenter.archive import Archive, group_commit, index
from isocenter.errors import OutOfResources
group_commit.PATIENCE = index.PATIENCE = 1.0
archive = Archive.open(sys.argv[1])
for name in sys.stdin:
    try:
        archive.ingest((Path(sys.argv[2]) / name.strip()).read_bytes())
        print("stored", flush=True)
    except OutOfResources:
        print("refused", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, directory, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def store(name: str) -> str:
        process.stdin.write(name + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    assert store("first") == "stored"
    holder = lock()
    assert store("refused") == "refused"
    let_go(holder)
    assert store("last") == "stored"
    process.kill()
    process.wait(30)
    with Archive.open(directory) as archive:
        for dataset in (first, last):
            assert archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
        assert archive.count(Query(Level.INSTANCE)) == 2
        assert not archive.check(thorough=True).problems
