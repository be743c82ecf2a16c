"""JPEG 2000 and HTJ2K codestreams, walked by their markers before OpenJPEG decodes them.

OpenJPEG takes tiles that are lost or overwritten with zeros for empty ones, and passes over what it
does not know of Part 2: each would be shown as a picture that nobody took.
"""

import re
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from isocenter.errors import PixelDataError

from .component_segments import CBD, MCC, MCO, MCT

__all__ = ["COC", "COD", "QCC", "QCD", "Segment", "check_tile_parts"]

COD, COC, QCD, QCC = 0xFF52, 0xFF53, 0xFF5C, 0xFF5D
_SOT, _SOD, _SIZ = 0xFF90, 0xFF93, 0xFF51
_EOC = b"\xff\xd9"
_PPM, _PPT, _RGN = 0xFF60, 0xFF61, 0xFF5E
_SCALAR_EXPOUNDED = 2
"""The last style of quantisation of ISO/IEC 15444-1 table A.28; trellises are of Part 2."""
_MOST_TILES = 65535
_WITHOUT_LENGTH = range(0xFF30, 0xFF40)
_PART_2 = {
    0xFF5A: "QPD",
    0xFF5B: "QPC",
    0xFF70: "DCO",
    0xFF71: "VMS",
    0xFF72: "DFS",
    0xFF73: "ADS",
    0xFF76: "NLT",
    0xFF79: "ATK",
}
"""Marker segments of ISO/IEC 15444-2 annex A that change what the samples are, beside those of
transformations of components."""
_TRANSFORMING = {MCT: "MCT", MCC: "MCC", MCO: "MCO", CBD: "CBD"}
_TOLD = {COD, COC, QCD, QCC, *_TRANSFORMING}

# Coded data hold no two bytes above FF8F but those of SOP and EPH (ISO/IEC 15444-1 A.1, B.10.1).
_SOP, _EPH, _LAST_CODED = 0x91, 0x92, 0x8F
_MANY = 16
_ZEROS = re.compile(rb"\0{%d,}" % _MANY)
_CODED_ZEROS = 3072
"""Zeros in a row that the arithmetic coder makes at most, of the most regular patterns found."""
_BYPASS, _HIGH_THROUGHPUT = 0x01, 0x40


class Segment(NamedTuple):
    """Where a marker segment stands.

    Parameters
    ----------
    marker
        Its marker.
    first, end
        Where the marker begins in the frame's bytes, and what follows the segment.
    """

    marker: int
    first: int
    end: int

    def body(self, data: bytes) -> bytes:
        """Its parameters, behind the length."""
        return data[self.first + 4 : self.end]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Image and tiles on the reference grid: SIZ (ISO/IEC 15444-1 A.5.1)."""

    right: int
    bottom: int
    left: int
    top: int
    tile_width: int
    tile_height: int
    tiles_left: int
    tiles_top: int
    components: int

    @classmethod
    def of(cls, body: bytes) -> "_Grid":
        grid = cls(*struct.unpack_from(">8IH", body, 2))
        if not grid.tile_width or not grid.tile_height or not 0 < grid.tiles <= _MOST_TILES:
            raise PixelDataError(
                f"the JPEG 2000 frame has tiles of {grid.tile_width} by {grid.tile_height} "
                f"(XTsiz, YTsiz), which make no grid of 1 to {_MOST_TILES} tiles"
            )
        return grid

    @property
    def across(self) -> int:
        return -(-(self.right - self.tiles_left) // self.tile_width)

    @property
    def tiles(self) -> int:
        return self.across * -(-(self.bottom - self.tiles_top) // self.tile_height)

    def area(self, tile: int) -> tuple[int, int, int, int]:
        """Left, right, top and bottom of a tile (ISO/IEC 15444-1 B.3)."""
        down, across = divmod(tile, self.across)
        left = self.tiles_left + across * self.tile_width
        top = self.tiles_top + down * self.tile_height
        return (
            max(left, self.left),
            min(left + self.tile_width, self.right),
            max(top, self.top),
            min(top + self.tile_height, self.bottom),
        )


@dataclass(frozen=True, slots=True)
class _Style:
    """Coding style of COD or COC (ISO/IEC 15444-1 A.6.1, A.6.2)."""

    layers: int
    levels: int
    blocks: int
    precincts: bytes

    @classmethod
    def of_cod(cls, body: bytes) -> "_Style":
        precincts = body[10:] if body[0] & 1 else b""
        return cls(struct.unpack_from(">H", body, 2)[0], body[5], body[8], precincts)

    @classmethod
    def of_coc(cls, body: bytes, components: int) -> "_Style":
        body = body[1 if components < 257 else 2 :]
        return cls(1, body[1], body[4], body[6:] if body[0] & 1 else b"")

    def packets(self, area: tuple[int, int, int, int]) -> int:
        """Count a component's packets of one layer, at most (ISO/IEC 15444-1 B.6)."""
        left, right, top, bottom = area
        total = 0
        for level in range(self.levels + 1):
            size = self.precincts[level] if level < len(self.precincts) else 0xFF
            scale = self.levels - level
            across = -(-right >> scale + (size & 15)) - (left >> scale + (size & 15))
            down = -(-bottom >> scale + (size >> 4)) - (top >> scale + (size >> 4))
            total += max(across, 0) * max(down, 0)
        return total


