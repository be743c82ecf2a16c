"""What a killed process had begun to remove is removed by whoever comes after it.

The process is a real one, and ends by SIGKILL between the commit and the removal of files.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom import Dataset
from tests.archive.conftest import keep, uids
from tests.archive.test_busy_index import HOLD_SQLITE
from tests.factories import part10_bytes, small_object

from isocenter.archive import Archive, Level, Outcome, ProblemKind, Query, unknown_files
from isocenter.archive.deletion import Deleter

DELETED = ProblemKind.DELETED

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")

DELETE = """
import os, pathlib, signal, sys
from isocenter.archive import Archive

archive = Archive.open(sys.argv[1], index_url=sys.argv[2] or None, on_conflict="keep")
pathlib.Path.unlink = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
archive.delete(sys.argv[3])
"""

REFUSE = """
import sys
from pathlib import Path
from isocenter.archive import Archive, group_commit, index
from isocenter.errors import OutOfResources

group_commit.PATIENCE = index.PATIENCE = 1.0
archive = Archive.open(sys.argv[1])
for name in sys.stdin:
    try:
        archive.ingest(Path(name.strip()).read_bytes())
    except OutOfResources:
        print("refused", flush=True)
"""


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(unknown_files, "_PATIENCE", 0.1)


def killed_while_deleting(directory: Path, index_url: str | None, study: str) -> None:
    command = [sys.executable, "-c", DELETE, str(directory), index_url or "", study]
    assert subprocess.run(command, timeout=60).returncode == -9


def kept_aside(directory: Path) -> list[Path]:
    return list((directory / ".aside").iterdir())


def two_versions(archive: Archive, name: str = "First^Version") -> str:
    """Keep an object and another version of it aside; gives the study."""
    dataset = small_object(PatientName=name)
    keep(archive, dataset)
    dataset.PatientName = "Second^Version"
    assert keep(archive, dataset)[0].outcome is Outcome.KEPT
    return dataset.StudyInstanceUID


def test_what_was_kept_aside_goes_when_the_archive_opens_after_a_delete_that_was_killed(
    open_archive, directory, index_url
):
    archive = open_archive(on_conflict="keep")
    gone, stays = two_versions(archive), two_versions(archive)
    archive.close()
    killed_while_deleting(directory, index_url, gone)
    assert len(kept_aside(directory)) == 2
    archive = open_archive(on_conflict="keep")
    (aside,) = archive.kept_aside(stays)
    assert kept_aside(directory) == [aside.path]
    assert archive.check(repair=True).count(DELETED) == 1
    assert not (directory / gone).exists()
    assert not archive.check(thorough=True).problems


def test_a_check_finds_and_removes_what_a_delete_that_was_killed_left_aside(
    open_archive, directory, index_url
):
    archive = open_archive(on_conflict="keep")
    gone, stays = two_versions(archive), two_versions(archive)
    killed_while_deleting(directory, index_url, gone)
    for repair in (False, True):
        report = archive.check(repair=repair)
        asides = [each for each in report.problems if each.path.parent.name == ".aside"]
        assert [(each.kind, each.repaired) for each in asides] == [(DELETED, repair)]
    (aside,) = archive.kept_aside(stays)
    assert kept_aside(directory) == [aside.path]
    assert not archive.check(thorough=True).problems


def test_what_another_is_just_deleting_is_no_leftover(open_archive, directory, monkeypatch):
    """Another process has deleted the rows, and is about to remove the files."""
    archive, other = open_archive(on_conflict="keep"), open_archive(on_conflict="keep")
    study = two_versions(archive)
    remove, found = Deleter._remove_aside, []

    def meanwhile(deleter: Deleter, names: list[str]) -> None:
        monkeypatch.setattr(Deleter, "_remove_aside", remove)
        monkeypatch.setattr(unknown_files.time, "sleep", lambda _: remove(deleter, names))
        found.extend(other.check().problems)
        assert not kept_aside(directory)

    monkeypatch.setattr(Deleter, "_remove_aside", meanwhile)
    assert archive.delete(study) == 1
    assert [each for each in found if each.path.parent.name == ".aside"] == []
    assert not archive.check(thorough=True).problems


def test_who_deletes_does_not_mind_that_another_who_opens_removes_the_files(
    open_archive, directory, monkeypatch
):
    archive = open_archive(on_conflict="keep")
    study = two_versions(archive)
    remove = Deleter._remove_aside

    def late(deleter: Deleter, names: list[str]) -> None:
        open_archive()
        assert not kept_aside(directory)
        remove(deleter, names)

    monkeypatch.setattr(Deleter, "_remove_aside", late)
    assert archive.delete(study) == 1
    assert not archive.check(thorough=True).problems


def test_what_was_kept_aside_outlives_a_lost_index(open_archive, directory, make_database):
    """Its rows were in the index alone; without them nobody knows of a deletion."""
    archive = open_archive(on_conflict="keep")
    two_versions(archive)
    archive.close()
    for path in directory.glob("index.sqlite*"):
        path.unlink()
    archive = open_archive(on_conflict="keep", index_url=make_database())
    archive.check(repair=True)
    assert len(kept_aside(directory)) == 1


def test_a_version_that_is_kept_aside_after_a_deletion_stays(open_archive, directory):
    archive = open_archive(on_conflict="keep")
    dataset = small_object()
    keep(archive, dataset)
    archive.delete(dataset.StudyInstanceUID)
    keep(archive, dataset)
    dataset.PatientName = "Other^Version"
    keep(archive, dataset)
    (path,) = kept_aside(directory)
    os.utime(path, (1, 1))  # as if it had been on its way for long
    open_archive()
    assert not archive.check(repair=True).problems
    assert kept_aside(directory) == [path]


def test_a_file_kept_aside_that_cannot_be_removed_ends_no_deletion(
    open_archive, directory, monkeypatch
):
    archive = open_archive(on_conflict="keep")
    study, unlink = two_versions(archive), Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == ".aside":
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        assert archive.delete(study) == 1
        assert [each.repaired for each in archive.check(repair=True).problems] == [False]
        open_archive().close()
    open_archive()
    assert not kept_aside(directory)


class Refused:
    """Objects that a process refused because another has the index locked; then it was killed."""

    def __init__(self, directory: Path, folder: Path) -> None:
        self._directory, self._folder = directory, folder
        self._index = str(directory / "index.sqlite")

    def __call__(self, *datasets: Dataset, killed: bool = True) -> subprocess.Popen:
        process = running(REFUSE, str(self._directory))
        holder = running(HOLD_SQLITE, self._index)
        assert holder.stdout.readline() == "locked\n"
        for dataset in datasets:
            path = self._folder / dataset.SOPInstanceUID
            path.write_bytes(part10_bytes(dataset))
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "refused\n"
        if killed:
            process.kill()
            process.wait(30)
        holder.communicate(timeout=30)
        return process


def running(program: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def files(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.glob("[0-9]*/*/*.dcm"))


@pytest.fixture
def refuse(directory, tmp_path) -> Refused:
    Archive.open(directory).close()
    return Refused(directory, tmp_path)


def test_what_was_refused_comes_in_by_no_repair_once_its_process_was_killed(refuse, directory):
    refused = [small_object(), small_object()]
    refuse(*refused)
    assert len(files(directory)) == 2
    with Archive.open(directory) as archive:
        assert files(directory) == []
        assert not archive.check(repair=True).problems
        assert archive.count(Query(Level.INSTANCE)) == 0
        assert [stored.outcome for stored in keep(archive, *refused)] == [Outcome.STORED] * 2
    with Archive.open(directory) as archive:
        assert files(directory) == sorted(each.SOPInstanceUID for each in refused)
        assert not archive.check(thorough=True).problems


@pytest.mark.parametrize("killed", [True, False])
def test_a_check_names_and_removes_what_another_process_refused(refuse, directory, killed):
    with Archive.open(directory) as archive:
        other = refuse(small_object(), killed=killed)
        leftover = [ProblemKind.LEFTOVER] if killed else []
        assert [each.kind for each in archive.check().problems] == [*leftover, ProblemKind.REFUSED]
        assert not archive.check(repair=True).unrepaired
        assert files(directory) == []
        assert not archive.check().problems
        other.communicate(timeout=30)


@pytest.mark.parametrize("policy", ["refuse", "replace", "keep"])
def test_what_another_process_refused_is_no_version_of_what_comes_under_its_uid(
    refuse, directory, policy
):
    dataset = small_object()
    with Archive.open(directory, on_conflict=policy) as archive:
        refuse(dataset)
        dataset.PatientName = "Corrected^Since"
        assert keep(archive, dataset)[0].outcome is Outcome.STORED
        assert archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
        assert not kept_aside(directory)
    with Archive.open(directory) as archive:
        assert archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)
        assert not archive.check(thorough=True).problems
    assert not list((directory / ".withdrawn").iterdir())


def test_what_was_not_answered_yet_when_its_process_was_killed_may_be_adopted(directory, tmp_path):
    """Nobody was told that it failed: it may be the only copy."""
    Archive.open(directory).close()
    dataset = small_object()
    (tmp_path / "object").write_bytes(part10_bytes(dataset))
    holder = running(HOLD_SQLITE, str(directory / "index.sqlite"))
    assert holder.stdout.readline() == "locked\n"
    process = running(REFUSE.replace("1.0", "60.0"), str(directory))
    process.stdin.write(f"{tmp_path / 'object'}\n")
    process.stdin.flush()
    end = time.monotonic() + 30
    while not files(directory) and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    process.wait(30)
    holder.communicate(timeout=30)
    with Archive.open(directory) as archive:
        assert archive.check(repair=True).count(ProblemKind.ORPHAN) == 1
        assert archive.count(Query(Level.INSTANCE)) == 1


def test_an_archive_with_refused_files_opens_while_the_index_is_locked(refuse, directory):
    refuse(small_object())
    holder = running(HOLD_SQLITE, str(directory / "index.sqlite"))
    assert holder.stdout.readline() == "locked\n"
    with Archive.open(directory):
        assert len(files(directory)) == 1
        holder.communicate(timeout=30)
    with Archive.open(directory):
        assert files(directory) == []


@pytest.mark.parametrize("left", ["deleted", "refused"])
@pytest.mark.parametrize("then", ["the next opening", "`isocenter check --repair`"])
def test_the_log_says_what_becomes_of_files_that_an_opening_could_not_remove(
    refuse, directory, caplog, left, then
):
    def left_over() -> list[Path]:
        return [*directory.glob(".aside/*"), *directory.glob("[0-9]*/*/*.dcm")]

    if left == "refused":
        refuse(small_object())
    else:
        with Archive.open(directory, on_conflict="keep") as archive:
            study = two_versions(archive)
        killed_while_deleting(directory, None, study)
    holder = running(HOLD_SQLITE, str(directory / "index.sqlite"))
    assert holder.stdout.readline() == "locked\n"
    with Archive.open(directory) as archive:
        (said,) = [each for each in caplog.messages if "stay for now" in each]
        assert "nothing need be done" in said
        assert then in said
        assert left_over()
        assert archive.count(Query(Level.INSTANCE)) == 0  # nobody finds them
        holder.communicate(timeout=30)
        if then != "the next opening":
            assert not archive.check(repair=True).unrepaired
            assert left_over() == []
    with Archive.open(directory) as archive:
        assert not list(directory.glob(".aside/*"))
        assert left == "deleted" or left_over() == []
    assert "stay for now" not in "".join(caplog.messages[1:])


def test_a_note_says_nothing_of_another_file_in_the_same_place(refuse, directory, tmp_path):
    dataset = small_object()
    refuse(dataset)
    (path,) = directory.glob("[0-9]*/*/*.dcm")
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())
    os.replace(other, path)
    with Archive.open(directory) as archive:
        assert [each.kind for each in archive.check(repair=True).problems] == [ProblemKind.ORPHAN]
        assert archive.count(Query(Level.INSTANCE)) == 1
    assert not list((directory / ".withdrawn").iterdir())
