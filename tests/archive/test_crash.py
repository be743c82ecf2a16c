"""After kill -9 at any moment, what was acknowledged is there, and nothing half-written is seen."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest
from tests.archive.conftest import keep, uids
from tests.factories import ct_slice, part10_bytes, small_object

from isocenter.archive import Archive, Level, Query
from isocenter.archive.blobs import BlobStore
from isocenter.dicom import tags
from isocenter.errors import OutOfResources

# Four senders at once; each says on standard output what was acknowledged to it.
SENDERS = """
import sys, threading
from pathlib import Path
from isocenter.archive import Archive

folder, objects, durability = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
archive = Archive.open(folder, durability=durability, on_conflict=sys.argv[4])

def send(paths):
    for path in paths:
        content = path.read_bytes()
        parts = [content[at : at + 30_000] for at in range(0, len(content), 30_000)]
        archive.ingest(parts)
        sys.stdout.write(path.name + "\\n")
        sys.stdout.flush()

paths = sorted(objects.iterdir())
threads = [threading.Thread(target=send, args=(paths[n::4],)) for n in range(4)]
print("ready", flush=True)
for thread in threads: thread.start()
for thread in threads: thread.join()
print("done", flush=True)
"""


def killed_after(
    seconds: float, folder: Path, objects: Path, *options: str, at_least: int = 0
) -> set[str]:
    """Run the senders, kill them after a while; returns what was acknowledged.

    The while begins when so many objects are acknowledged as there must be at least.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", SENDERS, folder, objects, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        first = [process.stdout.readline().strip() for _ in range(at_least)]
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        process.wait(timeout=30)
    return {*first, *rest} - {"done"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    for number in range(400):
        dataset = ct_slice(256, 256, seed=1) if number % 4 == 0 else small_object()
        (folder / f"{number:03}-{dataset.SOPInstanceUID}").write_bytes(part10_bytes(dataset))
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL; any other system runs this")
@pytest.mark.parametrize("durability", ["safe", "fast"])
def test_what_was_acknowledged_before_a_kill_is_there_and_whole(tmp_path, objects, durability):
    folder = tmp_path / "data"
    acknowledged: set[str] = set()
    dice = random.Random(durability)
    for at_least in (0, 0, 0, 1):  # a busy machine may acknowledge nothing in so short a time
        seconds = dice.uniform(0.02, 0.4)
        acknowledged |= killed_after(
            seconds, folder, objects, durability, "refuse", at_least=at_least
        )
        with Archive.open(folder, durability="fast") as archive:
            found = archive.find(Query(Level.INSTANCE))
            visible = {each.text(tags.SOPInstanceUID) for each in found}
            assert {name.split("-")[1] for name in acknowledged} <= visible
            for each in found:
                path = archive.open_instance(
                    each.text(tags.StudyInstanceUID),
                    each.text(tags.SeriesInstanceUID),
                    each.text(tags.SOPInstanceUID),
                ).path
                (sent,) = objects.glob(f"*-{each.text(tags.SOPInstanceUID)}")
                assert path.read_bytes() == sent.read_bytes()
            changes = archive.changes(limit=1000)
            assert [change.sequence for change in changes] == list(range(1, len(found) + 1))
            assert not [path for path in (folder / ".incoming").rglob("*") if path.name.isdigit()]
    assert acknowledged


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL; any other system runs this")
def test_a_replacement_cut_off_by_a_kill_leaves_the_old_or_the_new_object(tmp_path):
    folder, first, second = tmp_path / "data", tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    for number in range(60):
        dataset = small_object(PatientID="old")
        (first / f"{number:03}").write_bytes(part10_bytes(dataset))
        dataset.PatientID = "new, and longer"
        (second / f"{number:03}").write_bytes(part10_bytes(dataset))
    with Archive.open(folder, durability="fast") as archive:
        for path in first.iterdir():
            archive.ingest(path)
    replaced: set[str] = set()
    for seconds in (0.01, 0.03, 0.06):
        replaced |= killed_after(seconds, folder, second, "fast", "replace")
        with Archive.open(folder, durability="fast") as archive:
            assert not archive.check(thorough=True).problems
            for found in archive.find(Query(Level.INSTANCE)):
                dataset = pydicom.dcmread(
                    folder
                    / found.text(tags.StudyInstanceUID)
                    / found.text(tags.SeriesInstanceUID)
                    / f"{found.text(tags.SOPInstanceUID)}.dcm"
                )
                assert dataset.PatientID == found.text(tags.PatientID)
            sent = {pydicom.dcmread(second / name).SOPInstanceUID for name in replaced}
            by_uid = {f.text(tags.SOPInstanceUID): f for f in archive.find(Query(Level.INSTANCE))}
            assert {by_uid[uid].text(tags.PatientID) for uid in sent} <= {"new, and longer"}


def test_an_interrupted_replacement_is_undone_when_the_archive_opens(tmp_path):
    """The state that a kill leaves between the rename and the commit, made by hand."""
    folder, dataset = tmp_path / "data", small_object(PatientID="old")
    with Archive.open(folder, durability="fast") as archive:
        keep(archive, dataset)
        path = archive.open_instance(*uids(dataset)).path
    journal = folder / ".replaced" / "_".join(["2", *uids(dataset)])
    os.link(path, journal.with_name(journal.name + ".dcm"))
    dataset.PatientID = "new"
    (tmp_path / "new").write_bytes(part10_bytes(dataset))
    os.replace(tmp_path / "new", path)

    with Archive.open(folder, durability="fast") as archive:
        assert pydicom.dcmread(path).PatientID == "old"
        assert not archive.check(thorough=True).problems
    assert not list((folder / ".replaced").iterdir())


def test_a_living_process_keeps_its_arrivals_when_another_opens_the_archive(tmp_path):
    dataset = small_object()
    with Archive.open(tmp_path, durability="fast") as first:
        incoming = first.receiving()
        content = part10_bytes(dataset)
        incoming.write([content[:200]])
        with Archive.open(tmp_path, durability="fast"):
            pass
        incoming.write([content[200:]])
        incoming.commit()
        assert first.count(Query(Level.INSTANCE)) == 1


def test_a_replacement_that_was_only_announced_leaves_nothing_behind(tmp_path):
    """The kept file has both names then, and a rename between two names of a file does nothing."""
    dataset = small_object()
    with Archive.open(tmp_path, durability="fast") as archive:
        keep(archive, dataset)
        path = archive.open_instance(*uids(dataset)).path
    content = path.read_bytes()
    journal = tmp_path / BlobStore.REPLACED / f"99_{'_'.join(uids(dataset))}.dcm"
    os.link(path, journal)
    with Archive.open(tmp_path, durability="fast"):
        assert path.read_bytes() == content
        assert not journal.exists()


def test_a_copy_that_a_kill_cuts_off_is_never_taken_for_the_kept_object(tmp_path, monkeypatch):
    """Where a file has only one name, the kept one is copied before it is replaced."""

    def no_link(source, target):
        raise PermissionError(errno.EPERM, "a file has one name here")

    def killed(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:5])
        raise KeyboardInterrupt

    kept = tmp_path / "kept"
    kept.write_bytes(b"the whole object")
    blobs = BlobStore(tmp_path / "data", durable=True)
    journal = blobs.journal(1, "1.1", "1.2", "1.3")
    monkeypatch.setattr(os, "link", no_link)
    blobs.link(kept, journal)
    assert journal.read_bytes() == b"the whole object"
    journal.unlink()
    monkeypatch.setattr(shutil, "copy2", killed)
    with pytest.raises(KeyboardInterrupt):
        blobs.link(kept, journal)
    assert not journal.exists()
    assert not list((tmp_path / "data").glob(".incoming/*/*"))  # which would fill the disk
    blobs.close()


def test_a_disk_that_cannot_say_whether_an_object_is_kept_loses_none(tmp_path, monkeypatch):
    """Where a file has only one name, what arrives is moved to a place that is found empty."""
    dataset = small_object()
    stat = os.stat

    def no_link(*_arguments, **_named):
        raise PermissionError(errno.EPERM, "a file has one name here")

    def failing(path, *arguments, **named):
        if str(path).endswith(".dcm"):
            raise OSError(errno.EIO, "Input/output error")
        return stat(path, *arguments, **named)

    monkeypatch.setattr(os, "link", no_link)
    with Archive.open(tmp_path, durability="fast") as archive:
        keep(archive, dataset)
        kept = part10_bytes(dataset)
        dataset.PatientName = "Another^Name"
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", failing)
            with pytest.raises(OutOfResources):
                keep(archive, dataset)
        assert archive.open_instance(*uids(dataset)).path.read_bytes() == kept
