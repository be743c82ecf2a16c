"""Everything in folders, ZIP files and DICOMDIRs that may be an object."""

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from isocenter.dicom.part10 import PREAMBLE_LENGTH, PREFIX
from isocenter.dicom.source import require_file
from isocenter.errors import InvalidDicom, IsocenterError, LimitExceeded, NotFound

from .dicomdir import referenced_files

__all__ = ["ZIP_START", "Candidate", "candidates"]

ZIP_START = b"PK\3\4"
"""What a ZIP file begins with that has anything in it."""

_ENCRYPTED = 1
"""Bit of a member's flags."""

_BOUNDED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Methods that are unpacked no further than is read; of others a few kB may fill the memory."""

_MALFORMED = (
    zipfile.BadZipFile,
    IndexError,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
)
"""What `zipfile` raises where the tables of a ZIP file make no sense."""

_MAXIMUM_EXPANSION = 200
_ALWAYS_ALLOWED = 1 << 30


class Opener(Protocol):
    """Opens a candidate for reading from its start."""

    def __call__(self) -> AbstractContextManager[IO[bytes]]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be an object.

    Parameters
    ----------
    name
        Where it was found; `disc.zip/IMG001` inside a ZIP file.
    open
        Opens it.
    referenced
        Whether a DICOMDIR says that it is one.
    """

    name: str
    open: Opener
    referenced: bool = False


def candidates(
    paths: Iterable[Path], resources: ExitStack
) -> Iterator[Candidate | tuple[str, IsocenterError]]:
    """Walk over paths: of folders all files, of ZIP files all members, of DICOMDIRs the references.

    Parameters
    ----------
    paths
        Files and folders. Links to folders are not followed inside of folders.
    resources
        Keeps ZIP files open as long as their members may be read.

    Yields
    ------
    Candidate or tuple of str and IsocenterError
        A file; or a name, and why nothing could be found under it.
    """
    for path in paths:
        if path.is_dir():
            for found in _files_below(path):
                if isinstance(found, OSError):
                    yield str(found.filename), _unreadable(found)
                else:
                    yield from _file(found, resources)
        elif not path.exists():
            yield str(path), NotFound(f"{path} does not exist")
        elif path.name.upper() == "DICOMDIR" and path.is_file():
            yield from _referenced(path)
        elif _begins_as_zip(path):  # whatever it is called, as it was named
            yield from _zip(path, resources)
        else:
            yield from _file(path, resources)


def _files_below(folder: Path) -> Iterator[Path | OSError]:
    """Give all files, and what the system says of folders that it does not let us read."""
    unreadable: list[OSError] = []
    for at, folders, names in os.walk(folder, onerror=unreadable.append):
        folders.sort()
        for name in sorted(names):
            yield Path(at, name)
    yield from unreadable


def _unreadable(error: OSError) -> IsocenterError:
    return IsocenterError(f"this folder cannot be read: {error.strerror or error}")


def _begins_as_zip(path: Path) -> bool:
    """Tell a ZIP file from an object, whose preamble may be anything."""
    with contextlib.suppress(IsocenterError, OSError), _opened(path) as file:
        start = file.read(PREAMBLE_LENGTH + len(PREFIX))
        return start.startswith(ZIP_START) and not start.endswith(PREFIX)
    return False


def _file(path: Path, resources: ExitStack) -> Iterator[Candidate | tuple[str, IsocenterError]]:
    if path.suffix.lower() == ".zip" and path.is_file():
        yield from _zip(path, resources)
    else:
        yield Candidate(str(path), lambda: _opened(path))


def _zip(path: Path, resources: ExitStack) -> Iterator[Candidate | tuple[str, IsocenterError]]:
    try:
        archive = resources.enter_context(zipfile.ZipFile(path))
        yield from _members(path, archive)
    except (*_MALFORMED, OSError) as error:
        yield str(path), InvalidDicom(f"this ZIP file cannot be read: {error}")
    except LimitExceeded as error:
        yield str(path), error


def _opened(path: Path) -> IO[bytes]:
    require_file(path)
    return path.open("rb")


def _referenced(path: Path) -> Iterator[Candidate | tuple[str, IsocenterError]]:
    try:
        for found in referenced_files(path):
            if isinstance(found, IsocenterError):
                yield str(path), found
            else:
                yield Candidate(str(found), lambda found=found: found.open("rb"), True)
    except IsocenterError as error:
        yield str(path), error


def _members(path: Path, archive: zipfile.ZipFile) -> Iterator[Candidate]:
    """Give the members of a ZIP file, whose names are for people only and never become paths."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    _check_expansion(path, members)
    for member in members:
        yield Candidate(f"{path}/{member.filename}", lambda member=member: _member(archive, member))


def _check_expansion(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse a ZIP file that would fill the disk: reading never yields more than it declares."""
    size = path.stat().st_size
    if sum(member.compress_size for member in members) > size:
        raise LimitExceeded("the members of this ZIP file overlap, as only those of bombs do")
    expanded = sum(member.file_size for member in members)
    if expanded > max(_ALWAYS_ALLOWED, size * _MAXIMUM_EXPANSION):
        raise LimitExceeded(
            f"this ZIP file of {size} bytes expands to {expanded}, more than "
            f"{_MAXIMUM_EXPANSION} times as much; unpack it yourself if you trust it"
        )


@contextlib.contextmanager
def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Generator[IO[bytes]]:
    with _open_member(archive, member) as file:
        try:
            yield file
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _not_unpacked(error) from error


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    if member.flag_bits & _ENCRYPTED:
        raise InvalidDicom("this member is encrypted; unpack the ZIP file with its password first")
    if member.compress_type not in _BOUNDED:
        raise InvalidDicom(
            f"this member is compressed by method {member.compress_type}; unpack the ZIP file "
            "first, or make one by Deflate (8) as most programs do"
        )
    try:
        return archive.open(member)
    except (*_MALFORMED, RuntimeError) as error:
        raise _not_unpacked(error) from error


def _not_unpacked(error: Exception) -> InvalidDicom:
    return InvalidDicom(f"this member cannot be unpacked: {error}")
