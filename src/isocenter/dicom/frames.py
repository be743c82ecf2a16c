"""Where every frame of Pixel Data stands, so that one can be read without its object."""

import struct
import zlib
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from isocenter.dicom.source import ReadAt
from isocenter.errors import NotFound, PixelDataError

Span = tuple[int, int]
"""Offset and length in bytes."""

_NATIVE, _ENCAPSULATED, _NATIVE_WORDS, _COLLECTIONS = 1, 2, 3, 4


class ComponentFrame(bytes):
    """A codestream of which one frame is one component: it cannot be sent as that frame.

    Parameters
    ----------
    codestream
        All of it, with the components that are other frames.
    component
        Which one is the frame, from 0.
    components
        How many the codestream must have.

    References
    ----------
    PS3.5 A.4.4
    """

    component: int
    components: int

    def __new__(cls, codestream: bytes, component: int, components: int) -> Self:
        """Make the bytes, and write down which part of them is meant."""
        self = super().__new__(cls, codestream)
        self.component, self.components = component, components
        return self


class FrameTable(ABC):
    """The places of all frames of one object.

    Frames are counted from 1, as in DICOM. A video is one frame: its stream.
    """

    __slots__ = ()

    components: ClassVar[bool] = False
    """Whether frames are components of codestreams that they share (PS3.5 A.4.4): `spans` then
    gives the codestream, and `read_frame` a `ComponentFrame`."""

    number_of_frames: int

    @property
    @abstractmethod
    def frames_found(self) -> int:
        """How many frames are really there; fewer than promised in a damaged object."""

    @abstractmethod
    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the places of one frame's bytes.

        Parameters
        ----------
        number
            The frame, from 1.

        Returns
        -------
        tuple of (int, int)
            Offset and length of each fragment in the source that the table was made of; one span
            for a native frame.

        Raises
        ------
        NotFound
            If the object does not promise so many frames.
        PixelDataError
            If it promises them but its pixel data does not hold them.
        """

    def bit_offset(self, number: int) -> int:
        """Return the bit of `spans` with which a frame begins, 0 to 15.

        It is 0 but for native frames whose size is no whole number of bytes, or of words where the
        bytes of words are swapped (PS3.5 8.1.1, D).

        Parameters
        ----------
        number
            The frame, counted from 1.

        Returns
        -------
        int
            Counted from the least significant bit.
        """
        del number
        return 0

    def read_frame(self, read: ReadAt, number: int) -> bytes:
        """Read one frame, joined of its fragments or shifted to begin with a byte or word.

        Parameters
        ----------
        read
            Reads the source that the table was made of.
        number
            The frame, from 1.

        Returns
        -------
        bytes
            A codestream, or native pixels.

        Raises
        ------
        NotFound, PixelDataError
            As `spans` does.
        """
        return b"".join([read(offset, length) for offset, length in self.spans(number)])

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Write a compact form to be kept.

        Returns
        -------
        bytes
            About four a frame, 33 for all native ones; `from_bytes` reads them.
        """

    @staticmethod
    def from_bytes(data: bytes) -> "FrameTable":
        """Read what `to_bytes` wrote.

        Parameters
        ----------
        data
            All of its bytes.

        Returns
        -------
        FrameTable
            A table equal to the one that was written.

        Raises
        ------
        ValueError
            If it was not written by this version.
        """
        try:
            return _READERS[data[0]](data[1:])
        except (IndexError, KeyError, struct.error, zlib.error) as error:
            raise ValueError("these bytes are no frame table") from error

    def _check(self, number: int) -> None:
        if not 1 <= number <= self.number_of_frames:
            raise NotFound(f"frame {number} of an object with {self.number_of_frames} frames")
        if number > self.frames_found:
            raise PixelDataError(
                f"Number of Frames (0028,0008) is {self.number_of_frames}, but Pixel Data "
                f"(7FE0,0010) holds {self.frames_found}; frame {number} is missing"
            )


