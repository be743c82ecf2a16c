"""A full, read-only or failing disk: refused as out of resources, nothing lost, service resumes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.archive.conftest import keep, uids
from tests.factories import ct_slice, part10_bytes, small_object

from isocenter.archive import Archive, Level, Outcome, Query
from isocenter.archive.reserve import Reserve
from isocenter.errors import OutOfResources

needs_mount = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or bool(os.environ.get("ISOCENTER_NO_MOUNT")),
    reason="mounts a small disk: run as root on Linux",
)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of six megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounts a small disk, which this container does not allow; run as full root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(archive: Archive) -> list[tuple[str, str, str]]:
    kept = []
    with pytest.raises(OutOfResources):
        for _ in range(40):
            dataset = ct_slice(512, 512)
            archive.ingest(part10_bytes(dataset))
            kept.append(uids(dataset))
    return kept


@needs_mount
@pytest.mark.parametrize("durability", ["safe", "fast"])
def test_a_full_disk_refuses_and_resumes_when_there_is_room(small_disk, durability):
    with Archive.open(small_disk / "data", durability=durability) as archive:
        kept = fill(archive)
        assert 5 <= len(kept) < 12
        assert archive.count(Query(Level.INSTANCE)) == len(kept)
        for each in kept:
            assert archive.open_instance(*each).header.sop_instance_uid == each[2]
        assert not archive.check(thorough=True).problems

        archive.delete(*kept.pop(0))
        archive.delete(*kept.pop(0))

        assert keep(archive, ct_slice(512, 512))[0].outcome is Outcome.STORED
        assert archive.count(Query(Level.INSTANCE)) == len(kept) + 1


def fill_up(disk: Path) -> None:
    """Leave not a byte."""
    size = 1 << 20
    with (disk / "filler").open("wb", buffering=0) as file:
        while size:
            try:
                size = size if file.write(bytes(size)) == size else size // 2
            except OSError:
                size //= 2


@needs_mount
@pytest.mark.parametrize("durability", ["safe", "fast"])
@pytest.mark.parametrize("reopened", [False, True])
def test_a_disk_without_a_byte_left_still_lets_delete(small_disk, durability, reopened):
    archive = Archive.open(small_disk / "data", durability=durability)
    datasets = [ct_slice(64, 64) for _ in range(6)]
    keep(archive, *datasets)
    if reopened:
        archive.close()
    fill_up(small_disk)
    if reopened:  # an index is not even opened without writing
        archive = Archive.open(small_disk / "data", durability=durability)
    with archive:
        with pytest.raises(OutOfResources):
            keep(archive, ct_slice(512, 512))
        for dataset in datasets[:5]:
            archive.delete(*uids(dataset))
        assert archive.count(Query(Level.INSTANCE)) == 1
        assert archive.open_instance(*uids(datasets[5])).size
        (small_disk / "filler").unlink()
        keep(archive, small_object())
        archive.delete(*uids(datasets[5]))
        assert not archive.check(thorough=True).problems
    assert (small_disk / "data" / "index.sqlite-reserve").stat().st_size >= 1 << 17


@pytest.mark.parametrize("length", [0, 1, 100_000, 1 << 18])
def test_a_reserve_that_a_kill_cut_short_is_whole_after_the_next_opening(tmp_path, length):
    reserve = tmp_path / "data" / "index.sqlite-reserve"
    for _ in range(2):
        Archive.open(tmp_path / "data").close()
        assert reserve.stat().st_size == 1 << 19
        os.truncate(reserve, length)


@needs_mount
@pytest.mark.parametrize("durability", ["safe", "fast"])
def test_small_objects_are_deleted_one_by_one_from_a_disk_that_the_log_has_filled(
    small_disk, durability
):
    """Each delete logs more than its file gives back."""
    with Archive.open(small_disk / "data", durability=durability) as archive:
        datasets = [small_object() for _ in range(60)]
        for dataset in datasets:
            keep(archive, dataset)
        fill_up(small_disk)
        for dataset in datasets:
            archive.delete(*uids(dataset))
        assert archive.count(Query(Level.INSTANCE)) == 0


@needs_mount
def test_a_reserve_takes_no_more_than_there_is_and_grows_when_there_is_more(small_disk):
    reserve = Reserve(small_disk / "reserve")
    fill_up(small_disk)
    reserve.make()
    assert not reserve.give_up()
    os.truncate(small_disk / "filler", (small_disk / "filler").stat().st_size - (1 << 17) - 8192)
    for _ in range(2):
        reserve.make()
        assert (small_disk / "reserve").stat().st_size == 1 << 17
    (small_disk / "filler").unlink()
    reserve.make()
    assert (small_disk / "reserve").stat().st_size == 1 << 19


@needs_mount
def test_an_index_without_room_refuses_and_takes_the_file_back(small_disk, tmp_path):
    """The files' disk has room, the index's has none."""
    with Archive.open(
        tmp_path / "data", index_url=f"sqlite:///{small_disk}/index.sqlite", durability="safe"
    ) as archive:
        keep(archive, first := small_object())
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
            while True:
                file.write(bytes(1000))
        refused = [small_object() for _ in range(20)]
        failures = 0
        for dataset in refused:
            try:
                keep(archive, dataset)
            except OutOfResources:
                failures += 1
                assert not (tmp_path / "data" / dataset.StudyInstanceUID).exists()
        assert failures
        filler.unlink()
        assert keep(archive, *refused)
        assert archive.count(Query(Level.INSTANCE)) == 21
        assert archive.open_instance(*uids(first)).size
        assert not archive.check(thorough=True).problems


@needs_mount
@pytest.mark.parametrize("full", ["files", "index"])
def test_a_disk_without_room_is_told_without_a_write_until_there_is_room(
    small_disk, tmp_path, full
):
    """Whichever of the two it is, that of the files or that of the index."""
    data, index = small_disk / "data", tmp_path / "index.sqlite"
    if full == "index":
        data, index = tmp_path / "data", small_disk / "index.sqlite"
    with Archive.open(data, index_url=f"sqlite:///{index}", durability="fast") as archive:
        keep(archive, small_object())
        archive.require_room()
        fill_up(small_disk)
        for _ in range(2):
            with pytest.raises(OutOfResources, match="the disk is full: 0 bytes are left"):
                archive.require_room()
        assert archive.count(Query(Level.INSTANCE)) == 1
        (small_disk / "filler").unlink()
        archive.require_room()


@needs_mount
def test_a_disk_without_room_for_files_is_told(small_disk):
    with Archive.open(small_disk / "data", durability="fast") as archive:
        subprocess.run(["mount", "-o", "remount,nr_inodes=40", small_disk], check=True)
        archive.require_room()
        with pytest.raises(OSError, match="space"):
            for number in range(40):
                (small_disk / str(number)).touch()
        with pytest.raises(OutOfResources, match="no more files"):
            archive.require_room()


@needs_mount
def test_a_read_only_disk_refuses_and_still_gives_what_it_has(small_disk):
    """A second, read-only mount over the folder: what a disk is after the kernel gave it up."""
    data = small_disk / "data"
    with Archive.open(data, durability="safe") as archive:
        dataset = small_object()
        keep(archive, dataset)
        subprocess.run(["mount", "--bind", data, data], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", data], check=True)
            with pytest.raises(OutOfResources, match="[Rr]ead-only"):
                keep(archive, small_object())
            with pytest.raises(OutOfResources, match="read-only"):
                archive.require_room()
            assert archive.open_instance(*uids(dataset)).header.sop_instance_uid
            assert archive.count(Query(Level.INSTANCE)) == 1
        finally:
            subprocess.run(["umount", "-l", data], check=True)
        assert keep(archive, small_object())[0].outcome is Outcome.STORED


@pytest.mark.skipif(sys.platform != "linux", reason="limits file sizes as Linux does; run on Linux")
def test_a_write_that_the_system_refuses_is_out_of_resources(tmp_path):
    """Without root: a process that may write no file of more than 100 kB."""
    script = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from isocenter.archive import Archive
from isocenter.errors import OutOfResources
with Archive.open({str(tmp_path / "data")!r}, durability="fast") as archive:
    content = open({str(tmp_path / "object")!r}, "rb").read()
    soft = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, soft[1]))
    try:
        archive.ingest(content)
        sys.exit("was kept")
    except OutOfResources:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, soft)
    print(archive.ingest(content).outcome.value)
"""
    (tmp_path / "object").write_bytes(part10_bytes(ct_slice(512, 512)))
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (result.stdout, result.returncode) == ("stored\n", 0), result.stderr


