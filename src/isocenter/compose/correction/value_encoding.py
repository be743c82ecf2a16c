"""Single elements encoded by pydicom for any layout and character set."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any, cast

from pydicom.charset import convert_encodings, python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from isocenter.compose import data_set_encoding, values
from isocenter.compose.element_values import prepared
from isocenter.dicom import Header
from isocenter.dicom.character_sets import character_set as way_to_decode
from isocenter.dicom.encoding import Layout
from isocenter.errors import CannotCompose

__all__ = ["CHARACTER_SET", "encoded_element", "encoded_texts", "holds", "relabelled"]

CHARACTER_SET = 0x00080005
_ASCII = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})
_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})

_reader: Any = vars(importlib.import_module("pydicom.filereader"))["read_dataset"]


def encoded_element(
    tag: int, value: Any, layout: Layout, character_set: Sequence[str], *, vr: str | None = None
) -> bytes:
    """Encode one element.

    Parameters
    ----------
    tag
        `0xGGGGEEEE`.
    value
        As `Composition` takes it: text, numbers, lists, mappings for items; empty text for none;
        or an element, which is encoded as it is.
    layout
        How the data set around it is laid out.
    character_set
        The values of its Specific Character Set (0008,0005); empty for ASCII.
    vr
        The value representation, for private elements.

    Raises
    ------
    CannotCompose
        When the value does not fit the value representation.
    """
    if isinstance(value, DataElement):
        return _encoded_as_it_is(value, layout, character_set)
    if isinstance(value, str):
        return _encoded_text(tag, value, layout, tuple(character_set), vr)
    return _encoded(tag, value, layout, character_set, vr)


def _encoded_as_it_is(element: DataElement, layout: Layout, character_set: Sequence[str]) -> bytes:
    try:
        return data_set_encoding.encoded_element(element, layout, character_set)
    except (CannotCompose, ValueError, TypeError, AttributeError) as error:
        raise _no_value(int(element.tag), element.VR) from error


def _no_value(tag: int, vr: str) -> CannotCompose:
    return CannotCompose(
        f"What was given is no value of {values.described(tag)}, which is {vr} (PS3.5 6.2).",
        tag=tag,
    )


def _encoded(
    tag: int, value: Any, layout: Layout, character_set: Sequence[str], vr: str | None
) -> bytes:
    representation = vr or values.vr_of(tag)
    try:
        element = DataElement(tag, representation, prepared(tag, value) if vr is None else value)
        return data_set_encoding.encoded_element(element, layout, character_set)
    except (CannotCompose, ValueError, TypeError, AttributeError) as error:
        raise _no_value(tag, representation) from error


_encoded_text = lru_cache(256)(_encoded)  # one object after another gets the same text


def holds(many: Iterable[Any], character_set: Sequence[str]) -> bool:
    """Tell whether text of values can be written in a Specific Character Set."""
    text = "".join(_strings(many))
    if text.isascii():
        return True
    codecs = convert_encodings(list(character_set) or None)
    for codec in codecs:
        try:
            text.encode(codec)
        except UnicodeEncodeError:
            continue
        return codec != "iso8859" or bool(character_set)
    return False


def relabelled(wanted: Mapping[int, Any], head: bytes, header: Header) -> list[str]:
    """Give the Specific Character Set that a correction puts in the place of a wrong one.

    Parameters
    ----------
    wanted
        What is corrected, Specific Character Set among it; the other texts keep their bytes.
    head
        The data set up to Pixel Data.
    header
        What a scan found in it.

    Raises
    ------
    CannotCompose
        When there is no such set, or texts of the object are none of it.

    References
    ----------
    PS3.3 C.12.1.1.2
    """
    given = wanted[CHARACTER_SET]
    said: list[str] = str(given).split("\\") if isinstance(given, str) else list(given or ())
    terms = [term.strip() for term in said] if any(said) else []
    for term in terms:
        if term not in python_encoding:
            raise CannotCompose(
                f"{values.described(CHARACTER_SET)} is {term!r}, which names no character set; "
                "expected such as ISO_IR 192 (Unicode) or ISO_IR 100 (Latin).",
                tag=CHARACTER_SET,
                module="SOP Common",
            )
    named = "\\".join(terms) or "no set, which means ASCII"
    for tag, value in wanted.items():
        if not holds((value,), terms):
            raise CannotCompose(
                f"The text for {values.described(tag)} cannot be written in the character set that "
                f"is given with it ({named}); give ISO_IR 192, or leave SpecificCharacterSet out.",
                tag=tag,
            )
    data_set: Dataset = _reader(BytesIO(head), header.layout.implicit, header.layout.little_endian)
    for tag, octets in _texts(data_set, wanted):
        if not _is_text(octets, terms):
            raise CannotCompose(
                f"{values.described(CHARACTER_SET)} would say {named}, and what stands in "
                f"{values.described(tag)} is no text of that. A correction of it changes no text, "
                "only how it is read: name the set that the texts are in, or leave it out, and "
                "texts move into another set where a new one asks for it.",
                tag=CHARACTER_SET,
                module="SOP Common",
            )
    return terms


def _texts(data_set: Dataset, but: Collection[int] = ()) -> Iterator[tuple[int, bytes]]:
    """Yield the undecoded text of a data set and of the items that name no set of their own."""
    for tag in data_set.keys() - set(but):
        element: Any = data_set.get_item(tag)
        representation = element.VR or ("UN" if tag.is_private else values.vr_of(int(tag)))
        if representation == "SQ":
            for item in data_set[tag].value:
                if CHARACTER_SET not in item:
                    yield from _texts(item)
        elif representation in _TEXT and element.value:
            yield int(tag), element.value


def _is_text(octets: bytes, terms: Sequence[str]) -> bool:
    if octets.isascii():
        return True
    if b"\x1b" not in octets and (terms or [""])[0] in _ASCII:
        return False
    return "\ufffd" not in way_to_decode(terms).decode(octets)


def encoded_texts(head: bytes, header: Header, character_set: Sequence[str]) -> dict[int, bytes]:
    """Encode anew every top-level element of `head` that holds text, and sequences, by tag.

    Parameters
    ----------
    head
        The data set up to Pixel Data.
    header
        What a scan found in it.
    character_set
        The values of the new Specific Character Set (0008,0005).
    """
    layout = header.layout
    data_set: Dataset = _reader(BytesIO(head), layout.implicit, layout.little_endian)
    data_set.decode()
    found: dict[int, bytes] = {}
    for element in data_set:
        if element.VR == "SQ":
            for item in element.value:
                item.pop("SpecificCharacterSet", None)
        elif element.VR not in _TEXT or not element.value:
            continue
        found[int(element.tag)] = data_set_encoding.encoded_element(element, layout, character_set)
    return found


def _strings(many: Iterable[Any]) -> Iterable[str]:
    for one in many:
        if isinstance(one, DataElement):
            yield from _strings((one.value,))
        elif isinstance(one, Dataset):
            yield from _strings(element.value for element in one)
        elif isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            yield from _strings(cast("Mapping[str, Any]", one).values())
        elif isinstance(one, Iterable) and not isinstance(one, bytes):
            yield from _strings(cast("Iterable[Any]", one))
