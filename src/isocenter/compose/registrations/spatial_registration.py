"""Spatial Registration (PS3.3 A.39.1, C.20.2): written from matrices, and read back.

Each item's matrix takes points of its own frame of reference into that of the registration:
the moving images' by the transform that was found, the fixed images' by the identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from isocenter.compose import sources
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
from isocenter.compose.registrations.linear_transforms import read_linear_transform
from isocenter.compose.registrations.matrices import (
    MatrixType,
    checked_matrix,
    matrix_in,
    matrix_item,
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

__all__ = ["Registration", "read_spatial_registration", "spatial_registration"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.1"
_MODULE = "Spatial Registration"


@dataclass(frozen=True, slots=True)
class Registration:
    """One item of Registration Sequence: where the points of a frame of reference go.

    Parameters
    ----------
    matrix
        Shape (4, 4), translation in mm: of all matrices of the item, the first applied first.
    type
        The widest type that one of the matrices says.
    frame_of_reference_uid
        What points are mapped from; empty where images are named instead.
    registered_frame_of_reference_uid
        What points are mapped into.
    references
        The images, as items of Referenced Image Sequence.
    """

    matrix: NDArray[np.float64]
    type: MatrixType
    frame_of_reference_uid: str
    registered_frame_of_reference_uid: str
    references: tuple[Dataset, ...] = ()

    def transform(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Map points, shape (…, 3) in mm, into the frame of reference of the registration."""
        return np.asarray(points, np.float64) @ self.matrix[:3, :3].T + self.matrix[:3, 3]


