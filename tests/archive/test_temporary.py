"""Bytes on their way into a file of the archive, past the system's cache where it can be passed."""

import errno
import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from isocenter.archive import temporary
from isocenter.archive.staging import BLOCK, STAGED, StagingPool
from isocenter.archive.temporary import Buffer, Temporary, writes_past_cache

SIZES = [0, 1, 4095, 4096, 131071, 131072, 131073, 135168, STAGED - 1, STAGED, STAGED + 1]
LONG_SIZES = [STAGED + BLOCK, 2 * STAGED, 3 * STAGED + 4097]


def pieces(size: int, length: int) -> Iterator[memoryview]:
    """Cut bytes that say where they stand."""
    whole = memoryview(b"".join(n.to_bytes(4, "big") for n in range(size // 4 + 1)))[:size]
    for start in range(0, size, length):
        yield whole[start : start + length]


@pytest.fixture
def pool(tmp_path: Path) -> StagingPool:
    if not writes_past_cache(str(tmp_path / "probe")):
        pytest.skip("the file system of temporary files cannot be written past the cache")
    return StagingPool()


def is_past_cache(file: Temporary) -> bool:
    return file._is_past_cache


def arrived(path: Path, size: int, pool: StagingPool, length: int = 100_000) -> bytes:
    """Write a file, let go of it, and read it by another descriptor."""
    file = Temporary(str(path), durable=True, pool=pool)
    for piece in pieces(size, length):
        file.write([piece])
    assert file.size == size
    file.sync()
    file.close()
    return path.read_bytes()


@pytest.mark.parametrize("size", SIZES + LONG_SIZES)
def test_every_byte_arrives_past_the_cache(tmp_path: Path, pool: StagingPool, size: int) -> None:
    assert arrived(tmp_path / "1", size, pool) == b"".join(pieces(size, 100_000))


def test_one_piece_may_be_longer_than_the_memory(tmp_path: Path, pool: StagingPool) -> None:
    size = 2 * STAGED + 7
    assert arrived(tmp_path / "1", size, pool, length=size) == b"".join(pieces(size, size))


@pytest.mark.parametrize("size", [200_000, STAGED + 5000])
@pytest.mark.parametrize("taken", [4096, 5000])
def test_what_a_write_leaves_is_written_by_the_next(
    tmp_path: Path, pool: StagingPool, monkeypatch: pytest.MonkeyPatch, size: int, taken: int
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, part: write(file, part[:taken]))
    assert arrived(tmp_path / "1", size, pool) == b"".join(pieces(size, 100_000))


@pytest.mark.parametrize("size", [200_000, STAGED + 5000])
def test_a_file_system_of_larger_blocks_gets_the_bytes_through_the_cache(
    tmp_path: Path, pool: StagingPool, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    file = Temporary(str(tmp_path / "1"), durable=True, pool=pool)
    write = os.write

    def write_larger_blocks(descriptor: int, part: Buffer) -> int:
        if is_past_cache(file):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return write(descriptor, part)

    monkeypatch.setattr(os, "write", write_larger_blocks)
    file.write(list(pieces(size, 3000)))
    file.sync()
    file.close()
    assert (tmp_path / "1").read_bytes() == b"".join(pieces(size, 3000))


def test_files_without_memory_to_collect_in_pass_through_the_cache(
    tmp_path: Path, pool: StagingPool
) -> None:
    files = [Temporary(str(tmp_path / f"{n}"), durable=True, pool=pool) for n in range(20)]
    assert is_past_cache(files[0])
    assert not is_past_cache(files[-1])
    for file in files:
        file.write(list(pieces(300_001, 1000)))
    for file in files:
        file.sync()
        file.close()
    contents = {(tmp_path / f"{n}").read_bytes() for n in range(20)}
    assert contents == {b"".join(pieces(300_001, 1000))}


def test_a_system_without_memory_to_spare_is_no_trouble(
    tmp_path: Path, pool: StagingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patch:
        patch.setattr(mmap, "mmap", none_left)
        for number in range(20):
            assert arrived(tmp_path / f"{number}", 5000, pool) == b"".join(pieces(5000, 5000))
    file = Temporary(str(tmp_path / "later"), durable=True, pool=pool)
    assert is_past_cache(file)
    file.discard()


def test_memory_is_given_back_however_a_file_ends(tmp_path: Path, pool: StagingPool) -> None:
    for number in range(50):
        file = Temporary(str(tmp_path / f"{number}"), durable=True, pool=pool)
        assert is_past_cache(file)
        file.write(list(pieces(5000, 1000)))
        if number % 2:
            file.settle()
        file.discard()


@pytest.mark.parametrize("named", [True, False])
def test_a_file_is_whole_wherever_it_is_looked_at(
    tmp_path: Path, pool: StagingPool, named: bool
) -> None:
    whole = b"".join(pieces(150_001, 1000))

    def file(name: str) -> Temporary:
        made = Temporary(str(tmp_path / name), durable=True, named=named, pool=pool)
        made.write(list(pieces(150_001, 1000)))
        return made

    for name, look in {
        "path": lambda file: Path(file.path).read_bytes(),
        "link": lambda file: (
            file.link(str(tmp_path / "linked")) and (tmp_path / "linked").read_bytes()
        ),
        "descriptor": lambda file: os.pread(file.descriptor, 1 << 20, 0),
        "read": lambda file: file.read(0, 1 << 20),
        "parts": lambda file: b"".join(file.parts(0, 1000)),
    }.items():
        opened = file(name)
        assert look(opened) == whole, name
        opened.write([b"more"])
        assert opened.read(150_001, 9) == b"more"
        opened.discard()


def test_what_follows_a_look_goes_behind_it(tmp_path: Path, pool: StagingPool) -> None:
    file = Temporary(str(tmp_path / "1"), durable=True, pool=pool)
    file.write([bytes(BLOCK + 1)])
    file.zero(128)
    file.write(list(pieces(2 * STAGED, 100_000)))
    file.close()
    assert (tmp_path / "1").read_bytes() == bytes(BLOCK + 1) + b"".join(pieces(2 * STAGED, STAGED))


def test_a_system_without_writing_past_the_cache_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "open", refuse)
    assert not writes_past_cache(str(tmp_path / "1"))


def test_the_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    writes_past_cache(str(tmp_path / "1"))
    assert not list(tmp_path.iterdir())


PIECES = [bytes([number % 256]) * (number % 7) for number in range(2500)]


def written(path: Path) -> bytes:
    """Write pieces through the cache."""
    file = Temporary(str(path / "1"), durable=True)
    try:
        file.write(PIECES[:1])
        file.write([memoryview(piece) for piece in PIECES[1:]])
        assert file.size == sum(map(len, PIECES))
        return file.read(0, file.size + 1)
    finally:
        file.discard()


def test_more_pieces_than_one_system_call_takes_are_written_in_order(tmp_path: Path) -> None:
    assert written(tmp_path) == b"".join(PIECES)


@pytest.mark.parametrize("system", ["takes less than it is given", "takes one piece a call"])
def test_what_a_system_call_leaves_of_the_pieces_is_written_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    if system == "takes one piece a call":
        monkeypatch.setattr(temporary, "_write_some", temporary._write_joined)
    else:
        monkeypatch.setattr(
            temporary,
            "_write_some",
            lambda descriptor, parts: os.write(descriptor, b"".join(parts)[:100]),
        )
    assert written(tmp_path) == b"".join(PIECES)


def test_nothing_is_written_where_there_is_nothing_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_as_macos(descriptor: int, parts: Sequence[Buffer]) -> int:
        if not parts:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.write(descriptor, b"".join(parts))

    monkeypatch.setattr(temporary, "_write_some", write_as_macos)
    file = Temporary(str(tmp_path / "1"), durable=True)
    try:
        file.write([b"ab"])
        file.write([])
        assert file.read(0, 3) == b"ab"
    finally:
        file.discard()
