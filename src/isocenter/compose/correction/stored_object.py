"""An object in a file that is corrected: what stands before its pixels, and the rest as it is.

A deflated data set is inflated piece by piece, and deflated again as it is written.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isocenter.compose.writing import FileRange, deflated, write_whole
from isocenter.dicom import Header, scan_file
from isocenter.dicom.encoding import Buffer
from isocenter.dicom.inflation import MAXIMUM_INFLATED_LENGTH, Inflation, inflated_length
from isocenter.dicom.scan import check_complete
from isocenter.dicom.source import ReadAt, opened

__all__ = ["StoredObject", "stored_object"]

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in an open file.

    Parameters
    ----------
    header
        What a scan found in it.
    head
        The data set up to Pixel Data, inflated.
    """

    header: Header
    head: bytes
    _read: ReadAt
    _descriptor: int
    _size: int

    def write(self, path: Path, head: Iterable[Buffer]) -> None:
        """Write the object to a file, whole or not at all, with another head.

        Raises
        ------
        OutOfResources
            When the disk is full or cannot be written.
        InvalidDicom
            When a deflated data set is broken behind its head.
        """
        begin = self.header.data_set_offset
        meta = self._read(0, begin)
        if self.header.inflated:
            pieces = deflated(self._inflated(head))
            write_whole(path, _after(meta, pieces), make_folder=True)
            return
        tail = FileRange(self._descriptor, begin + len(self.head), self._size)
        write_whole(path, [meta, *head], tail=tail, make_folder=True)

    def copy(self, path: Path) -> None:
        """Write the file again as it is.

        Raises
        ------
        OutOfResources
            When the disk is full or cannot be written.
        """
        write_whole(path, [], tail=FileRange(self._descriptor, 0, self._size), make_folder=True)

    def _inflated(self, head: Iterable[Buffer]) -> Iterator[Buffer]:
        yield from head
        offset = len(self.head)
        inflation = _inflation(self._read, self.header)
        while piece := inflation.read(offset, _PIECE):
            yield piece
            offset += len(piece)


@contextmanager
def stored_object(path: Path, *, extra: frozenset[int]) -> Generator[StoredObject]:
    """Open an object to be corrected.

    Parameters
    ----------
    path
        Its file.
    extra
        Tags whose values the header keeps besides those that every scan does.

    Raises
    ------
    InvalidDicom, NotDicom, UnsupportedTransferSyntax, LimitExceeded
        As `scan_file`; a deflated data set must be whole, too.
    """
    with open(path, "rb", buffering=0) as file, opened(file.fileno()) as (read, size):
        header = scan_file(file.fileno(), extra=extra)
        begin = header.data_set_offset
        if header.inflated:
            head = _inflated_head(read, header)
        else:
            end = header.pixel_data.offset if header.pixel_data is not None else size
            head = read(begin, end - begin)
        yield StoredObject(header, head, read, file.fileno(), size)


def _inflated_head(read: ReadAt, header: Header) -> bytes:
    size = inflated_length(read, header.data_set_offset)
    check_complete(header, size, _inflation(read, header).read)
    end = header.pixel_data.offset if header.pixel_data is not None else size
    return _inflation(read, header).read(0, end)


def _inflation(read: ReadAt, header: Header) -> Inflation:
    return Inflation(read, header.data_set_offset, limit=MAXIMUM_INFLATED_LENGTH)


def _after(first: Buffer, rest: Iterable[Buffer]) -> Iterator[Buffer]:
    yield first
    yield from rest
