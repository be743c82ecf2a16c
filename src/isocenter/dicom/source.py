"""Read bytes at a place, whatever they stand in: memory, a file by name, descriptor or object."""

import mmap
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from errno import ENOENT
from pathlib import Path
from typing import BinaryIO

from isocenter.dicom.encoding import Buffer
from isocenter.errors import NotDicom

ReadAt = Callable[[int, int], bytes]
"""Takes an offset and a length; returns fewer bytes only at the end."""

Source = Buffer | Path | str | int | BinaryIO
"""Bytes, a path, a file descriptor, or a binary file that can seek."""


def require_file(path: Path | str) -> None:
    """Refuse what is no file: opening a pipe waits for its other end, a device may have no end.

    Parameters
    ----------
    path
        What is about to be opened.

    Raises
    ------
    NotDicom
        There is something else.
    OSError
        There is nothing.
    """
    try:
        mode = os.stat(path).st_mode
    except ValueError:  # NUL, or a character that no name has
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path)) from None
    if not stat.S_ISREG(mode):
        raise NotDicom("this is no file, but a folder, pipe, socket or device")


def is_named_pipe(path: Path) -> bool:
    """Tell whether a path is a pipe with a name, at which a reader may wait for ever.

    Those of a shell's `|` and `<(...)` have none; whoever writes into them is running already.
    """
    return path.is_fifo() and os.path.exists(os.path.realpath(path))


@contextmanager
def opened(source: Source) -> Generator[tuple[ReadAt, int]]:
    """Open a source for reading at places.

    Parameters
    ----------
    source
        What to read. A path is opened and closed again; anything else stays as it is.

    Yields
    ------
    read : ReadAt
        Reads from it.
    size : int
        Its length in bytes.

    Raises
    ------
    NotDicom
        A path names no file.
    """
    if isinstance(source, (str, Path)):
        require_file(source)
        with open(source, "rb", buffering=0) as file:
            yield _by_descriptor(file.fileno()), os.fstat(file.fileno()).st_size
    elif isinstance(source, int):
        yield _by_descriptor(source), os.fstat(source).st_size
    elif isinstance(source, (bytes, bytearray, memoryview, mmap.mmap)):
        yield lambda offset, length: bytes(source[offset : offset + length]), len(source)
    else:
        yield _by_seeking(source), source.seek(0, os.SEEK_END)


@contextmanager
def mapped(source: Source) -> Generator[mmap.mmap | bytes]:
    """Map a file into memory, for reading little of much.

    The file must not be cut short meanwhile. What has no descriptor is read instead.

    Parameters
    ----------
    source
        What to read.

    Yields
    ------
    mmap or bytes
        All of it.

    Raises
    ------
    NotDicom
        A path names no file.
    """
    if isinstance(source, (str, Path)):
        require_file(source)
        with open(source, "rb") as file, mapped(file) as content:
            yield content
        return
    descriptor = source if isinstance(source, int) else _descriptor(source)
    if descriptor is None:
        with opened(source) as (read, size):
            yield read(0, size)
        return
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        yield content


def _descriptor(source: Buffer | BinaryIO) -> int | None:
    try:
        return None if isinstance(source, Buffer) else source.fileno()
    except OSError:
        return None


def _by_descriptor(descriptor: int) -> ReadAt:
    if hasattr(os, "pread"):
        return lambda offset, length: os.pread(descriptor, length, offset)

    def read(offset: int, length: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)

    return read


def _by_seeking(file: BinaryIO) -> ReadAt:
    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return read
