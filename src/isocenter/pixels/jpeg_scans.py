"""Scans of JPEG codestreams (ISO/IEC 10918-1 annex B), and whether one was decoded to its end.

libjpeg fills what it cannot decode with gray and drops what it need not, with a warning that nobody
sees: either would be shown as a picture that nobody took.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .codestreams import CodestreamHeader, Coding

__all__ = ["Scan", "check_decoded", "read_scans"]

_RESTART = re.compile(rb"\xff([\xd0-\xd7])", re.DOTALL)
# What may follow FF within coded data: a stuffed zero, a restart marker, one more FF before it.
_CODED = np.zeros(256, bool)
_CODED[[0x00, *range(0xD0, 0xD8), 0xFF]] = True
# DHT, EOI, SOS, DQT, DNL, DRI, APPn, COM
_BETWEEN_SCANS = {0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE}
_SEQUENTIAL = {0xC0, 0xC1, 0xC3}
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_RESTARTS = bytes(range(0xD0, 0xD8))
_RUN = bytes(64)
_LAST_DATA = 256


@dataclass(frozen=True, slots=True)
class _Table:
    """A Huffman table of DHT: how many codes there are of each length, and what they mean."""

    lengths: bytes
    symbols: bytes

    def codes(self) -> dict[int, str]:
        """Code by symbol, in bits (ISO/IEC 10918-1 annex C)."""
        found: dict[int, str] = {}
        code, symbols = 0, iter(self.symbols)
        for length, count in enumerate(self.lengths, 1):
            for _ in range(count):
                found[next(symbols)] = f"{code:0{length}b}"
                code += 1
            code <<= 1
        return found


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan.

    Parameters
    ----------
    frame
        Second byte of the frame's marker, C0 to CF.
    start, end
        Where its coded data begin, and where the marker behind them stands.
    direct, alternating
        Its components' Huffman tables for DC or differences, and for AC coefficients.
    predictor, transform
        Selection value and point transform of a lossless scan.
    interval
        MCUs between restart markers; 0 without them.
    whole
        Whether it holds all components, none of them subsampled.
    restarts
        Restart markers that must be in it; None where they are not counted.
    """

    frame: int
    start: int
    end: int
    direct: tuple[_Table, ...]
    alternating: tuple[_Table, ...]
    predictor: int
    transform: int
    interval: int
    whole: bool
    restarts: int | None


