"""Marker segments of JPEG 2000 Part 2 that tell how components were transformed together.

CBD, MCT, MCC and MCO of ISO/IEC 15444-2 A.3.6 to A.3.9, read from the main header. What they ask
for is held against the bytes that came before anything is allocated for it.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .component_transformations import (
    ArrayKind,
    Collection,
    Decorrelation,
    Dependency,
    ReversibleDecorrelation,
    ReversibleDependency,
    Transformations,
)
from .component_wavelets import Wavelet

__all__ = ["CBD", "MCC", "MCO", "MCT", "Depth", "read_depth", "read_transformations"]

MCT, MCC, MCO, CBD = 0xFF74, 0xFF75, 0xFF77, 0xFF78
_NAMES = {MCT: "MCT", MCC: "MCC", MCO: "MCO", CBD: "CBD"}

_ELEMENTS = (">i2", ">i4", ">f4", ">f8")
"""Types of an array's elements by bits 10 and 11 of Imct (A.3.7)."""

_ONE_FOR_ALL, _SIXTEEN_BIT_INDICES = 0x8000, 0x8000
_DEPENDENCY, _DECORRELATION, _WAVELET = 0, 1, 3
_REVERSIBLE = 1 << 16
_KIND_AND_INDEX, _MOST_OF_IMCT = 0x3FF, 0xFFF
_MOST_OF_TMCC = {_DEPENDENCY: 0x1FFFF, _DECORRELATION: 0x1FFFF, _WAVELET: 0x3FFFFF}
"""Above them, bits of Imct and Tmcc are reserved."""
_NINE_SEVEN, _FIVE_THREE = 0, 1
_MOST_LEVELS = 32
_MOST_COMPONENTS = 16384
_MOST_COLLECTIONS = 1 << 16
_MOST_BITS = 32


@dataclass(frozen=True, slots=True)
class Depth:
    """What all reconstructed components are by CBD (ISO/IEC 15444-2 A.3.6).

    Parameters
    ----------
    components
        How many there are.
    bits
        Bits a sample.
    signed
        Whether samples are signed.
    """

    components: int
    bits: int
    signed: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest type of numpy that holds a sample."""
        size = next(n for n in (1, 2, 4) if self.bits <= 8 * n)
        return np.dtype(f"{'i' if self.signed else 'u'}{size}")

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest sample."""
        half = 1 << self.bits - 1
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


def read_depth(body: bytes) -> Depth:
    """Read CBD, behind its marker and length.

    Raises
    ------
    PixelDataError
        When it is malformed, or components differ in depth or sign.
    """
    reader = _Reader(CBD, body)
    number = reader.word()
    count = number & ~_ONE_FOR_ALL
    depths = set(reader.take(1 if number & _ONE_FOR_ALL else count))
    reader.end()
    if not 0 < count <= _MOST_COMPONENTS:
        raise reader.error(f"speaks of {count} components, expected 1 to {_MOST_COMPONENTS}")
    if len(depths) != 1:
        raise reader.error(
            "gives components different depths, of which an object's pixels can have but one "
            "(Bits Stored (0028,0101))"
        )
    depth = depths.pop()
    bits = (depth & 0x7F) + 1
    if bits > _MOST_BITS:
        raise reader.error(f"gives components {bits} bits; at most {_MOST_BITS} can be decoded")
    return Depth(count, bits, bool(depth & 0x80))


def read_transformations(
    segments: Iterable[tuple[int, bytes]], components: int, exact: bool
) -> tuple[Transformations, Depth]:
    """Read what the segments of a main header say.

    Parameters
    ----------
    segments
        Marker and body (behind the length) of each CBD, MCT, MCC and MCO, in their order.
    components
        Components of the codestream (Csiz).
    exact
        Whether these come out of a reversible wavelet transformation.

    Returns
    -------
    Transformations, Depth
        What is to be undone, in that order, and what comes out.

    Raises
    ------
    PixelDataError
        When a segment is missing, malformed or asks for what cannot be undone here.

    References
    ----------
    ISO/IEC 15444-2 A.3.6 to A.3.9
    """
    bodies: dict[int, list[bytes]] = {marker: [] for marker in _NAMES}
    for marker, body in segments:
        bodies[marker].append(body)
    for marker in (CBD, MCO):
        if len(bodies[marker]) != 1:
            raise _error(marker, f"stands {len(bodies[marker])} times in the header, expected once")
    depth = read_depth(bodies[CBD][0])
    arrays = _Arrays(_series(MCT, bodies[MCT]))
    collections = _series(MCC, bodies[MCC])
    order = _order(bodies[MCO][0])
    read: dict[int, tuple[Collection, ...]] = {}
    count = 0
    for index in set(order):
        if index not in collections:
            raise _error(MCO, f"names the collections {index}, which no MCC segment defines")
        read[index] = tuple(_Collections(collections[index], arrays))
        count += len(read[index]) * order.count(index)
        if count > _MOST_COLLECTIONS:
            raise _error(MCO, f"asks for more than {_MOST_COLLECTIONS} transformations")
    stages = [read[index] for index in order]
    return Transformations.of(stages, components, depth.components, exact), depth


