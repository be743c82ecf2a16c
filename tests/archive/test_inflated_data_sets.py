"""Deflated objects are read by inflating them: within a bound, and not again and again."""

import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from tests.archive.conftest import uids
from tests.factories import multi_frame, part10_bytes

from isocenter.archive import Archive, StoredInstance, stored_instance
from isocenter.archive.inflated_data_sets import InflatedDataSets
from isocenter.dicom.inflation import inflated_pieces

MEGABYTE = 1 << 20


def bomb(megabytes: int, value: int = 0) -> Dataset:
    """An object that is a thousand times as large when it is inflated."""
    dataset = multi_frame(1, 1024, 512)
    dataset.NumberOfFrames = megabytes
    dataset.PixelData = bytes([value]) * (megabytes * MEGABYTE)
    return dataset


def opened(archive: Archive, dataset: Dataset) -> StoredInstance:
    archive.ingest(part10_bytes(dataset, DeflatedExplicitVRLittleEndian))
    return archive.open_instance(*uids(dataset))


@contextmanager
def memory_taken() -> Iterator[list[int]]:
    """How many bytes are held at the end of the block, and were at most."""
    taken: list[int] = []
    tracemalloc.start()
    try:
        yield taken
        taken += tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Notes each time that a data set is inflated from its beginning on."""
    inflations: list[int] = []

    def noted(*arguments, **limits) -> Iterator[bytes]:
        inflations.append(1)
        return inflated_pieces(*arguments, **limits)

    monkeypatch.setattr(stored_instance, "inflated_pieces", noted)
    return inflations


@pytest.fixture
def four_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_instance, "_INFLATED", InflatedDataSets(4 * MEGABYTE), raising=False)


@pytest.mark.usefixtures("four_megabytes")
def test_what_open_instances_keep_inflated_is_bounded_in_all(sqlite_archive):
    instances = [opened(sqlite_archive, bomb(1, value)) for value in range(20)]
    with memory_taken() as taken:
        for value, instance in enumerate(instances):
            assert instance.frame(1) == bytes([value]) * MEGABYTE
    assert taken[0] < 6 * MEGABYTE


@pytest.mark.usefixtures("four_megabytes")
def test_the_least_recently_used_are_inflated_again_and_no_others(sqlite_archive, counted):
    first, second, third, fourth = (opened(sqlite_archive, bomb(1)) for _ in range(4))
    for instance in (first, second, third, first, fourth):  # with their headers, three fit
        instance.frame(1)
    assert len(counted) == 4
    first.frame(1)
    third.frame(1)
    assert len(counted) == 4
    second.frame(1)
    assert len(counted) == 5


@pytest.mark.usefixtures("four_megabytes")
def test_one_that_is_larger_than_the_limit_is_kept_alone(sqlite_archive, counted):
    small, large = opened(sqlite_archive, bomb(1)), opened(sqlite_archive, bomb(8))
    for number in range(1, 9):
        large.frame(number)
        assert len(counted) == 1
    small.frame(1)
    with memory_taken() as taken:
        large.frame(1)
        small.frame(1)
    assert len(counted) == 4
    assert taken[0] < 2 * MEGABYTE


def test_many_readers_at_once_inflate_once(sqlite_archive, counted):
    instance = opened(sqlite_archive, bomb(4))
    together = threading.Barrier(8)

    def read(number: int) -> bytes:
        together.wait(60)
        return instance.frame(number % 4 + 1)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(8), timeout=60)) == {bytes(MEGABYTE)}
    assert len(counted) == 1


@pytest.mark.usefixtures("four_megabytes")
def test_several_at_once_do_not_fill_the_memory_side_by_side(sqlite_archive):
    instances = [opened(sqlite_archive, bomb(16)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool, memory_taken() as taken:
        for frame in pool.map(lambda instance: instance.frame(1), instances, timeout=60):
            assert frame == bytes(MEGABYTE)
    # One while it is inflated, one of which a frame is being copied, and the frames.
    assert taken[1] < 2 * 18 * MEGABYTE + 6 * MEGABYTE


def test_an_instance_that_is_gone_leaves_nothing(sqlite_archive):
    instance = opened(sqlite_archive, bomb(8))
    with memory_taken() as taken:
        instance.frame(1)
        del instance
        sqlite_archive.close()
    assert taken[0] < MEGABYTE


@pytest.mark.usefixtures("four_megabytes")
def test_a_slow_reader_of_a_large_value_holds_none_of_it(sqlite_archive, counted):
    dataset = bomb(16)
    dataset.PixelData = b"".join(bytes([number]) * MEGABYTE for number in range(16))
    slow, other = opened(sqlite_archive, dataset), opened(sqlite_archive, bomb(1))
    offset = slow.header.pixel_data.value_offset
    with memory_taken():
        slow.frame(1)
        parts = slow.inflated_chunks(offset + 10, 16 * MEGABYTE - 20)
        read = [next(parts)]
        other.frame(1)  # for which the large one goes
        read.append(next(parts))
        held, _ = tracemalloc.get_traced_memory()
        read += parts
    assert held < 6 * MEGABYTE
    assert b"".join(read) == dataset.PixelData[10:-10]
    assert max(map(len, read)) == MEGABYTE
    assert len(counted) == 2
