"""Whether a disk takes objects, asked without writing to it."""

import os
import shutil
from pathlib import Path

from isocenter.errors import OutOfResources

__all__ = ["LEAST_ROOM", "require_room"]

LEAST_ROOM = 1 << 20
"""Bytes: with less, a disk takes no slice of 512 by 512 together with its rows."""

_LEAST_FILES = 8  # a new study takes two folders and a file, and the index has its own


def require_room(folder: Path) -> None:
    """Find out whether the disk of a folder takes objects.

    Larger objects than there is room for are refused one by one; that says nothing of others.

    Parameters
    ----------
    folder
        Where something is about to be kept.

    Raises
    ------
    OutOfResources
        It has no room for bytes or for files, or is mounted read-only.
    """
    if not hasattr(os, "statvfs"):  # Windows
        _require_bytes(shutil.disk_usage(folder).free)
        return
    disk = os.statvfs(folder)
    if disk.f_flag & os.ST_RDONLY:
        raise OutOfResources("the disk is mounted read-only; make it writable")
    _require_bytes(disk.f_bavail * disk.f_frsize)
    if disk.f_files and disk.f_favail < _LEAST_FILES:  # some file systems count none
        raise OutOfResources("the disk has room for no more files; remove some")


def _require_bytes(free: int) -> None:
    if free < LEAST_ROOM:
        raise OutOfResources(f"the disk is full: {free} bytes are left; free space")
