"""Deformable Spatial Registration (PS3.3 A.39.2, C.20.3): written from a field, and read back.

A registration maps a point of the registered frame of reference into the source frame of reference:
first the pre matrix, then the displacement found at the point, then the post matrix (PS3.3
C.20.3.1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from isocenter.compose import values
from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.content_identification import content_identification
from isocenter.compose.given_values import check_given
from isocenter.compose.number_lists import parse_number_lists
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.references import (
    Reference,
    add_common_instance_reference,
    image_references,
)
from isocenter.compose.registrations.fields import read_field
from isocenter.compose.registrations.grids import DisplacementField
from isocenter.compose.registrations.linear_transforms import read_matrix
from isocenter.compose.registrations.matrices import (
    MatrixType,
    checked_matrix,
    matrix_in,
    matrix_item,
    numbers_in,
)
from isocenter.compose.registrations.registration_headers import (
    add_header,
    fixed_and_moving,
    moving_frame_of_reference,
)
from isocenter.compose.registrations.registration_types import registration_type_items
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["DeformableRegistration", "deformable_registration", "read_deformable_registration"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.3"
_MODULE = "Deformable Spatial Registration"

Hook = Callable[[Dataset], None]


@dataclass(frozen=True, slots=True)
class DeformableRegistration:
    """The transformation of one item of Deformable Registration Sequence.

    Parameters
    ----------
    grid
        The displacement field in the registered frame of reference; None where only matrices apply.
    pre, post
        4 x 4 matrices, translation in mm; identity where the object has none.
    source_frame_of_reference_uid
        What points are mapped into.
    frame_of_reference_uid
        What points are mapped from.
    references
        The registered images, as items of Referenced Image Sequence.
    """

    grid: DisplacementField | None
    pre: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    post: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    source_frame_of_reference_uid: str = ""
    frame_of_reference_uid: str = ""
    references: tuple[Dataset, ...] = ()

    def transform(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Map points of the registered frame of reference into the source frame of reference.

        Parameters
        ----------
        points
            Shape (…, 3), in mm.

        Returns
        -------
        numpy.ndarray
            The same shape; NaN where the grid does not reach or is undefined.
        """
        points = np.asarray(points, np.float64)
        moved = points @ self.pre[:3, :3].T + self.pre[:3, 3]
        if self.grid is not None:
            moved = moved + self.grid.sample(points)
        return moved @ self.post[:3, :3].T + self.post[:3, 3]


