"""Stored values to units: rescale, Modality LUT, padding, real-world values (PS3.3 C.11.1)."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isocenter.dicom import tags
from isocenter.errors import PixelDataError

from .attributes import Attributes
from .functional_groups import FrameAttributes
from .lookup_tables import LookupTable, read_lookup_table

__all__ = [
    "ModalityTransform",
    "Padding",
    "RealWorldMapping",
    "Rescale",
    "TabulatedModality",
    "read_modality",
    "read_padding",
    "read_real_world",
]


@dataclass(frozen=True, slots=True)
class Rescale:
    """Output = stored value * slope + intercept (PS3.3 C.11.1.1.2).

    Parameters
    ----------
    slope, intercept
        Rescale Slope (0028,1053) and Intercept (0028,1052).
    units
        What the output is measured in: "HU", "GY", "BQML"; empty when unspecified.
    """

    slope: float = 1.0
    intercept: float = 0.0
    units: str = ""

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Rescale stored values.

        Parameters
        ----------
        stored
            Stored values, any shape.

        Returns
        -------
        ndarray
            `stored` itself for the identity, `float64` otherwise.
        """
        if self.slope == 1 and self.intercept == 0:
            return stored
        return stored * np.float64(self.slope) + self.intercept

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """Return the lowest and highest output for stored values from `low` to `high`.

        Parameters
        ----------
        low, high
            Stored values, `low` not above `high`.

        Returns
        -------
        tuple of float
            Lowest, then highest, also for a negative slope; in `units`.
        """
        ends = (low * self.slope + self.intercept, high * self.slope + self.intercept)
        return min(ends), max(ends)

    @property
    def whole(self) -> bool:
        """Whether integers stay integers."""
        return float(self.slope).is_integer() and float(self.intercept).is_integer()


@dataclass(frozen=True, slots=True)
class TabulatedModality:
    """A Modality LUT (PS3.3 C.11.1.1.1).

    Parameters
    ----------
    table
        The lookup table.
    units
        Modality LUT Type (0028,3004).
    """

    table: LookupTable
    units: str = ""

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Look stored values up.

        Parameters
        ----------
        stored
            Stored values, any shape.

        Returns
        -------
        ndarray
            `uint16`.
        """
        return self.table.apply(stored)

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """Return the lowest and highest output for stored values from `low` to `high`.

        Parameters
        ----------
        low, high
            Stored values, `low` not above `high`; outside of the table its ends count.

        Returns
        -------
        tuple of float
            Lowest, then highest, in `units`.
        """
        first = max(0, min(int(low) - self.table.first, len(self.table.values) - 1))
        last = max(0, min(int(high) - self.table.first, len(self.table.values) - 1))
        part = self.table.values[first : last + 1]
        return float(part.min()), float(part.max())

    @property
    def whole(self) -> bool:
        """Whether integers stay integers."""
        return True


ModalityTransform: TypeAlias = Rescale | TabulatedModality


# X-Ray Angiographic, X-Ray Radiofluoroscopic, and their biplane and enhanced forms.
_XA_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.1.1",
    "1.2.840.10008.5.1.4.1.1.12.2",
    "1.2.840.10008.5.1.4.1.1.12.2.1",
    "1.2.840.10008.5.1.4.1.1.12.3",
}


def read_modality(frame: FrameAttributes, *, signed: bool) -> tuple[ModalityTransform, str]:
    """Find the modality transformation of a frame.

    Parameters
    ----------
    frame
        The frame.
    signed
        Whether stored values are signed.

    Returns
    -------
    transform
        The identity where the object has none, and where a LOG or DISP angiogram has one that is
        meant for subtraction and not for display (PS3.3 C.8.7.1.1.2).
    problem
        A sentence if it has one that is unusable, else empty.
    """
    if _not_for_display(frame):
        return Rescale(), ""
    sequence = frame.root.item(tags.ModalityLUTSequence)
    if sequence is not None:
        try:
            table = read_lookup_table(sequence, signed=signed)
        except PixelDataError as problem:
            return Rescale(), f"Modality LUT Sequence (0028,3000): {problem}"
        return TabulatedModality(table, _units(sequence.text(tags.ModalityLUTType))), ""
    return _rescale(frame)


def _not_for_display(frame: FrameAttributes) -> bool:
    if frame.root.text(tags.SOPClassUID) not in _XA_CLASSES:
        return False
    properties = frame.macro(tags.FramePixelDataPropertiesSequence)
    return properties.text(tags.PixelIntensityRelationship) in ("LOG", "DISP")


def _rescale(frame: FrameAttributes) -> tuple[Rescale, str]:
    item = frame.macro(tags.PixelValueTransformationSequence)
    slope, intercept = item.number(tags.RescaleSlope), item.number(tags.RescaleIntercept)
    if slope is None and intercept is None:
        dose = frame.root.number(tags.DoseGridScaling)
        if dose:
            return Rescale(dose, 0.0, _units(frame.root.text(tags.DoseUnits))), ""
        return Rescale(1.0, 0.0, _units(frame.root.text(tags.Units))), ""
    units = _units(item.text(tags.RescaleType)) or _implied_units(frame.root)
    if slope == 0:
        return Rescale(1.0, intercept or 0.0, units), "Rescale Slope (0028,1053) is 0; taken as 1"
    return Rescale(1.0 if slope is None else slope, intercept or 0.0, units), ""


def _units(text: str) -> str:
    return "" if text.upper() in ("US", "UNSPECIFIED", "NONE") else text


def _implied_units(root: Attributes) -> str:
    """Name the units that an IOD fixes: HU of CT (PS3.3 C.8.2.1.1.2), Units of PET."""
    if root.text(tags.Modality) == "CT" and "LOCALIZER" not in root.texts(tags.ImageType):
        return "HU"
    return _units(root.text(tags.Units))


@dataclass(frozen=True, slots=True)
class Padding:
    """Stored values that stand for no measurement (PS3.3 C.7.5.1.1.2).

    Parameters
    ----------
    low, high
        Inclusive bounds.
    """

    low: float
    high: float

    def covers(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell for each stored value whether it is padding.

        Parameters
        ----------
        stored
            Stored values, any shape.

        Returns
        -------
        ndarray
            Boolean, of the same shape.
        """
        if self.low == self.high:
            return stored == self.low
        return (stored >= self.low) & (stored <= self.high)


