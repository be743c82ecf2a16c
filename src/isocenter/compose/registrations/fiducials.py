"""Fiducials: marked points and shapes, in the patient or on images (PS3.3 C.21.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.argument_types import check_members
from isocenter.compose.codes import Code
from isocenter.compose.source_numbers import decimal_number
from isocenter.errors import CannotCompose

__all__ = ["Fiducial", "FiducialShape", "OnImage", "read_fiducial"]


class FiducialShape(Enum):
    """Shape Type (0070,0306)."""

    POINT = "POINT"
    LINE = "LINE"
    PLANE = "PLANE"
    SURFACE = "SURFACE"
    RULER = "RULER"
    L_SHAPE = "L_SHAPE"
    T_SHAPE = "T_SHAPE"
    SHAPE = "SHAPE"


_POINTS = {
    FiducialShape.POINT: (1, 1),
    FiducialShape.LINE: (2, 2),
    FiducialShape.PLANE: (3, None),
    FiducialShape.SURFACE: (3, None),
    FiducialShape.RULER: (2, None),
    FiducialShape.L_SHAPE: (3, 3),
    FiducialShape.T_SHAPE: (3, 3),
    FiducialShape.SHAPE: (1, None),
}
"""How many points a shape has at least, and at most."""


@dataclass(frozen=True, slots=True)
class OnImage:
    """Points of a fiducial on one image.

    Parameters
    ----------
    sop_instance_uid
        The image.
    points
        Column and row, shape (n, 2): the outer corner of the first pixel is 0, 0, its centre
        0.5, 0.5.
    frame
        The frame, from 1, of a multi-frame image.
    """

    sop_instance_uid: str
    points: NDArray[np.float64]
    frame: int | None = None

    def __post_init__(self) -> None:
        check_members(self)


@dataclass(frozen=True, slots=True)
class Fiducial:
    """One fiducial.

    Parameters
    ----------
    identifier
        Fiducial Identifier (0070,0310), at most 16 characters.
    points
        Positions in the patient coordinate system in mm, shape (n, 3); or none.
    on_images
        Positions on images, instead of or beside `points`.
    shape
        What the points are; POINT for one of them, else SHAPE, by default.
    description
        Fiducial Description (0070,030F).
    code
        Fiducial Identifier Code Sequence (0070,0311).
    uncertainty
        Contour Uncertainty Radius (0070,0312) in mm.
    uid
        Fiducial UID (0070,031A); a new one by default.
    """

    identifier: str
    points: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))
    on_images: tuple[OnImage, ...] = ()
    shape: FiducialShape | str | None = None
    description: str = ""
    code: Code | None = None
    uncertainty: float | None = None
    uid: str = ""

    def __post_init__(self) -> None:
        check_members(self)
        if not 0 < len(self.identifier) <= 16:
            raise _refused(
                f"The identifier {self.identifier!r} has {len(self.identifier)} characters; "
                "expected 1 to 16 (SH).",
                0x00700310,
            )
        if not self.points.size and not self.on_images:
            raise _refused(
                f"The fiducial {self.identifier!r} has no points; give positions in the patient "
                "or on images.",
                0x30060050,
            )
        _check_points(self.identifier, self.points, 3, 0x30060050)
        for one in self.on_images:
            _check_points(self.identifier, one.points, 2, 0x00700022)
        self._check_shape()
        if self.uncertainty is not None and not 0 <= self.uncertainty < np.inf:
            raise _refused(
                f"The uncertainty of {self.identifier!r} is {self.uncertainty} mm; expected a "
                "radius from 0.",
                0x00700312,
            )

    @property
    def kind(self) -> FiducialShape:
        """The shape that is written: the one given, else what the number of points says."""
        if self.shape is not None:
            return FiducialShape(self.shape)
        return FiducialShape.POINT if self._count() == 1 else FiducialShape.SHAPE

    def _count(self) -> int:
        return len(self.points) if len(self.points) else sum(len(o.points) for o in self.on_images)

    def _check_shape(self) -> None:
        try:
            fewest, most = _POINTS[self.kind]
        except ValueError as error:
            expected = ", ".join(one.value for one in FiducialShape)
            raise _refused(
                f"{self.shape!r} is no Shape Type; expected one of {expected}.", 0x00700306
            ) from error
        count = self._count()
        if count < fewest or (most is not None and count > most):
            wanted = f"{fewest}" if most == fewest else f"{fewest} or more"
            raise _refused(
                f"The {self.kind.value} {self.identifier!r} has {count} points; expected {wanted}.",
                0x00700306,
            )


def _refused(message: str, tag: int) -> CannotCompose:
    return CannotCompose(message, tag=tag, module="Spatial Fiducials")


def _check_points(name: str, points: NDArray[np.float64], width: int, tag: int) -> None:
    sound = points.dtype.kind in "uif" and points.ndim == 2 and points.shape[1] == width
    if not sound or not np.all(np.isfinite(points)):
        raise _refused(
            f"The points of {name!r} have the shape {points.shape} or are not finite numbers; "
            f"expected {width} finite coordinates each.",
            tag,
        )


def read_fiducial(item: Dataset) -> Fiducial:
    """Read an item of Fiducial Sequence (0070,031E)."""
    codes = item.get("FiducialIdentifierCodeSequence")
    uncertainty = item.get("ContourUncertaintyRadius")
    return Fiducial(
        identifier=str(item.get("FiducialIdentifier") or "?")[:16],
        points=_coordinates(item, "ContourData", 3),
        on_images=tuple(
            _read_on_image(one) for one in item.get("GraphicCoordinatesDataSequence") or ()
        ),
        shape=_shape(item),
        description=str(item.get("FiducialDescription") or ""),
        code=Code.read(codes[0]) if codes else None,
        uncertainty=(
            None if uncertainty is None else decimal_number(item, "ContourUncertaintyRadius")
        ),
        uid=str(item.get("FiducialUID") or ""),
    )


def _shape(item: Dataset) -> FiducialShape:
    try:
        return FiducialShape(str(item.get("ShapeType") or "SHAPE"))
    except ValueError as error:
        expected = ", ".join(one.value for one in FiducialShape)
        raise _refused(
            f"The shape is none that there is; expected one of {expected}.", 0x00700306
        ) from error


def _coordinates(item: Dataset, keyword: str, width: int) -> NDArray[np.float64]:
    """Return points, shape (n, width), of the coordinates that an attribute lists."""
    try:
        found: Any = item.get(keyword)
        return np.array([float(one) for one in found or ()]).reshape(-1, width)
    except (ValueError, TypeError) as error:
        tag = values.tag_of(keyword)
        raise _refused(
            f"{values.described(tag)} lists no points; expected {width} numbers for each.", tag
        ) from error


def _read_on_image(item: Dataset) -> OnImage:
    image = item.ReferencedImageSequence[0]
    frame = image.get("ReferencedFrameNumber")
    return OnImage(
        str(image.ReferencedSOPInstanceUID),
        _coordinates(item, "GraphicData", 2),
        int(frame) if isinstance(frame, int) else None,
    )
