"""Which images and frames a part of a presentation state is for (PS3.3 C.11.11, Table 10-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from isocenter.errors import InvalidAttribute
from isocenter.pixels.attributes import Attributes
from isocenter.pixels.presentation.items import Item, Said
from isocenter.pixels.presentation.spellings import INTEGERS, TEXT, Spelling

__all__ = ["ReferencedImage", "applies"]


class _Frames(Spelling):
    """Numbers of frames; as none means all, what cannot be read must not count as none."""

    def read(self, attributes: Attributes, tag: int, problems: list[str]) -> Any:
        numbers = INTEGERS.read(attributes, tag, problems)
        if numbers is None and any(attributes.values(tag)):
            raise InvalidAttribute("ReferencedFrameNumber (0008,1160) cannot be read", tag)
        return numbers

    def canonical(self, value: Any) -> Any:
        return INTEGERS.canonical(value)

    def plain(self, value: Any) -> Any:
        return INTEGERS.plain(value)


@dataclass(frozen=True, kw_only=True)
class ReferencedImage(Item):
    """One image, or frames of it.

    Parameters
    ----------
    sop_instance_uid
        Which image.
    frames
        Counted from 1; empty for all.
    sop_class_uid, series_instance_uid
        What it is and where; a presentation state that is being made takes them from its sources.
    """

    sop_instance_uid: Annotated[str, Said("ReferencedSOPInstanceUID", TEXT)]
    frames: Annotated[tuple[int, ...], Said("ReferencedFrameNumber", _Frames())] = ()
    sop_class_uid: Annotated[str, Said("ReferencedSOPClassUID", TEXT)] = field(
        default="", compare=False
    )
    series_instance_uid: str = field(default="", compare=False)

    def covers(self, sop_instance_uid: str, frame: int) -> bool:
        """Tell whether a frame of an image is meant."""
        same = self.sop_instance_uid == sop_instance_uid
        return same and (not self.frames or frame in self.frames)


def applies(images: Sequence[ReferencedImage], sop_instance_uid: str, frame: int) -> bool:
    """Tell whether something that is for `images`, or for all when empty, is for a frame."""
    return not images or any(one.covers(sop_instance_uid, frame) for one in images)
