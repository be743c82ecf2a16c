"""Images into rows of a table: slices by where they lie, and what tells images of one place apart.

A series of one volume becomes one row. Where several images share each place, an attribute that
tells them apart (echo time, b-value, time) becomes the tag axis, one row for each of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.values import tag_of
from isocenter.dicom import dictionary, tags
from isocenter.errors import CannotCompose
from isocenter.series.frame import Frame
from isocenter.series.numbers import unit_of
from isocenter.series.stored_image import DAYS, ORDERING

__all__ = ["Arrangement", "arrange", "ordering_keyword"]

_SAME_PLACE = 0.01
"""In mm: positions are decimal strings that writers round."""

_PARALLEL = 1e-3
_ISSUER = tags.IssuerOfPatientID
_DIRECTIONS = ("along_row", "along_column")

_NAMES = {
    "b": "DiffusionBValue",
    "b-value": "DiffusionBValue",
    "bvalue": "DiffusionBValue",
    "echo": "EchoTime",
    "te": "EchoTime",
    "flip": "FlipAngle",
    "flip angle": "FlipAngle",
    "fa": "FlipAngle",
    "inversion": "InversionTime",
    "ti": "InversionTime",
    "trigger": "TriggerTime",
    "time": "AcquisitionTime",
}


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Images in order.

    Parameters
    ----------
    frames
        Shape (tags, slices).
    keyword
        What tells the rows apart; empty where there is one row.
    tag_values
        Its value in each row, as a number: times in seconds of the first day.
    remarks
        What was found that a reader should know: duplicates left out, slices missing.
    """

    frames: NDArray[Any]
    keyword: str = ""
    tag_values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    remarks: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The unit of `tag_values`."""
        return unit_of(self.keyword) if self.keyword else ""


def ordering_keyword(by: str | None) -> str | None:
    """Return the keyword of an attribute, also by its everyday name ("b-value", "echo", "time")."""
    if by is None:
        return None
    keyword = _NAMES.get(by.strip().lower(), by)
    tag_of(keyword)
    return keyword


def arrange(frames: Sequence[Frame], by: str | None = None) -> Arrangement:
    """Sort the images of one series.

    Parameters
    ----------
    frames
        The images.
    by
        Keyword of what tells images of one place apart, or sorts slices where none do; by itself
        the first of `ORDERING` that does.

    Raises
    ------
    CannotCompose
        When the images are of several patients, differ in size or direction, or nothing tells
        those of one place apart.
    """
    unique, remarks = _without_duplicates(frames)
    _check_patient(unique)
    _check_sizes(unique)
    if any(frame.plane is None for frame in unique):
        return _without_geometry(unique, by, remarks)
    _check_parallel(unique)
    places = _places(unique)
    if all(len(place.frames) == 1 for place in places):
        return _one_volume(places, by, remarks)
    return _several_volumes(places, by, remarks)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """The images that lie at one height along the normal, in mm."""

    height: float
    frames: list[Frame]


def _without_duplicates(frames: Sequence[Frame]) -> tuple[list[Frame], list[str]]:
    kept: dict[tuple[str, int], Frame] = {}
    for frame in frames:
        uid = frame.stored.text(tags.SOPInstanceUID) if frame.stored else ""
        kept.setdefault((uid or str(id(frame)), frame.number), frame)
    again = len(frames) - len(kept)
    remarks = [f"{again} images were there twice, with the same UID; one of each is taken"]
    return list(kept.values()), remarks if again else []


def _check_patient(frames: Sequence[Frame]) -> None:
    images = [frame.stored for frame in frames if frame.stored is not None]
    patients = {(one.text(tags.PatientID), one.text(_ISSUER)) for one in images}
    if len(patients) > 1:
        raise CannotCompose(
            f"The images belong to {len(patients)} different patients; give those of one.",
            tag=tags.PatientID,
            module="Patient",
        )


def _check_sizes(frames: Sequence[Frame]) -> None:
    sizes: dict[tuple[int, int, int], int] = {}
    for frame in frames:
        if frame.stored is not None and (description := frame.stored.description) is not None:
            size = (description.rows, description.columns, description.samples_per_pixel)
            sizes[size] = sizes.get(size, 0) + 1
    if len(sizes) > 1:
        found = ", ".join(
            f"{count} of {rows} x {columns} x {samples}"
            for (rows, columns, samples), count in sizes.items()
        )
        raise CannotCompose(
            f"The images differ in rows, columns or samples: {found}; give those of one size.",
            tag=tags.Rows,
            module="Image Pixel",
        )


def _check_parallel(frames: Sequence[Frame]) -> None:
    planes = [frame.plane for frame in frames if frame.plane is not None]
    across, down = (np.array([getattr(one, name) for one in planes]) for name in _DIRECTIONS)
    normals = np.cross(across, down)
    other = int(np.sum(np.abs(normals - normals[0]).max(axis=1) > _PARALLEL))
    if other:
        raise CannotCompose(
            f"{other} of {len(frames)} images are not parallel to the first (a localizer?); give "
            "parallel ones.",
            tag=tags.ImageOrientationPatient,
            module="Image Plane",
        )
    spacings = np.array([one.spacing for one in planes])
    for what, found in (
        ("are turned in their plane against", across),
        ("differ in spacing from", spacings),
    ):
        other = int(np.sum(np.abs(found - found[0]).max(axis=1) > _PARALLEL))
        if other:
            raise CannotCompose(
                f"{other} of {len(frames)} images {what} the first; give those that are alike.",
                tag=tags.ImageOrientationPatient,
                module="Image Plane",
            )


def _without_geometry(frames: list[Frame], by: str | None, remarks: list[str]) -> Arrangement:
    if any(frame.plane is not None for frame in frames):
        raise CannotCompose(
            "Some of the images have no position, orientation or spacing; give those that have.",
            tag=tags.ImagePositionPatient,
            module="Image Plane",
        )
    tag = tag_of(by) if by else tags.InstanceNumber
    frames = sorted(frames, key=lambda frame: (frame.number_of(tag) or 0.0, frame.number))
    return Arrangement(_table([frames]), remarks=(*remarks, "the images say not where they lie"))


def _places(frames: list[Frame]) -> list[_Place]:
    """Group images that lie at the same place, along the normal."""
    positions = np.array([frame.plane.position for frame in frames if frame.plane is not None])
    assert frames[0].plane is not None
    heights: list[float] = (positions @ frames[0].plane.normal).tolist()
    places: list[_Place] = []
    for height, frame in sorted(zip(heights, frames, strict=True), key=lambda pair: pair[0]):
        if places and height - places[-1].height < _SAME_PLACE:
            places[-1].frames.append(frame)
        else:
            places.append(_Place(height, [frame]))
    for place in places:
        _check_same_place(place)
    return places


def _check_same_place(place: _Place) -> None:
    if len(place.frames) == 1:
        return
    positions = [frame.plane.position for frame in place.frames if frame.plane is not None]
    if np.abs(np.array(positions) - positions[0]).max() > _SAME_PLACE * 10:
        raise CannotCompose(
            f"Images in the plane at {place.height:g} mm lie beside each other; give those of one "
            "stack.",
            tag=tags.ImagePositionPatient,
            module="Image Plane",
        )


def _one_volume(places: list[_Place], by: str | None, remarks: list[str]) -> Arrangement:
    frames = [place.frames[0] for place in places]
    remarks.extend(_gaps(places))
    if by is not None:
        tag = tag_of(by)
        frames = sorted(frames, key=lambda frame: _needed(frame, tag))
    return Arrangement(_table([frames]), remarks=tuple(remarks))


def _gaps(places: list[_Place]) -> list[str]:
    heights = np.array([place.height for place in places])
    if len(heights) < 3:
        return []
    steps = np.diff(heights)
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps > 1.5 * usual)
    found = [
        f"between {heights[one]:g} and {heights[one + 1]:g} mm about "
        f"{round(steps[one] / usual) - 1} slices are missing"
        for one in wide
    ]
    rest = np.delete(steps, wide)
    if rest.max() - rest.min() > 0.01 * usual + 2 * _SAME_PLACE:
        found.append(f"the slices are {rest.min():g} to {rest.max():g} mm apart")
    return found


def _several_volumes(places: list[_Place], by: str | None, remarks: list[str]) -> Arrangement:
    count = _even_count(places, by)
    for keyword in (by,) if by else ORDERING:
        numbers = _numbers(places, keyword)
        columns = [_by_value(place.frames, numbers) for place in places]
        if all(column is not None and len(column) == count for column in columns):
            found = [column for column in columns if column is not None]
            rows = [[column[n][1] for column in found] for n in range(count)]
            remarks.extend(_gaps(places))
            values = np.array([found[0][n][0] for n in range(count)])
            return Arrangement(_table(rows), keyword, values, tuple(remarks))
    looked = by or ", ".join(ORDERING)
    raise CannotCompose(
        f"{count} images lie at each of {len(places)} places, and {looked} does not tell them "
        "apart; name the attribute that does, by its keyword.",
        tag=tags.ImagePositionPatient,
        module="Image Plane",
    )


def _even_count(places: list[_Place], by: str | None) -> int:
    counts = [len(place.frames) for place in places]
    usual = max(set(counts), key=counts.count)
    uneven = [n for n, count in enumerate(counts) if count != usual]
    if uneven:
        first = places[uneven[0]]
        told = (
            f"; there {by} is {[one.number_of(tag_of(by)) for one in first.frames]}" if by else ""
        )
        raise CannotCompose(
            f"{usual} images lie at most places, but {len(first.frames)} at {first.height:g} mm "
            f"and {len(uneven)} places in all differ{told}. Images are missing or there twice; "
            "give complete volumes.",
            tag=tags.ImagePositionPatient,
            module="Image Plane",
        )
    return usual


def _numbers(places: Sequence[_Place], keyword: str) -> Callable[[Frame], float | None]:
    """Return how images are counted by an attribute: times of the day with their day.

    Without their day where an image does not say it, which would be of another day than the rest.
    """
    tag = tag_of(keyword)
    if keyword not in DAYS:
        return lambda frame: frame.number_of(tag)
    day = tag_of(DAYS[keyword])
    days = [frame.number_of(day) for place in places for frame in place.frames]
    known = [one for one in days if one is not None]
    if len(known) < len(days):
        return lambda frame: frame.number_of(tag)
    first = min(known, default=0.0)

    def counted(frame: Frame) -> float | None:
        time, date = frame.number_of(tag), frame.number_of(day)
        return None if time is None or date is None else date - first + time

    return counted


def _by_value(
    place: list[Frame], counted: Callable[[Frame], float | None]
) -> list[tuple[float, Frame]] | None:
    """Sort the images of a place by a number; None where they lack it or two have the same."""
    pairs: list[tuple[float, Frame]] = []
    for frame in place:
        number = counted(frame)
        if number is None:
            return None
        pairs.append((number, frame))
    pairs.sort(key=lambda pair: pair[0])
    if any(a[0] == b[0] for a, b in zip(pairs, pairs[1:], strict=False)):
        return None
    return pairs


def _needed(frame: Frame, tag: int) -> float:
    number = frame.number_of(tag)
    if number is None:
        raise CannotCompose(
            f"An image has no number in {dictionary.keyword(tag)}, by which the series shall be "
            "sorted.",
            tag=tag,
        )
    return number


def _table(rows: Sequence[Sequence[Frame]]) -> NDArray[Any]:
    table = np.empty((len(rows), len(rows[0])), dtype=object)
    for n, row in enumerate(rows):
        for k, frame in enumerate(row):
            table[n, k] = frame
    return table
