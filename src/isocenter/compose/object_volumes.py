"""What was marked or measured on a series as one volume of research: masks, labels, values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.argument_types import check_members, check_positive, checked
from isocenter.compose.label_maps import write_label_map
from isocenter.compose.measured.own_grid import distance_of_frames, own_stack
from isocenter.compose.measured.parametric_map import SOP_CLASS_UID as PARAMETRIC_MAP
from isocenter.compose.measured.parametric_map import read_parametric_map
from isocenter.compose.measured.segmentation import LABEL_MAP_SOP_CLASS_UID, SegmentationKind
from isocenter.compose.measured.segmentation import SOP_CLASS_UID as SEGMENTATION
from isocenter.compose.measured.segments_reading import read_segmentation
from isocenter.compose.planes import Stack, stack
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.structure_sets.rt_structure_set import SOP_CLASS_UID as STRUCTURE_SET
from isocenter.compose.structure_sets.rt_structure_set import read_rt_structure_set
from isocenter.errors import CannotCompose

__all__ = ["ObjectVolume", "has_volume", "object_volume"]

_MOST_LABELS = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class ObjectVolume:
    """A volume on the grid of a series, or on that of the frames of the object itself.

    Parameters
    ----------
    values
        Shape (slices, rows, columns): labels as whole numbers, or fractions, or measured values.
    names
        What each label is called; nothing where the values are no labels.
    images
        The series that it lies on, or planes alone.
    thickness
        The distance that a single slice is said to have to its neighbours, in mm.
    """

    values: NDArray[Any]
    names: Mapping[int, str]
    images: Stack
    thickness: float = 1.0

    def __post_init__(self) -> None:
        check_members(self)
        check_positive("thickness of ObjectVolume", (self.thickness,), 0x00180050)

    @checked
    def write(self, path: str | Path) -> Path:
        """Write it as NIfTI, MetaImage or NRRD, told by the suffix.

        Parameters
        ----------
        path
            The file, such as `organs.nii.gz`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        CannotCompose
            When the slices are not at equal distances, the suffix is unknown, or the file cannot be
            written.
        """
        return write_label_map(self.values, path, source=self.images, thickness=self.thickness)


def has_volume(data_set: Dataset) -> bool:
    """Tell whether `object_volume` reads this kind of object."""
    return str(data_set.get("SOPClassUID", "")) in _READERS


@checked
def object_volume(
    marked: Dataset | str | Path,
    *,
    source: SourceLike | Sources | None = None,
    segment: int | None = None,
) -> ObjectVolume:
    """Return what a Segmentation, RT Structure Set or Parametric Map says of each voxel.

    Parameters
    ----------
    marked
        The object, or its file.
    source
        The images that it was made on; None for the grid that the frames of a Segmentation or
        Parametric Map lie on by themselves, from the first to the last, nothing where there is
        none.
    segment
        The number of one segment, or of one region in the order of the structure set, from 1; by
        default all of them become labels.

    Returns
    -------
    ObjectVolume

    Raises
    ------
    CannotCompose
        When it is of another kind, what is marked overlaps (which labels cannot say), there is no
        such segment, it does not lie in the images, or its frames alone make no grid.
    """
    loaded = tuple(sources.load(marked))
    if len(loaded) != 1:
        raise CannotCompose(f"There are {len(loaded)} objects; give one object to read.")
    (one,) = loaded
    read = _READERS.get(str(one.data_set.get("SOPClassUID", "")))
    if read is None:
        raise CannotCompose(
            f"{one.name} is no Segmentation, RT Structure Set or Parametric Map.", tag=0x00080016
        )
    images = None if source is None else stack(sources.load(source))
    return read(one.pixels_loaded(), images, segment)


def _segmentation(data_set: Dataset, images: Stack | None, segment: int | None) -> ObjectVolume:
    content = read_segmentation(data_set)
    distance = distance_of_frames(data_set)
    images = images or own_stack([frame.place for frame in content.frames], distance)
    make = partial(ObjectVolume, images=images, thickness=distance or 1.0)
    names = {one.number or 0: one.label for one in content.segments}
    if segment is None and content.kind is not SegmentationKind.FRACTIONAL:
        return make(content.label_map(images), names)
    if segment is None and len(names) > 1:
        raise _one_of(names, "Fractions of several segments do not fit into one volume")
    number = _chosen(segment, names)
    mask = content.masks(images)[list(names).index(number)]
    return make(mask, {number: names[number]})


def _structure_set(data_set: Dataset, images: Stack | None, segment: int | None) -> ObjectVolume:
    if images is None:
        raise CannotCompose(
            "An RT Structure Set has outlines and no grid; give the images that it was made on "
            "(--from PATH).",
            tag=0x00080016,
        )
    regions = dict(enumerate(read_rt_structure_set(data_set), 1))
    names = {number: region.name for number, region in regions.items()}
    if len(regions) > _MOST_LABELS:
        raise _one_of(names, f"{len(regions)} regions are more than there are labels")
    if segment is not None:
        number = _chosen(segment, names)
        return ObjectVolume(regions[number].to_mask(images), {number: names[number]}, images)
    labels = np.zeros(images.shape, np.uint16)
    for number, region in regions.items():
        mask = region.to_mask(images)
        if np.any(labels[mask]):
            raise _one_of(names, f"Region {number} overlaps another, which labels cannot say")
        labels[mask] = number
    return ObjectVolume(labels, names, images)


def _parametric_map(data_set: Dataset, images: Stack | None, segment: int | None) -> ObjectVolume:
    if segment is not None:
        raise CannotCompose("A Parametric Map has no segments; leave `segment` out.")
    content, distance = read_parametric_map(data_set), distance_of_frames(data_set)
    images = images or own_stack(content.frames, distance)
    return ObjectVolume(content.values(images), {}, images, distance or 1.0)


def _chosen(segment: int | None, names: Mapping[int, str]) -> int:
    if segment is None:
        return next(iter(names))
    if segment not in names:
        raise _one_of(names, f"There is no segment {segment}")
    return segment


def _one_of(names: Mapping[int, str], why: str) -> CannotCompose:
    some = ", ".join(f"{number} ({name})" for number, name in list(names.items())[:10])
    return CannotCompose(f"{why}; choose one segment (--segment NUMBER) of {some}.")


_READERS: dict[str, Callable[[Dataset, Stack | None, int | None], ObjectVolume]] = {
    SEGMENTATION: _segmentation,
    LABEL_MAP_SOP_CLASS_UID: _segmentation,
    STRUCTURE_SET: _structure_set,
    PARAMETRIC_MAP: _parametric_map,
}
