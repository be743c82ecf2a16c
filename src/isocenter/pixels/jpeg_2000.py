"""JPEG 2000 and HTJ2K codestreams to components, those of Part 2 among them (PS3.5 A.4.4).

No library undoes the transformations of ISO/IEC 15444-2 annex J. So they are taken out of the
codestream, OpenJPEG decodes its components as they were coded, and they are undone behind it.
"""

import struct
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from isocenter.errors import PixelDataError

from .codestreams import CodestreamHeader
from .component_segments import CBD, MCC, MCO, MCT, Depth, read_transformations
from .description import MAX_FRAME_BYTES
from .tile_parts import COC, COD, QCC, QCD, Segment, check_tile_parts

__all__ = ["decode_components"]

_PART_2 = frozenset({CBD, MCT, MCC, MCO})
_ARRAYS, _WAVELETS = 2, 4
"""What SGcod says, by bits, of components that Part 2 transforms."""
_PART_2_CAPABILITY, _PART_15_CAPABILITY, _MCT_CAPABILITY = 0x8000, 0x4000, 0x0100
_EXTENSIONS = 0x0FFF

_BITS = 31
"""The most that OpenJPEG decodes. Its limits must not cut what lies between transformations."""
_SIGNED = 0x80
_LARGEST_EXPONENT = 31
_AFTER_SIZES = 36
"""Where the number of components stands in SIZ, from its marker."""


def decode_components(data: bytes, header: CodestreamHeader) -> NDArray[Any]:
    """Decode a JPEG 2000 or HTJ2K codestream to its components.

    Parameters
    ----------
    data
        The codestream, or a JP2 file with it.
    header
        What `read_codestream_header` found in it.

    Returns
    -------
    ndarray
        `(rows, columns, components)`, of the smallest type that holds `header.precision` bits with
        `header.signed`.

    Raises
    ------
    PixelDataError
        When tiles are lost or damaged, components leave pixels out, or the codestream uses what of
        Part 2 cannot be undone.

    References
    ----------
    ISO/IEC 15444-1; ISO/IEC 15444-2 annex J; PS3.5 8.2.4, A.4.4
    """
    # OpenJPEG for HTJ2K too: imagecodecs' OpenJPH is twice as fast, but it dies of a tile size of
    # zero and hands out what it has of a truncated frame without a word.
    segments = check_tile_parts(data, header.start)
    if not _PART_2.isdisjoint(marker for marker, _, _ in segments):
        try:
            return _Part2(data, header, segments).decode()
        except (IndexError, struct.error):
            raise PixelDataError("the JPEG 2000 frame ends within a header") from None
    _check_sampling(data, header.start, header.components)
    # Without a file format around it, by which colours would be converted or taken from a palette:
    # the object tells what the components are.
    samples = imagecodecs.jpeg2k_decode(data[header.start :])
    return samples if samples.ndim == 3 else samples[..., None]


def _check_sampling(data: bytes, start: int, components: int) -> None:
    """Refuse components that leave pixels out, of which decoders make colours of their own."""
    first = start + 2 + _AFTER_SIZES + 4
    sizes = data[first : first + 3 * components]
    steps = set(sizes[1::3] + sizes[2::3])
    if steps != {1}:
        raise PixelDataError(
            "of the JPEG 2000 frame's components, some leave pixels out (XRsiz, YRsiz up to "
            f"{max(steps, default=0)}), expected 1: no Photometric Interpretation (0028,0004) of "
            "JPEG 2000 has such (PS3.5 8.2.4)"
        )


