"""Files as C-STORE sends them: what they hold, and their data set piece by piece."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from isocenter.dicom import read_file_meta, scan_file
from isocenter.errors import InvalidDicom, NeedMoreData

_HEAD = 1 << 13
PIECE = 1 << 21
"""How many bytes of a data set are read at a time."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A DICOM file, on disk or in memory, whose data set can be sent as it is.

    Parameters
    ----------
    source
        The file, or its bytes.
    sop_class_uid, sop_instance_uid, transfer_syntax_uid
        What it holds and how that is encoded.
    data_set_offset
        Where the data set begins: what stands before (preamble, group 0002) is not sent.
    size
        Length of the whole file in bytes.
    """

    source: Path | bytes
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    size: int

    def pieces(self, reader: "PieceReader | None" = None) -> Iterator[memoryview]:
        """Read the data set; a piece is true until the second step of the iteration after it."""
        if isinstance(self.source, bytes):
            yield memoryview(self.source)[self.data_set_offset :]
            return
        with open(self.source, "rb", buffering=0) as file:
            file.seek(self.data_set_offset)
            yield from (reader or PieceReader()).pieces(file, self.size - self.data_set_offset)


class PieceReader:
    """Reads files through two buffers of its own, which are used again and again."""

    def __init__(self) -> None:
        self._buffers: list[bytearray] = []

    def pieces(self, file: FileIO, size: int) -> Iterator[memoryview]:
        """Read the rest of a file; a piece is true until the second step after it.

        Raises
        ------
        InvalidDicom
            The file is shorter than `size`: it has changed meanwhile.
        """
        while size > 0:
            length = min(size, PIECE)
            view = memoryview(self._buffer(length))[:length]
            filled = 0
            while filled < length:
                count = file.readinto(view[filled:])
                if not count:
                    raise InvalidDicom("the file became shorter while it was read")
                filled += count
            size -= length
            yield view

    def _buffer(self, length: int) -> bytearray:
        """Return the buffer that was used longer ago."""
        if len(self._buffers) < 2:
            self._buffers.append(bytearray(length))
        else:
            self._buffers.reverse()
            if len(self._buffers[-1]) < length:
                self._buffers[-1] = bytearray(max(length, PIECE))
        return self._buffers[-1]


def describe(source: Path | str | bytes) -> Outgoing:
    """Find out what a DICOM file holds, from its File Meta Information or else its data set.

    Parameters
    ----------
    source
        A path, or the bytes of a whole file.

    Raises
    ------
    NotDicom, InvalidDicom
        It is no DICOM file, or lacks what a C-STORE needs.
    OSError
        It cannot be read.
    """
    if isinstance(source, bytes):
        return _describe(source, source, len(source))
    path = Path(source)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return _describe(path, file.read(_HEAD), size)


def _describe(source: Path | bytes, head: bytes, size: int) -> Outgoing:
    try:
        meta = read_file_meta(head, final=len(head) == size)
        sop_class, instance = meta.media_storage_sop_class_uid, meta.media_storage_sop_instance_uid
        syntax, offset = meta.transfer_syntax_uid, meta.data_set_offset
    except NeedMoreData:
        sop_class = instance = syntax = ""
        offset = 0
    if not (sop_class and instance and syntax):
        header = scan_file(source)
        sop_class, instance = header.sop_class_uid, header.sop_instance_uid
        syntax, offset = header.transfer_syntax.uid, header.data_set_offset
    if not sop_class or not instance:
        raise InvalidDicom(
            "SOPClassUID (0008,0016) or SOPInstanceUID (0008,0018) is missing: a C-STORE names both"
        )
    return Outgoing(source, sop_class, instance, syntax, offset, size)
