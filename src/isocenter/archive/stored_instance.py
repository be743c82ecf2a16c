"""Reading a kept instance: by offset, never by loading it."""

import contextlib
import os
import sys
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from isocenter.dicom.frame_table import frame_table
from isocenter.dicom.frames import FrameTable
from isocenter.dicom.header import Header
from isocenter.dicom.inflation import MAXIMUM_INFLATED_LENGTH, Inflation, inflated_pieces
from isocenter.dicom.recurring import RecurringElements
from isocenter.dicom.scan import FIRST_READ, scan_at
from isocenter.dicom.transfer_syntaxes import TransferSyntax

from .index_values import EXTRA_TAGS
from .inflated_data_sets import InflatedDataSets
from .versions import identity_of, version_of

__all__ = ["OpenInstances", "StoredInstance", "allowed_files"]

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_CHUNK = 1 << 20

_INFLATED = InflatedDataSets(256 << 20)

Triple = tuple[str, str, str]


class StoredInstance:
    """An instance that is open for reading; `Archive.open_instance` makes it.

    It may be used from several threads, and stays readable while anybody holds it, also when the
    instance is replaced or deleted meanwhile.

    Parameters
    ----------
    path
        The file.
    recurring
        What is remembered of the headers that were scanned before, for a reader of many.
    """

    def __init__(self, path: Path | str, recurring: RecurringElements | None = None) -> None:
        self._place = str(path)
        self._recurring = recurring
        self._descriptor = os.open(self._place, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        status = os.fstat(self._descriptor)
        self.size = status.st_size
        self._identity = identity_of(status)
        self._lock = threading.Lock()

    def __del__(self) -> None:
        # The cache and any number of responses share the descriptor; the last one closes it.
        if (descriptor := getattr(self, "_descriptor", -1)) >= 0:
            os.close(descriptor)

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._place)

    @property
    def descriptor(self) -> int:
        """The open file descriptor; valid as long as this object."""
        return self._descriptor

    @cached_property
    def version(self) -> str:
        """Names the bytes of the file; another name means other bytes."""
        return version_of(self._identity)

    @cached_property
    def header(self) -> Header:
        """What a scan of the data set finds."""
        return self._scanned()

    def _scanned(self, beginning: bytes = b"") -> Header:
        return scan_at(
            self.read,
            self.size,
            extra=EXTRA_TAGS,
            beginning=beginning,
            recurring=self._recurring,
        )

    @property
    def is_at_hand(self) -> bool:
        """Whether header and frame table are known, or can be without waiting for the disk."""
        if "header" in self.__dict__ and "frame_table" in self.__dict__:
            return True
        # A frame table of fragments is walked all over the file: only the native one is arithmetic.
        beginning = self.try_read(0, FIRST_READ)
        if beginning is None:
            return False
        if "header" not in self.__dict__:
            self.header = self._scanned(beginning)
        return not (self.header.inflated or self.transfer_syntax.encapsulated)

    @property
    def transfer_syntax(self) -> TransferSyntax:
        """How the object is encoded."""
        return self.header.transfer_syntax

    @cached_property
    def frame_table(self) -> FrameTable:
        """The places of the frames in the file; of a deflated one, in its inflated data set."""
        return frame_table(self.inflated if self.header.inflated else self._descriptor, self.header)

    @property
    def inflated(self) -> memoryview:
        """The data set of a deflated object (PS3.5 A.5): in memory, so nobody should hold it long.

        It is inflated again where others were used meanwhile that take too much memory with it.
        """
        start = self.header.data_set_offset
        return _INFLATED.get(
            self, lambda: inflated_pieces(self.read, start, limit=MAXIMUM_INFLATED_LENGTH)
        )

    def is_current(self) -> bool:
        """Whether this is still the file that stands in the instance's place, with its bytes.

        Returns
        -------
        bool
            False where the instance was deleted or replaced since it was opened.
        """
        try:
            return identity_of(os.stat(self._place)) == self._identity
        except OSError:
            return False

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes of the file; fewer than `length` only at its end.

        Parameters
        ----------
        offset
            Where to begin, in bytes of the file.
        length
            How many bytes.

        Returns
        -------
        bytes
            The bytes as they are kept, File Meta Information included.
        """
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, length, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, length)

    def try_read(self, offset: int, length: int) -> bytes | None:
        """Read bytes of the file if that needs no wait for the disk.

        Parameters
        ----------
        offset
            Where to begin, in bytes of the file.
        length
            How many bytes; at the end of the file it is cut to what is there.

        Returns
        -------
        bytes or None
            None where the bytes are not all in memory, or the system cannot tell: use `read`, in
            a thread that may wait.
        """
        if not _NOWAIT:
            return None
        buffer = bytearray(max(0, min(length, self.size - offset)))
        return bytes(buffer) if self.try_read_into(offset, buffer) == len(buffer) else None

    def try_read_into(self, offset: int, target: memoryview | bytearray) -> int:
        """Fill `target` with bytes of the file as far as that needs no wait for the disk.

        Parameters
        ----------
        offset
            Where to begin, in bytes of the file.
        target
            Writable memory, as long as what is to be read.

        Returns
        -------
        int
            How many bytes were read: up to the first that is not in memory; 0 where the system
            cannot tell.
        """
        if not _NOWAIT:
            return 0
        try:
            return os.preadv(self._descriptor, [target], offset, _NOWAIT)
        except OSError:  # EAGAIN, or a file system that does not know the flag
            return 0

    def will_read(self, offset: int, length: int) -> None:
        """Have the system fetch what is not in memory, all at once, while something else is done.

        Parameters
        ----------
        offset
            Where it begins, in bytes of the file.
        length
            How many bytes.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        with contextlib.suppress(OSError):  # of file systems that take no advice
            os.posix_fadvise(self._descriptor, offset, length, os.POSIX_FADV_WILLNEED)

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` with bytes of the file.

        Parameters
        ----------
        offset
            Where to begin, in bytes of the file.
        target
            Writable memory, as long as what is to be read.

        Returns
        -------
        int
            How many bytes were read; fewer than asked for only at the end of the file.
        """
        if hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [target], offset)
        data = self.read(offset, len(target))
        target[: len(data)] = data
        return len(data)

    def frame(self, number: int) -> bytes:
        """Read one frame as it is encoded, its fragments joined.

        Parameters
        ----------
        number
            The frame, from 1. Where frames are no whole number of bytes, it is shifted to begin
            with a byte.

        Returns
        -------
        bytes
            A codestream, or native pixels. Where frames are components of one codestream, it is
            that, as a `ComponentFrame`.

        Raises
        ------
        NotFound
            The object has no pixel data, or not so many frames.
        PixelDataError
            The pixel data does not hold the frame.
        """
        if self.header.inflated:
            table, inflated = self.frame_table, self.inflated
            return table.read_frame(lambda at, length: bytes(inflated[at : at + length]), number)
        return self.frame_table.read_frame(self.read, number)

    def chunks(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read a stretch of the file, to its end by default, in parts of a megabyte.

        Parameters
        ----------
        offset
            Where to begin, in bytes of the file.
        length
            How many bytes; None for all up to the end.

        Yields
        ------
        bytes
            Consecutive parts of at most a megabyte.
        """
        end = self.size if length is None else min(self.size, offset + length)
        while offset < end:
            part = [self.read(offset, min(_CHUNK, end - offset))]
            if not part[0]:
                return
            offset += len(part[0])
            yield part.pop()  # and hold it no longer, however long the reader takes

    def beginning(self) -> bytes:
        """Read the file up to its Pixel Data, for readers that take files; all of it without any.

        Of a deflated object it is the data set up to there, deflated anew.

        Returns
        -------
        bytes
            A Part 10 file that ends in front of its Pixel Data element.
        """
        element, start = self.header.pixel_data, self.header.data_set_offset
        if not self.header.inflated:
            return self.read(0, self.size if element is None else element.offset)
        end = MAXIMUM_INFLATED_LENGTH if element is None else element.offset
        head = Inflation(self.read, start, limit=MAXIMUM_INFLATED_LENGTH).read(0, end)
        packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        return self.read(0, start) + packer.compress(head) + packer.flush()

    def inflated_chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Read a stretch of a deflated object's data set, inflated, in parts of a megabyte.

        Whoever is slow to take them holds none of the others in memory: if they are not there any
        more, they are inflated once more on the way.

        Parameters
        ----------
        offset
            Where to begin, in bytes of the inflated data set.
        length
            How many bytes.

        Yields
        ------
        bytes
            Consecutive parts of at most a megabyte.
        """
        start, end = self.header.data_set_offset, offset + length
        inflation = Inflation(self.read, start, limit=MAXIMUM_INFLATED_LENGTH)
        while offset < end:
            size = min(_CHUNK, end - offset)
            yield self._inflated_part(offset, size) or inflation.read(offset, size)
            offset += size

    def _inflated_part(self, offset: int, size: int) -> bytes | None:
        kept = _INFLATED.kept(self)
        return None if kept is None else bytes(kept[offset : offset + size])


def allowed_files() -> int:
    """Tell how many files this process may hold open at the same time."""
    if sys.platform == "win32":
        return 1024
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return allowed if allowed != resource.RLIM_INFINITY else 1 << 20


class OpenInstances:
    """Keeps the instances that were read last open, with their headers and frame tables.

    Parameters
    ----------
    largest
        How many at most; by default a quarter of the files that this process may open, and at most
        1,024: a reader goes through the slices of a study again and again.
    """

    def __init__(self, largest: int | None = None) -> None:
        self._largest = largest or min(1024, allowed_files() // 4)
        self._open: OrderedDict[Triple, StoredInstance] = OrderedDict()
        self._recurring = RecurringElements()
        self._lock = threading.Lock()

    def get(self, uids: Triple) -> StoredInstance | None:
        """Give an open instance whose file still stands in its place."""
        with self._lock:
            found = self._open.get(uids)
            if found is not None:
                self._open.move_to_end(uids)
        if found is not None and not found.is_current():
            self.drop(uids)
            return None
        return found

    def open(self, uids: Triple, place: str) -> StoredInstance:
        """Open an instance, and keep it so.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        instance = StoredInstance(place, self._recurring)
        instance.will_read(0, _CHUNK)  # its header, and perhaps its pixels
        with self._lock:
            self._open[uids] = instance
            if len(self._open) > self._largest:
                self._open.popitem(last=False)
        if not instance.is_current():  # deleted between the two, and let go of before it was kept
            self.drop(uids)
        return instance

    def drop(self, uids: Triple) -> None:
        """Let go of an instance."""
        with self._lock:
            self._open.pop(uids, None)

    def drop_below(self, study: str, series: str | None, instance: str | None) -> None:
        """Let go of the instances of a study, of a series, or of one."""
        named = [uid for uid in (study, series, instance) if uid is not None]
        with self._lock:
            for uids in [each for each in self._open if list(each[: len(named)]) == named]:
                del self._open[uids]

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._open.clear()
