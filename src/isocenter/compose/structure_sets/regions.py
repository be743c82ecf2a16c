"""Regions of interest: contours in the patient, or masks on the grid of a series."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from isocenter.compose import sources
from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.planes import Stack, stack
from isocenter.compose.sources import SourceLike
from isocenter.compose.structure_sets.contours import fill
from isocenter.errors import CannotCompose

__all__ = ["Contour", "ContourType", "Holes", "Region"]

_MODULE = "ROI Contour"


class ContourType(Enum):
    """Contour Geometric Type (3006,0042)."""

    POINT = "POINT"
    OPEN_PLANAR = "OPEN_PLANAR"
    OPEN_NONPLANAR = "OPEN_NONPLANAR"
    CLOSED_PLANAR = "CLOSED_PLANAR"
    CLOSED_PLANAR_XOR = "CLOSEDPLANAR_XOR"


class Holes(Enum):
    """How the contours of a mask say that it has holes (PS3.3 C.8.8.6.3)."""

    XOR = "XOR"
    KEYHOLE = "KEYHOLE"


_FEWEST_POINTS = {
    ContourType.POINT: 1,
    ContourType.OPEN_PLANAR: 2,
    ContourType.OPEN_NONPLANAR: 2,
    ContourType.CLOSED_PLANAR: 3,
    ContourType.CLOSED_PLANAR_XOR: 3,
}


@dataclass(frozen=True, slots=True)
class Contour:
    """One contour.

    Parameters
    ----------
    points
        Positions in the patient coordinate system in mm, shape (n, 3).
    type
        What the points are.
    """

    points: NDArray[np.float64]
    type: ContourType = ContourType.CLOSED_PLANAR

    def __post_init__(self) -> None:
        check_members(self)
        fewest = _FEWEST_POINTS[self.type]
        shape = self.points.shape
        if len(shape) != 2 or shape[1] != 3 or len(self.points) < fewest:
            raise CannotCompose(
                f"A {self.type.value} contour has points of shape {self.points.shape}; expected at "
                f"least {fewest} of three coordinates in mm.",
                tag=0x30060050,
                module=_MODULE,
            )
        if self.points.dtype.kind not in "uif" or not np.all(np.isfinite(self.points)):
            raise CannotCompose(
                f"A {self.type.value} contour has points that are no finite numbers; expected "
                "three coordinates in mm for each.",
                tag=0x30060050,
                module=_MODULE,
            )
        if self.type is ContourType.POINT and len(self.points) > 1:
            raise CannotCompose(
                f"A POINT contour has {len(self.points)} points; give one contour for each.",
                tag=0x30060050,
                module=_MODULE,
            )


@dataclass(frozen=True, slots=True)
class Region:
    """A region of interest.

    Parameters
    ----------
    name
        ROI Name (3006,0026).
    mask
        Shape (slices, rows, columns), slices in the geometric order of the source series; or None.
    contours
        Contours, instead of a mask.
    color
        Red, green, blue, 0 to 255.
    description
        ROI Description (3006,0028).
    algorithm
        ROI Generation Algorithm (3006,0036): AUTOMATIC, SEMIAUTOMATIC, MANUAL, or empty.
    generation_description
        ROI Generation Description (3006,0038): the technique, in words.
    interpreted_type
        RT ROI Interpreted Type (3006,00A4), such as ORGAN or GTV; may be empty.
    """

    name: str
    mask: NDArray[np.bool_] | None = None
    contours: tuple[Contour, ...] = ()
    color: tuple[int, int, int] | None = None
    description: str = ""
    algorithm: str = ""
    generation_description: str = ""
    interpreted_type: str = ""
    number: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_members(self)

    @checked
    def to_mask(self, source: SourceLike | Stack) -> NDArray[np.bool_]:
        """Return the region as a mask on an image series.

        Parameters
        ----------
        source
            The series; slices come in its geometric order.

        Returns
        -------
        numpy.ndarray
            Shape (slices, rows, columns); a pixel belongs to the region when its centre does.

        Raises
        ------
        CannotCompose
            When a closed contour lies in none of the images.
        """
        images = source if isinstance(source, Stack) else stack(sources.load(source))
        mask = np.zeros(images.shape, np.bool_)
        for contour in self.contours:
            if contour.type in (ContourType.CLOSED_PLANAR, ContourType.CLOSED_PLANAR_XOR):
                self._add(mask, contour, images)
        return mask

    def _add(self, mask: NDArray[np.bool_], contour: Contour, images: Stack) -> None:
        index = images.nearest(contour.points[0])
        if index is None:
            raise CannotCompose(
                f"A contour of {self.name!r} lies at {contour.points[0].tolist()} mm, in none of "
                "the images; give the series that it was drawn on.",
                tag=0x30060050,
                module=_MODULE,
            )
        polygon = images.planes[index].to_pixels(contour.points)
        inside = fill([polygon], images.shape[1:])
        if contour.type is ContourType.CLOSED_PLANAR_XOR:
            mask[index] ^= inside
        else:
            mask[index] |= inside