@checked
def spatial_registration(
    transform: Any,
    *,
    source: SourceLike,
    moving: SourceLike | None = None,
    ras: bool = False,
    from_fixed: bool = False,
    matrix_type: MatrixType | str | None = None,
    frame_of_reference_uid: str | None = None,
    source_frame_of_reference_uid: str | None = None,
    registration_type: str | Code | None = None,
    comment: str | None = None,
    used_fiducials: SourceLike | None = None,
    referenced_frame_numbers: str = "",
    content_label: str = "REGISTRATION",
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Spatial Registration.

    Parameters
    ----------
    transform
        A 4 x 4 matrix that takes points of the moving images to the fixed ones in LPS, an ITK
        transform or its file (from fixed to moving, so inverted); or a list of matrices, of which
        the first is applied first.
    source
        The fixed image or series: gives patient, study and Frame of Reference.
    moving
        The moving image or series; by default the fixed one.
    ras, from_fixed
        How a matrix is meant that is not in LPS, or takes points of the fixed images to the moving
        ones; see `read_linear_transform`.
    matrix_type
        RIGID, RIGID_SCALE or AFFINE, checked against the matrix; by default the narrowest that
        fits.
    frame_of_reference_uid, source_frame_of_reference_uid
        Those of the fixed and the moving images, where the data sets do not have them, or to
        override what they have.
    registration_type
        How it was found, by its meaning in CID 7100 or as a code; Type 2, empty by default.
    comment
        Frame of Reference Transformation Comment (3006,00C8).
    used_fiducials
        Spatial Fiducials objects that the registration was made with; all of their fiducials that
        have a UID are named.
    referenced_frame_numbers
        A print list such as `1-2,4 : 1`, the n-th part for the n-th moving image.
    content_label, content_description, content_creator_name
        Content Identification (PS3.3 Table 10-12); the label is CS of at most 16 characters.
    series_description, series_number, instance_number
        Where and how the object files itself.
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
        When a matrix is not what it claims, a transform is not linear, the images belong to
        different patients, or a frame of reference is missing.

    References
    ----------
    PS3.3 A.39.1, C.20.2, C.12.2, Table 10-12.
    """
    fixed, moved = fixed_and_moving(source, moving)
    matrices = _matrices(transform, matrix_type, ras=ras, from_fixed=from_fixed)
    composition = Composition(
        SOP_CLASS_UID,
        kind="spatial_registration",
        sources=fixed,
        template=template(template_file),
        overrides=overrides,
    )
    add_header(
        composition, frame_of_reference_uid, number=series_number, description=series_description
    )
    content_identification(
        composition, instance_number, content_label, content_description, content_creator_name
    )
    other = source_frame_of_reference_uid or moving_frame_of_reference(moved)
    of_fixed, of_moving = _references(fixed), _references(moved, referenced_frame_numbers)
    found = _item(other, of_moving, matrices, registration_type, comment)
    if used_fiducials is not None:
        found.UsedFiducialsSequence = _fiducials(sources.load(used_fiducials))
    unmoved = str(composition.data_set.FrameOfReferenceUID)
    identity = _item(unmoved, of_fixed, [(np.eye(4), MatrixType.RIGID)])
    composition.give("RegistrationSequence", [identity, found])
    add_common_instance_reference(composition, [*of_fixed, *of_moving])
    return composition.finish()


@checked
def read_spatial_registration(registration: Dataset | str | Path) -> list[Registration]:
    """Read each item of a Spatial Registration object.

    Parameters
    ----------
    registration
        The object, or its file.

    Returns
    -------
    list of Registration
        One an item of Registration Sequence (0070,0308).

    Raises
    ------
    InvalidAttribute
        When the object has no registrations, or a matrix does not have 16 values.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.20.2.
    """
    data_set = data_set_of_file(registration)
    items: Sequence[Dataset] = data_set.get("RegistrationSequence") or ()
    if not items:
        raise InvalidAttribute(
            "Registration Sequence is missing or empty: this is no spatial registration.",
            0x00700308,
        )
    own = str(data_set.get("FrameOfReferenceUID", ""))
    return [_read_item(item, own) for item in items]


def _matrices(
    transform: Any, claimed: MatrixType | str | None, *, ras: bool, from_fixed: bool
) -> list[tuple[NDArray[np.float64], MatrixType]]:
    """Return the matrices of one transform or several, each with its type."""
    return [
        checked_matrix(read_linear_transform(one, ras=ras, from_fixed=from_fixed), claimed)
        for one in _several(transform)
    ]


def _several(transform: Any) -> list[Any]:
    """Return a list of transforms; the rows or numbers of a matrix are a single one."""
    if not isinstance(transform, list | tuple):
        return [transform]
    many = cast("Sequence[Any]", transform)
    first = many[0] if many else 0.0
    is_matrix = isinstance(first, int | float) or (len(many) == 4 and len(np.shape(first)) == 1)
    return [many] if is_matrix else list(many)


def _references(images: Sources, frame_numbers: str = "") -> list[Reference]:
    return image_references(
        (one.data_set for one in images if "Rows" in one.data_set),
        parse_number_lists(frame_numbers),
    )


def _item(
    frame_of_reference_uid: str,
    references: Sequence[Reference],
    matrices: Sequence[tuple[NDArray[np.float64], MatrixType]],
    registration_type: str | Code | None = None,
    comment: str | None = None,
) -> Dataset:
    item = Dataset()
    check_given(
        {
            "FrameOfReferenceUID": frame_of_reference_uid,
            "FrameOfReferenceTransformationComment": comment,
        }
    )
    item.FrameOfReferenceUID = UID(frame_of_reference_uid)
    if references:
        item.ReferencedImageSequence = [reference.item() for reference in references]
    registered = Dataset()
    if comment:
        registered.FrameOfReferenceTransformationComment = comment
    registered.RegistrationTypeCodeSequence = registration_type_items(registration_type)
    registered.MatrixSequence = [matrix_item(matrix, kind) for matrix, kind in matrices]
    item.MatrixRegistrationSequence = [registered]
    return item


def _fiducials(objects: Sources) -> list[Dataset]:
    found: list[Dataset] = []
    for one in objects:
        for fiducials in one.data_set.get("FiducialSetSequence") or ():
            for fiducial in fiducials.get("FiducialSequence") or ():
                if uid := fiducial.get("FiducialUID"):
                    item = Reference.to(one.data_set).item()
                    item.FiducialUID = uid
                    found.append(item)
    if not found:
        raise CannotCompose(
            "The fiducials that were used have no Fiducial UID; give Spatial Fiducials objects.",
            tag=0x0070031A,
            module=_MODULE,
        )
    return found


def _read_item(item: Dataset, own: str) -> Registration:
    matrix, kinds = np.eye(4), [MatrixType.RIGID]
    for registered in item.get("MatrixRegistrationSequence") or ():
        for one in registered.get("MatrixSequence") or ():
            matrix = matrix_in(one) @ matrix
            claimed = str(one.get("FrameOfReferenceTransformationMatrixType") or "AFFINE")
            if claimed not in [one.value for one in MatrixType]:
                raise InvalidAttribute(
                    "The type of a matrix is none of RIGID, RIGID_SCALE and AFFINE.", 0x0070030C
                )
            kinds.append(MatrixType(claimed))
    order = list(MatrixType)
    return Registration(
        matrix,
        max(kinds, key=order.index),
        str(item.get("FrameOfReferenceUID") or ""),
        own,
        tuple(item.get("ReferencedImageSequence") or ()),
    )
