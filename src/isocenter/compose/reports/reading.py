"""Reading structured reports, whoever wrote them, into the structure they are composed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.reading import check_readable, value_of
from isocenter.compose.references import Reference
from isocenter.compose.reports.content import Container, ContentItem
from isocenter.compose.reports.document import Report, known_references, listed
from isocenter.compose.reports.observation_context import VerifyingObserver
from isocenter.compose.reports.references import Composite, Image
from isocenter.compose.reports.tree import read_content
from isocenter.errors import InvalidDicom, NotDicom, NotFound

__all__ = ["read_structured_report", "with_places"]

_HEADING = (
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SeriesDescription",
    "InstitutionName",
    "ContentDate",
    "ContentTime",
    "CompletionFlag",
    "VerificationFlag",
)


@checked
def read_structured_report(source: Dataset | str | Path) -> Report:
    """Read a structured report of any SOP Class, Key Object Selections included.

    Parameters
    ----------
    source
        A data set or a file.

    Returns
    -------
    Report
        The document as it can be composed again. Items that a relationship by-reference leads to
        have their position as label; values that their type cannot have become `Unknown` items.

    Raises
    ------
    NotFound
        When the file does not exist.
    NotDicom
        When it is no DICOM file, or no structured report.
    InvalidDicom
        When its content is nested too deeply.

    References
    ----------
    PS3.3 C.17.2, C.17.3.
    """
    data_set = source if isinstance(source, Dataset) else _read(Path(source))
    _check(data_set)
    if "ValueType" not in data_set:
        raise NotDicom(
            "The object has no content tree (Value Type (0040,A040) is missing): it is no "
            "structured report."
        )
    try:
        root = read_content(data_set)
        references = known_references(data_set)
        content = with_places(root, references)
    except RecursionError as error:
        raise InvalidDicom("Its sequences are nested too deeply to be read.") from error
    if not isinstance(content, Container):
        raise InvalidDicom(
            f"The root of the content is {content.value_type or 'of no known value type'}; "
            "Value Type (0040,A040) of a document is CONTAINER."
        )
    return Report(
        content,
        complete=data_set.get("CompletionFlag", "COMPLETE") != "PARTIAL",
        completion_description=str(value_of(data_set, "CompletionFlagDescription") or ""),
        verified_by=tuple(
            VerifyingObserver.read(one)
            for one in value_of(data_set, "VerifyingObserverSequence") or ()
        ),
        predecessors=tuple(listed(data_set, "PredecessorDocumentsSequence")),
        requests=tuple(_requests(data_set)),
        references=references,
        heading=_heading(data_set),
    )


def _check(data_set: Dataset) -> None:
    try:
        check_readable(data_set)
    except RecursionError as error:
        raise InvalidDicom("Its sequences are nested too deeply to be read.") from error


def _read(path: Path) -> Dataset:
    if path.is_dir():
        raise NotFound(f"{path} is a folder; name a file in it.")
    try:
        (source,) = sources.load(path)
    except RecursionError as error:
        raise InvalidDicom(f"{path}: its sequences are nested too deeply to be read.") from error
    return source.data_set


def _heading(data_set: Dataset) -> dict[str, str]:
    found: dict[str, str] = {}
    for keyword in _HEADING:
        try:
            value = str(value_of(data_set, keyword) or "")
        except (ValueError, TypeError):  # a value that its representation does not have
            continue
        if value:
            found[keyword] = value
    return found


def _requests(data_set: Dataset) -> Iterator[Mapping[str, Any]]:
    for item in value_of(data_set, "ReferencedRequestSequence") or ():
        yield {
            element.keyword: element.value
            if element.VR == "SQ"
            else (str(element.value) if element.value else None)
            for element in item
            if element.keyword
        }


def with_places(item: ContentItem, known: Mapping[str, Reference]) -> ContentItem:
    """Return the tree with study and series in its references, as the evidence knows them."""
    children = tuple(with_places(one, known) for one in item.children)
    changes: dict[str, Any] = {} if children == () else {"children": children}
    if isinstance(item, Composite):
        changes["reference"] = _placed(item.reference, known)
    if isinstance(item, Image):
        for name in ("presentation_state", "value_mapping"):
            if (one := getattr(item, name)) is not None:
                changes[name] = _placed(one, known)
    return replace(item, **changes) if changes else item


def _placed(reference: Reference, known: Mapping[str, Reference]) -> Reference:
    found = known.get(reference.sop_instance_uid)
    if found is None:
        return reference
    return replace(
        reference,
        study_instance_uid=found.study_instance_uid,
        series_instance_uid=found.series_instance_uid,
    )
