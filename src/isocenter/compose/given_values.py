"""Values that somebody gives, held against what the standard says: one rule for all objects.

Form (VR), number (VM), the lists of the IOD, and what the items of a sequence must have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.element_values import checked_element, data_set_of
from isocenter.compose.private_elements import (
    check_creators,
    creator_in,
    creators_first,
    represented,
)
from isocenter.compose.sound_values import (
    attribute_types,
    complaint_of,
    expected_number,
    what_is_expected,
)
from isocenter.dicom import dictionary
from isocenter.dicom.iod import iod
from isocenter.dicom.validation.findings import Finding, Findings, Rule, Severity
from isocenter.dicom.validation.items import Element, Item
from isocenter.dicom.validation.requirements import check_items
from isocenter.errors import CannotCompose

__all__ = ["check_given", "given_element"]


def given_element(
    tag: int, value: Any, sop_class_uid: str = "", *, trusted_items: bool = False
) -> DataElement:
    """Return an element of a value that somebody gave, a Code String in capitals.

    Parameters
    ----------
    tag
        The attribute.
    value
        As `Composition` takes it: text, numbers, lists, mappings or data sets for items; or an
        element, whose VR was said with it.
    sop_class_uid
        What kind of object it is for; empty if that is not known yet.
    trusted_items
        Whether items were made by this software: there may be very many, and all are alike.

    Raises
    ------
    CannotCompose
        When it is no value of the attribute, by its VR, its VM or the lists of the IOD, none where
        there must be one, or an item lacks what such items have.
    """
    made = value if isinstance(value, DataElement) else _element(tag, value, trusted_items)
    if made.is_empty and attribute_types(sop_class_uid).get(tag) == "1":
        raise CannotCompose(
            f"{values.described(tag)} is given no value, which such an object cannot be without "
            "(Type 1); give one.",
            tag=tag,
        )
    if made.is_empty:
        return made
    _check_number(values.described(tag), tag, made.VR, made.VM)
    if expected := what_is_expected(sop_class_uid, made):
        raise CannotCompose(
            f"The value given for {values.described(tag)} cannot be; expected {expected}.", tag=tag
        )
    if made.VR == "SQ" and not trusted_items:
        _check_items(tag, Item(data_set_of([made]), part=True), sop_class_uid)
    return made


def check_given(said: Mapping[str, Any]) -> None:
    """Refuse values that go into items, by keyword, as `given_element` does; empty ones are none.

    Raises
    ------
    CannotCompose
        At the first that is no value of its attribute.
    """
    for keyword, value in said.items():
        if value:
            given_element(values.tag_of(keyword), value)


def _element(tag: int, value: Any, trusted_items: bool = False) -> DataElement:
    vr = values.vr_of(tag)
    if vr == "SQ" and value is not None and not trusted_items:
        return checked_element(tag, [_data_set(tag, one) for one in _items(tag, value)])
    return checked_element(tag, values.in_capitals(value, vr))


def _items(tag: int, value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping | Dataset):
        return (cast("Any", value),)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return cast("Iterable[Any]", value)
    raise _no_items(tag)


def _data_set(tag: int, item: Any) -> Dataset:
    if isinstance(item, Dataset):
        return item
    if not isinstance(item, Mapping):
        raise _no_items(tag)
    made = Dataset()
    try:
        for keyword, inner in creators_first(cast("Mapping[str, Any]", item)):
            inner_tag, vr = values.tag_of(keyword), values.representation_said(keyword)
            found = represented(inner_tag, inner, vr=vr, creator=creator_in(made))
            made.add(found if isinstance(found, DataElement) else _element(inner_tag, found))
        check_creators(map(int, made.keys()), creator_in(made))
    except CannotCompose as error:
        outer = CannotCompose(f"In {values.described(tag)}, {error}")
        outer.tag = error.tag
        raise outer from error
    return made


def _no_items(tag: int) -> CannotCompose:
    return CannotCompose(
        f"{values.described(tag)} is a sequence, and what was given are no items; expected "
        'mappings of keywords to values, such as {"CodeValue": "…", "CodeMeaning": "…"}.',
        tag=tag,
    )


def _check_number(name: str, tag: int, vr: str, count: int) -> None:
    if expected := expected_number(tag, vr, count):
        raise CannotCompose(
            f"{name} is given {count} value{'s' if count > 1 else ''}; expected {expected} (value "
            "multiplicity, PS3.6). Give as many, parted by \\ or as a list.",
            tag=tag,
        )


def _check_items(tag: int, part: Item, sop_class_uid: str) -> None:
    for item in part.items(tag):
        for inner in item.walk():
            _check_inside(inner)
    findings = Findings()
    check_items(part, tag, iod(sop_class_uid), findings)
    for one in findings.found:
        if one.severity is Severity.ERROR:
            raise _refused(one)


def _check_inside(item: Item) -> None:
    for element in item.elements.values():
        name = f"{values.described(element.tag)} of {item.path}"
        known = dictionary.attribute(element.tag)
        if known is not None and element.vr not in (*known.vr.split(" or "), "UN"):
            raise CannotCompose(
                f"{name} has the value representation {element.vr}; expected {known.vr} (PS3.6).",
                tag=element.tag,
            )
        if element.items is not None or element.is_empty:
            continue
        for text in _texts(element):
            if expected := complaint_of(element.vr, text):
                raise CannotCompose(
                    f"The value given for {name} cannot be; expected {expected}.", tag=element.tag
                )
        _check_number(name, element.tag, element.vr, len(element.values))


def _texts(element: Element) -> Iterator[str]:
    return (value for value in element.values if isinstance(value, str) and value)


def _refused(found: Finding) -> CannotCompose:
    """Return the error for what a check of the IOD found, which does not quote values."""
    what = "a value that is not listed" if found.rule is Rule.TERM else found.found
    condition = f" ({found.condition})" if found.condition else ""
    parent = found.path.rpartition("/")[0]
    where = f" of {parent}" if parent else ""
    return CannotCompose(
        f"{values.described(found.tag)}{where}: {what}; expected {found.expected}{condition}. "
        f"{found.remedy}.",
        tag=found.tag,
        module=found.module,
    )
