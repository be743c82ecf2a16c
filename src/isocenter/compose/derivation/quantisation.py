"""Numbers as integers that pixel data holds, with the rescale that gives them back."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose import values
from isocenter.errors import CannotCompose

__all__ = ["Limits", "Range", "StoredForm", "fitting_form", "new_form", "notes_on_rounding"]

_ENOUGH_STEPS = 256
_MODULE = "Image Pixel"


@dataclass(frozen=True, slots=True)
class StoredForm:
    """How values are stored: value = stored * slope + intercept.

    Parameters
    ----------
    bits_allocated, bits_stored, signed
        What the Image Pixel module says (PS3.3 C.7.6.3).
    slope, intercept
        Rescale Slope and Intercept.
    padding
        The stored value that stands for no measurement; None without one.
    error
        The largest difference between a value and what is stored of it; 0 when all are exact.
    """

    bits_allocated: int
    bits_stored: int
    signed: bool
    slope: float = 1.0
    intercept: float = 0.0
    padding: int | None = None
    error: float = 0.0

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and highest stored value."""
        if self.signed:
            half = 1 << (self.bits_stored - 1)
            return -half, half - 1
        return 0, (1 << self.bits_stored) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """The little-endian NumPy type of stored values."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.bits_allocated // 8}")

    def holds(self, low: float, high: float) -> bool:
        """Tell whether values from `low` to `high` have stored values."""
        ends = [round((value - self.intercept) / self.slope) for value in (low, high)]
        bounds = self.bounds
        return bounds[0] <= min(ends) and max(ends) <= bounds[1]

    def stored(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return stored values of values; NaN becomes padding."""
        if array.dtype.kind in "iu" and self.slope == 1 and float(self.intercept).is_integer():
            shift = int(self.intercept)
            return (array - shift if shift else array).astype(self.dtype, copy=False)
        scaled = np.rint((array - self.intercept) / self.slope)
        if self.padding is not None:
            scaled = np.where(np.isnan(scaled), self.padding, scaled)
        return scaled.astype(self.dtype)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a SOP Class leaves free.

    Parameters
    ----------
    intercept_zero
        Rescale Intercept is always 0 (PET, PS3.3 C.8.9.4).
    identity
        There is no other rescale than the identity (DX, MG, PS3.3 C.8.11.3; XA, US, NM).
    eight_bits
        Samples have 8 bits.
    """

    intercept_zero: bool = False
    identity: bool = False
    eight_bits: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """What there is to store.

    Parameters
    ----------
    low, high
        The lowest and highest value.
    whole
        Whether all are whole numbers.
    undefined
        Whether some are NaN, and so need a padding value.
    """

    low: float
    high: float
    whole: bool
    undefined: bool = False

    @classmethod
    def of(cls, array: NDArray[Any]) -> Range:
        """Measure an array; infinite values are left to `fitting_form` to refuse."""
        if array.ndim > 2:  # one part after the other, which takes no memory of its size
            return functools.reduce(lambda one, other: one | other, map(cls.of, array))
        if array.dtype.kind in "iub":
            return cls(float(array.min()), float(array.max()), whole=True)
        low, high = float(np.min(array)), float(np.max(array))
        undefined = bool(np.isnan(low))
        if undefined:
            array = array[~np.isnan(array)]
            if not array.size:
                return cls(np.inf, -np.inf, whole=True, undefined=True)
            low, high = float(array.min()), float(array.max())
        return cls(low, high, _is_whole(array), undefined)

    def __or__(self, other: Range) -> Range:
        return Range(
            min(self.low, other.low),
            max(self.high, other.high),
            self.whole and other.whole,
            self.undefined or other.undefined,
        )


def _is_whole(array: NDArray[Any]) -> bool:
    """Tell whether all numbers are whole; the first few tell most arrays apart."""
    some = array.reshape(-1)[:1024]
    return all(np.array_equal(part, np.rint(part)) for part in (some, array))


def fitting_form(
    present: StoredForm, found: Range, *, precision: float | None = None, limits: Limits
) -> StoredForm:
    """Choose how values are stored.

    Whole numbers are exact. Others keep the step of the source where that tells at least 256 of
    them apart; else 16 bits are used in full.

    Parameters
    ----------
    present
        The form of the source.
    found
        What there is to store.
    precision
        The largest error allowed, in the unit of the values.
    limits
        What the SOP Class leaves free.

    Raises
    ------
    CannotCompose
        When there are values that are infinite or undefined without a padding value, or whole
        numbers over a wider range than fits, or the precision asked for cannot be had.
    """
    _check_defined(present, found)
    if found.low > found.high:
        return present  # nothing but padding
    form = _form(present, found, precision, limits)
    if found.undefined or present.padding is not None:
        form = replace(form, padding=_padding(form, present.padding, found))
    return form


def notes_on_rounding(error: float) -> tuple[str, ...]:
    """Return what to say of the largest error of values; nothing where all are exact."""
    return (f"values are rounded, by {error:.3g} at most",) if error else ()


def new_form(found: Range, *, limits: Limits) -> StoredForm:
    """Choose how values are stored that have no source: whole numbers exactly, others in 16 bits.

    Parameters
    ----------
    found
        What there is to store; nothing undefined or infinite.
    limits
        What the SOP Class leaves free.

    Raises
    ------
    CannotCompose
        When whole numbers take more than 16 bits.
    """
    if found.whole:
        return _whole(found, 1, limits)
    return _full(found, None, 1, limits, signed=False)


def _form(present: StoredForm, found: Range, precision: float | None, limits: Limits) -> StoredForm:
    room = 2 if found.undefined else 1
    whole_steps = present.slope == 1 and float(present.intercept).is_integer()
    if (found.whole and whole_steps) or (not found.whole and _fine(present, found, precision)):
        exact = found.whole and whole_steps
        if present.holds(found.low, found.high) and _room(present, found, room):
            return replace(present, error=0.0 if exact else abs(present.slope) / 2)
    if limits.identity or limits.eight_bits:
        return _identity(present, found, precision, limits)
    if found.whole:
        return _whole(found, room, limits)
    return _full(found, precision, room, limits, present.signed)


def _check_defined(present: StoredForm, found: Range) -> None:
    if found.undefined and present.padding is None:
        raise CannotCompose(
            "Some pixels are NaN, and the source has no Pixel Padding Value that could stand for "
            "them; give them a number.",
            tag=0x00280120,
            module=_MODULE,
        )
    if np.isinf([found.low, found.high]).any() and found.low <= found.high:
        raise CannotCompose(
            "Some pixels are infinite, which no rescale gives; give them a number.",
            tag=0x7FE00010,
            module=_MODULE,
        )


def _fine(present: StoredForm, found: Range, precision: float | None) -> bool:
    """Tell whether the step of the source is good enough for fractions."""
    if precision is not None:
        return abs(present.slope) / 2 <= precision
    return (found.high - found.low) / abs(present.slope) >= _ENOUGH_STEPS


def _room(form: StoredForm, found: Range, room: int) -> bool:
    low, high = form.bounds
    steps = round((found.high - found.low) / abs(form.slope))
    return steps + room <= high - low + 1


def _identity(
    present: StoredForm, found: Range, precision: float | None, limits: Limits
) -> StoredForm:
    bits = 8 if limits.eight_bits else 16
    for signed in dict.fromkeys((present.signed, False, True)):
        if limits.eight_bits and signed:
            continue
        form = StoredForm(bits, bits, signed, error=0.0 if found.whole else 0.5)
        if form.holds(found.low, found.high) and (precision is None or form.error <= precision):
            return form
    raise CannotCompose(
        f"Values from {found.low:g} to {found.high:g} are no whole numbers of {bits} bits, and "
        "this kind of image has no rescale for them; bring them to the range of the source.",
        tag=0x00281053,
        module="Modality LUT",
    )


def _whole(found: Range, room: int, limits: Limits) -> StoredForm:
    for signed in (True, False):
        form = StoredForm(16, 16, signed)
        if form.holds(found.low, found.high):
            return form
    if found.high - found.low + room <= 1 << 16 and not limits.intercept_zero:
        return StoredForm(16, 16, signed=False, intercept=found.low)
    raise CannotCompose(
        f"The whole numbers from {found.low:g} to {found.high:g} take more than 16 bits, which is "
        "what this kind of image holds; give floating-point numbers to have them rounded, or make "
        "a Parametric Map of them (`isocenter compose pm`).",
        tag=0x00280101,
        module=_MODULE,
    )


def _full(
    found: Range, precision: float | None, room: int, limits: Limits, signed: bool
) -> StoredForm:
    if limits.intercept_zero:
        signed = found.low < 0
        largest = max(abs(found.low), abs(found.high))
        slope, intercept = largest / (32767 - room if signed else 65535 - room), 0.0
    else:
        slope = (found.high - found.low) / (65535 - room)
        intercept = found.low + (32769 - room) * slope if signed else found.low
    slope = _written(slope) or 1.0
    if precision is not None and slope / 2 > precision:
        raise CannotCompose(
            f"16 bits hold values from {found.low:g} to {found.high:g} with an error of up to "
            f"{slope / 2:.3g}, more than {precision:g}; allow that, or make a Parametric Map "
            "(`isocenter compose pm`), which holds floating-point numbers.",
            tag=0x00281053,
            module="Modality LUT",
        )
    return StoredForm(16, 16, signed, slope, _written(intercept), error=slope / 2)


def _written(number: float) -> float:
    """Return the number that a Decimal String says, of which there are 16 characters."""
    return float(values.decimal(number))


def _padding(form: StoredForm, wanted: int | None, found: Range) -> int:
    """Return a stored value that no pixel has, the source's own where it is free."""
    ends = [round((value - form.intercept) / form.slope) for value in (found.low, found.high)]
    low, high = form.bounds
    free = [
        one
        for one in (wanted, low, high, min(ends) - 1, max(ends) + 1)
        if one is not None and low <= one <= high and not min(ends) <= one <= max(ends)
    ]
    if not free:
        raise CannotCompose(
            "The pixels take every stored value, and none is left for padding.",
            tag=0x00280120,
            module=_MODULE,
        )
    return free[0]
