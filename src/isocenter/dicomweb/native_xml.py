"""The Native DICOM Model: a data set of the DICOM JSON model written as XML (PS3.19 A.1)."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast
from xml.sax.saxutils import escape, quoteattr

from isocenter.dicom import dictionary

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
# XML 1.0 has no way to write these, not even as references.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

JsonDataSet = Mapping[str, Mapping[str, Any]]
"""A data set of the DICOM JSON model (PS3.18 F.2): elements by tag in 8 hexadecimal digits."""


def json_to_xml(text: bytes | str) -> bytes:
    """Turn a data set from JSON into XML.

    Parameters
    ----------
    text
        One object of the DICOM JSON model, UTF-8.

    Returns
    -------
    bytes
        A document with the root `NativeDicomModel`, UTF-8.

    References
    ----------
    PS3.19 A.1.6, PS3.18 F.2
    """
    # Numbers are passed on as they were written: XML holds text, and a rounding would change them.
    data_set = cast(JsonDataSet, json.loads(text, parse_float=str, parse_int=str))
    return data_set_to_xml(data_set)


def data_set_to_xml(data_set: JsonDataSet) -> bytes:
    """Turn a data set of parsed JSON into XML.

    Parameters
    ----------
    data_set
        As `json.loads` gives it.

    Returns
    -------
    bytes
        A document with the root `NativeDicomModel`, UTF-8.
    """
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}">'
    body = "".join(_data_set(data_set))
    return f"{head}{body}</NativeDicomModel>".encode()


def _data_set(data_set: JsonDataSet) -> Iterator[str]:
    creators: dict[str, str] = {}
    for tag in sorted(data_set):
        element = data_set[tag]
        if _is_private_creator(tag):
            creators[tag[:4] + tag[6:]] = _first_text(element)
        yield from _element(tag, element, creators.get(tag[:4] + tag[4:6]))


def _is_private_creator(tag: str) -> bool:
    return int(tag[3], 16) % 2 == 1 and tag[4:6] == "00" and tag[6:] >= "10"


def _first_text(element: Mapping[str, Any]) -> str:
    values = element.get("Value") or [""]
    return str(values[0])


def _element(tag: str, element: Mapping[str, Any], creator: str | None) -> Iterator[str]:
    vr = str(element.get("vr", "UN"))
    is_private = int(tag[3], 16) % 2 == 1
    if creator is not None and not _is_private_creator(tag):
        # The block number is an accident of one object; the creator says what the element is.
        names = (
            f'tag="{tag[:4]}00{tag[6:]}" vr={_attribute(vr)} privateCreator={_attribute(creator)}'
        )
    else:
        keyword = None if is_private else dictionary.keyword(int(tag, 16))
        names = f'tag="{tag}" vr={_attribute(vr)}'
        names += f' keyword="{keyword}"' if keyword else ""
    yield f"<DicomAttribute {names}>"
    yield from _content(vr, element)
    yield "</DicomAttribute>"


def _content(vr: str, element: Mapping[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in element:
        yield f"<BulkData uri={_attribute(str(element['BulkDataURI']))}/>"
    elif "InlineBinary" in element:
        yield f"<InlineBinary>{_text(element['InlineBinary'])}</InlineBinary>"
    else:
        values = cast(Sequence[Any], element.get("Value") or ())
        for number, value in enumerate(values, start=1):
            yield from _value(vr, number, value)


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _data_set(cast(JsonDataSet, value or {}))
        yield "</Item>"
    elif value is None:
        return
    elif vr == "PN":
        yield from _person_name(number, cast(Mapping[str, str], value))
    else:
        yield f'<Value number="{number}">{_text(value)}</Value>'


def _person_name(number: int, groups: Mapping[str, str]) -> Iterator[str]:
    yield f'<PersonName number="{number}">'
    for group in _GROUPS:
        if text := groups.get(group):
            yield f"<{group}>"
            for name, component in zip(_COMPONENTS, text.split("^"), strict=False):
                if component:
                    yield f"<{name}>{_text(component)}</{name}>"
            yield f"</{group}>"
    yield "</PersonName>"


def _text(value: object) -> str:
    return escape(_UNWRITABLE.sub("", str(value)))


def _attribute(value: str) -> str:
    return quoteattr(_UNWRITABLE.sub("", value))
