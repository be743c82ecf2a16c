"""Values of interest: windows and VOI LUTs (PS3.3 C.11.2, C.11.2.1.2)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isocenter.dicom import tags
from isocenter.errors import PixelDataError

from .attributes import Attributes
from .lookup_tables import LookupTable, read_lookup_table

__all__ = ["VoiFunction", "VoiTransform", "Window", "apply_voi", "full_window", "read_voi"]


class VoiFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """A window: which values are spread over the range of the display.

    Parameters
    ----------
    center, width
        Window Center (0028,1050) and Width (0028,1051), in output units of the modality
        transformation.
    function
        How values between the edges are spread.
    explanation
        Window Center & Width Explanation (0028,1055).

    Raises
    ------
    PixelDataError
        When the width is not positive. A LINEAR window narrower than 1, which the standard forbids
        and floating-point objects carry, is taken as LINEAR_EXACT.
    """

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR
    explanation: str = ""

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise PixelDataError(f"Window Width (0028,1051) is {self.width}; expected more than 0")
        if self.function is VoiFunction.LINEAR and self.width < 1:
            object.__setattr__(self, "function", VoiFunction.LINEAR_EXACT)

    def apply(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Spread values over 0 to 1 by the formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3.

        Parameters
        ----------
        values
            Output of the modality transformation, any shape.

        Returns
        -------
        ndarray
            0 (lowest output) to 1 (highest output).
        """
        x = values.astype(np.float64)
        match self.function:
            case VoiFunction.SIGMOID:
                # The exponent is bounded where exp would overflow; the result is 0 there anyway.
                power = np.minimum(-4 * (x - self.center) / self.width, 700)
                return 1 / (1 + np.exp(power))
            case VoiFunction.LINEAR_EXACT:
                return np.clip((x - self.center) / self.width + 0.5, 0, 1)
            case VoiFunction.LINEAR if self.width == 1:
                return (x > self.center - 0.5).astype(np.float64)
            case VoiFunction.LINEAR:
                return np.clip((x - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


VoiTransform: TypeAlias = Window | LookupTable


def apply_voi(values: NDArray[Any], transform: VoiTransform) -> NDArray[np.float64]:
    """Spread values over 0 to 1 by a window or a VOI LUT.

    Parameters
    ----------
    values
        Output of the modality transformation.
    transform
        The window or table.

    Returns
    -------
    ndarray
        0 to 1.
    """
    if isinstance(transform, Window):
        return transform.apply(values)
    return transform.apply(values) / ((1 << transform.bits) - 1)


def full_window(low: float, high: float, *, exact: bool = False) -> Window:
    """Make the window that spreads exactly the values from `low` to `high`.

    Parameters
    ----------
    low, high
        The values that become black and white; equal ones get a window of width 1.
    exact
        Whether values are fractions, for which the LINEAR function's half steps make no sense.

    Returns
    -------
    Window
        LINEAR, or LINEAR_EXACT for fractions.
    """
    if exact:
        return Window((low + high) / 2, (high - low) or 1.0, VoiFunction.LINEAR_EXACT)
    return Window((low + high + 1) / 2, high - low + 1)


def read_voi(
    attributes: Attributes, *, signed: bool
) -> tuple[tuple[VoiTransform, ...], tuple[str, ...]]:
    """Read the windows and then the VOI LUTs of a data set or functional group.

    Parameters
    ----------
    attributes
        Where they stand.
    signed
        Whether the modality transformation gives negative values.

    Returns
    -------
    transforms
        Those that are usable, in their order.
    problems
        A sentence for each that is not.
    """
    found: list[VoiTransform] = []
    problems: list[str] = []
    centers, widths = attributes.numbers(tags.WindowCenter), attributes.numbers(tags.WindowWidth)
    explanations = attributes.texts(tags.WindowCenterWidthExplanation)
    function = _function(attributes.text(tags.VOILUTFunction))
    for index, (center, width) in enumerate(zip(centers, widths, strict=False)):
        explanation = explanations[index] if index < len(explanations) else ""
        try:
            found.append(Window(center, width, function, explanation))
        except PixelDataError as problem:
            problems.append(str(problem))
    for item in attributes.items(tags.VOILUTSequence):
        try:
            found.append(read_lookup_table(item, signed=signed))
        except PixelDataError as problem:
            problems.append(f"VOI LUT Sequence (0028,3010): {problem}")
    return tuple(found), tuple(problems)


def _function(text: str) -> VoiFunction:
    try:
        return VoiFunction(text.upper() or "LINEAR")
    except ValueError:
        return VoiFunction.LINEAR
