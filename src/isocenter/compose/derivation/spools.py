"""Arrays that wait in a temporary file, so that they need not wait in memory."""

from __future__ import annotations

import tempfile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spool"]


class Spool:
    """Arrays in a temporary file, which is gone with the object."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(prefix="isocenter-")  # noqa: SIM115
        self._places: list[tuple[int, np.dtype[Any], tuple[int, ...]]] = []
        self._end = 0

    def append(self, array: NDArray[Any]) -> None:
        """Keep an array."""
        self._places.append((self._end, array.dtype, array.shape))
        self._file.write(np.ascontiguousarray(array).data)
        self._end += array.nbytes

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> NDArray[Any]:
        offset, dtype, shape = self._places[index]
        self._file.seek(offset)
        data = self._file.read(int(np.prod(shape)) * dtype.itemsize)
        return np.frombuffer(data, dtype).reshape(shape)