def _order(body: bytes) -> bytes:
    """Read MCO: indices of MCC segments in the order in which they are undone."""
    reader = _Reader(MCO, body)
    order = reader.take(reader.byte())
    reader.end()
    if not order:
        raise reader.error("names no transformation, though COD says that there is one")
    return order


def _series(marker: int, bodies: list[bytes]) -> dict[int, bytes]:
    """Join the segments of each series, by their index (Imct, Imcc)."""
    found: dict[int, list[bytes]] = {}
    last: dict[int, int] = {}
    for body in bodies:
        reader = _Reader(marker, body)
        number = reader.word()
        index = reader.word() if marker == MCT else reader.byte()
        parts = found.setdefault(index, [])
        if number != len(parts):
            raise reader.error(f"{index} has part {number} where part {len(parts)} is expected")
        if number == 0:
            last[index] = reader.word()
        parts.append(reader.rest())
    for index, parts in found.items():
        if len(parts) != last[index] + 1:
            raise _error(marker, f"{index} has {len(parts)} parts of {last[index] + 1}")
    return {index: b"".join(parts) for index, parts in found.items()}


class _Arrays:
    """Arrays of MCT segments (A.3.7); each is read once, however many collections name it."""

    def __init__(self, series: dict[int, bytes]) -> None:
        self._series: dict[int, tuple[np.dtype[Any], bytes]] = {}
        self._read: dict[int, tuple[NDArray[np.float64], bool]] = {}
        for imct, data in series.items():
            key = imct & _KIND_AND_INDEX
            if imct > _MOST_OF_IMCT:
                raise _error(MCT, f"has an Imct of {imct:04X}, of which reserved bits are set")
            if key in self._series:
                raise _error(MCT, f"defines an array twice (Imct {key:03X}) by different elements")
            self._series[key] = np.dtype(_ELEMENTS[imct >> 10]), data

    def __contains__(self, key: int) -> bool:
        return key in self._series

    def get(self, key: int, size: int, name: str) -> tuple[NDArray[np.float64], bool]:
        """Give an array's elements, and whether these are whole numbers."""
        dtype, data = self._series[key]
        if len(data) != size * dtype.itemsize:
            raise _error(
                MCT,
                f"has {len(data)} bytes in its {name}, expected {size} elements of "
                f"{dtype.itemsize} bytes",
            )
        if key not in self._read:
            with np.errstate(invalid="ignore"):
                elements = np.frombuffer(data, dtype).astype(np.float64)
            if not np.isfinite(elements).all():
                raise _error(MCT, f"has elements in its {name} that are no numbers")
            self._read[key] = elements, not (elements % 1).any()
        return self._read[key]


