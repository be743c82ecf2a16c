"""A file on its way into an archive."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from .file_system import O_BINARY, link_new, sync_bytes
from .writeback import begin_writing_back

__all__ = ["Buffer", "Temporary", "has_nameless_files"]

Buffer: TypeAlias = bytes | bytearray | memoryview

_log = logging.getLogger(__name__)

_IOV_MAX = 1024
# So many bytes are sent on their way to the disk early, and then whenever a file has tripled: each
# start is a call to the disk of its own, which takes the processor's time, too.
_EARLY_START = 1 << 18
_LONGEST_STRETCH = 1 << 23


def _write_joined(descriptor: int, parts: Sequence[Buffer]) -> int:
    return os.write(descriptor, b"".join(parts))


_write_some: Callable[[int, Sequence[Buffer]], int] = getattr(os, "writev", _write_joined)
"""Writes what one system call takes of several parts; returns how many bytes that were."""


class Temporary:
    """A file on its way in.

    Parameters
    ----------
    path
        Its name below `.incoming`.
    durable
        Whether it will be synced.
    named
        Whether it has that name from the beginning, or gets it when it is asked for. A file without
        a name costs the file system's journal less, and is gone when its process dies.
    """

    synced = False
    """Whether the bytes are on the disk for certain."""

    def __init__(self, path: str, *, durable: bool, named: bool = True) -> None:
        self._path = path
        self._named = named
        self.size = 0
        self._on_its_way = 0  # to the disk: so many bytes
        self._next_start = _EARLY_START if durable else sys.maxsize
        if named:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | O_BINARY
            self._descriptor = os.open(path, flags, 0o640)
        else:
            flags = os.O_RDWR | os.O_TMPFILE
            self._descriptor = os.open(path[: path.rindex(os.sep)], flags, 0o640)

    @property
    def path(self) -> str:
        """Its name below `.incoming`, which it has from now on if it had none."""
        if not self._named:
            self._link(self._path)
            self._named = True
        return self._path

    def link(self, place: str) -> bool:
        """Give it a further name unless another file has that; False where one has."""
        if self._named:
            return link_new(self._path, place)
        try:
            self._link(place)
        except FileExistsError:
            return False
        return True

    def _link(self, name: str) -> None:
        # Python follows the link below /proc when it is given a directory too, which means nothing.
        os.link(f"/proc/self/fd/{self._descriptor}", name, src_dir_fd=self._descriptor)

    @property
    def descriptor(self) -> int:
        """The open file descriptor."""
        return self._descriptor

    def write(self, parts: Sequence[Buffer]) -> None:
        """Append parts, by one system call where the system has it."""
        if not parts:  # which macOS takes for a mistake
            return
        written = _write_some(self._descriptor, parts[:_IOV_MAX])
        self.size += written
        if written < sum(map(len, parts)):
            self._write_all(memoryview(b"".join(parts))[written:])
        if self.size >= self._next_start:
            self._start_writing_back()

    def _write_all(self, rest: memoryview) -> None:
        while rest:
            written = os.write(self._descriptor, rest)
            self.size += written
            rest = rest[written:]

    def _start_writing_back(self) -> None:
        begin_writing_back(self._descriptor, self._on_its_way, self.size - self._on_its_way)
        self._on_its_way = self.size
        self._next_start = self.size + max(_EARLY_START, min(2 * self.size, _LONGEST_STRETCH))

    def read(self, offset: int, length: int) -> bytes:
        """Read back from the file; fewer bytes only at its end."""
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, length, offset)
        end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        try:
            return os.read(self._descriptor, length)
        finally:
            os.lseek(self._descriptor, end, os.SEEK_SET)

    def parts(self, offset: int, length: int) -> Iterator[bytes]:
        """Read back from `offset` to the end in parts of `length` bytes."""
        while part := self.read(offset, length):
            yield part
            offset += len(part)

    def close_for_moving(self) -> None:
        """Close the file where the system moves no open files, after syncing it."""
        if os.name == "nt":
            self.sync()
            self.close()

    def zero(self, length: int) -> None:
        """Overwrite the first `length` bytes with zeros."""
        position = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, bytes(length))
        os.lseek(self._descriptor, position, os.SEEK_SET)

    def sync(self) -> None:
        """Wait until the bytes are on the disk."""
        if self._descriptor < 0:
            return
        sync_bytes(self._descriptor)
        self.synced = True

    def close(self) -> None:
        """Give the descriptor back; the file stays."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:  # free from here on, even where closing fails: it may be another's soon
            os.close(descriptor)

    def discard(self) -> None:
        """Close the file and remove its name below `.incoming`; trouble with that is logged."""
        try:
            self.close()
        except OSError as error:  # what was to last has been synced
            _log.error("a file below .incoming could not be closed: %s", error.strerror)
        if self._named:
            with contextlib.suppress(OSError):
                os.unlink(self._path)


def has_nameless_files(path: str) -> bool:
    """Whether a file may be opened without a name and get one later, as most of Linux' can.

    Parameters
    ----------
    path
        One that is free, in the folder that is asked about.
    """
    if not hasattr(os, "O_TMPFILE"):
        return False
    try:
        probe = Temporary(path, durable=False, named=False)
    except OSError:
        return False
    try:
        return probe.path == path
    except OSError:
        return False
    finally:
        probe.discard()