@dataclass(slots=True)
class _Segments:
    """What the marker segments of a header say, a tile's beside the main header's."""

    inherited: list[_Style]  # not copied: there may be thousands of them, and of tiles
    packed_headers: bool = False
    own: list[_Style] = field(default_factory=list["_Style"])

    def add(self, marker: int, body: bytes, components: int) -> None:
        index = 1 if components < 257 else 2
        if marker == COD:
            self.own.append(_Style.of_cod(body))
        elif marker == COC:
            self.own.append(_Style.of_coc(body, components))
        elif marker in (QCD, QCC):
            style = body[index if marker == QCC else 0] & 31
            if style > _SCALAR_EXPOUNDED:
                raise _unknown(f"the quantisation {style} (Sqcd, Sqcc) of Part 2")
        elif marker == _RGN and body[index]:
            raise _unknown(f"the region of interest {body[index]} (Srgn) of Part 2")
        elif marker in (_PPM, _PPT):
            self.packed_headers = True
        elif marker in _PART_2:
            raise _unknown(f"{_PART_2[marker]} ({marker:04X}) of Part 2")

    @property
    def styles(self) -> list[_Style]:
        return [*self.inherited, *self.own]

    def packets(self, grid: _Grid, tile: int) -> int:
        area = grid.area(tile)
        layers = max(style.layers for style in self.styles)
        return layers * grid.components * max(style.packets(area) for style in self.styles)

    @property
    def raw(self) -> bool:
        """Whether samples may stand in the data as they are, zeros among them."""
        return any(style.blocks & (_BYPASS | _HIGH_THROUGHPUT) for style in self.styles)


def check_tile_parts(data: bytes, start: int = 0) -> list[Segment]:
    """Refuse a codestream whose tiles are lost or overwritten, or that needs what is not known.

    Parameters
    ----------
    data
        One frame's bytes.
    start
        Where the codestream begins in them.

    Returns
    -------
    list of Segment
        COD, COC, QCD and QCC of all headers, CBD, MCT, MCC and MCO of the main header.

    Raises
    ------
    PixelDataError
        When tiles or tile-parts are missing, something else stands where coded data must, or
        extensions of ISO/IEC 15444-2 were used that cannot be undone.

    References
    ----------
    ISO/IEC 15444-1 A.4.2, B.10
    """
    walk = _Walk(data)
    try:
        walk.run(start + 2)
    except (IndexError, struct.error):
        raise PixelDataError("the JPEG 2000 frame ends within a header") from None
    return walk.segments


