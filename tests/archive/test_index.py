"""The tables are those of the migrations, on both engines."""

import errno
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import alembic.op
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, text
from tests.archive.conftest import keep, uids
from tests.factories import small_object

from isocenter.archive import Action, Archive, Level, Query, deletion, index, migrations, schema
from isocenter.archive import archive as archives
from isocenter.archive.resources import answer_of
from isocenter.dicom import tags
from isocenter.errors import ConfigurationError, OutOfResources


def test_migrations_make_the_tables_that_the_code_works_with(archive):
    with archive._index.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, schema.metadata) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_an_archive_of_the_first_tables_is_brought_up_to_date(engine, make_database, tmp_path):
    options = {"index_url": make_database()} if engine == "postgresql" else {}
    added = ("patient_size", "patient_weight", "occupation", "additional_patient_history")
    with Archive.open(tmp_path, **options) as archive:
        keep(archive, small_object(StudyID="before"))
        with archive._index.writing() as transaction:
            for name in added:
                transaction.execute(text(f"ALTER TABLE study DROP COLUMN {name}"))
                transaction.execute(text(f"ALTER TABLE study DROP COLUMN {name}_search"))
            transaction.execute(text("DROP INDEX change_taken_out"))
            transaction.execute(text("CREATE INDEX change_instance ON change (sop_instance_uid)"))
            transaction.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    with Archive.open(tmp_path, **options) as archive:
        keep(archive, small_object(StudyID="after", PatientWeight="61.5"))
        assert archive.count(Query(Level.STUDY)) == 2
        (found,) = archive.find(Query.of(Level.STUDY, {tags.PatientWeight: "61.50"}))
        assert found.text(tags.StudyID) == "after"
        with archive._index.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, schema.metadata) == []


@pytest.mark.parametrize("step", ["patient_weight", "change_taken_out"])
def test_an_opening_that_breaks_off_between_two_steps_leaves_nothing_of_them(
    step, tmp_path, monkeypatch
):
    """Else the next opening would make once more what is there, and fail for ever."""

    def breaking_off(operation):
        def operate(name, *arguments, **options):
            if step in (name, *(getattr(one, "name", None) for one in arguments)):
                raise InterruptedError
            return operation(name, *arguments, **options)

        return operate

    with monkeypatch.context() as patch:
        for name in ("add_column", "create_index"):
            patch.setattr(alembic.op, name, breaking_off(getattr(alembic.op, name)))
        with pytest.raises(InterruptedError):
            Archive.open(tmp_path)
    with Archive.open(tmp_path) as archive:
        keep(archive, small_object())
        with archive._index.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, schema.metadata) == []


def test_only_one_process_makes_the_tables(tmp_path):
    """All of it is one transaction, which keeps the others waiting."""
    program = f"import isocenter; isocenter.open({str(tmp_path)!r}).close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said


def test_an_archive_of_a_newer_release_is_refused_in_words_and_stays_as_it_is(
    open_archive, directory
):
    with open_archive() as archive, archive._index.writing() as transaction:
        transaction.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = contents(directory)
    for _ in range(2):
        with pytest.raises(ConfigurationError) as refusal:
            open_archive()
        assert str(refusal.value) == (
            f"the index stands at revision 9999, and this release knows none after {index.HEAD}: "
            "a newer release has changed the archive. Install that release or a later one; "
            "nothing has been changed now"
        )
    assert contents(directory) == before


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_the_index_of_what_took_an_instance_out_names_these_actions():
    assert str(schema.TAKEN_OUT) == f"action IN ({Action.DELETED:d}, {Action.LOST:d})"


def test_what_took_an_instance_out_is_found_by_an_index_of_such_changes(sqlite_archive):
    named = {"instance": "1.2.3", "study": "1.2", "series": "1.2.1"}
    statement = deletion._LAST_TAKEN_OUT.params(named)
    with sqlite_archive._index.reading() as connection:
        sql = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
    assert "change_taken_out" in str(plan)


def test_the_release_knows_its_last_migration():
    (folder,) = migrations.__path__
    assert ScriptDirectory(folder).get_heads() == [index.HEAD]


