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
        In their order; empty where the image has none. None has a spacing where one of them goes
        beyond the image: they are of the image before somebody made it smaller.

    References
    ----------
    PS3.3 C.8.5.5
    """
    items = root.items(tags.SequenceOfUltrasoundRegions)
    whole = (0, 0, columns, rows)
    edges = [_edges(item) or whole for item in items]
    # One pixel more is how some count the last one.
    fit = all(right <= columns + 1 and bottom <= rows + 1 for _, _, right, bottom in edges)
    return tuple(
        UltrasoundRegion(
            left, top, min(right, columns), min(bottom, rows), _spacing(item) if fit else None
        )
        for item, (left, top, right, bottom) in zip(items, edges, strict=True)
    )


def _edges(region: Attributes) -> tuple[int, int, int, int] | None:
    left, top = (
        region.integer(tag) for tag in (tags.RegionLocationMinX0, tags.RegionLocationMinY0)
    )
    last, lowest = (
        region.integer(tag) for tag in (tags.RegionLocationMaxX1, tags.RegionLocationMaxY1)
    )
    if left is None or top is None or last is None or lowest is None:
        return None
    if not (0 <= left <= last and 0 <= top <= lowest):
        return None
    return left, top, last + 1, lowest + 1


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
