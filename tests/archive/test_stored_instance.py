"""Kept instances are read by offset; large ones come and go in little memory."""

import contextlib
import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless
from tests.archive.conftest import keep, uids
from tests.factories import ct_slice, multi_frame, native_frames, part10_bytes
from tests.page_cache import forget

from isocenter.archive import Archive, StoredInstance, stored_instance
from isocenter.archive.deletion import Deleter
from isocenter.errors import NotFound


def test_the_file_is_read_by_offset_and_in_chunks(sqlite_archive):
    dataset = ct_slice(512, 512)
    keep(sqlite_archive, dataset)
    instance = sqlite_archive.open_instance(*uids(dataset))
    content = instance.path.read_bytes()
    assert instance.size == len(content)
    assert instance.read(128, 4) == b"DICM"
    assert instance.try_read(128, 4) in {b"DICM", None}
    assert b"".join(instance.chunks()) == content
    assert b"".join(instance.chunks(1000, 5000)) == content[1000:6000]
    assert instance.try_read(len(content) - 2, 100) in {content[-2:], None}


def test_what_is_in_memory_is_read_up_to_the_first_page_that_is_not(sqlite_archive):
    dataset = ct_slice(512, 512)
    keep(sqlite_archive, dataset)
    instance = sqlite_archive.open_instance(*uids(dataset))
    content = instance.path.read_bytes()
    forget(instance.path, 200 << 10, 4096)
    target = memoryview(bytearray(len(content) - 1000))
    count = instance.try_read_into(1000, target)
    assert count in {0, (200 << 10) - 1000, len(target)}  # all, where the system forgets nothing
    assert instance.read_into(1000 + count, target[count:]) == len(target) - count
    assert target == content[1000:]
    assert instance.read_into(len(content) - 5, target) == 5


def test_a_chunk_that_was_given_is_held_no_longer_however_long_its_taker_takes(sqlite_archive):
    dataset = ct_slice(64, 64)
    keep(sqlite_archive, dataset)
    chunks = sqlite_archive.open_instance(*uids(dataset)).chunks()
    chunk = next(chunks)
    held_here_alone = bytes(bytearray(chunk))
    counts = sys.getrefcount(chunk), sys.getrefcount(held_here_alone)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("syntax", ["native", RLELossless, DeflatedExplicitVRLittleEndian])
def test_frames_are_those_that_were_put_in(sqlite_archive, syntax):
    dataset = multi_frame(3)
    options = () if syntax == "native" else (syntax,)
    content = part10_bytes(dataset, *options)
    sqlite_archive.ingest(content)
    instance = sqlite_archive.open_instance(*uids(dataset))
    assert instance.frame_table.number_of_frames == 3
    if syntax != RLELossless:
        for number, frame in enumerate(native_frames(dataset), 1):
            assert instance.frame(number) == np.ascontiguousarray(frame).tobytes()
    with pytest.raises(NotFound):
        instance.frame(4)


def test_an_open_instance_is_shared_until_its_file_changes(sqlite_archive):
    dataset = ct_slice(8, 8)
    keep(sqlite_archive, dataset)
    opened = sqlite_archive.open_instance(*uids(dataset))
    assert sqlite_archive.open_instance(*uids(dataset)) is opened
    content = opened.path.read_bytes()
    opened.path.unlink()
    opened.path.write_bytes(content + b"x")
    assert sqlite_archive.open_instance(*uids(dataset)) is not opened


def test_a_file_that_was_touched_has_one_version_for_all_that_name_it(sqlite_archive):
    dataset = ct_slice(8, 8)
    keep(sqlite_archive, dataset)
    opened = sqlite_archive.open_instance(*uids(dataset))
    os.utime(opened.path, ns=(1, 1))
    versions = sqlite_archive.versions(*uids(dataset)[:2])
    again = sqlite_archive.open_instance(*uids(dataset))
    assert versions == {dataset.SOPInstanceUID: again.version}


def test_a_reader_keeps_what_it_opened_when_it_is_deleted(sqlite_archive):
    dataset = ct_slice(8, 8)
    keep(sqlite_archive, dataset)
    opened = sqlite_archive.open_instance(*uids(dataset))
    sqlite_archive.delete(*uids(dataset))
    assert opened.read(128, 4) == b"DICM"


def test_what_is_deleted_while_it_is_opened_is_not_kept_open(sqlite_archive, monkeypatch):
    dataset = ct_slice(8, 8)
    keep(sqlite_archive, dataset)

    def opened_and_deleted(*arguments) -> StoredInstance:
        instance = StoredInstance(*arguments)
        sqlite_archive.delete(*uids(dataset))
        return instance

    monkeypatch.setattr(stored_instance, "StoredInstance", opened_and_deleted)
    opened = sqlite_archive.open_instance(*uids(dataset))
    assert opened.read(128, 4) == b"DICM"
    kept = weakref.ref(opened)
    del opened
    gc.collect()
    assert kept() is None  # nor are its bytes on the disk


def test_what_another_process_deleted_is_not_read_though_its_file_is_left(
    tmp_path, index_url, monkeypatch
):
    dataset = ct_slice(8, 8)
    here, there = (Archive.open(tmp_path, index_url=index_url) for _ in range(2))
    with here, there:
        keep(here, dataset)
        here.open_instance(*uids(dataset)).frame(1)
        monkeypatch.setattr(Deleter, "_remove_files", lambda *_: None)  # as if it were killed
        there.delete(*uids(dataset))
        with pytest.raises(NotFound):
            here.open_instance(*uids(dataset))
        with contextlib.suppress(NotFound):
            assert here.opened_instance(*uids(dataset)) is None


def test_descriptors_are_given_back(sqlite_archive):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("counts descriptors in /proc: run on Linux")
    datasets = [ct_slice(8, 8) for _ in range(40)]
    keep(sqlite_archive, *datasets)
    sqlite_archive._open_instances._largest = 5
    before = len(os.listdir("/proc/self/fd"))
    for dataset in datasets * 3:
        assert sqlite_archive.open_instance(*uids(dataset)).read(0, 1) == b"\0"
    assert len(os.listdir("/proc/self/fd")) <= before + 15


# The peak of the program itself: ru_maxrss counts the process that it was forked from as well.
LARGE = """
import re, sys
from pathlib import Path
import isocenter
folder, start = sys.argv[1], Path(sys.argv[2]).read_bytes()
frames, size = 250, 2 << 20

def parts():
    yield start
    for number in range(frames):
        yield bytes([number % 256]) * size

with isocenter.open(folder, durability="fast") as archive:
    kept = archive.ingest(parts())
    uids = kept.study_instance_uid, kept.series_instance_uid, kept.sop_instance_uid
    instance = archive.open_instance(*uids)
    for number in (1, 200, frames):
        assert instance.frame(number) == bytes([(number - 1) % 256]) * size
    archive.metadata(*uids[:2]).json()
    assert not archive.check(thorough=True).problems
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from Linux's /proc")
def test_a_large_multi_frame_object_passes_through_little_memory(tmp_path):
    """Half a gigabyte in a process that has to stay below 200 MB, its imports included."""
    dataset = multi_frame(1, 1024, 1024)
    dataset.NumberOfFrames = 250
    content = part10_bytes(dataset)
    start = content[: content.index(b"\xe0\x7f\x10\x00") + 8] + (500 << 20).to_bytes(4, "little")
    (tmp_path / "start").write_bytes(start)
    result = subprocess.run(
        [sys.executable, "-c", LARGE, tmp_path / "data", tmp_path / "start"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 200
