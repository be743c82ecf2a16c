"""Transformation matrices, checked against the type that they claim (PS3.3 C.20.2.1.1)."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.argument_types import real_array
from isocenter.dicom import dictionary
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = [
    "MatrixType",
    "checked_matrix",
    "matrix_in",
    "matrix_item",
    "matrix_type",
    "numbers_in",
]

_TOLERANCE = 1e-4
_MATRIX = 0x300600C6
_MODULE = "Spatial Registration"


class MatrixType(Enum):
    """Frame of Reference Transformation Matrix Type (0070,030C)."""

    RIGID = "RIGID"
    RIGID_SCALE = "RIGID_SCALE"
    AFFINE = "AFFINE"


def matrix_type(matrix: NDArray[Any]) -> MatrixType:
    """Return the narrowest type that `matrix`, shape (4, 4), is of."""
    linear = _valid(matrix)[:3, :3]
    gram = linear.T @ linear
    if np.allclose(gram, np.eye(3), atol=_TOLERANCE):
        return MatrixType.RIGID
    # Scaling first and turning then leaves perpendicular columns of any length.
    if np.allclose(gram, np.diag(np.diag(gram)), atol=_TOLERANCE * np.max(np.abs(gram))):
        return MatrixType.RIGID_SCALE
    return MatrixType.AFFINE


def checked_matrix(
    matrix: Any, claimed: MatrixType | str | None
) -> tuple[NDArray[np.float64], MatrixType]:
    """Return `matrix` as 4 x 4 floats with its type, or refuse it.

    Parameters
    ----------
    matrix
        Shape (4, 4) or 16 numbers in row-major order; translation in mm.
    claimed
        RIGID, RIGID_SCALE or AFFINE; None takes the narrowest that fits.

    Raises
    ------
    CannotCompose
        When there is no such type, the last row is not 0, 0, 0, 1, the matrix cannot be inverted
        or mirrors, or it is not of the claimed type.
    """
    numbers = real_array("The matrix", matrix)
    if numbers.size != 16:
        raise CannotCompose(
            f"A matrix of shape {numbers.shape} was given; expected 4 x 4.",
            tag=_MATRIX,
            module=_MODULE,
        )
    numbers = _valid(numbers.reshape(4, 4))
    actual = matrix_type(numbers)
    if claimed is None:
        return numbers, actual
    claimed = _type_of(claimed)
    order = list(MatrixType)
    if order.index(actual) > order.index(claimed):
        lengths = np.linalg.norm(numbers[:3, :3], axis=0)
        raise CannotCompose(
            f"The matrix claims to be {claimed.value} and is {actual.value}: its columns have the "
            "lengths "
            f"{[round(float(length), 6) for length in lengths]}; call it {actual.value}, or make "
            "its columns perpendicular "
            "unit vectors.",
            tag=0x0070030C,
            module=_MODULE,
        )
    return numbers, claimed


def _type_of(claimed: MatrixType | str) -> MatrixType:
    if isinstance(claimed, MatrixType):
        return claimed
    try:
        return MatrixType(claimed.strip().upper())
    except ValueError:
        raise CannotCompose(
            f"{claimed!r} is no type of a matrix; expected RIGID, RIGID_SCALE or AFFINE.",
            tag=0x0070030C,
            module=_MODULE,
        ) from None


def _valid(matrix: NDArray[Any]) -> NDArray[np.float64]:
    matrix = np.asarray(matrix, np.float64)
    problem = None
    if not np.all(np.isfinite(matrix)):
        problem = "has values that are not finite"
    elif not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-9):
        problem = f"has the last row {list(map(float, matrix[3]))}; expected 0, 0, 0, 1"
    elif abs(determinant := float(np.linalg.det(matrix[:3, :3]))) < 1e-12:
        problem = f"cannot be inverted (determinant {determinant:g})"
    elif np.linalg.det(matrix[:3, :3]) < 0:
        problem = "mirrors space (negative determinant), which no patient does"
    if problem is not None:
        raise CannotCompose(f"The matrix {problem}.", tag=_MATRIX, module=_MODULE)
    return matrix


def matrix_item(matrix: NDArray[np.float64], kind: MatrixType) -> Dataset:
    """Return the item of a sequence of matrices, which says what type they are."""
    item = Dataset()
    item.FrameOfReferenceTransformationMatrixType = kind.value
    item.FrameOfReferenceTransformationMatrix = values.decimals((matrix + 0.0).ravel())
    return item


def matrix_in(item: Dataset) -> NDArray[np.float64]:
    """Return the matrix of such an item, shape (4, 4), translation in mm.

    Raises
    ------
    InvalidAttribute
        When there are not 16 finite numbers.
    """
    return np.array(numbers_in(item, "FrameOfReferenceTransformationMatrix", 16)).reshape(4, 4)


def numbers_in(item: Dataset, keyword: str, count: int) -> list[float]:
    """Return the numbers of an attribute that a transformation needs.

    Raises
    ------
    InvalidAttribute
        When there are not `count`, or one of them is not finite.
    """
    numbers = _finite_numbers(item, keyword)
    if len(numbers) != count:
        raise InvalidAttribute(
            f"{keyword} has {len(numbers)} numbers; expected {count}, all finite.",
            dictionary.tag(keyword) or 0,
        )
    return numbers


def _finite_numbers(item: Dataset, keyword: str) -> list[float]:
    """Return the values of an attribute, none where one of them is no finite number."""
    try:
        found: Any = item[keyword].value if keyword in item else None
        many = [] if found is None else found if hasattr(found, "append") else [found]
        numbers = [float(one) for one in many]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