def test_opening_an_archive_again_does_not_load_the_migrations(sqlite_archive, directory):
    script = (
        "import sys, isocenter\n"
        f"with isocenter.open({str(directory)!r}): print('alembic' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == "False\n"


def test_what_the_index_answers_says_nothing_of_the_values(archive):
    study = {"study_instance_uid": "1.2", "patient_name": "Secret^Name", "sequence": None}
    with pytest.raises(Exception) as caught, archive._index.writing() as transaction:
        transaction.execute(insert(schema.study), study)
    assert "parameters hidden" in str(caught.value)
    assert "Secret" not in answer_of(caught.value)


def test_a_database_that_cannot_be_reached_is_not_described(tmp_path):
    url = "postgresql+psycopg://somebody:hush@127.0.0.1:1/nowhere"
    with pytest.raises(OutOfResources) as caught:
        archives.Archive.open(tmp_path, index_url=url)
    assert not {"somebody", "hush", "127.0.0.1"} & set(re.findall(r"[\w.]+", str(caught.value)))


def end_connections(url):
    """What a restart of the database does to everybody who is connected."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_database_that_was_restarted_is_read_and_written_at_once(make_database, tmp_path):
    url = make_database()
    dataset, later = small_object(), small_object()
    with Archive.open(tmp_path, index_url=url) as archive, ThreadPoolExecutor(4) as pool:
        keep(archive, dataset)

        def ask(_=None):
            archive._open_instances.clear()  # so that the index is asked
            archive.open_instance(*uids(dataset))
            return len(archive.find(Query(Level.STUDY))), archive.last_change(uids(dataset)[0])

        assert set(pool.map(ask, range(32))) == {(1, 1)}  # several connections lie ready now
        end_connections(url)
        assert set(pool.map(ask, range(32))) == {(1, 1)}
        end_connections(url)
        keep(archive, later)
        assert archive.count(Query(Level.INSTANCE)) == 2
        end_connections(url)
        archive.delete(uids(later)[0])
        assert archive.changes()[-1].sequence == 3


def log_of(directory):
    return directory / "index.sqlite-wal"


def test_the_log_has_room_before_anybody_waits_for_a_commit(directory):
    with Archive.open(directory, durability="safe") as archive:
        archive.make_ready()
        length = log_of(directory).stat().st_size
        keep(archive, *(small_object() for _ in range(5)))
        assert log_of(directory).stat().st_size == length > 16_000_000


def test_an_index_that_need_not_be_durable_takes_no_room(sqlite_archive, directory):
    sqlite_archive.make_ready()
    keep(sqlite_archive, small_object())
    assert log_of(directory).stat().st_size < 1_000_000


def test_making_room_leaves_what_another_process_wrote_into_the_log(directory):
    kept = [small_object() for _ in range(6)]
    with Archive.open(directory, durability="fast") as first:
        keep(first, *kept[:2])
        with Archive.open(directory, durability="safe") as second:
            keep(second, *kept[2:4])
            keep(first, *kept[4:])
            for archive in (first, second):
                assert archive.count(Query(Level.INSTANCE)) == 6
    with Archive.open(directory) as archive:
        assert archive.count(Query(Level.INSTANCE)) == 6
        with archive._index.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_log_that_a_crash_left_with_room_in_it_is_read_to_its_last_commit(directory, tmp_path):
    """What stands on the disk after a power cut: everything synced, zeros behind it."""
    dataset = small_object()
    with Archive.open(directory, durability="safe") as archive:
        keep(archive, dataset)
        shutil.copytree(directory, tmp_path / "after")
    with Archive.open(tmp_path / "after") as archive:
        assert archive.open_instance(*uids(dataset)).path.exists()
        assert not archive.check(thorough=True).problems


def test_a_disk_without_space_for_the_log_keeps_objects_all_the_same(directory, monkeypatch):
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) == 1 << 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    with Archive.open(directory, durability="safe") as archive:
        keep(archive, small_object())
        assert archive.count(Query(Level.INSTANCE)) == 1
        assert log_of(directory).stat().st_size < 1_000_000
