"""What a derived image keeps of its source: sound values, and all that its class asks for."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.valuerep import VR

from isocenter.compose import values
from isocenter.compose.composed import Origin, Provenance
from isocenter.compose.copied_items import MENDED_ITEMS, mended_items
from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.header_bytes import Encoded, HeaderBytes, emptied, parsed
from isocenter.compose.left_out import LeftOut, cannot_be
from isocenter.compose.sound_values import (
    METHOD_OF_REMOVAL,
    expected_number,
    how_mended,
    may_be_left_out,
    mended,
    stays_empty,
    what_is_expected,
)
from isocenter.compose.unsound_items import leave_out_inside
from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.dicom.validation.conditions import PAIRED_BODY_PARTS
from isocenter.errors import CannotCompose

__all__ = ["Kept", "as_required", "sound_values"]

_CHECKED = frozenset(
    (b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"SQ", b"ST",
     b"TM", b"UC", b"UI", b"UR", b"US", b"UT")
)  # fmt: skip
_REPRESENTATIONS = frozenset(one.value.encode() for one in VR if len(one.value) == 2)
_BYTES = {b"AT": 4, b"FD": 8, b"FL": 4, b"SL": 4, b"SS": 2, b"UL": 4}
"""Of one value where only the number of values can be wrong."""

_IDENTITY_REMOVED = 0x00120062
_METHODS = (0x00120063, 0x00120064)
_LATERALITY, _BODY_PART = 0x00200060, 0x00180015
_NEEDED = (0x00080060, 0x0020000D, 0x00200032)  # modality, study, place: nobody can guess them


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a source is not kept as it is.

    Parameters
    ----------
    elements
        Mended, emptied, or None for what is left out.
    left_out
        What was wrong about those that are left out or emptied.
    provenance
        How others were mended.
    """

    elements: Encoded
    left_out: tuple[LeftOut, ...]
    provenance: Mapping[int, Provenance]


@dataclass(frozen=True, slots=True)
class _Sound:
    """An element as it can be, and what was left out of it; None for all of it."""

    data: bytes | None
    left_out: tuple[LeftOut, ...] = ()
    mended: str = ""

    @property
    def is_without_value(self) -> bool:
        return any(not one.path for one in self.left_out)


def sound_values(source: HeaderBytes, changed: Encoded, sop_class_uid: str, name: str) -> Kept:
    """Return what of a source is not kept as it is, and why.

    Parameters
    ----------
    source
        The header of the source.
    changed
        What differs from it anyway.
    sop_class_uid
        What is made of it.
    name
        How the source is called.

    Raises
    ------
    CannotCompose
        When a value is none of its attribute, and the object cannot be without.
    """
    elements: dict[int, bytes | None] = {}
    left_out: list[LeftOut] = []
    provenance: dict[int, Provenance] = {}
    for tag, start, end in source.spans:
        if tag in changed or (tag >> 16) % 2:
            continue
        vr = source.data[start + 4 : start + 6]
        checked = vr in _CHECKED or vr not in _REPRESENTATIONS
        if not checked and not _is_miscounted(tag, vr, end - start - 8):
            continue
        data = source.data[start:end]
        kept = _sound(tag, data, source.terms, sop_class_uid)
        if kept.is_without_value:
            _refuse_needed(tag, kept, sop_class_uid, name)
        left_out += (replace(one, sources=(name,)) for one in kept.left_out)
        if kept.mended:
            provenance[tag] = Provenance(Origin.COPIED, f"{name}, {kept.mended}")
        if kept.data != data:
            elements[tag] = kept.data
    _without_unpaired_side(source, elements)
    if _IDENTITY_REMOVED not in changed and not any(map(source.holds, _METHODS)):
        removed = source.text(_IDENTITY_REMOVED)
        if removed.upper() != "NO":
            elements[_IDENTITY_REMOVED] = None
            provenance.pop(_IDENTITY_REMOVED, None)
        if removed.upper() == "YES":
            left_out.append(LeftOut.of(_IDENTITY_REMOVED, removed, METHOD_OF_REMOVAL, name))
    return Kept(elements, tuple(left_out), provenance)


@lru_cache(maxsize=1024)
def _is_miscounted(tag: int, vr: bytes, size: int) -> bool:
    size_of_one = _BYTES.get(vr)
    if size_of_one is None:
        return False
    count, rest = divmod(size, size_of_one)
    return bool(rest or expected_number(tag, vr.decode("ascii"), count))


def _refuse_needed(tag: int, kept: _Sound, sop_class_uid: str, name: str) -> None:
    if not may_be_left_out(tag, sop_class_uid):
        raise cannot_be(tag, name, kept.left_out[0].expected)


def _without_unpaired_side(source: HeaderBytes, elements: dict[int, bytes | None]) -> None:
    """Leave Laterality out, instead of empty, where the body part is none of a pair."""
    part = source.text(_BODY_PART).upper()
    if elements.get(_LATERALITY) and part and part not in PAIRED_BODY_PARTS:
        elements[_LATERALITY] = None


@lru_cache(maxsize=1024)
def _sound(tag: int, data: bytes, terms: tuple[str, ...], sop_class_uid: str) -> _Sound:
    """Return an element as it can be; the same bytes where there is nothing to mend.

    One of a value representation that there is not gets its own.
    """
    data_set = parsed(data, terms)
    present = data_set[tag]
    items = present.VR == "SQ"
    made = mended_items(present) if items else mended(present)
    left_out: tuple[LeftOut, ...] = ()
    if items:
        left_out = leave_out_inside(made, sop_class_uid, "")
    elif expected := what_is_expected(sop_class_uid, made):
        left_out = (LeftOut.of(tag, present.value, expected),)
    if any(not one.path for one in left_out):
        return _Sound(emptied(tag, data) if stays_empty(tag, sop_class_uid) else None, left_out)
    if made is present and not left_out and data[4:6] in _REPRESENTATIONS:
        return _Sound(data)
    how = "" if made is present else MENDED_ITEMS if items else how_mended(made.VR)
    data_set[tag] = made
    return _Sound(_encoded(data_set, terms), left_out, how)


def _encoded(data_set: Dataset, terms: tuple[str, ...]) -> bytes:
    return b"".join(encoded_data_set(data_set, EXPLICIT_LITTLE, terms))


def as_required(
    elements: Encoded, source: HeaderBytes, sop_class_uid: str
) -> Mapping[int, bytes | None]:
    """Keep what a class cannot be without, or leave it empty; supply what the source forgot.

    Raises
    ------
    CannotCompose
        When the source does not say what the class cannot be without.
    """
    result = dict(elements)
    for tag, kind in derivation_tables.required_types(sop_class_uid).items():
        if kind == "1":
            if result.get(tag) is None:
                result.pop(tag, None)
                _refuse_missing(source, tag)
        elif result.get(tag, b"") is None:
            present = source.element(tag)
            result[tag] = _empty(tag) if present is None else emptied(tag, present)
        elif tag not in result and not source.has(tag):
            result[tag] = _empty(tag)
    return result


def _refuse_missing(source: HeaderBytes, tag: int) -> None:
    if tag in _NEEDED and not source.holds(tag):
        raise CannotCompose(
            f"The source has no {values.described(tag)}, which such an image cannot be without. "
            "Add it there (`isocenter correct`), or set it.",
            tag=tag,
        )


def _empty(tag: int) -> bytes:
    vr = values.vr_of(tag).encode("ascii")
    return emptied(tag, struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, 0))
