"""Linear transforms of other programs as DICOM has them: from the moving images to the fixed ones.

DICOM's matrix takes a point of the moving images to the fixed ones (PS3.3 C.20.2.1.1), in LPS.
ITK's transforms, and so those of SimpleITK, ANTs, elastix and 3D Slicer's files, take a point of
the fixed images to the moving ones: they are inverted. Matrices in RAS, as NIfTI and 3D Slicer's
own display have them, change sign along X and Y on both sides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.argument_types import checked, real_array
from isocenter.compose.image_files import reason_of
from isocenter.compose.reading import no_file
from isocenter.compose.simple_itk import simple_itk
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose

__all__ = [
    "TRANSFORM_SUFFIXES",
    "check_of_space",
    "holds_linear_transform",
    "inverse",
    "is_linear",
    "read_linear_transform",
    "read_matrix",
    "read_transform",
]

TRANSFORM_SUFFIXES = (".tfm", ".txt", ".h5", ".hdf", ".hdf5", ".mat", ".xfm")

_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LINEAR = ("TranslationTransform", "IdentityTransform", "ScaleTransform", "AffineTransform")
_TAG = 0x300600C6
_MODULE = "Spatial Registration"
_LARGEST_MATRIX = 1 << 16
"""Bytes: 16 numbers, however they are written."""


@checked
def read_linear_transform(
    transform: Any, *, ras: bool = False, from_fixed: bool = False
) -> NDArray[np.float64]:
    """Return the matrix that takes points of the moving images to the fixed ones, in LPS.

    Parameters
    ----------
    transform
        A 4 x 4 matrix or 16 numbers in row-major order; a text file of 16 numbers; an ITK transform
        file (.tfm, .txt, .h5, .mat); a SimpleITK transform. Transforms of ITK always run from the
        fixed images to the moving ones, in LPS.
    ras
        Whether a matrix (not an ITK transform) is in RAS.
    from_fixed
        Whether a matrix (not an ITK transform) takes points of the fixed images to the moving ones.

    Returns
    -------
    numpy.ndarray
        Shape (4, 4), translation in mm.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it is no transform of space, not linear, or cannot be inverted.
    """
    sitk = simple_itk()
    if isinstance(transform, str | Path):
        transform = _numbers_or_transform(Path(transform))
    if isinstance(transform, sitk.Transform):
        check_of_space(transform, f"A {transform.GetName()}")
        if not is_linear(transform):
            raise _refused(
                f"A {transform.GetName()} is no linear transform; make a deformable registration "
                "of it."
            )
        return inverse(_matrix_of(transform))
    matrix = real_array("The matrix", transform)
    if matrix.size != 16:
        raise _refused(f"A matrix of shape {matrix.shape} was given; expected 4 x 4.")
    matrix = matrix.reshape(4, 4)
    if ras:
        matrix = _RAS @ matrix @ _RAS
    return inverse(matrix) if from_fixed else matrix


@checked
def read_matrix(path: str | Path) -> NDArray[np.float64]:
    """Return the matrix that a text file of 16 numbers, in row-major order, holds as it is.

    Parameters
    ----------
    path
        The file, numbers apart by white space or commas.

    Returns
    -------
    ndarray
        Shape (4, 4).

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise no_file(path, "matrix")
    numbers = _numbers(path)
    if numbers is None:
        raise _refused(f"{path} is no text of numbers; expected the 16 of a matrix.")
    return np.array(numbers).reshape(4, 4)


def read_transform(path: Path) -> Any:
    """Return the SimpleITK transform that a file holds.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it is no transform file, or one of the plane.
    """
    sitk = simple_itk()
    if not path.is_file():
        raise no_file(path, "transform")
    if not path.stat().st_size:
        raise _refused(f"{path} is empty; expected a transform as ITK writes it.")
    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        raise _refused(f"{path} cannot be read as a transform: {reason_of(error)}.") from error
    check_of_space(transform, str(path))
    return transform


def check_of_space(transform: Any, name: str) -> None:
    """Refuse a SimpleITK transform of the plane.

    Raises
    ------
    CannotCompose
        When it is not one of three dimensions.
    """
    if transform.GetDimension() != 3:
        raise _refused(f"{name} transforms {transform.GetDimension()} dimensions; expected 3.")


def holds_linear_transform(path: Path) -> bool:
    """Tell whether a file holds a matrix or a linear transform, rather than a field.

    Raises
    ------
    NotFound, CannotCompose
        When it is missing, or by its name a transform and cannot be read as one.
    """
    if not path.name.lower().endswith(TRANSFORM_SUFFIXES):
        return False
    found = _numbers_or_transform(path)
    return isinstance(found, list) or is_linear(found)


def is_linear(transform: Any) -> bool:
    """Tell whether a SimpleITK transform, or all that it is composed of, is linear."""
    sitk = simple_itk()
    transform = transform.Downcast()
    if isinstance(transform, sitk.CompositeTransform):
        count = transform.GetNumberOfTransforms()
        return all(is_linear(transform.GetNthTransform(number)) for number in range(count))
    return bool(transform.IsLinear()) or transform.GetName() in _LINEAR


def _refused(message: str) -> CannotCompose:
    return CannotCompose(message, tag=_TAG, module=_MODULE)


def _numbers_or_transform(path: Path) -> Any:
    """Return the 16 numbers of a text file, else the transform that ITK reads."""
    if path.is_file() and path.suffix.lower() in (".txt", ".mat", ".csv", ".xfm"):
        numbers = _numbers(path)
        return read_transform(path) if numbers is None else numbers
    return read_transform(path)


def _numbers(path: Path) -> list[float] | None:
    """Return the 16 numbers of a text file, None if it is text of another kind or no text."""
    try:
        text = read_text(path, largest=_LARGEST_MATRIX)
        numbers = [float(one) for one in text.replace(",", " ").split()]
    except (OSError, ValueError):
        return None
    if len(numbers) != 16:
        raise _refused(f"{path} holds {len(numbers)} numbers; expected the 16 of a matrix.")
    return numbers


def _matrix_of(transform: Any) -> NDArray[np.float64]:
    """Return the matrix of a linear transform, by where it takes four points."""
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    for axis in range(3):
        matrix[:3, axis] = transform.TransformPoint(np.eye(3)[axis].tolist()) - matrix[:3, 3]
    return matrix


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of a matrix of shape (4, 4).

    Raises
    ------
    CannotCompose
        When it has none.
    """
    try:
        return np.linalg.inv(matrix).astype(np.float64, copy=False)
    except np.linalg.LinAlgError as error:
        raise _refused("The matrix cannot be inverted (determinant 0).") from error
