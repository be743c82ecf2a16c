"""Where in an ultrasound image lengths can be told (PS3.3 C.8.5.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from isocenter.dicom import tags

from .attributes import Attributes

__all__ = ["UltrasoundRegion", "agreed_spacing", "read_regions"]

_CENTIMETRES = 3  # Physical Units (0018,6024), PS3.3 C.8.5.5


@dataclass(frozen=True, slots=True)
class UltrasoundRegion:
    """A part of an image with a scale of its own, or with none.

    Parameters
    ----------
    left, top, right, bottom
        Its edges: columns and rows from the outer corner of the first pixel.
    spacing
        Height and width of its pixels in millimetres; None where an axis is no length, but a time
        or velocity.
    """

    left: int
    top: int
    right: int
    bottom: int
    spacing: tuple[float, float] | None


def read_regions(root: Attributes, rows: int, columns: int) -> tuple[UltrasoundRegion, ...]:
    """Read the regions of an ultrasound image.

    Parameters
    ----------
    root
        The data set.
    rows, columns
        Size of the image: a region that does not say where it is may be anywhere.

    Returns
    -------
    tuple of UltrasoundRegion
        In their order; empty where the image has none.

    References
    ----------
    PS3.3 C.8.5.5
    """
    return tuple(
        UltrasoundRegion(*_edges(item, rows, columns), _spacing(item))
        for item in root.items(tags.SequenceOfUltrasoundRegions)
    )


def _edges(region: Attributes, rows: int, columns: int) -> tuple[int, int, int, int]:
    left, top = (
        region.integer(tag) for tag in (tags.RegionLocationMinX0, tags.RegionLocationMinY0)
    )
    last, lowest = (
        region.integer(tag) for tag in (tags.RegionLocationMaxX1, tags.RegionLocationMaxY1)
    )
    if left is None or top is None or last is None or lowest is None:
        return 0, 0, columns, rows
    if not (0 <= left <= last and 0 <= top <= lowest):
        return 0, 0, columns, rows
    return left, top, min(last + 1, columns), min(lowest + 1, rows)


def _spacing(region: Attributes) -> tuple[float, float] | None:
    units = (
        region.integer(tags.PhysicalUnitsXDirection),
        region.integer(tags.PhysicalUnitsYDirection),
    )
    x, y = region.number(tags.PhysicalDeltaX), region.number(tags.PhysicalDeltaY)
    if units != (_CENTIMETRES, _CENTIMETRES) or not x or not y:
        return None
    return abs(y) * 10, abs(x) * 10


def agreed_spacing(regions: Sequence[UltrasoundRegion]) -> tuple[float, float] | None:
    """Find the size of a pixel that all regions have that have one.

    Parameters
    ----------
    regions
        Of one image.

    Returns
    -------
    tuple of float or None
        Height and width in millimetres; None where they differ, or there are none.
    """
    found = {region.spacing for region in regions if region.spacing is not None}
    return found.pop() if len(found) == 1 else None
