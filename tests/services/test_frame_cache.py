import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isocenter.services.frame_cache import FrameCache


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_many_who_ask_at_once_get_what_is_made_once(
    tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    made = []

    def make() -> bytes:
        made.append(1)
        time.sleep(0.05)
        return b"frame"

    async def ask() -> list[bytes]:
        cache = FrameCache(tmp_path, workers)
        return await asyncio.gather(*(cache.get("key", make) for _ in range(20)))

    assert asyncio.run(ask()) == [b"frame"] * 20
    assert made == [1]


def test_what_was_made_outlives_the_process(tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    def never() -> bytes:
        raise AssertionError("it is on the disk already")

    asyncio.run(FrameCache(tmp_path, workers).get("key", lambda: b"frame"))
    assert asyncio.run(FrameCache(tmp_path, workers).get("key", never)) == b"frame"


@pytest.mark.parametrize("left", [b"", b"\0\0\0\0", b"half a frame"])
def test_a_file_that_a_power_cut_left_incomplete_is_made_anew(
    tmp_path: Path, workers: ThreadPoolExecutor, left: bytes
) -> None:
    asyncio.run(FrameCache(tmp_path, workers).get("key", lambda: b"frame"))
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    kept.write_bytes(left)
    assert asyncio.run(FrameCache(tmp_path, workers).get("key", lambda: b"frame")) == b"frame"


def test_the_least_recently_used_goes_when_there_is_too_much(
    tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    async def use() -> None:
        cache = FrameCache(tmp_path, workers, limit=250)
        await cache.get("a", lambda: b"a" * 100)
        await cache.get("b", lambda: b"b" * 100)
        await cache.get("a", lambda: b"not made again")
        await cache.get("c", lambda: b"c" * 100)

    asyncio.run(use())
    kept = {path.read_bytes()[-1:] for path in tmp_path.rglob("*") if path.is_file()}
    assert kept == {b"a", b"c"}


def test_files_of_an_earlier_process_count_towards_the_limit(
    tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    for key in "abc":
        asyncio.run(FrameCache(tmp_path, workers).get(key, lambda: bytes(100)))
    asyncio.run(FrameCache(tmp_path, workers, limit=250).get("d", lambda: bytes(100)))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_an_error_reaches_all_who_wait_and_nothing_is_kept(
    tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    def fail() -> bytes:
        raise ValueError("broken frame")

    async def ask() -> list[bytes | BaseException]:
        cache = FrameCache(tmp_path, workers)
        waiting = [cache.get("key", fail) for _ in range(3)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        return [*results, await cache.get("key", lambda: b"now")]

    *errors, now = asyncio.run(ask())
    assert all(isinstance(error, ValueError) for error in errors) and now == b"now"


def test_one_who_goes_away_does_not_stop_the_work(
    tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    release = threading.Event()

    def make() -> bytes:
        assert release.wait(30)
        return b"frame"

    async def ask() -> bytes:
        cache = FrameCache(tmp_path, workers)
        first = asyncio.ensure_future(cache.get("key", make))
        await asyncio.sleep(0.02)
        second = asyncio.ensure_future(cache.get("key", make))
        await asyncio.sleep(0)
        first.cancel()
        release.set()
        return await asyncio.wait_for(second, 30)

    assert asyncio.run(ask()) == b"frame"


def test_a_cache_that_cannot_be_written_still_answers(
    tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"in the way")
    cache = FrameCache(blocked / "cache", workers)
    assert asyncio.run(cache.get("key", lambda: b"frame")) == b"frame"
