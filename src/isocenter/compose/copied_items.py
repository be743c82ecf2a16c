"""Items of sequences that are copied from a source: mended, and held against their VRs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.left_out import LeftOut
from isocenter.compose.sound_values import mended, what_is_expected

__all__ = ["MENDED_ITEMS", "mended_items", "wrong_inside"]

MENDED_ITEMS = "its items mended"
"""What `mended_items` does, in words."""


def mended_items(found: DataElement) -> DataElement:
    """Return a sequence with what is only written wrongly in its items as it should be.

    Parameters
    ----------
    found
        The sequence, which is the caller's own: its items are changed.

    Returns
    -------
    DataElement
        `found` itself where there was nothing to mend.
    """
    changed = False
    for item in _items(found):
        for inner in list(item):
            made = mended_items(inner) if inner.VR == "SQ" else mended(inner)
            if made is not inner:
                item[inner.tag] = made
                changed = True
    return DataElement(found.tag, "SQ", found.value) if changed else found


def wrong_inside(found: DataElement, source: str) -> LeftOut | None:
    """Return what to say of the first value in the items of a sequence that cannot be."""
    for item in _items(found):
        for inner in item.iterall():
            if inner.tag.is_private:
                continue
            if expected := what_is_expected("", inner):
                inside = f"in its items {values.described(int(inner.tag))}: {expected}"
                return LeftOut.of(int(found.tag), inner.value, inside, source)
    return None


def _items(found: DataElement) -> Iterator[Dataset]:
    items: Any = found.value or ()
    yield from items