class _Part2:
    """One codestream whose components were transformed together."""

    def __init__(self, data: bytes, header: CodestreamHeader, segments: Sequence[Segment]) -> None:
        self._data = data
        self._header = header
        self._segments = segments
        size = header.start + 2  # SIZ stands behind SOC
        self._capabilities = struct.unpack_from(">H", data, size + 4)[0]
        self._components = struct.unpack_from(">H", data, size + _AFTER_SIZES + 2)[0]

    def decode(self) -> NDArray[Any]:
        self._check_capabilities()
        _check_sampling(self._data, self._header.start, self._components)
        exact = self._exact()
        transformations, depth = read_transformations(
            [(s.marker, s.body(self._data)) for s in self._segments if s.marker in _PART_2],
            self._components,
            exact,
        )
        self._check_header(depth)
        pixels = self._header.rows * self._header.columns
        if self._components * pixels * 4 > MAX_FRAME_BYTES:
            raise PixelDataError(
                f"the JPEG 2000 frame has {self._components} components to be transformed (Csiz), "
                f"which take more than {MAX_FRAME_BYTES >> 20} MiB"
            )
        transformations.check_work(pixels)
        guard = 0 if exact else self._guard_bits()
        samples = imagecodecs.jpeg2k_decode(self._part_1(guard))
        samples = samples.reshape(*samples.shape[:2], -1)
        self._check_decoded(samples)
        return transformations.undo(samples, self._scales(exact, guard), depth.dtype, depth.range)

    def _check_capabilities(self) -> None:
        extensions = self._capabilities & _EXTENSIONS
        if self._capabilities & _PART_2_CAPABILITY and extensions & ~_MCT_CAPABILITY:
            raise PixelDataError(
                "the JPEG 2000 frame asks for extensions of Part 2 beside transformations of "
                f"components (Rsiz {self._capabilities:04X}), which cannot be decoded here"
            )

    def _check_header(self, depth: Depth) -> None:
        header = self._header
        if depth != Depth(header.components, header.precision, header.signed):
            raise PixelDataError(
                f"the JPEG 2000 frame does not announce Part 2 (Rsiz {self._capabilities:04X}), "
                "and its components have another depth behind their transformations (CBD (FF78)) "
                "than its header (SIZ) says"
            )

    def _exact(self) -> bool:
        """Whether the wavelet transformation is reversible, the same for all components."""
        found: set[tuple[str, int]] = set()
        for segment in self._segments:
            body = segment.body(self._data)
            if segment.marker == COD:
                if body[4] not in (_ARRAYS, _WAVELETS, _ARRAYS | _WAVELETS):
                    raise PixelDataError(
                        "the JPEG 2000 frame has segments of Part 2 for transformations of "
                        f"components, and {body[4]} for them in COD (SGcod); expected {_ARRAYS}, "
                        f"arrays, {_WAVELETS}, wavelets, or both"
                    )
                found.add(("wavelet", body[9]))
            elif segment.marker == COC:
                found.add(("wavelet", body[self._index_size + 5]))
            elif segment.marker in (QCD, QCC):
                found.add(("quantised", int(self._style(segment)[0] & 31 != 0)))
        for exact, kinds in ((True, {("wavelet", 1)}), (False, {("wavelet", 0)})):
            if found == kinds | {("quantised", int(not exact))}:
                return exact
        raise PixelDataError(
            "the JPEG 2000 frame transforms components together (MCC (FF75) of Part 2) that differ "
            "in their wavelet transformation or quantisation (COD, COC, QCD, QCC), which cannot be "
            "decoded here"
        )

    @property
    def _index_size(self) -> int:
        return 1 if self._components < 257 else 2

    def _style(self, segment: Segment) -> bytes:
        """Sqcd and SPqcd of a QCD or QCC segment."""
        body = segment.body(self._data)
        return body if segment.marker == QCD else body[self._index_size :]

    def _guard_bits(self) -> int:
        """Count the guard bits that can become bits of the samples."""
        most = _LARGEST_EXPONENT
        for segment in self._segments:
            if segment.marker in (QCD, QCC):
                style = self._style(segment)
                exponent = max((step >> 3 for step in style[1::2]), default=0)
                most = min(most, style[0] >> 5, _LARGEST_EXPONENT - exponent)
        return most

    def _part_1(self, guard: int) -> bytes:
        """Write the codestream without Part 2, its samples with more bits.

        The steps of irreversible coding are fractions of the sample's range, so a range wider by
        some bits makes samples larger by as many: they get digits behind the point. An exponent
        larger by one makes them half as large, and leaves room for what exceeds the range; for as
        many bit planes there must then be one guard bit less.
        """
        start = self._header.start
        data = bytearray(self._data[start:])
        struct.pack_into(">H", data, 6, self._capabilities & _PART_15_CAPABILITY)
        depths = 2 + _AFTER_SIZES + 4
        for component in range(self._components):
            data[depths + 3 * component] = _SIGNED | _BITS - 1
        for segment in self._segments:
            first = segment.first - start + 4
            if segment.marker == COD:
                data[first + 4] = 0
            elif segment.marker in (QCD, QCC) and guard:
                first += 0 if segment.marker == QCD else self._index_size
                data[first] -= guard << 5
                for step in range(first + 1, segment.end - start, 2):
                    data[step] += guard << 3
        places = [start]
        for segment in self._segments:
            if segment.marker in _PART_2:
                places += [segment.first, segment.end]
        ends = [*places[1:], len(self._data)]
        stretches = zip(places[::2], ends[::2], strict=True)
        return b"".join([data[first - start : end - start] for first, end in stretches])

    def _scales(self, exact: bool, guard: int) -> NDArray[np.float64]:
        """Tell what the decoded samples of each component are multiplied with."""
        if exact:
            return np.ones(self._components)
        first = self._header.start + 2 + _AFTER_SIZES + 4
        depths = self._data[first : first + 3 * self._components : 3]
        bits = [(depth & 0x7F) + 1 for depth in depths]
        return np.array([2.0 ** (_BITS - guard - each) for each in bits])

    def _check_decoded(self, samples: NDArray[Any]) -> None:
        expected = (self._header.rows, self._header.columns, self._components)
        if samples.shape != expected:
            raise PixelDataError(
                f"the components of the JPEG 2000 frame decode to {samples.shape}, its header "
                f"(SIZ) says {expected}"
            )
        limit = 1 << _BITS - 1
        if samples.min() <= -limit or samples.max() >= limit - 1:
            raise PixelDataError(
                "the JPEG 2000 frame holds components that exceed the range of their depth (Ssiz) "
                "so far that they cannot be decoded before their transformation (MCC (FF75) of "
                "Part 2)"
            )
