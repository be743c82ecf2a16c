"""Items of sequences that are copied from a source: mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose.reading import mark_torn, readable
from isocenter.compose.sound_values import mended

__all__ = ["MENDED_ITEMS", "items_of", "mended_items"]

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
    for item in items_of(found):
        if not readable(item):
            mark_torn(item)
            changed = True
        for inner in list(item):
            made = mended_items(inner) if inner.VR == "SQ" else mended(inner)
            if made is not inner:
                item[inner.tag] = made
                changed = True
    return DataElement(found.tag, "SQ", found.value) if changed else found


def items_of(found: DataElement) -> Iterator[Dataset]:
    """Yield the items of a sequence."""
    items: Any = found.value or ()
    yield from items