@dataclass(frozen=True, slots=True)
class NativeFrames(FrameTable):
    """Frames without encapsulation, one behind the other.

    Parameters
    ----------
    number_of_frames
        How many the object promises.
    offset, length
        Where the value of Pixel Data stands.
    frame_bits
        The size of a frame in bits.
    swapped
        Whether the bytes of each word are swapped: 8-bit cells in OW, in big endian. Where a frame
        has an odd size, its last byte then stands behind one of the next frame, or of padding.
    """

    number_of_frames: int
    offset: int
    length: int
    frame_bits: int
    swapped: bool = False

    @property
    def frames_found(self) -> int:
        """How many whole frames Pixel Data holds."""
        return min(self.number_of_frames, self.length * 8 // self.frame_bits)

    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the place of one frame; see `FrameTable.spans`."""
        self._check(number)
        first_bit = (number - 1) * self.frame_bits
        first, end = first_bit // 8, -(-(first_bit + self.frame_bits) // 8)
        if self.swapped:
            first, end = first - first % 2, end + end % 2
        return ((self.offset + first, end - first),)

    def bit_offset(self, number: int) -> int:
        """Return the bit with which a frame begins; see `FrameTable.bit_offset`."""
        return (number - 1) * self.frame_bits % (16 if self.swapped else 8)

    def read_frame(self, read: ReadAt, number: int) -> bytes:
        """Read one frame; see `FrameTable.read_frame`."""
        ((offset, length),) = self.spans(number)
        data = read(offset, length)
        if self.swapped and self.bit_offset(number):
            return _words_swapped(_words_swapped(data)[1:])
        if self.frame_bits % 8 == 0:
            return data
        # The first pixel is the least significant bit, so a shift aligns the frame.
        bits = int.from_bytes(data, "little") >> self.bit_offset(number)
        bits &= (1 << self.frame_bits) - 1
        return bits.to_bytes(-(-self.frame_bits // 8), "little")

    def to_bytes(self) -> bytes:
        """Return 33 bytes; see `FrameTable.to_bytes`."""
        kind = _NATIVE_WORDS if self.swapped else _NATIVE
        return struct.pack(
            "<B4Q", kind, self.number_of_frames, self.offset, self.length, self.frame_bits
        )

    @classmethod
    def read(cls, data: bytes) -> "NativeFrames":
        """Read what `to_bytes` wrote behind its first byte."""
        return cls(*struct.unpack("<4Q", data))

    @classmethod
    def read_swapped(cls, data: bytes) -> "NativeFrames":
        """Read what `to_bytes` wrote of swapped words."""
        return cls(*struct.unpack("<4Q", data), swapped=True)


@dataclass(frozen=True, slots=True)
class EncapsulatedFrames(FrameTable):
    """Frames made of fragments.

    Parameters
    ----------
    number_of_frames
        How many the object promises.
    offsets, lengths
        Where the value of each fragment stands.
    firsts
        For each frame that is there, the number of its first fragment, from 0.
    """

    number_of_frames: int
    offsets: "array[int]"
    lengths: "array[int]"
    firsts: "array[int]"

    @property
    def frames_found(self) -> int:
        """How many frames have fragments."""
        return len(self.firsts)

    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the places of one frame's fragments; see `FrameTable.spans`."""
        self._check(number)
        first = self.firsts[number - 1]
        end = self.firsts[number] if number < len(self.firsts) else len(self.offsets)
        return tuple(zip(self.offsets[first:end], self.lengths[first:end], strict=True))

    def to_bytes(self) -> bytes:
        """Return about four bytes a frame; see `FrameTable.to_bytes`."""
        counts = struct.pack(
            "<B3Q", _ENCAPSULATED, self.number_of_frames, len(self.offsets), len(self.firsts)
        )
        numbers = [*_differences(self.offsets), *self.lengths, *_differences(self.firsts)]
        return counts + zlib.compress(struct.pack(f"<{len(numbers)}q", *numbers))

    @classmethod
    def read(cls, data: bytes) -> "EncapsulatedFrames":
        """Read what `to_bytes` wrote behind its first byte."""
        number_of_frames, fragments, frames = struct.unpack_from("<3Q", data)
        numbers = array(
            "q", struct.unpack(f"<{2 * fragments + frames}q", zlib.decompress(data[24:]))
        )
        return cls(
            number_of_frames,
            _sums(numbers[:fragments]),
            array("Q", numbers[fragments : 2 * fragments]),
            _sums(numbers[2 * fragments :]),
        )


@dataclass(frozen=True, slots=True)
class ComponentCollections(FrameTable):
    """Frames that are components of fewer codestreams, in their order (PS3.5 A.4.4).

    Parameters
    ----------
    number_of_frames
        How many there are: as many as components.
    codestreams
        Where each codestream stands, as if it were a frame.
    ends
        For each codestream, the number of its last frame.
    """

    components: ClassVar[bool] = True

    number_of_frames: int
    codestreams: EncapsulatedFrames
    ends: "array[int]"

    @property
    def frames_found(self) -> int:
        """All of them: with fewer components no such table is made."""
        return self.number_of_frames

    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the places of the whole codestream that holds a frame; see `FrameTable.spans`."""
        self._check(number)
        return self.codestreams.spans(1 + bisect_right(self.ends, number - 1))

    def read_frame(self, read: ReadAt, number: int) -> ComponentFrame:
        """Read the codestream that holds a frame; see `FrameTable.read_frame`."""
        codestream = b"".join([read(offset, length) for offset, length in self.spans(number)])
        index = bisect_right(self.ends, number - 1)
        first = self.ends[index - 1] if index else 0
        return ComponentFrame(codestream, number - 1 - first, self.ends[index] - first)

    def to_bytes(self) -> bytes:
        """Return about four bytes a codestream; see `FrameTable.to_bytes`."""
        ends = struct.pack(f"<Q{len(self.ends)}Q", len(self.ends), *self.ends)
        return bytes([_COLLECTIONS]) + ends + self.codestreams.to_bytes()[1:]

    @classmethod
    def read(cls, data: bytes) -> "ComponentCollections":
        """Read what `to_bytes` wrote behind its first byte."""
        (count,) = struct.unpack_from("<Q", data)
        ends = array("Q", struct.unpack_from(f"<{count}Q", data, 8))
        return cls(ends[-1], EncapsulatedFrames.read(data[8 + 8 * count :]), ends)


_READERS = {
    _NATIVE: NativeFrames.read,
    _NATIVE_WORDS: NativeFrames.read_swapped,
    _ENCAPSULATED: EncapsulatedFrames.read,
    _COLLECTIONS: ComponentCollections.read,
}


def _words_swapped(data: bytes) -> bytes:
    """Swap the bytes of each word, with a zero behind an odd one."""
    words = bytearray(data + bytes(len(data) % 2))
    words[0::2], words[1::2] = words[1::2], words[0::2]
    return bytes(words)


def _differences(numbers: Sequence[int]) -> list[int]:
    """Turn growing numbers into small ones, which compress."""
    return [b - a for a, b in zip([0, *numbers], numbers, strict=False)]


def _sums(differences: Sequence[int]) -> "array[int]":
    total, sums = 0, array("Q")
    for difference in differences:
        total += difference
        sums.append(total)
    return sums
