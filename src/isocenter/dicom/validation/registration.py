"""Registrations: deformation grids and matrices (PS3.3 C.20.2, C.20.3)."""

from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_registrations"]

_GRID: Final = "Deformable Spatial Registration"
_MATRIX: Final = "Spatial Registration"
_BYTES_A_VECTOR: Final = 12
_TOLERANCE: Final = 1e-4
Rows = tuple[tuple[float, ...], ...]


def check_registrations(item: Item, findings: Findings) -> None:
    """Look at every grid and every transformation matrix of a data set."""
    for inner in item.walk():
        if tags.GridDimensions in inner.elements:
            _check_grid(inner, findings)
        if tags.FrameOfReferenceTransformationMatrix in inner.elements:
            _check_matrix(inner, findings)


def _check_grid(item: Item, findings: Findings) -> None:
    dimensions = item.numbers(tags.GridDimensions)
    if any(value < 1 for value in dimensions):
        findings.error(item, tags.GridDimensions, Rule.REGISTRATION, f"{dimensions}",
                       "columns, rows and planes of at least 1", "Give the size of the grid",
                       module=_GRID)  # fmt: skip
    if any(value <= 0 for value in item.numbers(tags.GridResolution)):
        findings.error(item, tags.GridResolution, Rule.REGISTRATION, "a resolution of 0 or less",
                       "distances in mm greater than 0", "Give the distance of grid points",
                       module=_GRID)  # fmt: skip
    data = item.get(tags.VectorGridData)
    if data is None or len(dimensions) != 3:
        return
    points = int(dimensions[0] * dimensions[1] * dimensions[2])
    first = data.values[0] if data.values else b""
    length = data.length if data.length >= 0 else len(first) if isinstance(first, bytes) else -1
    if length != points * _BYTES_A_VECTOR:
        findings.error(item, tags.VectorGridData, Rule.REGISTRATION, f"{length} bytes",
                       f"{points * _BYTES_A_VECTOR} bytes: three 32-bit floats for each of "
                       f"{points} grid points", "Write one displacement for each grid point",
                       module=_GRID)  # fmt: skip


def _check_matrix(item: Item, findings: Findings) -> None:
    values = item.numbers(tags.FrameOfReferenceTransformationMatrix)
    if len(values) != 16:
        return  # its value multiplicity is reported already
    if values[12:] != (0, 0, 0, 1):
        _error(item, f"last row {values[12:]}", "0, 0, 0, 1", findings)
        return
    rows = (values[0:3], values[4:7], values[8:11])
    kind = item.text(tags.FrameOfReferenceTransformationMatrixType)
    if abs(_determinant(rows)) < 1e-12:
        _error(item, "a matrix that cannot be inverted", "an invertible matrix", findings)
    elif kind in ("RIGID", "RIGID_SCALE") and not _is_orthogonal(rows, scaled=kind != "RIGID"):
        expected = "orthonormal columns" if kind == "RIGID" else "orthogonal columns"
        _error(item, f"a matrix that is not {kind}", f"{expected} for {kind}", findings)
    elif kind in ("RIGID", "RIGID_SCALE") and _determinant(rows) < 0:
        _error(item, "a mirroring", f"a rotation for {kind}", findings)


def _error(item: Item, found: str, expected: str, findings: Findings) -> None:
    findings.error(item, tags.FrameOfReferenceTransformationMatrix, Rule.REGISTRATION, found,
                   expected, "Correct the matrix or Frame of Reference Transformation Matrix Type",
                   module=_MATRIX)  # fmt: skip


def _determinant(rows: Rows) -> float:
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _is_orthogonal(rows: Rows, *, scaled: bool) -> bool:
    columns = tuple(zip(*rows, strict=True))
    lengths = [sum(v * v for v in column) ** 0.5 for column in columns]
    for one in range(3):
        if not scaled and abs(lengths[one] - 1) > _TOLERANCE:
            return False
        for other in range(one):
            product = sum(a * b for a, b in zip(columns[one], columns[other], strict=True))
            if abs(product) > _TOLERANCE * lengths[one] * lengths[other]:
                return False
    return True