def test_an_archive_whose_folder_is_away_refuses_in_words_and_resumes_when_it_is_back(tmp_path):
    with Archive.open(tmp_path / "data") as archive:
        (tmp_path / "data").rename(tmp_path / "elsewhere")
        with pytest.raises(OutOfResources, match="is its disk mounted"):
            keep(archive, small_object())
        assert not (tmp_path / "data").exists()
        (tmp_path / "elsewhere").rename(tmp_path / "data")
        keep(archive, small_object())
        assert archive.count(Query(Level.INSTANCE)) == 1


def test_a_closed_archive_refuses_in_words(tmp_path):
    archive = Archive.open(tmp_path / "data")
    archive.close()
    with pytest.raises(OutOfResources, match="the archive is closed"):
        keep(archive, small_object())


def test_an_index_that_breaks_while_it_is_used_is_told_with_what_to_do(tmp_path):
    with Archive.open(tmp_path / "data") as archive:
        keep(archive, *[small_object() for _ in range(50)])
    with Archive.open(tmp_path / "data") as archive:
        with (tmp_path / "data" / "index.sqlite").open("r+b") as index:
            index.seek(4096)
            index.write(b"\xff" * (os.fstat(index.fileno()).st_size - 4096))
        for act in (
            lambda: archive.find(Query(Level.INSTANCE)),
            lambda: archive.changes(),
            lambda: keep(archive, small_object()),
        ):
            with pytest.raises(OutOfResources, match="index is damaged; stop the server"):
                act()
