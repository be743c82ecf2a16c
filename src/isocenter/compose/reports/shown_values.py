"""Values of content items in words, as people read them in text and in HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from pydicom.uid import UID

from isocenter.compose.codes import Code
from isocenter.compose.references import Reference
from isocenter.compose.reports.content import ByReference, ContentItem, Unknown
from isocenter.compose.reports.content_values import (
    Coded,
    Date,
    DateTime,
    Num,
    PersonName,
    Text,
    Time,
    UIDReference,
)
from isocenter.compose.reports.coordinates import SCoord, SCoord3D, TCoord
from isocenter.compose.reports.document import Report
from isocenter.compose.reports.references import Composite, Image, Waveform

__all__ = [
    "Link",
    "by_uid",
    "code_words",
    "heading_rows",
    "measured_parts",
    "on_server",
    "reference_words",
    "value_words",
]

Link: TypeAlias = Callable[[Reference], str]
"""Makes the address that a reference leads to."""

_DATE = re.compile(r"(\d{4})(\d\d)?(\d\d)?")
_TIME = re.compile(r"(\d\d)(\d\d)?(\d\d(?:\.\d+)?)?")
_DATE_TIME = re.compile(r"(\d{4,8})(\d*(?:\.\d+)?)([+-]\d{4})?")

_HEADING = {
    "PatientName": "Patient",
    "PatientID": "Patient ID",
    "PatientBirthDate": "Birth date",
    "PatientSex": "Sex",
    "StudyDescription": "Study",
    "StudyDate": "Study date",
    "AccessionNumber": "Accession number",
    "ReferringPhysicianName": "Referring physician",
    "InstitutionName": "Institution",
    "SeriesDescription": "Series",
    "SOPClassUID": "Document",
    "ContentDate": "Date",
    "CompletionFlag": "Completion",
    "VerificationFlag": "Verification",
}


def by_uid(reference: Reference) -> str:
    """Return an address that names an object by its UID and leads nowhere by itself."""
    return f"urn:oid:{reference.sop_instance_uid}"


def on_server(url: str) -> Link:
    """Return what makes addresses at a DICOMweb server (PS3.18 10.4).

    Parameters
    ----------
    url
        The base of the service, such as `http://127.0.0.1:8104/dicomweb`.

    Returns
    -------
    callable
        Takes a `Reference`, returns its address; `urn:oid:` and the UID where study or series is
        unknown.
    """

    def link(reference: Reference) -> str:
        if not (reference.study_instance_uid and reference.series_instance_uid):
            return by_uid(reference)
        return (
            f"{url.rstrip('/')}/studies/{reference.study_instance_uid}"
            f"/series/{reference.series_instance_uid}/instances/{reference.sop_instance_uid}"
        )

    return link


def heading_rows(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what stands above a report, each with what it is called."""
    for keyword, label in _HEADING.items():
        value = report.heading.get(keyword, "")
        if keyword == "SOPClassUID" and value:
            value = UID(value).name
        elif keyword == "ContentDate" and value:
            value = f"{_day(value)} {_clock(report.heading.get('ContentTime', ''))}".strip()
        elif keyword.endswith("Date"):
            value = _day(value)
        elif keyword in ("PatientName", "ReferringPhysicianName"):
            value = _person(value)
        if value:
            yield label, value
    if report.completion_description:
        yield "Completion description", report.completion_description
    for one in report.verified_by:
        words = [_person(one.name), one.organization, _moment(one.moment)]
        if one.identification:
            words.insert(1, code_words(one.identification))
        yield "Verified by", ", ".join(filter(None, words))
    for one in report.predecessors:
        yield "Predecessor document", reference_words(one)


def code_words(code: Code | None) -> str:
    """Return the meaning of a code, or the code itself where it has none."""
    if code is None:
        return ""
    return code.meaning or f"({code.value}, {code.scheme})"


def reference_words(reference: Reference) -> str:
    """Return what a reference leads to: the kind of object, its parts and UID."""
    words = UID(reference.sop_class_uid).name or "object"
    if reference.frames:
        words += f", frame {', '.join(map(str, reference.frames))}"
    if reference.segments:
        words += f", segment {', '.join(map(str, reference.segments))}"
    return f"{words} {reference.sop_instance_uid}".strip()


def value_words(item: ContentItem) -> str:
    """Return the value of an item in words; nothing for containers."""
    match item:
        case Text():
            return item.value
        case Coded():
            return code_words(item.value)
        case Num():
            return _measured(item)
        case Date():
            return _day(item.value)
        case Time():
            return _clock(item.value)
        case DateTime():
            return _moment(item.value)
        case PersonName():
            return _person(item.value)
        case UIDReference():
            return item.value
        case ByReference():
            return f"item {item.target}"
        case Unknown():
            return f"(content of value type {item.kind or 'unknown'}, which is not shown)"
        case _:
            return _pointed(item)


def _pointed(item: ContentItem) -> str:
    """Return references and coordinates in words."""
    match item:
        case Image():
            words = [reference_words(item.reference)]
            words += [
                f"shown by {reference_words(one)}"
                for one in (item.presentation_state, item.value_mapping)
                if one
            ]
            return ", ".join(words)
        case Waveform():
            channels = ", ".join(f"{group}/{channel}" for group, channel in item.channels)
            return reference_words(item.reference) + (f", channel {channels}" if channels else "")
        case Composite():
            return reference_words(item.reference)
        case SCoord() | SCoord3D():
            points = " ".join(",".join(f"{one:g}" for one in point) for point in item.points)
            return f"{item.graphic.value} {points}"
        case TCoord():
            positions = (*item.samples, *item.offsets, *(_moment(one) for one in item.moments))
            return f"{item.range.value} {', '.join(map(str, positions))}"
        case _:
            return ""


def measured_parts(item: Num) -> tuple[str, str]:
    """Return number and unit of a measurement in words; the qualifier stands by the number."""
    number = "" if item.value is None else str(item.value)
    qualifier = code_words(item.qualifier)
    if qualifier:
        number = f"{number} ({qualifier})" if number else qualifier
    return number, unit_words(item.unit) if item.value is not None else ""


def unit_words(unit: Code | None) -> str:
    """Return a unit as it is written behind numbers: UCUM's code, else the meaning."""
    if unit is None or (unit.scheme == "UCUM" and unit.value == "1"):
        return ""
    if unit.scheme == "UCUM":
        return {"[hnsf'U]": "HU", "mm[Hg]": "mmHg", "Cel": "°C", "deg": "°"}.get(
            unit.value, unit.value.strip("{}")
        )
    return unit.value or unit.meaning


def _measured(item: Num) -> str:
    return " ".join(filter(None, measured_parts(item)))


def _day(text: str) -> str:
    found = _DATE.fullmatch(text.strip())
    return "-".join(one for one in found.groups() if one) if found else text


def _clock(text: str) -> str:
    found = _TIME.fullmatch(text.strip())
    return ":".join(one for one in found.groups() if one) if found else text


def _moment(text: str) -> str:
    found = _DATE_TIME.fullmatch(text.strip())
    if found is None:
        return text
    return " ".join(filter(None, (_day(found[1]), _clock(found[2]), found[3])))


def _person(text: str) -> str:
    """Return a name as people write it: family, given middle; the scripts one after the other."""
    groups: list[str] = []
    for group in text.split("="):
        family, given, middle, prefix, suffix = (group.split("^") + [""] * 5)[:5]
        first = " ".join(filter(None, (prefix, given, middle)))
        groups.append(", ".join(filter(None, (family, first, suffix))))
    return " = ".join(filter(None, groups))
