"""What a derived image keeps of its source: sound values, and all that its class asks for."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

from isocenter.compose import values
from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.header_bytes import Encoded, HeaderBytes, emptied, parsed
from isocenter.compose.sound_values import attribute_types, mended, what_is_expected
from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.errors import CannotCompose

__all__ = ["as_required", "sound_values"]

_TEXTS = frozenset(
    (b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST", b"TM",
     b"UC", b"UI", b"UR", b"UT")
)  # fmt: skip
_IDENTITY_REMOVED = 0x00120062
_METHODS = (0x00120063, 0x00120064)
_NEEDED = (0x00080060, 0x0020000D, 0x00200032)  # modality, study, place: nobody can guess them


def sound_values(
    source: HeaderBytes, changed: Encoded, sop_class_uid: str
) -> dict[int, bytes | None]:
    """Return what of a source is not kept as it is: mended, left out, or emptied.

    Parameters
    ----------
    source
        The header of the source.
    changed
        What differs from it anyway.
    sop_class_uid
        What is made of it.

    Raises
    ------
    CannotCompose
        When a value is none of its attribute, and the object cannot be without.
    """
    found: dict[int, bytes | None] = {}
    for tag, start, end in source.spans:
        if tag in changed or (tag >> 16) % 2 or source.data[start + 4 : start + 6] not in _TEXTS:
            continue
        data = source.data[start:end]
        kept = _sound(tag, data, source.terms, sop_class_uid)
        if kept != data:
            found[tag] = kept
    if not any(map(source.holds, _METHODS)):
        found[_IDENTITY_REMOVED] = None  # which may not stand without saying how
    return found


@lru_cache(maxsize=1024)
def _sound(tag: int, data: bytes, terms: tuple[str, ...], sop_class_uid: str) -> bytes | None:
    """Return an element as it can be; the same bytes where there is nothing to mend."""
    data_set = parsed(data, terms)
    present = data_set[tag]
    made = mended(present)
    if expected := what_is_expected(sop_class_uid, made):
        kind = attribute_types(sop_class_uid).get(tag, "3")
        if kind in ("3", "2C"):
            return emptied(tag, data) if kind == "2C" else None
        raise CannotCompose(
            f"{values.described(tag)} of the source cannot be; expected {expected}. Correct it "
            "there (`isocenter correct`), or set another.",
            tag=tag,
        )
    if made is present:
        return data
    data_set[tag] = made
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
