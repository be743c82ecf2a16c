"""The axes of a series: what each index stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOR", "COLUMN", "ROW", "SLICE", "TAG", "Axis"]

TAG, SLICE, ROW, COLUMN, COLOR = "tag", "slice", "row", "column", "colour"


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One axis.

    Parameters
    ----------
    name
        `tag`, `slice`, `row`, `column` or `colour`.
    unit
        Of the values: `mm`, `ms`, `s/mm2`; empty for plain numbers.
    values
        What each index stands for: mm from the first pixel along rows and columns, mm along the
        normal for slices, the sorting attribute's numbers for tags.
    keyword
        The attribute that the tag axis is sorted by; empty for other axes.
    """

    name: str
    unit: str
    values: NDArray[np.float64]
    keyword: str = ""

    def __len__(self) -> int:
        return len(self.values)
