"""Lookup tables as items of their sequences (PS3.3 C.11.1, C.11.2, C.11.6)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from isocenter.dicom import tags
from isocenter.pixels import LookupTable

__all__ = ["lookup_table_item"]


def lookup_table_item(table: LookupTable) -> Dataset:
    """Return the item of a Modality, VOI or Presentation LUT Sequence.

    Parameters
    ----------
    table
        Its first mapped value decides whether the descriptor is signed.
    """
    item = Dataset()
    signed = table.first < 0
    count = len(table.values) & 0xFFFF
    if signed and count > 0x7FFF:
        count -= 0x10000  # a signed descriptor holds large counts as two's complement
    item.add_new(tags.LUTDescriptor, "SS" if signed else "US", [count, table.first, table.bits])
    if table.explanation:
        item.LUTExplanation = table.explanation
    # Entries of 8 bits stand two in a word (PS3.3 C.11.1.1.1).
    data = table.values.astype(np.uint8 if table.bits == 8 else "<u2").tobytes()
    item.add_new(tags.LUTData, "OW", data + b"\0" * (len(data) % 2))
    return item
