"""Files as C-STORE sends them: what they hold, and their data set piece by piece."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from isocenter.dicom import FileMeta, read_file_meta, scan_file, tags
from isocenter.dicom.encoding import actual_layout
from isocenter.dicom.places import find_element
from isocenter.dicom.source import require_file
from isocenter.dicom.transfer_syntaxes import lookup
from isocenter.errors import InvalidDicom, NeedMoreData

_HEAD = 1 << 13
_ELEMENT = 8
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
    note
        What the one who sends it should know; empty for nothing.
    """

    source: Path | bytes
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    size: int
    note: str = ""

    def pieces(self, reader: "PieceReader | None" = None) -> Iterator[memoryview]:
        """Read the data set; a piece is true until the second step of the iteration after it."""
        length = self.size - self.data_set_offset
        syntax = lookup(self.transfer_syntax_uid)
        # Only a deflated data set may have an odd length in a file (PS3.5 A.5), no fragment has.
        padding = bytes(length & 1 if syntax and syntax.deflated else 0)
        if isinstance(self.source, bytes):
            data = memoryview(self.source)[self.data_set_offset :]
            yield memoryview(bytes(data) + padding) if padding else data
            return
        with open(self.source, "rb", buffering=0) as file:
            file.seek(self.data_set_offset)
            yield from (reader or PieceReader()).pieces(file, length, padding)


class PieceReader:
    """Reads files through two buffers of its own, which are used again and again."""

    def __init__(self) -> None:
        self._buffers: list[bytearray] = []

    def pieces(self, file: FileIO, size: int, padding: bytes = b"") -> Iterator[memoryview]:
        """Read the rest of a file, padded; a piece is true until the second step after it.

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
            if padding and not size:
                yield memoryview(bytes(view) + padding)
            else:
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
    """Find out what a DICOM file holds.

    Where File Meta Information and data set differ, the data set is right: File Meta Information
    speaks of the file (PS3.10 7.1), and is not sent.

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
    require_file(path)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return _describe(path, file.read(_HEAD), size)


def _describe(source: Path | bytes, head: bytes, size: int) -> Outgoing:
    try:
        meta = read_file_meta(head, final=len(head) == size)
    except NeedMoreData:
        meta = None
    own = _named_in(head, meta) if meta is not None and meta.transfer_syntax_uid else None
    if meta is None or own is None:
        header = scan_file(source)
        own = (
            header.sop_class_uid or (meta.media_storage_sop_class_uid if meta else ""),
            header.sop_instance_uid or (meta.media_storage_sop_instance_uid if meta else ""),
        )
        syntax, offset = header.transfer_syntax.uid, header.data_set_offset
    else:
        syntax, offset = meta.transfer_syntax_uid, meta.data_set_offset
    if not all(own):
        raise InvalidDicom(
            "SOPClassUID (0008,0016) or SOPInstanceUID (0008,0018) is missing: a C-STORE names both"
        )
    return Outgoing(source, *own, syntax, offset, size, _difference(meta, own))


def _named_in(head: bytes, meta: FileMeta) -> tuple[str, str] | None:
    """Read SOP Class and Instance UID, which begin a data set; None if they are further behind."""
    syntax = lookup(meta.transfer_syntax_uid)
    data = head[meta.data_set_offset :]
    if syntax is None or syntax.deflated or len(data) < _ELEMENT:
        return None
    layout = actual_layout(data, syntax)
    places = [find_element(data, layout, tag) for tag in (tags.SOPClassUID, tags.SOPInstanceUID)]
    if any(place is None or place.offset + place.length > len(data) for place in places):
        return None
    sop_class, instance = (
        data[place.offset : place.offset + place.length].decode("latin-1").strip(" \0")
        for place in places
        if place is not None
    )
    return sop_class, instance


def _difference(meta: FileMeta | None, own: tuple[str, str]) -> str:
    if meta is None:
        return ""
    named = meta.media_storage_sop_class_uid, meta.media_storage_sop_instance_uid
    names = ("SOP Class", "SOP Instance")
    differing = [
        name for name, one, other in zip(names, named, own, strict=True) if one and one != other
    ]
    if not differing:
        return ""
    return (
        f"File Meta Information names another {' and another '.join(differing)} than the data set; "
        "sent as what the data set says it is"
    )
