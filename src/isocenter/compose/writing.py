"""Writing a composed object: File Meta Information, any transfer syntax, all or nothing."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.garbage_collection import fewer_full_collections
from isocenter.compose.transcoding import in_transfer_syntax
from isocenter.dicom import file_meta_bytes, transfer_syntax
from isocenter.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Buffer
from isocenter.errors import CannotCompose, OutOfResources

__all__ = ["FileRange", "deflated", "require_replaceable", "write", "write_whole"]

_SMALL = 1 << 12
_CHUNK = 1 << 20
_NO_COPY_IN_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@fewer_full_collections()
def write(data_set: Dataset, path: Path, *, transfer_syntax_uid: str | None = None) -> Path:
    """Write `data_set` as a Part 10 file (PS3.10 7.1), whole or not at all.

    Parameters
    ----------
    data_set
        The object; its File Meta Information is made anew.
    path
        The file, or an existing folder, in which it is named by its SOP Instance UID.
    transfer_syntax_uid
        The encoding; by default the one the data set says, else Explicit VR Little Endian.

    Raises
    ------
    CannotCompose
        When a value cannot be encoded, or the pixels not in that transfer syntax; when `path` is a
        device or the like.
    OutOfResources
        When the disk is full or cannot be written; nothing half-written is left.
    """
    if transfer_syntax_uid is not None:
        transfer_syntax(transfer_syntax_uid)  # one that nobody knows is refused
    present = UID(_present_syntax(data_set))
    syntax = UID(transfer_syntax_uid or present)
    data_set = in_transfer_syntax(data_set, present, syntax)
    if path.is_dir():
        path = path / f"{data_set.SOPInstanceUID}.dcm"
    meta = file_meta_bytes(str(data_set.SOPClassUID), str(data_set.SOPInstanceUID), syntax)
    write_whole(path, [meta, *_encoded(data_set, syntax)])
    return path


@dataclass(frozen=True, slots=True)
class FileRange:
    """Bytes of an open file that are copied without being read into this process where possible.

    Parameters
    ----------
    descriptor
        The file, open for reading.
    begin, end
        Offsets in it.
    """

    descriptor: int
    begin: int
    end: int


def write_whole(
    path: Path,
    pieces: Iterable[Buffer],
    *,
    tail: FileRange | None = None,
    make_folder: bool = False,
) -> None:
    """Write all of `pieces` to a file by way of another beside it, or leave what was there.

    Parameters
    ----------
    path
        The file.
    pieces
        What it holds, one behind the other; they may be made as they are written.
    tail
        What follows them out of another file.
    make_folder
        Whether to make the folder that it stands in, if there is none.

    Raises
    ------
    CannotCompose
        When there is something else than a file, such as a device.
    OutOfResources
        When the disk is full or cannot be written.
    """
    require_replaceable(path)
    temporary = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        handle = _new_file(temporary, make_folder)
        try:
            _write_pieces(handle, pieces)
            if tail is not None:
                _copy(handle, tail)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutOfResources(f"{path} cannot be written: {error.strerror}.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def require_replaceable(path: Path) -> None:
    """Refuse to put a file in the place of a device, pipe or socket, or where no path leads.

    Raises
    ------
    CannotCompose
        When that is what is there, or the path has characters that none has.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:  # there is nothing yet, or what keeps it from being written is told then
        return
    except ValueError:
        raise CannotCompose(
            f"{str(path)!r} has characters that no path has; name a file to write."
        ) from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise CannotCompose(f"{path} is a device, pipe or socket; name a file to write.")


def _new_file(path: Path, make_folder: bool) -> int:
    try:
        return os.open(path, _NEW_FILE, 0o666)
    except FileNotFoundError:
        if not make_folder:
            raise
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, _NEW_FILE, 0o666)


def _write_pieces(handle: int, pieces: Iterable[Buffer]) -> None:
    for piece in _joined(pieces):
        view = memoryview(piece)
        while len(view):
            view = view[os.write(handle, view) :]


def _copy(handle: int, tail: FileRange) -> None:
    """Copy the range to where `handle` stands; a file that was cut short meanwhile is an error."""
    begin = tail.begin
    while begin < tail.end:
        copied = _copy_some(handle, tail.descriptor, begin, tail.end - begin)
        if copied == 0:
            raise OSError(errno.EIO, "the file that is copied became shorter meanwhile")
        begin += copied


def _copy_some(handle: int, source: int, offset: int, length: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, handle, length, offset)
        except OSError as error:
            if error.errno not in _NO_COPY_IN_KERNEL:
                raise
    os.lseek(source, offset, os.SEEK_SET)
    return os.write(handle, os.read(source, min(length, _CHUNK)))


def _present_syntax(data_set: Dataset) -> str:
    meta = getattr(data_set, "file_meta", None)
    return str((meta and meta.get("TransferSyntaxUID")) or ExplicitVRLittleEndian)


def _encoded(data_set: Dataset, syntax: UID) -> list[Buffer]:
    rules = transfer_syntax(syntax)
    explicit = EXPLICIT_LITTLE if rules.little_endian else EXPLICIT_BIG
    pieces = encoded_data_set(data_set, IMPLICIT_LITTLE if rules.implicit else explicit)
    return list(deflated(pieces)) if rules.deflated else pieces


def deflated(pieces: Iterable[Buffer]) -> Iterator[bytes]:
    """Compress a data set (PS3.5 A.5) piece by piece, to an even length."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    length = 0
    for piece in pieces:
        packed = compressor.compress(piece)
        length += len(packed)
        yield packed
    packed = compressor.flush()
    yield packed + b"\0" * ((length + len(packed)) % 2)


def _joined(pieces: Iterable[Buffer]) -> Iterator[Buffer]:
    """Join small pieces that follow each other, so that a file takes few system calls."""
    for small, group in groupby(pieces, lambda piece: len(piece) < _SMALL):
        if small:
            yield b"".join(group)
        else:
            yield from group
