import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys

import pytest
from pydicom import dcmread
from tests.factories import ct_slice, part10_bytes

from isocenter.archive import Archive, CheckReport, Level, Problem, ProblemKind, Query
from isocenter.cli import main


def check(*flags: str, data) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isocenter", "check", "--data", str(data), *flags],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def data(tmp_path):
    with Archive.open(tmp_path / "data", durability="fast") as archive:
        for _ in range(3):
            archive.ingest(part10_bytes(ct_slice(8, 8)))
    return tmp_path / "data"


def test_a_sound_archive_has_no_problems(data):
    done = check(data=data)
    assert done.returncode == 0
    assert "3 files, 3 instances in the index, 0 problems, 0 left" in done.stdout


def test_a_lost_file_is_named_and_repair_takes_it_out_of_the_index(data):
    lost = next(data.rglob("*.dcm"))
    lost.unlink()
    found = check(data=data)
    assert found.returncode == 1
    assert f"missing: {lost}" in found.stdout
    assert "check --repair" in found.stdout
    assert check("--repair", data=data).returncode == 0
    assert "2 files, 2 instances in the index, 0 problems" in check(data=data).stdout


@pytest.mark.parametrize(("kind", "hints"), [("unreadable", 0), ("unwritable", 0), ("missing", 1)])
def test_only_what_a_repair_can_change_is_said_to_be_repairable(
    kind, hints, data, monkeypatch, capsys
):
    problem = Problem(ProblemKind(kind), data / "1.dcm", "Permission denied")
    monkeypatch.setattr(Archive, "check", lambda *_, **__: CheckReport(1, 1, [problem]))
    monkeypatch.setattr("sys.argv", ["isocenter", "check", "--data", str(data)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().out.count("isocenter check --repair") == hints


def test_a_file_that_was_put_aside_by_a_killed_process_is_named_and_kept(data):
    kept = next(data.glob("[0-9]*/*/*.dcm"))
    other = dcmread(kept)
    other.PatientName = "Other^Version"
    aside = data / ".aside" / f"{other.SOPInstanceUID}_0123456789ab.dcm"
    other.save_as(aside)
    copy = aside.with_name(f"{other.SOPInstanceUID}_ba9876543210.dcm")
    shutil.copy(kept, copy)
    found = check(data=data)
    assert found.returncode == 1
    assert f"aside: {aside}: put aside, but not in the index; it holds a version" in found.stdout
    assert f"what it holds is kept as {kept}, too" in found.stdout
    assert "3 files, 3 instances in the index, 2 problems, 2 left" in found.stdout
    assert "check --repair" in found.stdout
    assert check("--repair", data=data).returncode == 0
    assert "3 files, 3 instances in the index, 0 problems" in check(data=data).stdout
    assert list(aside.parent.iterdir()) == [aside]
    with Archive.open(data) as archive:
        (listed,) = archive.kept_aside(other.StudyInstanceUID)
        assert listed.path == aside


def test_a_lost_index_is_made_anew_from_the_files(data):
    for path in data.glob("index.sqlite*"):
        path.unlink()
    done = check("--repair", data=data)
    assert done.returncode == 0, done.stdout
    with Archive.open(data) as archive:
        assert archive.count(Query(Level.INSTANCE)) == 3


def test_scripts_get_json(data):
    (cut_off, *_) = data.rglob("*.dcm")
    cut_off.write_bytes(cut_off.read_bytes()[:-10])
    report = json.loads(check("--json", data=data).stdout)
    assert report["instances"] == 3
    ((problem),) = report["problems"]
    assert (problem["kind"], problem["repaired"]) == ("damaged", False)
    assert problem["path"] == str(cut_off)


def test_a_folder_without_archive_is_refused_and_not_made(tmp_path):
    done = check(data=tmp_path / "nowhere")
    assert done.returncode == 2
    assert "no archive at" in done.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("content", [{}, {"hosts": "127.0.0.1 localhost"}])
def test_a_folder_of_other_things_is_no_archive_and_stays_as_it_is(tmp_path, content):
    """An empty folder may be where a disk is not mounted: no reason to find everything right."""
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    done = check(data=tmp_path)
    assert done.returncode == 2
    assert "no archive at" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == list(content)


def test_an_archive_of_a_newer_release_is_told_with_what_to_do(data):
    with contextlib.closing(sqlite3.connect(data / "index.sqlite")) as index:
        index.execute("UPDATE alembic_version SET version_num = '9999'")
        index.commit()
    done = check("--repair", data=data)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert "revision 9999" in said and "Install that release" in said


@pytest.mark.parametrize("flags", [[], ["--repair"]])
def test_a_damaged_index_is_told_with_what_to_do(data, flags):
    index = data / "index.sqlite"
    index.write_bytes(b"\xa5" * index.stat().st_size)
    done = check(*flags, data=data)
    assert done.returncode == 2
    assert "the index is damaged" in done.stderr
    assert "isocenter check --repair" in done.stderr

    for path in data.glob("index.sqlite*"):
        path.unlink()
    assert check("--repair", data=data).returncode == 0
    assert "3 files, 3 instances in the index, 0 problems" in check(data=data).stdout