@checked
def deformable_registration(
    field: Any,
    *,
    source: SourceLike,
    moving: SourceLike | None = None,
    like: Any = None,
    spacing: float | None = None,
    source_frame_of_reference_uid: str | None = None,
    frame_of_reference_uid: str | None = None,
    pre_matrix: Any = None,
    pre_matrix_type: MatrixType | str | None = None,
    post_matrix: Any = None,
    post_matrix_type: MatrixType | str | None = None,
    registration_type: str | Code | None = None,
    comment: str | None = None,
    referenced_frame_numbers: str = "",
    referenced_segment_numbers: str = "",
    content_label: str = "REGISTRATION",
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    copy_other_attributes: bool = False,
    modify: Hook | Iterable[Hook] = (),
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Deformable Spatial Registration object.

    Parameters
    ----------
    field
        Displacements in mm on a grid in the registered frame of reference: whatever `read_field`
        takes, such as a file, a SimpleITK image or a transform.
    source
        The registered (fixed) image or series: gives patient, study and Frame of Reference.
    moving
        The source (moving) image or series: gives Source Frame of Reference UID and the referenced
        images; by default the registered one.
    like, spacing
        The grid for a transform that has none of its own, by default that of `source`, and the
        distance of points on it in mm.
    source_frame_of_reference_uid, frame_of_reference_uid
        Given where the data sets do not have them, or to override what they have.
    pre_matrix, post_matrix
        4 x 4 matrices applied before and after the displacement, translation in mm; or files of 16
        numbers.
    pre_matrix_type, post_matrix_type
        RIGID, RIGID_SCALE or AFFINE, checked against the matrix; by default the narrowest that
        fits.
    registration_type
        How it was found, by its meaning in CID 7100 or as a code; Type 2, empty by default.
    comment
        Frame of Reference Transformation Comment (3006,00C8).
    referenced_frame_numbers, referenced_segment_numbers
        Print lists such as `1-2,4,6 : 1 2 3 4 : 1`, the n-th part for the n-th moving object.
    content_label, content_description, content_creator_name
        Content Identification (PS3.3 Table 10-12); the label is CS of at most 16 characters.
    series_description, series_number, instance_number
        Where and how the object files itself.
    copy_other_attributes
        Whether all further attributes of the source are copied too, also those of other modules.
    modify
        A function, or several, called with the finished data set, last of all, in this order.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The object; `save` writes it.

    Raises
    ------
    CannotCompose
        When the grid, a matrix, a frame of reference or a reference does not make a valid object.

    References
    ----------
    PS3.3 A.39.2, C.20.3, C.20.2.1.1, C.12.2, Table 10-12.
    """
    fixed, moved = fixed_and_moving(source, moving)
    composition = _composition(fixed, template_file, overrides, copy_all=copy_other_attributes)
    add_header(
        composition, frame_of_reference_uid, number=series_number, description=series_description
    )
    content_identification(
        composition, instance_number, content_label, content_description, content_creator_name
    )
    references = _references(moved, referenced_frame_numbers, referenced_segment_numbers)
    grid = read_field(field, like=fixed if like is None else like, spacing=spacing)
    other = source_frame_of_reference_uid or moving_frame_of_reference(moved)
    item = _registration_item(grid.right_handed(), other, references, registration_type, comment)
    _add_matrix(item, "PreDeformationMatrixRegistrationSequence", pre_matrix, pre_matrix_type)
    _add_matrix(item, "PostDeformationMatrixRegistrationSequence", post_matrix, post_matrix_type)
    composition.give("DeformableRegistrationSequence", [item])
    add_common_instance_reference(composition, references)
    return _modified(composition.finish(), modify)


@checked
def read_deformable_registration(
    registration: Dataset | str | Path,
) -> list[DeformableRegistration]:
    """Read each item of a Deformable Spatial Registration object.

    Parameters
    ----------
    registration
        The object, or its file.

    Returns
    -------
    list of DeformableRegistration
        One an item of Deformable Registration Sequence (0064,0002).

    Raises
    ------
    InvalidAttribute
        When an attribute that the transformation needs is missing or does not fit the others.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.20.3.
    """
    data_set = data_set_of_file(registration)
    items: Sequence[Dataset] = data_set.get("DeformableRegistrationSequence") or ()
    if not items:
        raise InvalidAttribute(
            "Deformable Registration Sequence is missing or empty: this is no deformable "
            "registration.",
            0x00640002,
        )
    own = str(data_set.get("FrameOfReferenceUID", ""))
    return [_read_item(item, own) for item in items]


# -- writing --------------------------------------------------------------------------------------


def _composition(
    fixed: Sources,
    template_file: Template | str | Path | None,
    overrides: Mapping[str, Any] | None,
    *,
    copy_all: bool,
) -> Composition:
    """Begin the object, with or without the attributes that no module of it asks for."""
    composition = Composition(
        SOP_CLASS_UID,
        kind="deformable_registration",
        sources=fixed,
        template=template(template_file),
        overrides=overrides,
    )
    if copy_all:
        _copy_other_attributes(composition)
    return composition


def _copy_other_attributes(composition: Composition) -> None:
    source = composition.sources.first
    if source is not None:
        composition.copy(
            keyword
            for element in source.data_set
            if (keyword := element.keyword) and element.tag.group not in (0x0002, 0x0028, 0x7FE0)
        )
        composition.renew_identity(SOP_CLASS_UID)


def _references(moved: Sources, frame_numbers: str, segment_numbers: str) -> list[Reference]:
    """Return references to the moving images, of some to frames or segments only."""
    return image_references(
        (one.data_set for one in moved),
        parse_number_lists(frame_numbers),
        parse_number_lists(segment_numbers, tag=0x0062000B),
    )


def _registration_item(
    grid: DisplacementField,
    source_frame_of_reference_uid: str,
    references: Sequence[Reference],
    registration_type: str | Code | None,
    comment: str | None,
) -> Dataset:
    item = Dataset()
    check_given(
        {
            "SourceFrameOfReferenceUID": source_frame_of_reference_uid,
            "FrameOfReferenceTransformationComment": comment,
        }
    )
    item.SourceFrameOfReferenceUID = UID(source_frame_of_reference_uid)
    item.ReferencedImageSequence = [reference.item() for reference in references]
    if comment:
        item.FrameOfReferenceTransformationComment = comment
    item.RegistrationTypeCodeSequence = registration_type_items(registration_type)
    item.DeformableRegistrationGridSequence = [_grid_item(grid)]
    return item


def _grid_item(grid: DisplacementField) -> Dataset:
    item = Dataset()
    item.ImagePositionPatient = values.decimals(grid.origin)
    item.ImageOrientationPatient = values.decimals([*grid.directions[:, 0], *grid.directions[:, 1]])
    item.GridDimensions = list(grid.dimensions)
    item.GridResolution = [float(distance) for distance in grid.spacing]
    vectors = np.ascontiguousarray(grid.vectors, "<f4")
    if vectors.nbytes > 0xFFFFFFFE:
        raise CannotCompose(
            f"The field has {vectors.nbytes} bytes; at most {0xFFFFFFFE} fit: resample it more "
            "coarsely.",
            tag=0x00640009,
            module=_MODULE,
        )
    item.VectorGridData = vectors.tobytes()
    return item


def _add_matrix(item: Dataset, keyword: str, matrix: Any, kind: MatrixType | str | None) -> None:
    if matrix is None:
        return
    if isinstance(matrix, str | Path):
        matrix = read_matrix(matrix)
    setattr(item, keyword, [matrix_item(*checked_matrix(matrix, kind))])


def _modified(composed: Composed, modify: Hook | Iterable[Hook]) -> Composed:
    """Let the caller's functions change the finished data set, in their order."""
    for hook in (modify,) if callable(modify) else modify:
        hook(composed.data_set)
    return composed


# -- reading --------------------------------------------------------------------------------------


def _read_item(item: Dataset, frame_of_reference_uid: str) -> DeformableRegistration:
    grids = item.get("DeformableRegistrationGridSequence") or ()
    return DeformableRegistration(
        grid=_read_grid(grids[0]) if grids else None,
        pre=_read_matrix(item, "PreDeformationMatrixRegistrationSequence"),
        post=_read_matrix(item, "PostDeformationMatrixRegistrationSequence"),
        source_frame_of_reference_uid=str(item.get("SourceFrameOfReferenceUID", "")),
        frame_of_reference_uid=frame_of_reference_uid,
        references=tuple(item.get("ReferencedImageSequence") or ()),
    )


def _read_grid(item: Dataset) -> DisplacementField:
    columns, rows, planes = (int(count) for count in numbers_in(item, "GridDimensions", 3))
    data = item.get("VectorGridData") or b""
    expected = columns * rows * planes * 12
    if len(data) != expected:
        raise InvalidAttribute(
            f"Vector Grid Data has {len(data)} bytes; {columns} x {rows} x {planes} points of 12 "
            "bytes "
            f"make {expected}.",
            0x00640009,
        )
    order = "<" if item.original_encoding[1] is not False else ">"
    vectors = np.frombuffer(data, order + "f4").reshape(planes, rows, columns, 3)
    orientation = np.array(numbers_in(item, "ImageOrientationPatient", 6))
    along_row, along_column = orientation[:3], orientation[3:]
    directions = np.column_stack([along_row, along_column, np.cross(along_row, along_column)])
    return DisplacementField(
        vectors.astype(np.float32, copy=False),
        np.array(numbers_in(item, "ImagePositionPatient", 3)),
        np.array(numbers_in(item, "GridResolution", 3)),
        directions,
    )


def _read_matrix(item: Dataset, keyword: str) -> NDArray[np.float64]:
    entries = item.get(keyword) or ()
    return matrix_in(entries[0]) if entries else np.eye(4)
