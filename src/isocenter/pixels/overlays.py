"""Overlay planes, groups 6000 to 601E (PS3.3 C.9.2): own data or unused bits of pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.dicom import tags
from isocenter.errors import PixelDataError

from .attributes import Attributes
from .description import PixelDescription
from .native import Buffer

__all__ = ["OverlayPlane", "embedded_overlay", "overlay_bits", "read_overlays"]

MAX_OVERLAY_PIXELS = 1 << 28


@dataclass(frozen=True, slots=True)
class OverlayPlane:
    """One overlay of an image, without its bits.

    Parameters
    ----------
    index
        0 to 15; its group is 0x6000 + 2 * index.
    rows, columns
        Its size.
    origin
        Row and column of its first pixel in the image, counted from 1; may lie outside.
    kind
        "G" graphics or "R" region of interest.
    label
        Overlay Label (60xx,1500), else its description.
    frames
        How many frames it has; 1 holds for every frame of the image.
    first_frame
        The image frame that its first frame belongs to, counted from 1.
    bit
        The bit of the pixel cell that holds it, or None when it has its own Overlay Data.
    """

    index: int
    rows: int
    columns: int
    origin: tuple[int, int]
    kind: str
    label: str
    frames: int = 1
    first_frame: int = 1
    bit: int | None = None

    @property
    def data_tag(self) -> int:
        """Tag of its Overlay Data."""
        return 0x60003000 + (self.index << 17)

    def holds_for(self, frame: int) -> bool:
        """Tell whether it is drawn over an image frame, counted from 1.

        Parameters
        ----------
        frame
            Number of the image's frame, from 1.

        Returns
        -------
        bool
            True of every frame for an overlay of one frame (PS3.3 C.9.2).
        """
        return self.frames == 1 or 0 <= frame - self.first_frame < self.frames


def read_overlays(root: Attributes) -> tuple[OverlayPlane, ...]:
    """List the overlay planes of an image.

    Parameters
    ----------
    root
        The data set.

    Returns
    -------
    tuple of OverlayPlane
        Those with a size; Overlay Data itself is not touched.
    """
    found: list[OverlayPlane] = []
    for index in range(16):
        base = 0x60000000 + (index << 17)
        rows, columns = root.integer(base + 0x10), root.integer(base + 0x11)
        if not rows or not columns or rows < 0 or columns < 0:
            continue
        found.append(_plane(root, index, rows, columns))
    return tuple(found)


def _plane(root: Attributes, index: int, rows: int, columns: int) -> OverlayPlane:
    base = 0x60000000 + (index << 17)
    origin = [int(number) for number in root.numbers(base + 0x50)]
    embedded = base + 0x3000 not in root and tags.PixelData in root
    return OverlayPlane(
        index=index,
        rows=rows,
        columns=columns,
        origin=(origin[0], origin[1]) if len(origin) == 2 else (1, 1),
        kind=root.text(base + 0x40) or "G",
        label=root.text(base + 0x1500) or root.text(base + 0x22),
        frames=max(1, root.integer(base + 0x15) or 1),
        first_frame=max(1, root.integer(base + 0x51) or 1),
        bit=root.integer(base + 0x102) if embedded else None,
    )


def overlay_bits(plane: OverlayPlane, data: bytes, frame: int = 1) -> NDArray[np.uint8]:
    """Unpack the Overlay Data of one frame.

    Parameters
    ----------
    plane
        The overlay.
    data
        Overlay Data (60xx,3000), little endian.
    frame
        The image frame, counted from 1.

    Returns
    -------
    ndarray
        `(rows, columns)` of 0 and 1.

    Raises
    ------
    PixelDataError
        When the overlay does not hold for the frame, or its data is truncated.
    """
    size = plane.rows * plane.columns
    if size > MAX_OVERLAY_PIXELS:
        raise PixelDataError(f"overlay {plane.index} has {size} pixels, more than can be shown")
    if not plane.holds_for(frame):
        raise PixelDataError(f"overlay {plane.index} has no part in frame {frame}")
    start = (frame - plane.first_frame) * size if plane.frames > 1 else 0
    if len(data) * 8 < start + size:
        raise PixelDataError(
            f"Overlay Data of overlay {plane.index} has {len(data)} bytes; Overlay Rows "
            f"{plane.rows} and Columns {plane.columns} promise {(start + size + 7) // 8}"
        )
    packed = np.frombuffer(data, np.uint8, (start + size + 7) // 8 - start // 8, start // 8)
    bits = np.unpackbits(packed, bitorder="little")
    return bits[start % 8 : start % 8 + size].reshape(plane.rows, plane.columns)


def embedded_overlay(
    plane: OverlayPlane, data: Buffer, description: PixelDescription
) -> NDArray[np.uint8]:
    """Take an overlay out of the unused bits of a native frame (retired in 2004, still around).

    Parameters
    ----------
    plane
        An overlay with a `bit`.
    data
        The bytes of the image frame.
    description
        What the object says of its pixel data.

    Returns
    -------
    ndarray
        `(rows, columns)` of 0 and 1.

    Raises
    ------
    PixelDataError
        When the bit is not an unused one or the frame is not native.
    """
    low = description.high_bit + 1 - description.bits_stored
    used = plane.bit is None or low <= plane.bit <= description.high_bit
    if used or plane.bit is None or plane.bit >= description.bits_allocated:
        raise PixelDataError(
            f"Overlay Bit Position (60xx,0102) of overlay {plane.index} is {plane.bit}; expected a "
            "bit outside those stored"
        )
    if description.transfer_syntax.encapsulated or description.bits_allocated not in (8, 16, 32):
        raise PixelDataError(f"overlay {plane.index} cannot stand in compressed pixel data")
    cells = _cells(data, description)
    return ((cells >> plane.bit) & 1).astype(np.uint8)


def _cells(data: Buffer, description: PixelDescription) -> NDArray[Any]:
    order = "<" if description.transfer_syntax.little_endian else ">"
    count = description.rows * description.columns
    dtype = np.dtype(f"{order}u{description.bits_allocated // 8}")
    if len(data) < count * dtype.itemsize:
        raise PixelDataError(f"the frame has {len(data)} bytes, too few for {count} pixels")
    return np.frombuffer(data, dtype, count).reshape(description.rows, description.columns)
