"""Items of Contour Sequence (3006,0040), with Contour Data encoded and parsed in bulk.

A structure set easily has a million coordinates; as pydicom's decimal strings, one by one, they
take seconds. Here they stay text until somebody asks the data set for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from isocenter.compose import values
from isocenter.compose.element_values import element
from isocenter.compose.references import Reference
from isocenter.compose.structure_sets.regions import Contour, ContourType
from isocenter.errors import InvalidAttribute

__all__ = ["contour_item", "read_contour"]

_CONTOUR_DATA = BaseTag(0x30060050)


def contour_item(number: int, contour: Contour, image: Reference | None) -> Dataset:
    """Return the item of a contour, drawn on `image` if that is known."""
    item = Dataset()
    if image is not None:
        item.ContourImageSequence = [image.item()]
    text = _decimals(contour.points.ravel())
    for made in (
        element(0x30060042, contour.type.value),
        element(0x30060046, len(contour.points)),
        element(0x30060048, number),
        RawDataElement(_CONTOUR_DATA, "DS", len(text), text, 0, False, True),
    ):
        item[made.tag] = made
    return item


def read_contour(item: Dataset) -> Contour:
    """Read an item of Contour Sequence.

    Raises
    ------
    InvalidAttribute
        When Contour Data is not made of triplets of numbers, or the type is unknown.
    """
    numbers = _numbers(item)
    if not len(numbers) or len(numbers) % 3 or not np.all(np.isfinite(numbers)):
        raise InvalidAttribute(
            f"Contour Data has {len(numbers)} values; expected triplets of finite coordinates.",
            _CONTOUR_DATA,
        )
    return Contour(numbers.reshape(-1, 3), _contour_type(item))


def _decimals(numbers: NDArray[np.float64]) -> bytes:
    """Return coordinates in mm as DS, to a millionth of a millimetre where 16 characters allow."""
    # On an image's grid the same coordinates come again and again; 0 added makes -0 be 0.
    distinct, places = np.unique(np.round(numbers, 6) + 0.0, return_inverse=True)
    texts = [_decimal(one) for one in distinct.tolist()]
    text = "\\".join(map(texts.__getitem__, places.tolist()))
    return (text + " " * (len(text) % 2)).encode("ascii")


def _decimal(millimetres: float) -> str:
    text = f"{millimetres:.6f}".rstrip("0").rstrip(".")
    return text if len(text) <= 16 else str(values.decimal(millimetres))


def _numbers(item: Dataset) -> NDArray[np.float64]:
    if _CONTOUR_DATA not in item:
        return np.array([])
    found: Any = item.get_item(_CONTOUR_DATA)
    try:
        if not isinstance(found, DataElement) and isinstance(found.value, bytes):
            return np.array(list(map(float, found.value.split(b"\\"))))
        return np.array([float(one) for one in item[_CONTOUR_DATA].value or ()])
    except (ValueError, TypeError) as error:
        raise InvalidAttribute(
            "Contour Data has values that are no decimal numbers; expected triplets of "
            "coordinates in mm.",
            _CONTOUR_DATA,
        ) from error


def _contour_type(item: Dataset) -> ContourType:
    try:
        return ContourType(str(item.get("ContourGeometricType", "")))
    except ValueError as error:
        raise InvalidAttribute(
            f"Contour Geometric Type is {item.get('ContourGeometricType')!r}; expected one of "
            + ", ".join(one.value for one in ContourType)
            + ".",
            0x30060042,
        ) from error
