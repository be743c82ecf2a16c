"""What tells several volumes of one series apart: times, weightings, temporal positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isocenter.compose.values import tag_of, vr_of
from isocenter.errors import CannotCompose

__all__ = ["TagAxis", "tag_axis"]

_NUMBERS = frozenset({"DS", "IS", "FD", "FL", "US", "SS", "UL", "SL", "TM"})
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class TagAxis:
    """An attribute with a value for each volume.

    Parameters
    ----------
    keyword
        Which attribute.
    numbers
        Its values; of a time (TM) seconds of the day.
    """

    keyword: str
    numbers: tuple[float, ...]

    def attributes(self, index: int) -> dict[str, Any]:
        """Return what the images of one volume say."""
        values: dict[str, Any] = {self.keyword: self.value(index)}
        if self.keyword == "TemporalPositionIdentifier":
            values["NumberOfTemporalPositions"] = len(self.numbers)
        return values

    def value(self, index: int) -> Any:
        """Return the value of one volume as its VR has it."""
        number = self.numbers[index]
        match vr_of(tag_of(self.keyword)):
            case "TM":
                hours, rest = divmod(number % _DAY, 3600)
                return f"{int(hours):02}{int(rest // 60):02}{rest % 60:09.6f}"
            case "DS" | "FD" | "FL":
                return float(number)
            case _:
                return round(number)


def tag_axis(modality: str, count: int, tag: tuple[str, Sequence[float]] | None) -> TagAxis:
    """Return what tells `count` volumes apart.

    Parameters
    ----------
    modality
        CT, MR or PT.
    count
        How many volumes there are.
    tag
        Keyword and numbers; None for temporal positions from 1.

    Raises
    ------
    CannotCompose
        When the numbers are too few, not in order of size, or the attribute holds none.
    """
    if tag is None:
        if modality == "PT":
            raise CannotCompose(
                f"There are {count} volumes and no times; give `tag` the Frame Reference Times, "
                "such as ('FrameReferenceTime', [0, 60000]) in ms.",
                tag=0x00541300,
                module="PET Image",
            )
        return TagAxis("TemporalPositionIdentifier", tuple(range(1, count + 1)))
    keyword, numbers = tag[0], tuple(float(one) for one in tag[1])
    if vr_of(tag_of(keyword)) not in _NUMBERS:
        raise CannotCompose(f"{keyword} holds no number that could tell volumes apart.")
    if len(numbers) != count:
        raise CannotCompose(
            f"There are {len(numbers)} values of {keyword} for {count} volumes; give one for each.",
            tag=tag_of(keyword),
        )
    if not np.isfinite(numbers).all() or np.min(np.diff(numbers), initial=1.0) <= 0:
        raise CannotCompose(
            f"The values of {keyword} are not in ascending order; sort the volumes by them.",
            tag=tag_of(keyword),
        )
    return TagAxis(keyword, numbers)
