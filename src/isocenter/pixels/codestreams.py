"""Headers of compressed frames, read before a codec may allocate anything for them.

A few hundred bytes of JPEG 2000 can ask for gigabytes; a codec believes its own header, so that
header is compared with the object's description first.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum

from isocenter.errors import PixelDataError

from .component_segments import CBD, Depth, read_depth
from .description import PixelDescription

__all__ = [
    "CodestreamHeader",
    "Coding",
    "check_codestream",
    "check_components",
    "read_codestream_header",
]

_SOT, _PART_2 = 0xFF90, 0x8000


class Coding(StrEnum):
    """The coding that a codestream's first bytes tell."""

    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"
    JPEG_XL = "JPEG XL"


@dataclass(frozen=True, slots=True)
class CodestreamHeader:
    """What a codestream says of itself.

    Parameters
    ----------
    coding
        Which coding it is.
    rows, columns, components
        Size of the image in it.
    precision
        Bits a sample; of JPEG 2000 Part 2 as its transformations make them.
    signed
        Whether its samples are signed (JPEG 2000 only).
    component_ids
        Identifiers of a JPEG's components.
    adobe_transform
        Colour transform of a JPEG's Adobe marker: 0 none, 1 YCbCr; None without the marker.
    jfif
        Whether a JPEG has a JFIF marker, which promises YCbCr.
    start
        Where a JPEG 2000 codestream begins; not 0 within a JP2 file.
    """

    coding: Coding
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    component_ids: tuple[int, ...] = ()
    adobe_transform: int | None = None
    jfif: bool = False
    start: int = 0


def read_codestream_header(data: bytes) -> CodestreamHeader:
    """Read the header of a JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL codestream.

    Parameters
    ----------
    data
        One frame's bytes, all fragments joined.

    Returns
    -------
    CodestreamHeader
        Size, precision and what tells the colour space.

    Raises
    ------
    PixelDataError
        When the bytes are none of these or end within the header.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        if data[:4] == b"\xff\x4f\xff\x51":
            return _jpeg_2000(data, 0)
        if data[4:8] == b"jP  ":  # a JP2 file, which DICOM forbids and writers emit
            return _jpeg_2000(data, _jp2_codestream(data))
        if data[:2] == b"\xff\x0a" or data[4:8] == b"JXL ":
            return _jpeg_xl(data)
    except (IndexError, struct.error):
        raise PixelDataError("the compressed frame ends within its header") from None
    raise PixelDataError(
        f"the compressed frame starts with {bytes(data[:4]).hex(' ') or 'nothing'}; expected a "
        "JPEG, JPEG-LS, JPEG 2000 or JPEG XL codestream"
    )


def _jpeg(data: bytes) -> CodestreamHeader:
    position, adobe, jfif = 2, None, False
    while True:
        while data[position] == 0xFF and data[position + 1] == 0xFF:
            position += 1  # fill bytes
        marker, code = data[position], data[position + 1]
        if marker != 0xFF:
            raise PixelDataError(f"no JPEG marker at byte {position} of the compressed frame")
        length = struct.unpack_from(">H", data, position + 2)[0]
        body = data[position + 4 : position + 2 + length]
        if code == 0xF7 or (0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC)):
            return _start_of_frame(code, body, adobe, jfif)
        if code == 0xEE and len(body) >= 12 and body[:5] == b"Adobe":
            adobe = body[11]
        elif code == 0xE0 and body[:5] == b"JFIF\0":
            jfif = True
        elif code in (0xDA, 0xD9):
            raise PixelDataError("the JPEG codestream has no frame header before its scan")
        position += 2 + length


def _start_of_frame(code: int, body: bytes, adobe: int | None, jfif: bool) -> CodestreamHeader:
    precision, rows, columns, components = struct.unpack_from(">BHHB", body)
    coding = {0xF7: Coding.JPEG_LS, 0xC3: Coding.JPEG_LOSSLESS}.get(code, Coding.JPEG)
    return CodestreamHeader(
        coding=coding,
        rows=rows,
        columns=columns,
        components=components,
        precision=precision,
        component_ids=tuple(body[6 + 3 * n] for n in range(components)),
        adobe_transform=adobe,
        jfif=jfif,
    )


def _jpeg_2000(data: bytes, start: int) -> CodestreamHeader:
    """Markers SIZ and CAP of ISO/IEC 15444-1 A.5.1 and 15444-15 A.2."""
    capabilities, right, bottom, left, top = struct.unpack_from(">HIIII", data, start + 6)
    components = struct.unpack_from(">H", data, start + 40)[0]
    if components == 0:
        raise PixelDataError("the JPEG 2000 codestream has no components")
    depth = data[start + 42]
    precision, signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    made = _reconstructed(data, start) if capabilities & _PART_2 else None
    if made:
        components, precision, signed = made.components, made.bits, made.signed
    return CodestreamHeader(
        coding=Coding.HTJ2K if capabilities & 0x4000 else Coding.JPEG_2000,
        rows=bottom - top,
        columns=right - left,
        components=components,
        precision=precision,
        signed=signed,
        start=start,
    )


def _reconstructed(data: bytes, start: int) -> Depth | None:
    """Read what CBD says of components behind their transformations; SIZ is before them."""
    position = start + 2
    while (marker := int.from_bytes(data[position : position + 2], "big")) != _SOT:
        if marker < 0xFF00:
            return None
        length = struct.unpack_from(">H", data, position + 2)[0]
        if marker == CBD:
            return read_depth(data[position + 4 : position + 2 + length])
        position += 2 + max(length, 2)
    return None


def _jp2_codestream(data: bytes) -> int:
    position = 0
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if length == 1:
            length, header = struct.unpack_from(">Q", data, position + 8)[0], 16
        if kind == b"jp2c":
            return position + header
        if length < header:
            break
        position += length
    raise PixelDataError("the JP2 file in the frame has no codestream box")


class _Bits:
    """Bits of JPEG XL's headers, least significant first (ISO/IEC 18181-1 9.2)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise IndexError
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken

    def choose(self, *options: tuple[int, int]) -> int:
        """Read a U32: two bits choose an offset and a number of further bits."""
        offset, count = options[self.take(2)]
        return offset + self.take(count)