class _Collections:
    """The component collections of an MCC segment, as transformations (A.3.8)."""

    def __init__(self, data: bytes, arrays: _Arrays) -> None:
        self._reader = _Reader(MCC, data)
        self._arrays = arrays

    def __iter__(self) -> Iterator[Collection]:
        count = self._reader.word()
        if count > _MOST_COMPONENTS:
            raise self._reader.error(f"has {count} collections, at most {_MOST_COMPONENTS} can be")
        for _ in range(count):
            yield self._collection()
        self._reader.end()

    def _collection(self) -> Collection:
        reader = self._reader
        kind = reader.byte()
        inputs, outputs = reader.indices(), reader.indices()
        assigned = int.from_bytes(reader.take(3), "big")
        if kind not in _MOST_OF_TMCC:
            raise reader.error(f"asks for a transformation of the reserved type {kind}")
        if assigned > _MOST_OF_TMCC[kind]:
            raise reader.error(f"has a Tmcc of {assigned:06X}, of which reserved bits are set")
        if kind == _WAVELET:
            return self._wavelet(inputs, outputs, assigned)
        return self._transformation(kind, inputs, outputs, assigned)

    def _wavelet(
        self, inputs: NDArray[np.intp], outputs: NDArray[np.intp], assigned: int
    ) -> Wavelet:
        reader = self._reader
        first = int.from_bytes(reader.take(4), "big")
        kernel, levels = assigned & 0xFF, assigned >> 16
        if kernel not in (_NINE_SEVEN, _FIVE_THREE):
            raise reader.error(
                f"asks for the wavelet {kernel} across components, which ATK would define; only "
                "those of ISO/IEC 15444-1 are known (PS3.5 A.4.4)"
            )
        if levels > _MOST_LEVELS:
            raise reader.error(f"asks for {levels} levels of a wavelet, at most {_MOST_LEVELS} are")
        reversible = kernel == _FIVE_THREE
        self._check_numbers(inputs, outputs)
        offsets = self._offsets(assigned, len(outputs), reversible)
        return Wavelet(inputs, outputs, reversible, levels, first, offsets)

    def _check_numbers(self, inputs: NDArray[np.intp], outputs: NDArray[np.intp]) -> None:
        if len(inputs) != len(outputs):
            raise self._reader.error(
                f"makes {len(outputs)} components of {len(inputs)} by a transformation that "
                "keeps their number"
            )

    def _offsets(self, assigned: int, count: int, reversible: bool) -> NDArray[np.float64] | None:
        index = assigned >> 8 & 0xFF
        return self._array(ArrayKind.OFFSET, index, count, reversible) if index else None

    def _transformation(
        self,
        kind: int,
        inputs: NDArray[np.intp],
        outputs: NDArray[np.intp],
        assigned: int,
    ) -> Collection:
        reversible = bool(assigned & _REVERSIBLE)
        index = assigned & 0xFF
        if kind == _DEPENDENCY or reversible or not index:
            self._check_numbers(inputs, outputs)
        if kind == _DEPENDENCY:
            maker = ReversibleDependency if reversible else Dependency
        else:
            maker = ReversibleDecorrelation if reversible else Decorrelation
        array = None
        if index:
            size = maker.elements(len(inputs), len(outputs))
            array = self._array(ArrayKind(kind), index, size, reversible)
        return maker(inputs, outputs, array, self._offsets(assigned, len(outputs), reversible))

    def _array(
        self, kind: ArrayKind, index: int, size: int, reversible: bool
    ) -> NDArray[np.float64]:
        """Elements of an MCT segment (A.3.7)."""
        key = int(kind) << 8 | index
        if key not in self._arrays:
            raise self._reader.error(
                f"needs the {kind.name.lower()} array {index}, which no MCT segment defines"
            )
        name = f"{kind.name.lower()} array {index}"
        elements, whole = self._arrays.get(key, size, name)
        if reversible and not whole:
            raise _error(MCT, f"has elements in its {name} that are no whole numbers")
        return elements


class _Reader:
    """Reads a segment's parameters, never more than it has."""

    def __init__(self, marker: int, data: bytes) -> None:
        self._marker = marker
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if len(taken) != count:
            raise self.error("ends within its parameters")
        self._position += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def word(self) -> int:
        return int(struct.unpack(">H", self.take(2))[0])

    def indices(self) -> NDArray[np.intp]:
        """Read Nmcc and Cmcc, or Mmcc and Wmcc."""
        number = self.word()
        count = number & ~_SIXTEEN_BIT_INDICES
        if not 0 < count <= _MOST_COMPONENTS:
            raise self.error(f"collects {count} components, expected 1 to {_MOST_COMPONENTS}")
        dtype = np.dtype(">u2" if number & _SIXTEEN_BIT_INDICES else "u1")
        return np.frombuffer(self.take(count * dtype.itemsize), dtype).astype(np.intp)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)

    def end(self) -> None:
        if self._position != len(self._data):
            raise self.error(f"has {len(self._data) - self._position} bytes behind its parameters")

    def error(self, what: str) -> PixelDataError:
        return _error(self._marker, what)


def _error(marker: int, what: str) -> PixelDataError:
    return PixelDataError(
        f"the segment {_NAMES[marker]} ({marker:04X}) of Part 2 in the JPEG 2000 frame {what}"
    )