class _Walk:
    """One pass over a codestream's markers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._grid = _Grid(0, 0, 0, 0, 1, 1, 0, 0, 0)
        self._parts: dict[int, int] = {}
        self._promised: dict[int, int] = {}
        self._of_tiles: dict[int, _Segments] = {}
        self.segments: list[Segment] = []

    def run(self, position: int) -> None:
        main = _Segments([])
        position = self._header(position, _SOT, main)
        if not main.styles or not self._grid.components:
            raise PixelDataError("the JPEG 2000 frame has no SIZ or COD before its first tile")
        while self._marker(position) == _SOT:
            position = self._tile_part(position, main)
        self._check_tiles()

    def _marker(self, position: int) -> int:
        """Read two bytes; zero behind the end of the data."""
        return int.from_bytes(self._data[position : position + 2], "big")

    def _header(self, position: int, end: int, segments: _Segments) -> int:
        """Read marker segments up to the marker `end`; return where that stands."""
        while (marker := self._marker(position)) != end:
            if marker in _WITHOUT_LENGTH:
                position += 2
                continue
            if marker < 0xFF00:
                raise PixelDataError(
                    f"{marker:04X} at byte {position} of the JPEG 2000 frame; expected a marker"
                )
            length = struct.unpack_from(">H", self._data, position + 2)[0]
            body = self._data[position + 4 : position + 2 + length]
            if marker == _SIZ:
                self._grid = _Grid.of(body)
            segments.add(marker, body, self._grid.components)
            following = position + 2 + max(length, 2)
            if marker in _TOLD:
                if end == _SOD and marker in _TRANSFORMING:
                    raise _unknown(f"{_TRANSFORMING[marker]} ({marker:04X}) of Part 2 for one tile")
                self.segments.append(Segment(marker, position, following))
            position = following
        return position

    def _tile_part(self, position: int, main: _Segments) -> int:
        """Check a tile-part; return where the next one begins (ISO/IEC 15444-1 A.4.2)."""
        data = self._data
        tile, length, number, promised = struct.unpack_from(">HIBB", data, position + 4)
        end = position + length if length else self._end_of_codestream(position)
        if tile >= self._grid.tiles:
            raise PixelDataError(
                f"the JPEG 2000 frame has a tile {tile + 1}, its header speaks of "
                f"{self._grid.tiles} (XTsiz, YTsiz)"
            )
        if end > len(data):
            raise PixelDataError(
                f"tile {tile + 1} of the JPEG 2000 frame is truncated: its part {number + 1} has "
                f"{length} bytes, {len(data) - position} are there"
            )
        segments = self._of_tiles.setdefault(tile, _Segments(main.own, main.packed_headers))
        first = self._header(position + 12, _SOD, segments) + 2
        self._parts[tile] = self._parts.get(tile, 0) + 1
        self._promised[tile] = max(promised, self._promised.get(tile, 0))
        self._check_coded(first, end, tile, segments)
        return max(end, first)

    def _end_of_codestream(self, position: int) -> int:
        end = self._data.rfind(_EOC)
        return end if end > position else len(self._data)

    def _check_coded(self, first: int, end: int, tile: int, segments: _Segments) -> None:
        if self._data[end - 2 : end] == _EOC:
            end -= 2  # some writers count it in
        place = _marker_within(self._data, first, end)
        if place is None and self._data.find(bytes(_MANY), first, end) >= 0:
            runs = _ZEROS.finditer(self._data, first, end)
            packets = segments.packets(self._grid, tile)
            place = next(
                (r.start() for r in runs if _overwritten(r, first, packets, segments)), None
            )
        if place is not None:
            raise PixelDataError(
                f"tile {tile + 1} of the JPEG 2000 frame is damaged: the bytes "
                f"{self._data[place : place + 4].hex(' ')} ... at {place} are no coded data"
            )

    def _check_tiles(self) -> None:
        lost = [n + 1 for n in range(self._grid.tiles) if n not in self._parts]
        if lost:
            raise PixelDataError(
                f"{len(lost)} of the {self._grid.tiles} tiles of the JPEG 2000 frame are missing, "
                f"the first is {lost[0]}"
            )
        for tile, promised in self._promised.items():
            if self._parts[tile] < promised:
                raise PixelDataError(
                    f"tile {tile + 1} of the JPEG 2000 frame has {self._parts[tile]} parts; its "
                    f"header (TNsot) says {promised}"
                )


def _unknown(what: str) -> PixelDataError:
    return PixelDataError(
        f"the JPEG 2000 frame uses {what}, which cannot be undone here (PS3.5 A.4.4); fetch the "
        "object as it is kept and decode it by a program that knows ISO/IEC 15444-2"
    )


def _marker_within(data: bytes, first: int, end: int) -> int | None:
    """Find two bytes that coded data do not hold."""
    if end - first < 2:
        return None
    codes = np.frombuffer(data, np.uint8, end - first, first)
    places = np.flatnonzero(codes[:-1] == 0xFF)
    following = codes[places + 1]
    bad = places[(following > _LAST_CODED) & (following != _SOP) & (following != _EPH)]
    return first + int(bad[0]) if bad.size else None


def _overwritten(run: re.Match[bytes], first: int, packets: int, segments: _Segments) -> bool:
    """Whether zeros are more than the packets make: one without data takes a zero."""
    if run.start() == first and not segments.packed_headers:
        return len(run[0]) > packets  # behind a tile whose packets are all empty there is nothing
    return not segments.raw and len(run[0]) > packets + _CODED_ZEROS
