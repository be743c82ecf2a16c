"""Lookup tables: modality, VOI and presentation LUTs, and colour palettes (PS3.3 C.11, C.7.6.3)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.dicom import tags
from isocenter.errors import PixelDataError

from .attributes import Attributes

__all__ = ["LookupTable", "Palette", "expand_segments", "read_lookup_table", "read_palette"]

# Green and blue follow red.
PALETTE_DESCRIPTOR = tags.RedPaletteColorLookupTableDescriptor
PALETTE_DATA = tags.RedPaletteColorLookupTableData
SEGMENTED_PALETTE_DATA = tags.SegmentedRedPaletteColorLookupTableData
_COLOURS = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """One lookup table of one column.

    Parameters
    ----------
    first
        The input value that the first entry stands for.
    bits
        Bits of an entry, 8 to 16; the output range is 0 to `2 ** bits - 1`.
    values
        The entries, `uint16`, at least one.
    explanation
        LUT Explanation (0028,3003).
    """

    first: int
    bits: int
    values: NDArray[np.uint16]
    explanation: str = ""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LookupTable)
            and (self.first, self.bits, self.explanation)
            == (other.first, other.bits, other.explanation)
            and np.array_equal(self.values, other.values)
        )

    def __hash__(self) -> int:
        return hash((self.first, self.bits, self.values.tobytes()))

    def apply(self, inputs: NDArray[Any]) -> NDArray[np.uint16]:
        """Look values up; what lies outside the table takes its first or last entry.

        Parameters
        ----------
        inputs
            Any shape; fractions are rounded to the nearest entry, halves upwards.

        Returns
        -------
        ndarray
            Entries, `uint16`.
        """
        if inputs.dtype.kind == "f":
            inputs = np.floor(inputs + 0.5)
        last = len(self.values) - 1
        index = np.clip(inputs.astype(np.int64) - self.first, 0, last)
        return self.values[index]


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """Red, green and blue palette lookup tables as one.

    Parameters
    ----------
    first
        The stored value that the first entry stands for.
    colours
        `(entries, 3)`, `uint8`: 16-bit entries give their high byte.
    """

    first: int
    colours: NDArray[np.uint8]

    def apply(self, indices: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn indices into RGB; what lies outside takes the first or last colour.

        Parameters
        ----------
        indices
            Stored values, any shape.

        Returns
        -------
        ndarray
            The shape of `indices` and a last axis of 3.
        """
        index = np.clip(indices.astype(np.int64) - self.first, 0, len(self.colours) - 1)
        return self.colours[index]


def _described(attributes: Attributes, tag: int, name: str, signed: bool) -> tuple[int, int, int]:
    """Read a LUT descriptor: number of entries, first value mapped, bits of an entry."""
    numbers = attributes.numbers(tag)
    if len(numbers) != 3:
        raise PixelDataError(f"{name} Descriptor has {len(numbers)} values; expected 3")
    entries, first, bits = (int(number) for number in numbers)
    entries &= 0xFFFF  # written as SS, more than 32767 entries look negative
    if signed and first > 0x7FFF:
        first -= 0x10000  # written as US, though it stands for a negative value
    if not 1 <= bits <= 16:
        raise PixelDataError(f"{name} Descriptor says {bits} bits an entry; expected 8 to 16")
    return entries or 0x10000, first, bits


