"""Codestreams that hold several frames, decoded once while these are read, within a bound."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .description import PixelDescription

__all__ = ["DecodedCollections"]


@dataclass(frozen=True, slots=True)
class _Decoded:
    codestream: bytes
    description: PixelDescription
    frames: NDArray[Any]

    @property
    def size(self) -> int:
        return len(self.codestream) + self.frames.nbytes


class DecodedCollections:
    """Keeps the codestreams that were decoded last, with all of their frames.

    Parameters
    ----------
    limit
        Bytes that they take together. One that is larger is kept until the next is decoded.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[_Decoded] = []  # oldest first
        self._lock = threading.Lock()
        self._decoding = threading.Lock()

    def get(
        self,
        codestream: bytes,
        description: PixelDescription,
        decode: Callable[[], NDArray[Any]],
    ) -> NDArray[Any]:
        """Give all frames of a codestream. Whoever holds a view of them keeps them in memory.

        Parameters
        ----------
        codestream, description
            What is decoded, and how it is described: all that the frames depend on.
        decode
            Makes the frames.

        Returns
        -------
        ndarray
            What `decode` returned, which others read as well.

        Raises
        ------
        Exception
            Whatever `decode` raises.
        """
        kept = self._found(codestream, description)
        if kept is not None:
            return kept
        # One at a time: those who wait for the same find it, and others fill no memory beside it.
        with self._decoding:
            kept = self._found(codestream, description)
            return self._decoded(codestream, description, decode()) if kept is None else kept

    def _found(self, codestream: bytes, description: PixelDescription) -> NDArray[Any] | None:
        # Codestreams are compared themselves: that is faster than a digest of one of them.
        with self._lock:
            kept = list(self._kept)
        for each in reversed(kept):
            if each.description == description and each.codestream == codestream:
                self._used(each)
                return each.frames
        return None

    def _used(self, decoded: _Decoded) -> None:
        with self._lock:
            others = [each for each in self._kept if each is not decoded]
            if len(others) < len(self._kept):
                self._kept = [*others, decoded]

    def _decoded(
        self, codestream: bytes, description: PixelDescription, frames: NDArray[Any]
    ) -> NDArray[Any]:
        decoded = _Decoded(codestream, description, frames)
        with self._lock:
            size = decoded.size + sum(each.size for each in self._kept)
            while self._kept and size > self._limit:
                size -= self._kept.pop(0).size
            self._kept.append(decoded)
        return frames
