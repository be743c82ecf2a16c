"""Registrations as files of other programs: displacement fields and transforms of ITK.

ITK's transforms, and so those of SimpleITK, ANTs, elastix and 3D Slicer's files, take a point of
the fixed images to the moving ones, in LPS. That is what a Deformable Spatial Registration says;
the matrix of a Spatial Registration runs the other way and is inverted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.image_files import write_image, write_transform
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.registrations.deformable import SOP_CLASS_UID as DEFORMABLE
from isocenter.compose.registrations.deformable import read_deformable_registration
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.compose.registrations.linear_transforms import TRANSFORM_SUFFIXES, inverse
from isocenter.compose.registrations.matrices import checked_matrix
from isocenter.compose.registrations.spatial_registration import SOP_CLASS_UID as SPATIAL
from isocenter.compose.registrations.spatial_registration import read_spatial_registration
from isocenter.compose.simple_itk import image_on, simple_itk
from isocenter.errors import CannotCompose

__all__ = ["RegistrationTransform", "is_registration", "registration_transform"]

_MODULE = "Spatial Registration"


@dataclass(frozen=True, slots=True)
class RegistrationTransform:
    """What takes points of the fixed images to the moving ones, in LPS, as ITK has it.

    Parameters
    ----------
    transform
        A matrix of shape (4, 4), translation in mm; or a field of displacements in mm.
    fixed, moving
        The frames of reference that points are taken from and into.
    """

    transform: NDArray[np.float64] | DisplacementField
    fixed: str
    moving: str

    def __post_init__(self) -> None:
        check_members(self)

    def describe(self) -> str:
        """Say in words what it is.

        Returns
        -------
        str
            Kind and, of a field, the number of its points along each axis.
        """
        if not isinstance(self.transform, DisplacementField):
            return "a linear transform from the fixed to the moving images"
        columns, rows, planes = self.transform.dimensions
        return f"a field of {planes} planes, {rows} rows, {columns} columns"

    @checked
    def write(self, path: str | Path) -> Path:
        """Write it as a file, whose form is told by the suffix.

        Parameters
        ----------
        path
            `.nii`, `.nii.gz`, `.mha`, `.nrrd` for a field, of three components in LPS at each
            point; `.tfm`, `.txt`, `.h5` for a field or a linear transform of ITK.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        CannotCompose
            When a linear transform is to be an image, a matrix is none that moves points, or the
            file cannot be written.
        """
        sitk = simple_itk()
        as_transform = Path(path).name.lower().endswith(TRANSFORM_SUFFIXES)
        if isinstance(self.transform, DisplacementField):
            image = image_on(self.transform, self.transform.vectors, vectors=True)
            if not as_transform:
                return write_image(image, path)
            field = sitk.Cast(image, sitk.sitkVectorFloat64)
            return write_transform(sitk.DisplacementFieldTransform(field), path)
        if not as_transform:
            raise CannotCompose(
                "The registration is linear and has no grid, which a field needs; name the file "
                ".tfm, a transform of ITK.",
                module=_MODULE,
            )
        matrix, _ = checked_matrix(self.transform, None)
        linear = sitk.AffineTransform(3)
        linear.SetMatrix(matrix[:3, :3].ravel().tolist())
        linear.SetTranslation(matrix[:3, 3].tolist())
        return write_transform(linear, path)


def is_registration(data_set: Dataset) -> bool:
    """Tell whether `registration_transform` reads this kind of object."""
    return str(data_set.get("SOPClassUID", "")) in (SPATIAL, DEFORMABLE)


@checked
def registration_transform(
    registration: Dataset | str | Path, *, item: int | None = None
) -> RegistrationTransform:
    """Return what a Spatial or Deformable Spatial Registration says, as ITK's transforms have it.

    The matrices before and after a displacement become part of the field: at each point of the
    grid it says where the three take the point, and between points, where displacements are
    interpolated linearly, nothing is lost either.

    Parameters
    ----------
    registration
        The object, or its file.
    item
        Which item of its sequence, from 1; by default the only one that moves something.

    Returns
    -------
    RegistrationTransform
        A matrix or a displacement field; `write` makes a file of it.

    Raises
    ------
    CannotCompose
        When it is another kind of object, several items move something, there is no such item, or
        a matrix cannot be inverted.
    InvalidAttribute
        When an attribute that the transformation needs is missing or does not fit the others.

    References
    ----------
    PS3.3 C.20.2.1.1, C.20.3.1.1.
    """
    data_set = data_set_of_file(registration)
    if not is_registration(data_set):
        raise CannotCompose(
            "The object is no Spatial Registration or Deformable Spatial Registration.",
            tag=0x00080016,
        )
    found = _deformable(data_set) if data_set.SOPClassUID == DEFORMABLE else _spatial(data_set)
    return _chosen(found, item)


def _deformable(data_set: Dataset) -> list[RegistrationTransform]:
    return [
        RegistrationTransform(
            one.post @ one.pre if one.grid is None else _with(one.pre, one.grid, one.post),
            one.frame_of_reference_uid,
            one.source_frame_of_reference_uid,
        )
        for one in read_deformable_registration(data_set)
    ]


def _spatial(data_set: Dataset) -> list[RegistrationTransform]:
    return [
        RegistrationTransform(
            inverse(one.matrix), one.registered_frame_of_reference_uid, one.frame_of_reference_uid
        )
        for one in read_spatial_registration(data_set)
    ]


def _with(
    pre: NDArray[np.float64], grid: DisplacementField, post: NDArray[np.float64]
) -> DisplacementField:
    """Return a field that says what matrices and displacements do together."""
    if np.array_equal(pre, np.eye(4)) and np.array_equal(post, np.eye(4)):
        return grid
    vectors = np.empty(grid.vectors.shape, np.float64)
    for number, displaced in enumerate(grid.vectors):
        points = grid.positions(number)
        moved = points @ pre[:3, :3].T + pre[:3, 3] + displaced
        vectors[number] = moved @ post[:3, :3].T + post[:3, 3] - points
    return DisplacementField(vectors, grid.origin, grid.spacing, grid.directions)


def _moves(one: RegistrationTransform) -> bool:
    """Tell whether an item does more than to say that the fixed images stay where they are."""
    if isinstance(one.transform, DisplacementField) or one.moving not in ("", one.fixed):
        return True
    return not np.allclose(one.transform, np.eye(4), atol=1e-12)


def _chosen(found: Sequence[RegistrationTransform], item: int | None) -> RegistrationTransform:
    numbered = dict(enumerate(found, 1))
    if item is not None:
        if item not in numbered:
            raise _one_of(numbered, f"There is no item {item}")
        return numbered[item]
    moving = {number: one for number, one in numbered.items() if _moves(one)}
    if len(moving) > 1:
        raise _one_of(moving, f"The registration has {len(moving)} items that move something")
    return next(iter(moving.values()), found[-1])  # where nothing moves, all say the same


def _one_of(items: Mapping[int, RegistrationTransform], why: str) -> CannotCompose:
    some = ", ".join(
        f"{number} (of {one.moving or 'named images'})" for number, one in list(items.items())[:5]
    )
    return CannotCompose(f"{why}; choose one (--item NUMBER) of {some}.", module=_MODULE)