class _Reader:
    """Walks over the marker segments of one codestream."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables: dict[int, _Table] = {}
        self._frame, self._size, self._sampling, self._interval = 0, (0, 0), b"", 0
        self._ended = False
        self.scans: list[Scan] = []

    def run(self) -> None:
        position = 2
        while not self._ended:
            position = self._segment(position)

    def _segment(self, position: int) -> int:
        data = self._data
        while data[position] == 0xFF and data[position + 1] == 0xFF:
            position += 1
        code = data[position + 1]
        if code == 0xD9:
            self._ended = True
            return position + 2
        length = struct.unpack_from(">H", data, position + 2)[0]
        body, following = data[position + 4 : position + 2 + length], position + 2 + max(length, 2)
        if code == 0xC4:
            self._read_tables(body)
        elif code == 0xDD:
            self._interval = struct.unpack_from(">H", body)[0]
        elif code in _FRAMES:
            self._frame, self._sampling = code, body[7 : 7 + 3 * body[5] : 3]
            self._size = struct.unpack_from(">HH", body, 1)
        elif code == 0xDA:
            return self._read_scan(body, following)
        return following

    def _read_tables(self, body: bytes) -> None:
        while body:
            lengths = body[1:17]
            count = sum(lengths)
            self._tables[body[0]] = _Table(lengths, body[17 : 17 + count])
            body = body[17 + count :]

    def _read_scan(self, body: bytes, start: int) -> int:
        end = self._next_marker(start)
        if self._data[end + 1] not in _BETWEEN_SCANS:
            raise PixelDataError(
                f"the JPEG frame is damaged: {self._data[end : end + 2].hex(' ')} at byte {end} "
                "stands within its coded data"
            )
        count = body[0]
        chosen = [body[2 + 2 * n] for n in range(count)]
        empty = _Table(b"", b"")
        self.scans.append(
            Scan(
                frame=self._frame,
                start=start,
                end=end,
                direct=tuple(self._tables.get(n >> 4, empty) for n in chosen),
                alternating=tuple(self._tables.get(0x10 | n & 15, empty) for n in chosen),
                predictor=body[1 + 2 * count],
                transform=body[3 + 2 * count] & 15,
                interval=self._interval,
                whole=count == len(self._sampling) and set(self._sampling) == {0x11},
                restarts=self._restarts(count),
            )
        )
        return end

    @cached_property
    def _markers(self) -> NDArray[np.intp]:
        """Wherever no coded data can be, the headers among them; found once for all scans."""
        codes = np.frombuffer(self._data, np.uint8)
        places = np.flatnonzero(codes[:-1] == 0xFF)
        return places[~_CODED[codes[places + 1]]]

    def _next_marker(self, start: int) -> int:
        following = int(np.searchsorted(self._markers, start))
        if following == len(self._markers):
            raise PixelDataError("the JPEG frame is truncated: it has no end marker")
        return int(self._markers[following])

    def _restarts(self, components: int) -> int | None:
        """Count the restart markers of a scan of all components (ISO/IEC 10918-1 A.2.3)."""
        if not self._interval or components != len(self._sampling):
            return None
        unit = 1 if self._frame == 0xC3 else 8
        alone = components == 1
        wide = unit * (1 if alone else max(n >> 4 for n in self._sampling))
        high = unit * (1 if alone else max(n & 15 for n in self._sampling))
        rows, columns = self._size
        return (-(-rows // high) * -(-columns // wide) - 1) // self._interval


def read_scans(data: bytes) -> list[Scan]:
    """Find the scans of a JPEG codestream.

    Parameters
    ----------
    data
        One frame's bytes.

    Returns
    -------
    list of Scan
        In their order.

    Raises
    ------
    PixelDataError
        When it ends before its end marker, or something stands in coded data that cannot be there.

    References
    ----------
    ISO/IEC 10918-1 B.1.1, B.2
    """
    reader = _Reader(data)
    try:
        reader.run()
    except (IndexError, struct.error):
        raise PixelDataError("the JPEG frame is truncated: it has no end marker") from None
    for scan in reader.scans:
        _check_zeros(data, scan)
        _check_restarts(data, scan)
    return reader.scans


def _check_restarts(data: bytes, scan: Scan) -> None:
    if scan.restarts is None:
        return
    found = b"".join(_RESTART.findall(data, scan.start, scan.end))
    in_order = (_RESTARTS * (len(found) // 8 + 1))[: len(found)]
    if len(found) != scan.restarts or found != in_order:
        raise PixelDataError(
            f"the JPEG frame is damaged: it has {len(found)} restart markers, or not in their "
            f"order; expected {scan.restarts}, one each {scan.interval} units"
        )


def _check_zeros(data: bytes, scan: Scan) -> None:
    """Refuse zeros that would mean the same large coefficient again and again.

    The code of zeros only is the first of its table. A flat image may be coded by it, if it means
    that nothing changes.
    """
    if scan.frame not in (0xC0, 0xC1) or not scan.direct or not scan.alternating:
        return
    firsts = {table.symbols[:1] for table in (*scan.direct, *scan.alternating)}
    if firsts != {b"\0"} and (place := data.find(_RUN, scan.start, scan.end)) >= 0:
        raise PixelDataError(
            f"the JPEG frame is damaged: there are zeros from byte {place} on, {len(_RUN)} or "
            "more, which its Huffman tables do not make"
        )


def check_decoded(
    data: bytes,
    header: CodestreamHeader,
    scans: list[Scan],
    samples: NDArray[Any],
    decode: Callable[[bytes], NDArray[Any]],
) -> None:
    """Refuse a frame of which libjpeg decoded too little or too much.

    Parameters
    ----------
    data, header
        One frame's bytes, and what its header says.
    scans
        As `read_scans` gives them.
    samples
        As decoded; for lossless frames the components as they are coded.
    decode
        Decodes the frame again, with other bytes. Called only where something speaks for damage.

    Raises
    ------
    PixelDataError
        When the decoded samples do not end where the coded data do.
    """
    if len(scans) != 1 or scans[0].frame not in _SEQUENTIAL:
        return
    scan = scans[0]
    if header.coding is Coding.JPEG_LOSSLESS:
        fits = _ends_as_coded(data, header, scan, samples)
    else:
        fits = _took_all(data, header, scan, samples, decode)
    if not fits:
        raise PixelDataError(
            f"the {header.coding} frame is damaged: its samples do not end where its coded data do"
        )


def _took_all(
    data: bytes,
    header: CodestreamHeader,
    scan: Scan,
    samples: NDArray[Any],
    decode: Callable[[bytes], NDArray[Any]],
) -> bool:
    """Whether a lossy frame was decoded from all of its data, where something speaks against it.

    If the end is gray, more data behind it must make no difference; if there are many zeros, which
    may stand for any number of flat blocks, the last data must make one.
    """
    if scan.interval:
        return True
    start, end = scan.start, scan.end
    last = samples[-1, -min(4, (header.columns - 1) % 8 + 1) :]
    if (last == 1 << (header.precision - 1)).all():
        more = data[start : min(end, start + 4096)].rstrip(b"\xff")
        return bool((decode(b"".join((data[:end], more, data[end:]))) == samples).all())
    if data.find(bytes(2 * _LAST_DATA), start, end) >= 0:
        shorter = data[: end - _LAST_DATA].rstrip(b"\xff")
        return not (decode(shorter + data[end:]) == samples).all()
    return True


_LAST = 16
"""Samples that are compared, and those of a flat end before them."""


def _ends_as_coded(
    data: bytes, header: CodestreamHeader, scan: Scan, samples: NDArray[Any]
) -> bool:
    """Encode the last samples of a lossless frame and compare the bits (ISO/IEC 10918-1 H)."""
    if not scan.whole or scan.interval:
        return True
    pixels = samples.reshape(header.rows, header.columns, -1)
    still = max(_still_rows(pixels) - 1, 0)
    moving = pixels[: header.rows - still]
    for count in (1, 4, 16, 64):
        changes = _differences(moving, min(count, len(moving)), header, scan).reshape(-1)
        changed = np.flatnonzero(changes)
        if changed.size >= _LAST:
            break
    codes = [table.codes() for table in scan.direct]
    wanted = _bits(changes, changed[-_LAST:].tolist(), codes, still * header.columns)
    length = len(wanted) // 8 + 8
    found = data[max(scan.start, scan.end - 2 * length) : scan.end].replace(b"\xff\0", b"\xff")
    bits = f"{int.from_bytes(found, 'big'):0{8 * len(found)}b}"
    # At most seven bits fill the last byte; some encoders write a byte or two more.
    return any(bits.endswith(wanted, 0, len(bits) - spare) for spare in range(25))


def _still_rows(pixels: NDArray[Any]) -> int:
    """Count the rows at the end in which nothing but the last sample is."""
    rows, last = len(pixels), pixels[-1, -1]
    end, height = rows, 1
    while end:
        start = max(end - height, 0)
        same = (pixels[start:end] == last).reshape(end - start, -1).all(axis=1)
        if not same.all():
            return rows - start - int(np.flatnonzero(~same)[-1]) - 1
        end, height = start, min(2 * height, 64)
    return rows


def _differences(
    pixels: NDArray[Any], count: int, header: CodestreamHeader, scan: Scan
) -> NDArray[np.int32]:
    """Differences from their predictions of the last rows' samples."""
    values = pixels[-count - 1 :].astype(np.int32) >> scan.transform
    if count == len(pixels):
        # The first row is predicted from the left, its first sample from the middle of the range.
        first = np.full_like(values[:1], 1 << (header.precision - scan.transform - 1))
        first[:, 1:] = values[:1, :-1]
    else:
        first = values[:0]
    above, lines = values[:-1], values[1:]
    left, corner = lines[:, :-1], above[:, :-1]
    over = above[:, 1:]
    inner = {
        1: lambda: left,
        2: lambda: over,
        3: lambda: corner,
        4: lambda: left + over - corner,
        5: lambda: left + (over - corner >> 1),
        6: lambda: over + (left - corner >> 1),
        7: lambda: left + over >> 1,
    }[scan.predictor]()
    predicted = np.concatenate([first, np.concatenate([above[:, :1], inner], axis=1)])
    return ((values[-len(predicted) :] - predicted + 0x8000) & 0xFFFF) - 0x8000


def _bits(
    changes: NDArray[np.int32], places: list[int], codes: list[dict[int, str]], still: int
) -> str:
    """Code differences from the first of the `places` on; all others, and `still` pixels, are 0."""
    components = len(codes)
    flat = [table.get(0, "?") for table in codes]
    end = "".join(flat) * still
    if not places:
        return "".join(flat) * (len(changes) // components) + end
    parts: list[str] = []
    for place, following in zip(places, [*places[1:], len(changes)], strict=True):
        change = int(changes[place])
        size = 16 if change == -0x8000 else abs(change).bit_length()
        parts.append(codes[place % components].get(size, "?"))
        if size < 16:
            parts.append(f"{change if change > 0 else change + (1 << size) - 1:0{size}b}")
        if following > place + 1:
            turned = [flat[(place + 1 + n) % components] for n in range(components)]
            pixels, rest = divmod(following - place - 1, components)
            parts += ["".join(turned) * pixels, *turned[:rest]]
    return "".join([*parts, end])
