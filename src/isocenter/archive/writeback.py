"""Starting to write a file to the disk before anybody waits for it to be there."""

import ctypes
import sys
from collections.abc import Callable

__all__ = ["begin_writing_back"]

# SYNC_FILE_RANGE_WRITE of sync_file_range(2), which Python's os module lacks.
_WRITE = 2


def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


_function = _sync_file_range()


def begin_writing_back(descriptor: int, offset: int, length: int) -> None:
    """Let the system write a stretch of a file to the disk now, without waiting for it.

    The disk then works while the rest of the object arrives, and the sync that follows finds part
    of it done. Only Linux can; it promises nothing, so the sync stays what makes it durable.

    Parameters
    ----------
    descriptor
        The open file.
    offset, length
        Which bytes.
    """
    if _function is not None:
        _function(descriptor, offset, length, _WRITE)
