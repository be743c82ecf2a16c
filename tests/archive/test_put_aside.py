"""A file that was put aside by a process which was killed before its commit is named by a check.

The process is a real one, and ends by SIGKILL between moving files and the commit.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset
from tests.archive.conftest import keep, uids
from tests.factories import part10_bytes, small_object

from isocenter.archive import Archive, Level, Outcome, Problem, ProblemKind, Query, unknown_files

ASIDE, ORPHAN = ProblemKind.ASIDE, ProblemKind.ORPHAN

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")

STORE = """
import os, pathlib, signal, sys
from isocenter.archive import Archive
from isocenter.archive.settlement import Settlement

content = pathlib.Path(sys.argv[3]).read_bytes()
archive = Archive.open(sys.argv[1], index_url=sys.argv[2] or None, on_conflict=sys.argv[4])
setattr(Settlement, sys.argv[5], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
archive.ingest(content)
"""

Killed = Callable[..., None]


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(unknown_files, "_PATIENCE", 0.1)


@pytest.fixture
def killed(directory, index_url, tmp_path) -> Killed:
    """Has a process store an object, which is killed where `Settlement` calls a method."""

    def run(dataset: Dataset, policy: str, at: str, url: str | None = index_url) -> None:
        sent = tmp_path / "sent"
        sent.write_bytes(part10_bytes(dataset))
        command = [sys.executable, "-c", STORE, directory, url or "", sent, policy, at]
        assert subprocess.run(command, timeout=60).returncode == -9

    return run


def version(dataset: Dataset, name: str) -> Dataset:
    dataset.PatientName = name
    return dataset


def aside(directory: Path) -> list[Path]:
    return sorted((directory / ".aside").iterdir())


def found(archive: Archive, *, repair: bool = False) -> list[tuple[ProblemKind, Path, bool]]:
    problems: list[Problem] = archive.check(repair=repair, thorough=True).problems
    return [(each.kind, each.path, each.repaired) for each in problems]


def contents(archive: Archive, dataset: Dataset) -> list[bytes]:
    """What is kept of an instance: first what is found, then what is kept aside."""
    first = archive.open_instance(*uids(dataset)).path
    others = archive.kept_aside(dataset.StudyInstanceUID)
    return [path.read_bytes() for path in (first, *(each.path for each in others))]


def test_a_version_put_aside_by_who_was_killed_is_named_and_a_repair_lists_it(
    open_archive, directory, killed
):
    dataset = version(small_object(), "First^Version")
    archive = open_archive()
    keep(archive, dataset)
    first, second = part10_bytes(dataset), part10_bytes(version(dataset, "Second^Version"))
    killed(dataset, "keep", "write")
    open_archive()
    (path,) = aside(directory)
    assert found(archive) == [(ASIDE, path, False)]
    assert "kept nowhere else" in archive.check().problems[0].sentence
    assert found(archive, repair=True) == [(ASIDE, path, True)]
    assert contents(archive, dataset) == [first, second]
    assert not archive.check(thorough=True).problems
    archive.delete(dataset.StudyInstanceUID)
    assert aside(directory) == []


def test_what_was_put_aside_and_came_again_is_removed_by_a_repair(open_archive, directory, killed):
    dataset = version(small_object(), "First^Version")
    archive = open_archive(on_conflict="keep")
    keep(archive, dataset)
    killed(version(dataset, "Second^Version"), "keep", "write")
    open_archive()
    (path,) = aside(directory)
    assert keep(archive, dataset)[0].outcome is Outcome.KEPT
    (listed,) = archive.kept_aside(dataset.StudyInstanceUID)
    (problem,) = archive.check().problems
    assert problem.kind is ASIDE
    assert str(listed.path) in problem.sentence
    assert found(archive, repair=True) == [(ASIDE, path, True)]
    assert aside(directory) == [listed.path]
    assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("at", ["_store", "write"])
def test_what_had_to_make_room_in_an_archive_without_index_is_kept(
    open_archive, directory, make_database, killed, at
):
    """The index was lost: what was acknowledged has no row when another version comes."""
    dataset = version(small_object(), "First^Version")
    archive = open_archive()
    keep(archive, dataset)
    archive.close()
    first, second = part10_bytes(dataset), part10_bytes(version(dataset, "Second^Version"))
    url = make_database()
    killed(dataset, "keep", at, url)
    archive = open_archive(index_url=url)
    (path,) = aside(directory)
    place = directory / dataset.StudyInstanceUID / dataset.SeriesInstanceUID
    place /= f"{dataset.SOPInstanceUID}.dcm"
    assert found(archive) == [(ORPHAN, place, False), (ASIDE, path, False)]
    assert found(archive, repair=True) == [(ORPHAN, place, True), (ASIDE, path, True)]
    assert contents(archive, dataset) == [second, first]
    assert not archive.check(thorough=True).problems


def test_what_was_put_aside_takes_its_place_where_that_is_empty(
    open_archive, directory, make_database, killed
):
    dataset = version(small_object(), "First^Version")
    archive = open_archive()
    keep(archive, dataset)
    archive.close()
    first, url = part10_bytes(dataset), make_database()
    killed(version(dataset, "Second^Version"), "keep", "_store", url)
    (place,) = directory.glob("[0-9]*/*/*.dcm")
    place.unlink()
    archive = open_archive(index_url=url)
    (path,) = aside(directory)
    assert found(archive) == [(ASIDE, path, False)]
    assert found(archive, repair=True) == [(ASIDE, path, True)]
    assert contents(archive, dataset) == [first]
    assert aside(directory) == []
    assert not archive.check(thorough=True).problems


def test_what_was_kept_aside_is_listed_again_after_the_index_was_lost(
    open_archive, directory, make_database
):
    dataset = version(small_object(), "First^Version")
    archive = open_archive(on_conflict="keep")
    keep(archive, dataset)
    kept = [part10_bytes(dataset)]
    for name in ("Second^Version", "Third^Version"):
        keep(archive, version(dataset, name))
        kept.append(part10_bytes(dataset))
    archive.close()
    archive = open_archive(index_url=make_database())
    assert archive.check(repair=True).count(ASIDE) == 2
    assert contents(archive, dataset) == kept
    assert not archive.check(thorough=True).problems


def test_a_damaged_file_that_was_put_aside_is_set_apart(open_archive, directory, killed):
    dataset = version(small_object(), "First^Version")
    archive = open_archive()
    keep(archive, dataset)
    killed(version(dataset, "Second^Version"), "keep", "write")
    open_archive()
    (path,) = aside(directory)
    os.truncate(path, 700)
    assert found(archive) == [(ProblemKind.DAMAGED, path, False)]
    assert found(archive, repair=True) == [(ProblemKind.DAMAGED, path, True)]
    (apart,) = (directory / ".damaged").iterdir()
    assert apart.stat().st_size == 700
    assert not apart.name.startswith(".")
    assert aside(directory) == []
    assert not archive.check(thorough=True).problems


def test_what_another_is_just_keeping_aside_is_no_problem(open_archive, directory, monkeypatch):
    """Another process has moved the file, and is about to commit its row."""
    archive, other = open_archive(on_conflict="keep"), open_archive()
    dataset = version(small_object(), "First^Version")
    keep(archive, dataset)
    content = part10_bytes(version(dataset, "Second^Version"))
    place = directory / ".aside" / f"{dataset.SOPInstanceUID}_0123456789ab.dcm"
    place.write_bytes(content)

    def meanwhile(_: float) -> None:
        place.unlink()
        archive.ingest(content)

    monkeypatch.setattr(unknown_files.time, "sleep", meanwhile)
    assert not other.check().problems
    assert len(aside(directory)) == 1


@pytest.mark.parametrize(
    ("at", "name"), [("_move", "First"), ("write", "First"), ("clean_up", "Second")]
)
def test_a_replacement_that_was_killed_is_settled_by_the_next_opening(
    open_archive, directory, killed, at, name
):
    dataset = version(small_object(), "First")
    archive = open_archive()
    keep(archive, dataset)
    killed(version(dataset, "Second"), "replace", at)
    assert len(list((directory / ".replaced").iterdir())) == 1
    open_archive()
    assert not list((directory / ".replaced").iterdir())
    assert contents(archive, dataset) == [part10_bytes(version(dataset, name))]
    assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("at", ["_move", "write", "clean_up"])
def test_a_replacement_that_was_killed_loses_nothing_though_the_index_is_lost_then(
    open_archive, directory, make_database, killed, at
):
    """Which of both had been acknowledged, only the index knew."""
    dataset = version(small_object(), "First")
    archive = open_archive()
    keep(archive, dataset)
    archive.close()
    first, second = part10_bytes(dataset), part10_bytes(version(dataset, "Second"))
    killed(dataset, "replace", at)
    archive = open_archive(index_url=make_database())
    assert not list((directory / ".replaced").iterdir())
    assert not archive.check(repair=True).unrepaired
    assert contents(archive, dataset) == ([first] if at == "_move" else [second, first])
    assert archive.count(Query(Level.INSTANCE)) == 1
    assert not archive.check(thorough=True).problems


def test_what_was_being_replaced_stays_deleted_when_it_is_deleted_meanwhile(
    open_archive, directory, killed
):
    dataset = version(small_object(), "First")
    archive = open_archive()
    keep(archive, dataset)
    killed(version(dataset, "Second"), "replace", "write")
    assert archive.delete(dataset.StudyInstanceUID) == 1
    open_archive()
    assert not list((directory / ".replaced").iterdir())
    assert not archive.check(thorough=True).problems
    assert aside(directory) == []


def test_what_was_being_replaced_takes_its_place_where_that_is_empty(
    open_archive, directory, make_database, killed
):
    dataset = version(small_object(), "First")
    archive = open_archive()
    keep(archive, dataset)
    archive.close()
    first = part10_bytes(dataset)
    killed(version(dataset, "Second"), "replace", "write")
    (place,) = directory.glob("[0-9]*/*/*.dcm")
    place.unlink()
    archive = open_archive(index_url=make_database())
    assert archive.check(repair=True).count(ORPHAN) == 1
    assert contents(archive, dataset) == [first]
