"""Sides of the body: of what there is a left and a right one, and which of them images show."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose.reading import value_of
from isocenter.dicom.validation.conditions import PAIRED_BODY_PARTS

__all__ = ["is_paired", "side_of"]

_PAIRED_REGIONS = frozenset(
    {
        *("70258002", "40983000", "76752008", "80144004", "51299004", "117590005", "16953009"),
        *("81745001", "371398005", "363654007", "71341001", "7569003", "56459004", "85562004"),
        *("24136001", "29836001", "85050009", "72696002", "49076000", "30021000", "79601000"),
        *("16982005", "76505004", "29707007", "8205005", "74670003", "64033007", "23451007"),
        *("45289007", "14975008", "68367000", "40689003", "15497006", "53120007", "61685007"),
    }
)
"""SNOMED CT codes of Anatomic Region Sequence (0008,2218): limbs, their joints and bones, eye and
orbit, ear, breast, kidney, adrenal, parotid, testis and ovary (PS3.16 Annex L)."""
_SIDES = {"24028007": "R", "7771000": "L", "51440002": "B"}
"""SNOMED CT codes of Anatomic Region Modifier Sequence (0008,2220): right, left, both."""


def is_paired(data_set: Dataset) -> bool:
    """Tell whether images show what there is a left and a right one of, as far as they say it."""
    region, _ = _region(data_set)
    return region in _PAIRED_REGIONS or value_of(data_set, "BodyPartExamined") in PAIRED_BODY_PARTS


def side_of(data_set: Dataset) -> str:
    """Return the side that images show.

    Returns
    -------
    str
        R, L, B for both; U of what is not paired; an empty text where nothing says it.
    """
    said = [value_of(data_set, one) for one in ("ImageLaterality", "Laterality")]
    _, modifier = _region(data_set)
    found = next((one for one in (*said, modifier) if one in ("R", "L", "B")), "")
    return found or ("" if is_paired(data_set) else "U")


def _region(data_set: Dataset) -> tuple[str, str]:
    """Return the code of the anatomic region, and the side that its modifier says."""
    items: Any = value_of(data_set, "AnatomicRegionSequence")
    if not items:
        return "", ""
    modifiers: Any = value_of(items[0], "AnatomicRegionModifierSequence") or ()
    sides = (_SIDES.get(str(value_of(one, "CodeValue") or "")) for one in modifiers)
    return str(value_of(items[0], "CodeValue") or ""), next(filter(None, sides), "")
