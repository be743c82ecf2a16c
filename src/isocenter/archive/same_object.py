"""Whether two files hold the same object, found without loading either."""

import os
from pathlib import Path
from typing import BinaryIO

from isocenter.dicom.part10 import FileMeta, read_file_meta
from isocenter.dicom.transfer_syntaxes import lookup
from isocenter.errors import InvalidDicom, LimitExceeded, NeedMoreData

from .arrivals import Arrival, Occupant

__all__ = ["occupant_of", "same_contents", "same_object"]

_START = 1 << 12
_CHUNK = 1 << 16
_LONGEST_START = 1 << 21


def occupant_of(arrival: Arrival) -> Occupant | None:
    """Look at the file in the place of an arrival that found it taken, unless that was done.

    Parameters
    ----------
    arrival
        It remembers what was found.

    Returns
    -------
    Occupant or None
        None where no file stands there any more.
    """
    try:
        inode = os.stat(arrival.place).st_ino
        if arrival.occupant is None or arrival.occupant.inode != inode:
            is_same = same_object(arrival.path, Path(arrival.arrived_as))
            arrival.occupant = Occupant(inode, is_same)
    except FileNotFoundError:
        arrival.occupant = None
    return arrival.occupant


def same_object(path: Path, other: Path) -> bool:
    """Compare two files as `same_contents` does.

    Parameters
    ----------
    path, other
        Part 10 files.
    """
    with path.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        return same_contents(first, second)


def same_contents(first: BinaryIO, second: BinaryIO) -> bool:
    """Compare two files from their data sets on.

    Two ways in put different File Meta Information before the same data set, so only its transfer
    syntax counts.

    Parameters
    ----------
    first, second
        Open Part 10 files.
    """
    try:
        metas = _file_meta(first), _file_meta(second)
    except (InvalidDicom, LimitExceeded):
        return False
    if metas[0].transfer_syntax_uid != metas[1].transfer_syntax_uid:
        return False
    rests = [
        file.seek(0, 2) - meta.data_set_offset
        for file, meta in zip((first, second), metas, strict=True)
    ]
    if rests[0] > rests[1]:
        first, second, metas = second, first, (metas[1], metas[0])
    if rests[0] != rests[1] and not _padded(second, metas[1], *sorted(rests)):
        return False
    return _same_from(first, second, metas)


def _file_meta(file: BinaryIO) -> FileMeta:
    file.seek(0)
    start = file.read(_START)
    try:
        return read_file_meta(start, final=len(start) < _START)
    except NeedMoreData:
        return read_file_meta(start + file.read(_LONGEST_START), final=True)


def _padded(file: BinaryIO, meta: FileMeta, shorter: int, length: int) -> bool:
    """Whether a deflated data set is the shorter one and the byte that even length asks for."""
    syntax = lookup(meta.transfer_syntax_uid)
    if not syntax or not syntax.deflated or not shorter % 2 or length != shorter + 1:
        return False
    file.seek(-1, 2)
    return file.read(1) == b"\0"


def _same_from(first: BinaryIO, second: BinaryIO, metas: tuple[FileMeta, FileMeta]) -> bool:
    """Compare to the end of the first."""
    first.seek(metas[0].data_set_offset)
    second.seek(metas[1].data_set_offset)
    while chunk := first.read(_CHUNK):
        if chunk != second.read(len(chunk)):
            return False
    return True
