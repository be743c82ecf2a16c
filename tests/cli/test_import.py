import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pydicom
import pytest
from tests.factories import ct_slice, part10_bytes
from tests.running_server import running_server

DISC = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"


# Slow enough to be interrupted in the middle on any machine, and by SIGINT also where whoever
# started the tests in the background has had it ignored.
SLOWLY = """
import signal, time
from isocenter.archive import Archive
from isocenter.cli import main

ingest = Archive.ingest

def slowly(*given, **named):
    time.sleep(0.5)
    return ingest(*given, **named)

Archive.ingest = slowly
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


def isocenter_import(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isocenter", "import", *arguments, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_folder_with_other_things_in_it_is_imported_and_they_are_counted(data, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number in range(3):
        (folder / f"IM{number}").write_bytes(part10_bytes(ct_slice(8, 8)))
    (folder / "README.TXT").write_text("not DICOM")
    done = isocenter_import(str(folder), data=data)
    assert done.returncode == 0
    assert done.stdout.strip() == "3 stored, 0 unchanged, 0 refused, 1 not DICOM"
    again = isocenter_import(str(folder), data=data)
    assert again.stdout.strip() == "0 stored, 3 unchanged, 0 refused, 1 not DICOM"


def test_a_refused_object_is_named_and_stops_nothing(data, tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("good", part10_bytes(ct_slice(8, 8)))
        archive.writestr("bad", part10_bytes(ct_slice(8, 8, SeriesInstanceUID=None)))
    done = isocenter_import(str(tmp_path / "study.zip"), data=data)
    assert done.returncode == 1
    assert "1 stored" in done.stdout and "1 refused" in done.stdout
    (refusal,) = [line for line in done.stdout.splitlines() if line.startswith("refused:")]
    assert "bad" in refusal and "SeriesInstanceUID" in refusal


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_that_no_terminal_shows_are_printed_all_the_same(data, tmp_path, encoding):
    """A member's name comes from whoever made the ZIP file; it must not move the cursor."""
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        archive.writestr("M\xfcller/\x1b[2Jbad\n", part10_bytes(ct_slice(8, 8))[:-9])
    done = subprocess.run(
        [sys.executable, "-m", "isocenter", "import", str(tmp_path / "disc.zip")]
        + ["--data", str(data)],
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 1, done.stderr
    (refusal, _) = done.stdout.splitlines()
    assert b"\\x1b[2Jbad\\n" in refusal


def test_scripts_get_json(data, tmp_path):
    done = isocenter_import(str(DISC / "DICOMDIR"), "--json", data=data)
    report = json.loads(done.stdout)
    records = pydicom.dcmread(DISC / "DICOMDIR").DirectoryRecordSequence
    images = sum(record.DirectoryRecordType == "IMAGE" for record in records)
    assert report["stored"] == images
    assert report["refused"] == []


def test_what_is_not_there_is_named_before_an_archive_is_made(data):
    done = isocenter_import("no-such-folder", data=data)
    assert done.returncode == 2
    assert "no-such-folder" in done.stderr
    assert not data.exists()


def test_an_empty_path_is_not_taken_for_the_current_folder(data, tmp_path, monkeypatch):
    (tmp_path / "image.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    monkeypatch.chdir(tmp_path)
    done = isocenter_import("", data=data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a path is empty; name a file or a folder" in done.stderr
    assert not data.exists()


@pytest.mark.parametrize("name", ["notes.txt", "empty", "texts", "texts.zip", "DICOMDIR"])
def test_what_holds_no_object_is_told_and_no_archive_made(data, tmp_path, name):
    (tmp_path / "notes.txt").write_text("Take the lift to the second floor.\n" * 400)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "README").write_text("nothing here")
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("README", "nothing here")
    directory = pydicom.dcmread(DISC / "DICOMDIR")
    directory.DirectoryRecordSequence = []
    directory.save_as(tmp_path / "DICOMDIR")

    done = isocenter_import(str(tmp_path / name), data=data)

    assert done.returncode == 2
    assert "nothing to import" in done.stderr and name in done.stderr
    assert done.stdout == ""
    assert not data.exists()


def test_a_file_that_is_no_object_beside_one_that_is_does_no_harm(data, tmp_path):
    """As a shell's `disc/*` names them."""
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "slice.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    done = isocenter_import(str(tmp_path / "notes.txt"), str(tmp_path / "slice.dcm"), data=data)
    assert done.returncode == 0
    assert done.stdout.strip() == "1 stored, 0 unchanged, 0 refused, 1 not DICOM"


def test_a_file_that_cannot_be_read_is_named(data, tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and no more")
    done = isocenter_import(str(tmp_path / "broken.zip"), data=data)
    assert done.returncode == 1
    assert "broken.zip" in done.stdout


def test_a_running_server_shows_what_is_imported_beside_it(data):
    with running_server(data) as server:
        done = isocenter_import(str(DISC / "98892003"), data=data)
        assert done.returncode == 0, done.stderr
        with urllib.request.urlopen(server.http + "/dicomweb/instances", timeout=30) as answer:
            shown = json.load(answer)
    files = [path for path in (DISC / "98892003").rglob("*") if path.is_file()]
    assert len(shown) == len(files)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_an_import_that_is_interrupted_says_what_is_kept_and_goes_on_later(data, tmp_path):
    folder = tmp_path / "slices"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}").write_bytes(part10_bytes(ct_slice(8, 8)))
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, "import", str(folder), "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not list(data.glob("[0-9]*/*/*.dcm")) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    told, error = process.communicate(timeout=60)
    kept = len(list(data.glob("[0-9]*/*/*.dcm")))
    assert process.returncode == 130, (told, error)
    assert told.strip() == f"{kept} stored, 0 unchanged, 0 refused, 0 not DICOM"
    assert error.strip() == "isocenter: stopped: interrupted; import again for the rest"
    assert 0 < kept < 300
    again = isocenter_import(str(folder), data=data)
    assert again.stdout.startswith(f"{300 - kept} stored, {kept} unchanged")
