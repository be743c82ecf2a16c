"""From stored values to real ones, with units and quantity (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.codes import Code, named_code
from isocenter.compose.given_values import check_given
from isocenter.compose.reports.units import is_ucum, unit
from isocenter.compose.source_numbers import decimal_number
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["RealWorldMapping", "quantity", "units"]

_QUANTITY = Code("246205007", "SCT", "Quantity")
_GROUPS = (7180, 4107, 4108, 4109, 4110, 4111, 218)
"""Context groups in which a quantity is looked up by its meaning (PS3.16)."""


@dataclass(frozen=True, slots=True)
class RealWorldMapping:
    """One real world value mapping.

    Parameters
    ----------
    label
        LUT Label (0040,9210), at most 16 characters.
    units
        What the real values are measured in, a code of UCUM.
    explanation
        LUT Explanation (0028,3003), at most 64 characters; the label by default.
    quantity
        What is measured; a code such as (113041, DCM, Apparent Diffusion Coefficient).
    slope, intercept
        Real value = slope x stored value + intercept; ignored where there is a table.
    table
        The real value of each stored value from `first` to `last`.
    first, last
        The stored values that are mapped; of a table, whole numbers.
    """

    label: str
    units: Code
    explanation: str = ""
    quantity: Code | None = None
    slope: float = 1.0
    intercept: float = 0.0
    table: tuple[float, ...] = ()
    first: float = 0
    last: float = 0xFFFF

    def __post_init__(self) -> None:
        check_members(self)
        if not 0 < len(self.label) <= 16:
            raise _refused(
                f"The label {self.label!r} has {len(self.label)} characters; expected 1 to 16.",
                0x00409210,
            )
        if len(self.explanation) > 64:
            raise _refused(
                f"The explanation of {self.label!r} has {len(self.explanation)} characters; at "
                "most 64 fit (LO).",
                0x00283003,
            )
        object.__setattr__(self, "table", tuple(self.table))
        numbers = (self.slope, self.intercept, self.first, self.last, *self.table)
        if not all(map(math.isfinite, numbers)) or self.last < self.first:
            raise _refused(
                f"The mapping {self.label!r} has numbers that are not finite, or maps from "
                f"{self.first:g} to {self.last:g}; expected finite ones in ascending order.",
                0x00409216,
            )
        if self.table and len(self.table) != self.last - self.first + 1:
            raise _refused(
                f"The table of {self.label!r} has {len(self.table)} values for the stored values "
                f"{self.first:g} to {self.last:g}; expected one for each.",
                0x00409212,
            )

    def item(self, *, signed: bool = False, floating: bool = False) -> Dataset:
        """Return an item of Real World Value Mapping Sequence (0040,9096).

        Parameters
        ----------
        signed
            Whether the stored values have a sign: First and Last Value Mapped are SS then.
        floating
            Whether they are floating point numbers: the range is written as FD then.

        Returns
        -------
        Dataset
            The item.

        Raises
        ------
        CannotCompose
            When label or explanation is too long, or cannot be, or a code is incomplete.

        References
        ----------
        PS3.3 C.7.6.16.2.11.
        """
        check_given({"LUTLabel": self.label, "LUTExplanation": self.explanation})
        item = Dataset()
        item.LUTExplanation = self.explanation or self.label
        item.LUTLabel = self.label
        item.MeasurementUnitsCodeSequence = [self.units.whole_item()]
        if self.quantity is not None:
            item.QuantityDefinitionSequence = [_quantity_item(self.quantity)]
        first, last = ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped")
        if floating:
            item.DoubleFloatRealWorldValueFirstValueMapped = float(self.first)
            item.DoubleFloatRealWorldValueLastValueMapped = float(self.last)
        else:
            low, high = (-0x8000, 0x7FFF) if signed else (0, 0xFFFF)
            limits = (max(self.first, low), min(self.last, high))
            for keyword, value in zip((first, last), limits, strict=True):
                tag = 0x00409216 if keyword == first else 0x00409211
                item.add_new(tag, "SS" if signed else "US", int(value))
        if self.table:
            item.RealWorldValueLUTData = list(self.table)
        else:
            item.RealWorldValueIntercept = float(self.intercept)
            item.RealWorldValueSlope = float(self.slope)
        return item

    @checked
    def apply(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """Return the real values of stored ones; NaN beyond those that are mapped.

        Parameters
        ----------
        stored
            Stored values, of any shape.

        Returns
        -------
        ndarray of float64
            Of the same shape, in `units`.
        """
        stored = np.asarray(stored)
        inside = (stored >= self.first) & (stored <= self.last)
        real = np.full(stored.shape, np.nan)
        if self.table:
            places = (stored[inside] - self.first).astype(np.intp)
            real[inside] = np.asarray(self.table)[places]
        else:
            real[inside] = stored[inside] * self.slope + self.intercept
        return real

    @classmethod
    @checked
    def read(cls, item: Dataset) -> RealWorldMapping:
        """Read an item of Real World Value Mapping Sequence.

        Parameters
        ----------
        item
            The item.

        Returns
        -------
        RealWorldMapping
            In units of `1` where it says none.

        Raises
        ------
        InvalidAttribute
            When its range, or both its slope and its table are missing.
        """
        table = item.get("RealWorldValueLUTData")
        slope = item.get("RealWorldValueSlope")
        if table is None and slope is None:
            raise InvalidAttribute(
                "A real world value mapping has neither Real World Value Slope nor LUT Data.",
                0x00409225,
            )
        found = item.get("MeasurementUnitsCodeSequence")
        return cls(
            label=str(item.get("LUTLabel") or "?")[:16],
            units=Code.read(found[0]) if found else unit("1"),
            explanation=str(item.get("LUTExplanation") or "")[:64],
            quantity=_read_quantity(item),
            slope=decimal_number(item, "RealWorldValueSlope", otherwise=1),
            intercept=decimal_number(item, "RealWorldValueIntercept", otherwise=0),
            table=() if table is None else tuple(float(one) for one in table),
            first=_bound(item, "RealWorldValueFirstValueMapped"),
            last=_bound(item, "RealWorldValueLastValueMapped"),
        )


@checked
def units(text: str | Code) -> Code:
    """Return the code of units given in UCUM, such as `mm2/s`; a `Code` is taken as it is.

    Parameters
    ----------
    text
        The units; `1` for bare numbers.

    Returns
    -------
    Code
        Of the scheme UCUM.

    Raises
    ------
    CannotCompose
        When UCUM has no such unit.
    """
    if isinstance(text, Code):
        return text
    if not is_ucum(text):
        raise _refused(
            f"{text!r} is no unit of UCUM; write one such as mm2/s, g/ml, [hnsf'U], or 1 for bare "
            "numbers.",
            0x004008EA,
        )
    return unit(text)


@checked
def quantity(text: str | Code | None) -> Code | None:
    """Return the code of a quantity, by its meaning or as `VALUE:SCHEME:MEANING`.

    Parameters
    ----------
    text
        Such as `Apparent Diffusion Coefficient`; a `Code` is taken as it is.

    Returns
    -------
    Code or None
        None for None.

    Raises
    ------
    CannotCompose
        When no context group of quantities has that meaning.
    """
    if text is None:
        return None
    return named_code(
        text, _GROUPS, what="known quantity", tag=0x00409220, module="Real World Value Mapping"
    )


def _refused(message: str, tag: int) -> CannotCompose:
    return CannotCompose(message, tag=tag, module="Real World Value Mapping")


def _quantity_item(code: Code) -> Dataset:
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = [_QUANTITY.item()]
    item.ConceptCodeSequence = [code.whole_item()]
    return item


def _read_quantity(item: Dataset) -> Code | None:
    for one in item.get("QuantityDefinitionSequence") or ():
        names = one.get("ConceptNameCodeSequence") or ()
        codes = one.get("ConceptCodeSequence") or ()
        if names and codes and Code.read(names[0]).value in (_QUANTITY.value, "G-C1C6"):
            return Code.read(codes[0])
    return None


def _bound(item: Dataset, keyword: str) -> float:
    for name in (keyword, f"DoubleFloat{keyword}"):
        if item.get(name) is not None:  # an empty one leaves it to the other
            return decimal_number(item, name)
    raise InvalidAttribute(f"A real world value mapping has no {keyword}.", 0x00409216)
