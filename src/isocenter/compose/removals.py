"""What becomes of attributes that somebody takes out or empties: gone, empty, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.dicom.iod import iod
from isocenter.dicom.validation.items import Item
from isocenter.dicom.validation.requirements import is_required, module_of, type_of
from isocenter.errors import CannotCompose

__all__ = ["staying_empty"]


def staying_empty(
    without: Mapping[int, bool],
    present: frozenset[int],
    sop_class_uid: str,
    data_set: Callable[[], Dataset],
) -> frozenset[int]:
    """Return the attributes that stay, empty, where somebody takes them out (Type 2).

    Parameters
    ----------
    without
        The attributes, by tag; whether each is taken out, or else emptied.
    present
        The attributes of the object as it will be, those that are emptied among them.
    sop_class_uid
        What it is; of unknown classes everything can be taken out.
    data_set
        Returns the object as it will be; called only where a condition decides.

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
    kinds = {tag: type_of(tag, present, known) for tag in without}
    conditional = [tag for tag, kind in kinds.items() if kind in ("1C", "2C")]
    item = Item(data_set()) if conditional else None
    required = {tag: is_required(item, tag, known) for tag in conditional} if item else {}
    found: set[int] = set()
    for tag, kind in kinds.items():
        condition = required.get(tag)
        if kind == "1" or (kind == "1C" and condition):
            module, why = condition or (module_of(tag, present, known), "Type 1")
            raise _refused(tag, module, why, taken_out=without[tag])
        if kind == "1C" and not without[tag]:
            raise _refused_empty(tag, module_of(tag, present, known))
        if without[tag] and (kind == "2" or (kind == "2C" and condition)):
            found.add(tag)
    return frozenset(found)


def _refused(tag: int, module: str, why: str, *, taken_out: bool) -> CannotCompose:
    return CannotCompose(
        f"{values.described(tag)} cannot be {'taken out' if taken_out else 'emptied'}: such an "
        f"object must have a value of it ({why}); leave it, or give another value.",
        tag=tag,
        module=module,
    )


def _refused_empty(tag: int, module: str) -> CannotCompose:
    return CannotCompose(
        f"{values.described(tag)} may be absent from such an object, but not empty (Type 1C); give "
        "a value, or take it out.",
        tag=tag,
        module=module,
    )
