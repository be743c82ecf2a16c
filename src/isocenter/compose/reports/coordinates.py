"""Content items that point into images, space and time (PS3.3 C.18.6, C.18.7, C.18.9)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, cast

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.compose.reading import value_of
from isocenter.compose.reports.content import ContentItem, concept_name, is_moment
from isocenter.dicom import is_valid_uid

__all__ = ["Graphic", "SCoord", "SCoord3D", "TCoord", "TemporalRange"]


class Graphic(Enum):
    """What the points of coordinates outline (PS3.3 C.18.6.1.2, C.18.9.1.2)."""

    POINT = "POINT"
    MULTIPOINT = "MULTIPOINT"
    POLYLINE = "POLYLINE"
    CIRCLE = "CIRCLE"
    ELLIPSE = "ELLIPSE"
    POLYGON = "POLYGON"
    ELLIPSOID = "ELLIPSOID"


_COUNTS_2D: Mapping[Graphic, tuple[int, float]] = {
    Graphic.POINT: (1, 1),
    Graphic.MULTIPOINT: (1, math.inf),
    Graphic.POLYLINE: (2, math.inf),
    Graphic.CIRCLE: (2, 2),
    Graphic.ELLIPSE: (4, 4),
}
"""The least and the largest number of points of each graphic."""

_COUNTS_3D: Mapping[Graphic, tuple[int, float]] = {
    Graphic.POINT: (1, 1),
    Graphic.MULTIPOINT: (1, math.inf),
    Graphic.POLYLINE: (2, math.inf),
    Graphic.POLYGON: (4, math.inf),
    Graphic.ELLIPSE: (4, 4),
    Graphic.ELLIPSOID: (6, 6),
}


class TemporalRange(Enum):
    """What samples or moments mean (PS3.3 C.18.7.1.1)."""

    POINT = "POINT"
    MULTIPOINT = "MULTIPOINT"
    SEGMENT = "SEGMENT"
    MULTISEGMENT = "MULTISEGMENT"
    BEGIN = "BEGIN"
    END = "END"


@dataclass(frozen=True, slots=True)
class SCoord(ContentItem):
    """SCOORD: points in the image that it is selected from.

    Parameters
    ----------
    name
        The purpose of the reference; None for none.
    graphic
        What the points outline.
    points
        Column and row of each, in pixels from the top left corner of the image at (0, 0), with
        fractions of pixels.
    fiducial_uid
        Fiducial UID (0070,031A); empty for none.
    """

    value_type: ClassVar[str] = "SCOORD"

    name: Code | None
    graphic: Graphic
    points: tuple[tuple[float, ...], ...]
    fiducial_uid: str = ""

    def attributes(self) -> dict[str, Any]:
        """Return Graphic Type (0070,0023) and Graphic Data (0070,0022).

        Returns
        -------
        dict
            By keyword, with Fiducial UID (0070,031A) where it has one.
        """
        found: dict[str, Any] = {
            "GraphicType": self.graphic.value,
            "GraphicData": [number for point in self.points for number in point],
        }
        return found | ({"FiducialUID": self.fiducial_uid} if self.fiducial_uid else {})

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return purpose, graphic and points.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.

        Raises
        ------
        ValueError
            When there is no such Graphic Type (0070,0023).
        """
        return _graphic_arguments(item, 2)

    def faults(self) -> Iterator[str]:
        """Yield a graphic that images do not have, or one with too many or too few points.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        yield from _point_faults(self.graphic, self.points, 2, _COUNTS_2D)


@dataclass(frozen=True, slots=True)
class SCoord3D(ContentItem):
    """SCOORD3D: points in the patient, in mm.

    Parameters
    ----------
    name
        The purpose of the reference; None for none.
    graphic
        What the points outline; the last point of a polygon is its first again.
    points
        x, y and z of each, in mm in the frame of reference.
    frame_of_reference_uid
        Referenced Frame of Reference UID (3006,0024).
    fiducial_uid
        Fiducial UID (0070,031A); empty for none.
    """

    value_type: ClassVar[str] = "SCOORD3D"

    name: Code | None
    graphic: Graphic
    points: tuple[tuple[float, ...], ...]
    frame_of_reference_uid: str
    fiducial_uid: str = ""

    def attributes(self) -> dict[str, Any]:
        """Return graphic, points and frame of reference.

        Returns
        -------
        dict
            By keyword, with Fiducial UID (0070,031A) where it has one.
        """
        found: dict[str, Any] = {
            "GraphicType": self.graphic.value,
            "GraphicData": [number for point in self.points for number in point],
            "ReferencedFrameOfReferenceUID": self.frame_of_reference_uid,
        }
        return found | ({"FiducialUID": self.fiducial_uid} if self.fiducial_uid else {})

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return purpose, graphic, points and frame of reference.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.

        Raises
        ------
        ValueError
            When there is no such Graphic Type (0070,0023).
        """
        uid = str(value_of(item, "ReferencedFrameOfReferenceUID") or "")
        return _graphic_arguments(item, 3) | {"frame_of_reference_uid": uid}

    def faults(self) -> Iterator[str]:
        """Yield a graphic that space does not have, wrong counts, open polygons, a bad UID.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        yield from _point_faults(self.graphic, self.points, 3, _COUNTS_3D)
        if self.graphic is Graphic.POLYGON and self.points and self.points[0] != self.points[-1]:
            yield "has an open POLYGON; repeat its first point as the last one"
        if not is_valid_uid(self.frame_of_reference_uid):
            yield "has no Frame of Reference UID; take that of the images"


@dataclass(frozen=True, slots=True)
class TCoord(ContentItem):
    """TCOORD: samples or moments in the waveform, image or coordinates that it is selected from.

    Parameters
    ----------
    name
        The purpose of the reference; None for none.
    range
        What the positions mean.
    samples
        Sample numbers from 1.
    offsets
        Seconds from the start.
    moments
        Moments as DT.
    """

    value_type: ClassVar[str] = "TCOORD"

    name: Code | None
    range: TemporalRange
    samples: tuple[int, ...] = ()
    offsets: tuple[float, ...] = ()
    moments: tuple[str, ...] = ()

    def attributes(self) -> dict[str, Any]:
        """Return Temporal Range Type (0040,A130) and the positions.

        Returns
        -------
        dict
            By keyword.
        """
        found: dict[str, Any] = {"TemporalRangeType": self.range.value}
        if self.samples:
            found["ReferencedSamplePositions"] = list(self.samples)
        if self.offsets:
            found["ReferencedTimeOffsets"] = values.decimals(self.offsets)
        if self.moments:
            found["ReferencedDateTime"] = list(self.moments)
        return found

    @classmethod
    def arguments(cls, item: Dataset) -> dict[str, Any]:
        """Return purpose, range and positions.

        Parameters
        ----------
        item
            An item of Content Sequence (0040,A730).

        Returns
        -------
        dict
            As `ContentItem.arguments` gives them.

        Raises
        ------
        ValueError
            When there is no such Temporal Range Type (0040,A130).
        """
        return {
            "name": concept_name(item),
            "range": TemporalRange(str(value_of(item, "TemporalRangeType"))),
            "samples": tuple(int(one) for one in many(item, "ReferencedSamplePositions")),
            "offsets": tuple(float(one) for one in many(item, "ReferencedTimeOffsets")),
            "moments": tuple(str(one) for one in many(item, "ReferencedDateTime")),
        }

    def faults(self) -> Iterator[str]:
        """Yield positions of several kinds, of none, or that cannot be.

        Yields
        ------
        str
            As `ContentItem.faults` does.
        """
        yield from ContentItem.faults(self)
        if sum(map(bool, (self.samples, self.offsets, self.moments))) != 1:
            yield "has positions of several kinds or none; give samples, offsets or moments"
        if any(one < 1 for one in self.samples):
            yield "has a sample position below 1"
        if not all(math.isfinite(one) for one in self.offsets):
            yield "has an offset that is no finite number"
        if not all(is_moment(one, DT) for one in self.moments):
            yield "has a moment that is no DT, such as 20240117081530"


def many(item: Dataset, keyword: str) -> list[Any]:
    """Return the values of an attribute: none, one or several."""
    value: Any = value_of(item, keyword)
    if value is None or value == "":
        return []
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    return list(cast("Iterable[Any]", value)) if several else [value]


def _graphic_arguments(item: Dataset, dimensions: int) -> dict[str, Any]:
    numbers = [float(one) for one in many(item, "GraphicData")]
    points = zip(*(iter(numbers),) * dimensions, strict=False)
    return {
        "name": concept_name(item),
        "graphic": Graphic(str(value_of(item, "GraphicType"))),
        "points": tuple(points),
        "fiducial_uid": str(value_of(item, "FiducialUID") or ""),
    }


def _point_faults(
    graphic: Graphic,
    points: tuple[tuple[float, ...], ...],
    dimensions: int,
    counts: Mapping[Graphic, tuple[int, float]],
) -> Iterator[str]:
    if graphic not in counts:
        yield (
            f"has the graphic {graphic.value}; expected one of "
            + ", ".join(one.value for one in counts)
        )
        return
    least, most = counts[graphic]
    if not least <= len(points) <= most:
        expected = str(least) if least == most else f"{least} or more"
        yield f"has {len(points)} points for {graphic.value}, which takes {expected}"
    if any(len(point) != dimensions for point in points):
        yield f"has points that do not have {dimensions} coordinates"
    elif not np.isfinite(np.array(points, np.float32)).all():
        yield "has coordinates that are no finite 32-bit numbers"
