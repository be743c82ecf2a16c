"""Bytes on their way into a file of the archive."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from isocenter.archive import temporary
from isocenter.archive.temporary import Buffer, Temporary

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
