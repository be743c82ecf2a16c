"""Elements made of plain values: decimal strings cut to size, mappings as items, checked."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import PersonName

from isocenter.compose import values
from isocenter.compose.repeated_items import RepeatedItems
from isocenter.errors import CannotCompose

__all__ = ["checked_element", "copied_element", "data_set_of", "element", "prepared"]

_FLOATS = frozenset({"FD", "FL"})
_INTEGERS = frozenset({"SL", "SS", "UL", "US"})
_PLAIN_TEXT = frozenset({"CS", "DA", "LO", "LT", "SH", "ST", "TM", "UT"})
_EXPECTED = {
    "AE": "at most 16 characters",
    "AS": "three digits and D, W, M or Y, such as 045Y",
    "CS": "at most 16 capitals, digits, spaces and underscores",
    "DA": "YYYYMMDD",
    "DS": "a decimal number",
    "DT": "YYYYMMDDHHMMSS.FFFFFF&ZZXX",
    "IS": "a whole number of 32 bits",
    "LO": "at most 64 characters",
    "LT": "at most 10240 characters",
    "PN": "at most 64 characters in each component group",
    "SH": "at most 16 characters",
    "ST": "at most 1024 characters",
    "TM": "HHMMSS.FFFFFF",
    "UI": "at most 64 digits and dots",
    "US": "a whole number from 0 to 65535",
}
_SHARED = (str, int, float, bytes, PersonName)


def element(tag: int, value: Any) -> DataElement:
    """Return an element of a value that this software made, as its VR wants it.

    Parameters
    ----------
    tag
        `0xGGGGEEEE`.
    value
        Text, numbers, lists of these, mappings or data sets for items; None for no value.
    """
    vr = values.vr_of(tag)
    # What needs no conversion is not handed to pydicom's, which takes ten times as long.
    if isinstance(value, str) and "\\" not in value and (vr in _PLAIN_TEXT or vr == "UI"):
        told = str.__new__(UID, value.strip()) if vr == "UI" else value
        return DataElement(BaseTag(tag), vr, told, already_converted=True)
    if (isinstance(value, int) and vr in _INTEGERS) or (value is None and vr in _PLAIN_TEXT):
        return DataElement(BaseTag(tag), vr, value, already_converted=True)
    if vr in _FLOATS and isinstance(value, list) and len(cast("list[Any]", value)) > 1:
        floats = MultiValue(float, cast("list[float]", value))
        return DataElement(BaseTag(tag), vr, floats, already_converted=True)
    return DataElement(BaseTag(tag), vr, prepared(tag, value))


def checked_element(tag: int, value: Any, *, vr: str = "") -> DataElement:
    """Return an element of a value that somebody else gave.

    Parameters
    ----------
    tag
        `0xGGGGEEEE`.
    value
        See `element`.
    vr
        Its value representation; by default the data dictionary's.

    Raises
    ------
    CannotCompose
        When it is no value of the attribute's VR; the value itself is not quoted.
    """
    vr = vr or values.vr_of(tag)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return DataElement(
                BaseTag(tag), vr, prepared(tag, value, vr), validation_mode=config.RAISE
            )
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        expected = f"; expected {_EXPECTED[vr]}" if vr in _EXPECTED else ""
        raise CannotCompose(
            f"The value given for {values.described(tag)} is no {vr} (PS3.5 6.2){expected}.",
            tag=tag,
        ) from error


def copied_element(source: DataElement) -> DataElement:
    """Return an element that can be changed without changing `source`."""
    value: Any = source.value
    # What is shared need not be copied, and pydicom's items take ten times as long by deepcopy.
    items = cast("list[Dataset]", value) if type(value) is DicomSequence else None
    if items is not None and all(type(item) is Dataset for item in items):
        value = DicomSequence(map(_copied_item, items))
    elif value is not None and not isinstance(value, _SHARED):
        return copy.deepcopy(source)
    made = object.__new__(DataElement)
    vars(made).update(vars(source), _value=value)
    return made


def prepared(tag: int, value: Any, vr: str = "") -> Any:
    """Return `value` as its VR wants it: decimal strings cut to size, mappings as items."""
    vr = vr or values.vr_of(tag)
    if value is None:
        return [] if vr == "SQ" else None
    if vr == "DS" and not isinstance(value, str):
        if isinstance(value, Iterable):
            return values.decimals(cast("Iterable[float]", value))
        return values.decimal(value)
    if vr == "SQ":
        if isinstance(value, RepeatedItems):
            return value
        one_item = isinstance(value, Mapping | Dataset)
        items = cast("Iterable[Mapping[str, Any] | Dataset]", [value] if one_item else value)
        return DicomSequence([_item(one) for one in items])
    return value


def _item(one: Mapping[str, Any] | Dataset) -> Dataset:
    if isinstance(one, Dataset):
        return one
    return data_set_of(element(values.tag_of(keyword), value) for keyword, value in one.items())


_FIELDS = vars(Dataset())
_TABLES = tuple(name for name in _FIELDS if isinstance(_FIELDS[name], dict) and name != "_dict")


def _copied_item(item: Dataset) -> Dataset:
    """Return an item that can be changed; what nobody has read yet cannot be, and is shared."""
    made = data_set_of(())
    tables = {name: vars(made)[name] for name in _TABLES}
    vars(made).update(vars(item), **tables)
    vars(made)["_dict"] = {
        tag: copied_element(one) if isinstance(one, DataElement) else one
        for tag, one in item.items()
    }
    return made


def data_set_of(elements: Iterable[DataElement]) -> Dataset:
    """Return a data set of elements, as `Dataset` makes one of a mapping.

    There may be hundreds of thousands of items in an object, and most of the time would go into
    how a new data set looks at the names of its own fields.
    """
    made = object.__new__(Dataset)
    fields = vars(made)
    fields.update(_FIELDS)
    for name in _TABLES:
        fields[name] = _FIELDS[name].copy()
    fields["_dict"] = {one.tag: one for one in elements}
    return made