def read_padding(root: Attributes, *, bits: int, signed: bool) -> Padding | None:
    """Read Pixel Padding Value (0028,0120) and Range Limit (0028,0121).

    Parameters
    ----------
    root
        The data set.
    bits
        Bits Allocated.
    signed
        Whether stored values are signed; values written as US are then two's complement.

    Returns
    -------
    Padding or None
        None when there is none.
    """
    numbers = [root.number(tag) for tag in (tags.PixelPaddingValue, tags.PixelPaddingRangeLimit)]
    found = [number for number in numbers if number is not None]
    if numbers[0] is None:
        return None
    if signed:
        found = [n - (1 << bits) if n >= 1 << bits - 1 else n for n in found]
    else:
        found = [n + (1 << bits) if n < 0 else n for n in found]
    return Padding(min(found), max(found))


@dataclass(frozen=True, slots=True)
class RealWorldMapping:
    """A Real World Value Mapping (PS3.3 C.7.6.16.2.11): a meaning of stored values beside display.

    Parameters
    ----------
    first, last
        The stored values that it holds for.
    slope, intercept
        Value = stored * slope + intercept.
    units
        Code value of the units (UCUM), such as "{SUVbw}g/ml".
    label
        LUT Label (0040,9210).
    """

    first: float
    last: float
    slope: float
    intercept: float
    units: str
    label: str


def read_real_world(frame: FrameAttributes) -> tuple[RealWorldMapping, ...]:
    """Read the linear real-world value mappings of a frame.

    Parameters
    ----------
    frame
        The frame.

    Returns
    -------
    tuple of RealWorldMapping
        Mappings by table are left out.
    """
    found: list[RealWorldMapping] = []
    for group in (frame.own, frame.shared, frame.root):
        for item in group.items(tags.RealWorldValueMappingSequence) if group else ():
            mapping = _real_world(item)
            if mapping is not None:
                found.append(mapping)
        if found:
            break
    return tuple(found)


def _real_world(item: Attributes) -> RealWorldMapping | None:
    slope, intercept = (
        item.number(tags.RealWorldValueSlope),
        item.number(tags.RealWorldValueIntercept),
    )
    first, last = (
        item.number(whole) if whole in item else item.number(fraction)
        for whole, fraction in (
            (tags.RealWorldValueFirstValueMapped, tags.DoubleFloatRealWorldValueFirstValueMapped),
            (tags.RealWorldValueLastValueMapped, tags.DoubleFloatRealWorldValueLastValueMapped),
        )
    )
    if slope is None or intercept is None or first is None or last is None:
        return None
    units = item.item(tags.MeasurementUnitsCodeSequence)
    code = units.text(tags.CodeValue) if units is not None else ""
    return RealWorldMapping(first, last, slope, intercept, code, item.text(tags.LUTLabel))
