"""What the system keeps of files in memory, taken from it."""

import os
from pathlib import Path


def forget(path: Path, offset: int, length: int) -> None:
    """Ask the system to let go of a stretch of a file; only what is kept on a disk goes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
