"""What becomes of attributes that somebody takes out or empties: gone, empty, or refused."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.dicom.iod import iod
from isocenter.dicom.validation.items import Item
from isocenter.dicom.validation.requirements import is_required, module_of, type_of
from isocenter.errors import CannotCompose

__all__ = ["staying_empty"]


def staying_empty(
    without: Mapping[int, bool], data_set: Dataset, sop_class_uid: str
) -> frozenset[int]:
    """Return the attributes that stay, empty, where somebody takes them out (Type 2).

    Parameters
    ----------
    without
        The attributes, by tag; whether each is taken out, or else emptied.
    data_set
        The object as it will be: without those that are taken out, the others empty.
    sop_class_uid
        What it is; of unknown classes everything can be taken out.

    Raises
    ------
    CannotCompose
        When the object cannot be without a value of one (Type 1, and 1C where its condition holds,
        or where it would be empty).

    References
    ----------
    PS3.5 7.4.
    """
    known = iod(sop_class_uid) if without else None
    if known is None:
        return frozenset()
    present = frozenset(map(int, data_set.keys()))
    kinds = {tag: type_of(tag, present, known) for tag in without}
    conditional = any(kind in ("1C", "2C") for kind in kinds.values())
    item = Item(data_set) if conditional else None
    found: set[int] = set()
    for tag, kind in kinds.items():
        required = is_required(item, tag, known) if item is not None else None
        if kind == "1":
            raise _refused(tag, module_of(tag, present, known), "Type 1")
        if kind == "1C" and required:
            raise _refused(tag, required[0], f"Type 1C, {required[1]}")
        if kind == "1C" and not without[tag]:
            module = module_of(tag, present, known)
            raise CannotCompose(
                f"{values.described(tag)} may be absent from such an object, but not empty (Type "
                "1C); give a value, or take it out.",
                tag=tag,
                module=module,
            )
        if without[tag] and (kind == "2" or (kind == "2C" and required)):
            found.add(tag)
    return frozenset(found)


def _refused(tag: int, module: str, why: str) -> CannotCompose:
    return CannotCompose(
        f"{values.described(tag)} cannot be taken out: such an object must have a value of it "
        f"({why}); leave it, or give another value.",
        tag=tag,
        module=module,
    )