def _words(attributes: Attributes, tag: int, entries: int) -> NDArray[np.uint16]:
    """Read the entries, which stand in words, or in bytes when there are just as many of them."""
    data = attributes.data(tag)
    if data is None:
        numbers = [int(number) & 0xFFFF for number in attributes.numbers(tag)]
        if len(numbers) * 2 in (entries, entries + 1) and entries > 1:
            data = np.array(numbers, "<u2").tobytes()  # bytes, two of them in each word
        else:
            return np.array(numbers, np.uint16)
    if len(data) in (entries, entries + entries % 2):
        return np.frombuffer(data, np.uint8).astype(np.uint16)
    return np.frombuffer(data, "<u2", len(data) // 2).astype(np.uint16, copy=False)


def read_lookup_table(item: Attributes, *, signed: bool) -> LookupTable:
    """Read an item of a Modality, VOI or Presentation LUT Sequence (PS3.3 C.11.1, C.11.2).

    Parameters
    ----------
    item
        The item.
    signed
        Whether input values may be negative, which decides how the first mapped value is read.

    Returns
    -------
    LookupTable
        With exactly the described number of entries.

    Raises
    ------
    PixelDataError
        When descriptor and data disagree.
    """
    entries, first, bits = _described(item, tags.LUTDescriptor, "LUT (0028,3002)", signed)
    values = _words(item, tags.LUTData, entries)
    if len(values) < entries:
        raise PixelDataError(
            f"LUT Data (0028,3006) has {len(values)} entries; LUT Descriptor (0028,3002) "
            f"promises {entries}"
        )
    values = values[:entries]
    # Entries that exceed the described depth prove the description wrong, not the entries.
    depth = max(bits, int(values.max()).bit_length())
    return LookupTable(first, depth, values, item.text(tags.LUTExplanation))


def read_palette(attributes: Attributes, *, signed: bool) -> Palette:
    """Read the palette of an image, plain or segmented (PS3.3 C.7.6.3.1.5, C.7.9).

    Parameters
    ----------
    attributes
        The data set, or an item that holds the palette.
    signed
        Whether stored values are signed.

    Returns
    -------
    Palette
        Its colours reduced to 8 bits.

    Raises
    ------
    PixelDataError
        When tables are missing, truncated or differ in length.
    """
    columns: list[NDArray[np.uint8]] = []
    firsts: set[int] = set()
    for index, colour in enumerate(_COLOURS):
        name = f"{colour} Palette Color Lookup Table"
        entries, first, bits = _described(attributes, PALETTE_DESCRIPTOR + index, name, signed)
        values = _palette_values(attributes, index, entries, name, bits)
        columns.append(_high_byte(values, bits))
        firsts.add(first)
    lengths = {len(column) for column in columns}
    if len(lengths) > 1 or len(firsts) > 1:
        raise PixelDataError(
            "the Palette Color Lookup Table Descriptors (0028,1101) to (0028,1103) differ"
        )
    return Palette(firsts.pop(), np.stack(columns, axis=1))


def _palette_values(
    attributes: Attributes, index: int, entries: int, name: str, bits: int
) -> NDArray[np.uint16]:
    if PALETTE_DATA + index in attributes:
        values = _words(attributes, PALETTE_DATA + index, entries)
    elif SEGMENTED_PALETTE_DATA + index in attributes:
        data = attributes.data(SEGMENTED_PALETTE_DATA + index)
        if data is None:
            numbers = [int(n) & 0xFFFF for n in attributes.numbers(SEGMENTED_PALETTE_DATA + index)]
            data = np.array(numbers, "<u2").tobytes()
        kind = np.uint8 if bits == 8 else np.dtype("<u2")
        values = expand_segments(np.frombuffer(data, kind, len(data) // np.dtype(kind).itemsize))
    else:
        raise PixelDataError(f"{name} Data is missing; the image cannot be coloured")
    if len(values) < entries:
        raise PixelDataError(
            f"{name} Data has {len(values)} entries, its descriptor says {entries}"
        )
    return values[:entries]


def _high_byte(values: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    # Many writers put 8-bit colours into tables that they describe as 16-bit.
    eight = values >> 8 if bits > 8 and values.max() > 0xFF else values & 0xFF
    return eight.astype(np.uint8)


def expand_segments(segments: NDArray[Any]) -> NDArray[np.uint16]:
    """Expand a segmented palette (PS3.3 C.7.9.2).

    Parameters
    ----------
    segments
        The segmented data as words (or bytes for 8-bit tables).

    Returns
    -------
    ndarray
        At most 65,536 entries.

    Raises
    ------
    PixelDataError
        For an unknown opcode, a truncated segment, an indirection that leaves the data or leads to
        another, or more entries than a table can have.
    """
    expansion = _Expansion(segments)
    expansion.run(0, None)
    return np.array(expansion.entries, np.uint16)


class _Expansion:
    def __init__(self, segments: NDArray[Any]) -> None:
        self.entries: list[int] = []
        self._segments: list[int] = segments.tolist()
        self._width = segments.dtype.itemsize
        self._steps = 0

    def run(self, position: int, count: int | None) -> None:
        """Expand `count` segments from `position`, or all to the end."""
        indirect = count is not None
        while position < len(self._segments) if count is None else count > 0:
            position = self._segment(position, indirect)
            count = None if count is None else count - 1
            self._steps += 1  # a segment may be empty, and copied 65,535 times
            if max(len(self.entries), self._steps) > 0x10000:
                raise PixelDataError("the segmented palette expands to more than 65536 entries")

    def _take(self, start: int, count: int) -> list[int]:
        taken = self._segments[start : start + count]
        if len(taken) < count:
            raise PixelDataError("the segmented palette ends within a segment")
        return taken

    def _segment(self, position: int, indirect: bool) -> int:
        opcode, length = self._take(position, 2)
        if opcode == 0:
            self.entries += self._take(position + 2, length)
            return position + 2 + length
        if opcode == 1:
            self._ramp(length, self._take(position + 2, 1)[0])
            return position + 3
        if opcode == 2 and not indirect:
            # The offset has 32 bits and counts bytes, whatever the width of an entry.
            words = self._take(position + 2, 4 // self._width)
            offset = sum(word << 8 * self._width * n for n, word in enumerate(words)) // self._width
            if offset >= len(self._segments):
                raise PixelDataError("an indirect segment of the palette points outside its data")
            self.run(offset, length)
            return position + 2 + len(words)
        raise PixelDataError(f"the segmented palette has an unexpected opcode {opcode}")

    def _ramp(self, length: int, end: int) -> None:
        if not self.entries:
            raise PixelDataError("the segmented palette begins with a linear segment")
        start = self.entries[-1]
        ramp = np.rint(start + (end - start) * np.arange(1, length + 1) / max(length, 1))
        self.entries += ramp.astype(int).tolist()
