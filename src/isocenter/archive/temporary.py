"""A file on its way into an archive."""

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from .file_system import O_BINARY, link_new, sync_bytes
from .staging import BLOCK, STAGED, Staging, StagingPool
from .writeback import begin_writing_back

if os.name != "nt":
    import fcntl

__all__ = ["Buffer", "Temporary", "has_nameless_files", "writes_past_cache"]

Buffer: TypeAlias = bytes | bytearray | memoryview

_log = logging.getLogger(__name__)

_O_DIRECT: int = getattr(os, "O_DIRECT", 0)
_IOV_MAX = 1024
# So many bytes are sent on their way to the disk early, and then whenever a file has tripled: each
# start is a call to the disk of its own, which takes the processor's time, too.
_EARLY_START = 1 << 18
_LONGEST_STRETCH = 1 << 23
# Of less than this the cache is as cheap, and one write to the disk instead of two.
_WORTH_STAGING = 1 << 17


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
    pool
        Memory to collect its bytes in, for writing them past the system's cache; None, or a pool
        that is empty, where they go through it.

    Attributes
    ----------
    size
        How many bytes were written. Of a file that is written past the cache some of them wait in
        memory until `settle`, or whatever else needs them, gives them to the file.
    """

    def __init__(
        self, path: str, *, durable: bool, named: bool = True, pool: StagingPool | None = None
    ) -> None:
        self._path = path
        self._named = named
        self.size = 0
        self._on_its_way = 0  # to the disk: so many bytes
        self._next_start = _EARLY_START if durable else sys.maxsize
        self._pool = pool
        self._staging: Staging | None = None
        flags = os.O_RDWR | (_O_DIRECT if pool else 0)
        if named:
            self._descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | O_BINARY, 0o640)
        else:
            folder = path[: path.rindex(os.sep)]
            self._descriptor = os.open(folder, flags | os.O_TMPFILE, 0o640)
        if pool:
            self._staging = pool.take()
            if self._staging is None:
                self._use_cache()

    @property
    def path(self) -> str:
        """Its name below `.incoming`, which it has from now on if it had none."""
        self.settle()
        if not self._named:
            self._link(self._path)
            self._named = True
        return self._path

    def link(self, place: str) -> bool:
        """Give it a further name unless another file has that; False where one has."""
        self.settle()
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
        self.settle()
        return self._descriptor

    def write(self, parts: Sequence[Buffer]) -> None:
        """Append parts, by one system call where the system has it."""
        if self._staging is not None:
            self._stage(self._staging, parts)
            return
        if not parts:  # which macOS takes for a mistake
            return
        written = _write_some(self._descriptor, parts[:_IOV_MAX])
        self.size += written
        if written < sum(map(len, parts)):
            rest = memoryview(b"".join(parts))[written:]
            self.size += len(rest)
            self._write_all(rest)
        if self.size >= self._next_start:
            self._start_writing_back()

    def _start_writing_back(self) -> None:
        begin_writing_back(self._descriptor, self._on_its_way, self.size - self._on_its_way)
        self._on_its_way = self.size
        self._next_start = self.size + max(_EARLY_START, min(2 * self.size, _LONGEST_STRETCH))

    def _stage(self, staging: Staging, parts: Sequence[Buffer]) -> None:
        for part in parts:
            length = len(part)
            end = staging.length + length
            if end <= STAGED:
                staging.memory[staging.length : end] = part
                staging.length = end
            else:
                self._stage_in_pieces(staging, memoryview(part))
            self.size += length

    def _stage_in_pieces(self, staging: Staging, rest: memoryview) -> None:
        while rest:
            start = staging.length
            piece = rest[: STAGED - start]
            staging.length = start + len(piece)
            staging.memory[start : staging.length] = piece
            rest = rest[len(piece) :]
            if staging.length == STAGED:
                self._write_all(staging.memory)
                staging.length = 0

    def settle(self) -> None:
        """Give the file what waits in memory; from then on it is written and read as any other.

        Raises
        ------
        OSError
            The disk is full, read-only or failing. What waited is lost.
        """
        staging, self._staging = self._staging, None
        if staging is None:
            return
        assert self._pool is not None
        try:
            waiting = staging.memory[: staging.length]
            blocks = len(waiting) & -BLOCK if len(waiting) >= _WORTH_STAGING else 0
            self._write_all(waiting[:blocks])
            self._use_cache()
            self._write_all(waiting[blocks:])
        finally:
            self._pool.give_back(staging)

    def _write_all(self, rest: memoryview) -> None:
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except OSError as error:
                if error.errno != errno.EINVAL or not self._is_past_cache:
                    raise
                self._use_cache()  # a file system that asks for still larger blocks
                continue
            rest = rest[written:]

    @property
    def _is_past_cache(self) -> bool:
        return bool(_O_DIRECT and fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & _O_DIRECT)

    def _use_cache(self) -> None:
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, 0)

    def read(self, offset: int, length: int) -> bytes:
        """Read back from the file; fewer bytes only at its end."""
        self.settle()
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
        self.settle()
        position = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, bytes(length))
        os.lseek(self._descriptor, position, os.SEEK_SET)

    def sync(self) -> None:
        """Wait until the bytes are on the disk."""
        if self._descriptor < 0:
            return
        self.settle()
        sync_bytes(self._descriptor)

    def close(self) -> None:
        """Give the descriptor back; the file stays, without what still waited in memory."""
        staging, self._staging = self._staging, None
        if staging is not None and self._pool is not None:
            self._pool.give_back(staging)
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


def writes_past_cache(path: str) -> bool:
    """Whether a file may be written past the system's cache, as most of Linux' can.

    Parameters
    ----------
    path
        One that is free, in the folder that is asked about.
    """
    if not _O_DIRECT:
        return False
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _O_DIRECT, 0o640)
    except OSError:
        return False
    try:
        return os.write(descriptor, Staging().memory[:BLOCK]) == BLOCK
    except OSError:
        return False
    finally:
        os.close(descriptor)
        os.unlink(path)
