"""The grid that the frames of a segmentation or map lie on by themselves, gaps filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.derivation.frame_places import FramePlace, functional_group
from isocenter.compose.planes import Plane, Stack, check_alike
from isocenter.compose.source_numbers import decimal_number
from isocenter.compose.sources import Source
from isocenter.errors import CannotCompose

__all__ = ["distance_of_frames", "own_stack"]

_TOLERANCE = 0.01
"""In mm: what writers round positions by."""

_MOST_SLICES = 10_000
_MODULE = "Plane Position (Patient)"
_ELSE = "give the images that it was made on (--from PATH)"


def distance_of_frames(data_set: Dataset) -> float | None:
    """Return how far apart an object says that its slices lie, in mm; None where it does not."""
    measures = functional_group(data_set, 1, "PixelMeasuresSequence") or Dataset()
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        if distance := abs(decimal_number(measures, keyword, otherwise=0)):
            return distance
    return None


def own_stack(frames: Sequence[FramePlace], distance: float | None) -> Stack:
    """Return the evenly spaced planes from the first to the last in which there are frames.

    Parameters
    ----------
    frames
        Where the frames lie.
    distance
        How far apart slices lie, in mm, where that is said: without a frame where nothing is
        marked, the frames alone do not tell.

    Returns
    -------
    Stack
        Planes without images; also those between that have no frame.

    Raises
    ------
    CannotCompose
        When a frame does not say where it lies, or the frames are not parallel, not of one
        spacing, or at uneven distances.
    """
    placed = [frame.plane for frame in frames if frame.plane is not None]
    if len(placed) < len(frames) or not placed:
        raise _refused(f"Its frames do not say where they lie; {_ELSE}.")
    ordered = sorted(placed, key=lambda plane: plane.height)
    try:
        check_alike(ordered, apart=False)
    except CannotCompose as error:
        raise _refused(f"Its frames lie on no grid: {error} Else {_ELSE}.") from error
    heights = np.array([plane.height for plane in ordered])
    _check_drift(ordered, heights)
    steps = np.diff(heights)
    steps = steps[steps > _TOLERANCE]
    if not len(steps):
        return _stack(ordered[:1])
    step = _step(steps, distance)
    count = round(float(heights[-1] - heights[0]) / step)
    return _stack(
        [_between(ordered[0], ordered[-1], number / count) for number in range(count + 1)]
    )


def _check_drift(planes: Sequence[Plane], heights: NDArray[np.float64]) -> None:
    normal = planes[0].normal / np.linalg.norm(planes[0].normal)
    moved = np.array([plane.position for plane in planes]) - planes[0].position
    drift = float(np.abs(moved - np.outer(heights - heights[0], normal)).max())
    if drift > _TOLERANCE * max(1.0, min(planes[0].spacing)):
        raise _refused(
            f"Its frames are shifted in their plane by up to {drift:.2f} mm, so that they lie on "
            f"no rectangular grid; {_ELSE}."
        )


def _step(steps: NDArray[np.float64], distance: float | None) -> float:
    """Return the distance of which all distances between frames are multiples."""
    for step in (distance, float(steps.min())):
        if step is not None and _divides(step, steps) and steps.sum() / step < _MOST_SLICES:
            return step
    found = sorted({round(float(step), 3) for step in steps})
    raise _refused(
        f"Its frames are not evenly spaced: they lie {', '.join(f'{one:g}' for one in found[:5])} "
        f"mm apart, which are no multiples of one distance; {_ELSE}."
    )


def _divides(step: float, steps: NDArray[np.float64]) -> bool:
    counts = np.rint(steps / step)
    return bool((counts > 0).all() and (np.abs(steps - counts * step) <= _TOLERANCE * counts).all())


def _between(first: Plane, last: Plane, fraction: float) -> Plane:
    return replace(first, position=first.position + fraction * (last.position - first.position))


def _stack(planes: Sequence[Plane]) -> Stack:
    nowhere = Source(Dataset())
    return Stack((nowhere,) * len(planes), tuple(planes), (None,) * len(planes))


def _refused(message: str) -> CannotCompose:
    return CannotCompose(message, tag=0x00200032, module=_MODULE)