_JXL_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_JXL_SIZES = ((1, 9), (1, 13), (1, 18), (1, 30))


def _jpeg_xl(data: bytes) -> CodestreamHeader:
    bits = _Bits(_jxl_codestream(data)[2:66])
    small = bits.take(1)
    rows = 8 * (1 + bits.take(5)) if small else bits.choose(*_JXL_SIZES)
    ratio = bits.take(3)
    if ratio:
        numerator, denominator = _JXL_RATIOS[ratio]
        columns = rows * numerator // denominator
    else:
        columns = 8 * (1 + bits.take(5)) if small else bits.choose(*_JXL_SIZES)
    # Components and depth stand behind optional headers; the decoder's result is checked instead.
    return CodestreamHeader(Coding.JPEG_XL, rows, columns, 0, 0)


def _jxl_codestream(data: bytes) -> bytes:
    if data[:2] == b"\xff\x0a":
        return data
    position = 0
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"jxlc":
            return data[position + 8 :]
        if kind == b"jxlp":
            return data[position + 12 :]
        if length < 8:
            break
        position += length
    raise PixelDataError("the JPEG XL file in the frame has no codestream box")


# PS3.5 A.4.4: Part 2 makes frames the components of one codestream, to transform them together.
_FRAMES_AS_COMPONENTS = {
    f"1.2.840.10008.1.2.4.{n}": "; frames may be components (PS3.5 A.4.4) of codestreams without a "
    "file format around them that have as many in all as Number of Frames (0028,0008) says"
    for n in (92, 93)
}


def check_codestream(
    header: CodestreamHeader, description: PixelDescription, components: int | None = None
) -> None:
    """Compare a codestream with the description of the object that holds it.

    Parameters
    ----------
    header, description
        What both say.
    components
        How many it must have; None for as many as a pixel has samples.

    Raises
    ------
    PixelDataError
        When size, number of components or depth differ.
    """
    found = (header.rows, header.columns)
    expected = (description.rows, description.columns)
    if found != expected:
        raise PixelDataError(
            f"the {header.coding} frame is {found[0]} rows by {found[1]} columns, Rows (0028,0010) "
            f"and Columns (0028,0011) say {expected[0]} by {expected[1]}"
        )
    if header.components not in (0, components or description.samples_per_pixel):
        raise PixelDataError(
            f"the {header.coding} frame has {header.components} components, Samples per Pixel "
            f"(0028,0002) says {description.samples_per_pixel}"
            + _FRAMES_AS_COMPONENTS.get(description.transfer_syntax.uid, "")
        )
    if header.precision > 8 * description.dtype.itemsize:
        raise PixelDataError(
            f"the {header.coding} frame has samples of {header.precision} bits, Bits Allocated "
            f"(0028,0100) says {description.bits_allocated}"
        )


def check_components(data: bytes, header: CodestreamHeader) -> None:
    """Make sure that the components of a JPEG 2000 codestream are alike, as frames are.

    Parameters
    ----------
    data, header
        The codestream, and what `read_codestream_header` found.

    Raises
    ------
    PixelDataError
        When their depth or sign differs, or one has fewer samples than the image has pixels.

    References
    ----------
    ISO/IEC 15444-1 A.5.1 (Ssiz, XRsiz, YRsiz)
    """
    capabilities, count = struct.unpack_from(">H32xH", data, header.start + 6)
    first = header.start + 42
    sizes = data[first : first + 3 * count]
    if len(sizes) < 3 * count:
        raise PixelDataError("the compressed frame ends within its header")
    depths, steps = set(sizes[0::3]), set(sizes[1::3] + sizes[2::3])
    made = capabilities & _PART_2 and _reconstructed(data, header.start)
    if len(depths) > 1 and not made:
        raise PixelDataError(
            f"the {header.components} components of the {header.coding} codestream differ in depth "
            f"or sign (Ssiz is {', '.join(map(str, sorted(depths)))}): they are no frames of one "
            "object (PS3.5 A.4.4)"
        )
    if steps != {1}:
        raise PixelDataError(
            f"of the {header.components} components of the {header.coding} codestream, some leave "
            f"pixels out (XRsiz, YRsiz up to {max(steps)}): they are no frames of one object "
            "(PS3.5 A.4.4)"
        )
