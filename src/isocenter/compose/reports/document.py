"""Structured reports as documents: content, completion, verification, evidence (PS3.3 C.17.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import sources, values
from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.garbage_collection import fewer_full_collections
from isocenter.compose.reading import value_of
from isocenter.compose.references import Reference, evidence_items
from isocenter.compose.reports.concepts import LOCAL_SCHEME
from isocenter.compose.reports.constraints import (
    ReportClass,
    check,
    referenced_objects,
    report_class,
    smallest_class,
)
from isocenter.compose.reports.content import Container
from isocenter.compose.reports.observation_context import (
    Observer,
    VerifyingObserver,
    in_context,
)
from isocenter.compose.reports.tree import content_item, content_sequence, positions, walk
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose

__all__ = [
    "Report",
    "document_series",
    "known_references",
    "listed",
    "structured_report",
    "titled",
]


@dataclass(frozen=True, slots=True)
class Report:
    """A structured report: its content, and what the document says of itself.

    Parameters
    ----------
    content
        The root of the content tree; its concept name is the document title.
    complete
        Completion Flag (0040,A491): whether all that should be said is said.
    completion_description
        Why it is complete or partial; empty for none.
    verified_by
        Who verified it; nobody leaves it UNVERIFIED.
    predecessors
        Documents that this one goes on from: amends, replaces, draws on.
    requests
        Items of Referenced Request Sequence (0040,A370) by keyword; by default the source's.
    references
        The instances that the content refers to, with study and series, where it was read so.
    heading
        Patient, study and document as the data set said, by keyword, where it was read so.
    """

    content: Container
    complete: bool = True
    completion_description: str = ""
    verified_by: tuple[VerifyingObserver, ...] = ()
    predecessors: tuple[Reference, ...] = ()
    requests: tuple[Mapping[str, Any], ...] = ()
    references: Mapping[str, Reference] = field(default_factory=dict[str, Reference])
    heading: Mapping[str, str] = field(default_factory=dict[str, str])


@checked
@fewer_full_collections()
def structured_report(
    report: Report | Container,
    *,
    source: SourceLike | Sources | None = None,
    sop_class: str | ReportClass | None = None,
    language: str | None = None,
    observers: Sequence[Observer] = (),
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a structured report: Basic Text, Enhanced, Comprehensive or Comprehensive 3D SR.

    Parameters
    ----------
    report
        The document, or its content alone. `read_markdown` and `read_json` make one of a file.
    source
        What patient and study are inherited from, and what the content refers to.
    sop_class
        `basic`, `enhanced`, `comprehensive`, `comprehensive3d`; by default the smallest SOP Class
        that can hold the content.
    language
        The language of the text, such as `en` or `de-CH`; None for what the content says.
    observers
        Who observed: persons, devices; none for what the content says.
    series_description, series_number, instance_number
        Where and how the document files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The document; `save` writes it.

    Raises
    ------
    CannotCompose
        When the report is empty, an item cannot stand where it does or has a value that cannot
        be, a reference leads nowhere, or the sources belong to several patients.

    References
    ----------
    PS3.3 A.35.1, A.35.2, A.35.3, A.35.13, C.17; PS3.16 TID 1001, TID 1204.
    """
    whole = report if isinstance(report, Report) else Report(report)
    content = in_context(whole.content, language=language, observers=observers)
    kind = smallest_class(content) if sop_class is None else report_class(sop_class)
    check(content, kind)
    composition = Composition(
        kind.value,
        kind="structured_report",
        sources=sources.load(source),
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    document_series(composition, "SR", series_number, series_description)
    composition.equipment()
    composition.take("InstanceNumber", instance_number)
    composition.content_moment()
    _general(composition, whole, content)
    for keyword, value in content_item(content).items():
        composition.give(keyword, value, "the content")
    _coding_schemes(composition, content)
    labelled = positions(content)
    composition.give("ContentSequence", content_sequence(content.children, labelled))
    return composition.finish()


def document_series(
    composition: Composition, modality: str, number: int, description: str | None
) -> None:
    """Begin a series of documents (PS3.3 C.17.1, C.17.6.1): SR or KO."""
    composition.generate("Modality", modality)
    composition.generate("SeriesInstanceUID", new_uid(), "new series")
    composition.take("SeriesNumber", number)
    composition.generate("SeriesDate", values.date(composition.now), "now")
    composition.generate("SeriesTime", values.time(composition.now), "now")
    composition.give("SeriesDescription", description)
    composition.copy(("ProtocolName",))
    composition.generate("ReferencedPerformedProcedureStepSequence", None, "Type 2")


def _general(composition: Composition, report: Report, content: Container) -> None:
    """Add the SR Document General module (PS3.3 C.17.2)."""
    composition.give("CompletionFlag", "COMPLETE" if report.complete else "PARTIAL")
    composition.give("CompletionFlagDescription", report.completion_description or None)
    _verification(composition, report)
    if report.predecessors:
        composition.give("PredecessorDocumentsSequence", evidence_items(report.predecessors))
    _requests(composition, report)
    source = composition.sources.first
    performed = value_of(source.data_set, "ProcedureCodeSequence") if source else None
    detail = "the study's procedure" if performed else "Type 2, no value known"
    composition.generate("PerformedProcedureCodeSequence", performed or None, detail)
    _evidence(composition, report, content)


def _coding_schemes(composition: Composition, content: Container) -> None:
    """Say what our own coding scheme is, where a concept is of it (PS3.3 C.12.1)."""
    names = (place.item.concept for place in walk(content))
    if any(name is not None and name.scheme == LOCAL_SCHEME for name in names):
        scheme = {
            "CodingSchemeDesignator": LOCAL_SCHEME,
            "CodingSchemeName": "Words that no standard code was found for, by their digest",
            "CodingSchemeResponsibleOrganization": "Isocenter",
        }
        composition.generate("CodingSchemeIdentificationSequence", scheme, "codes of our own")


def _verification(composition: Composition, report: Report) -> None:
    if report.verified_by and not report.complete:
        raise CannotCompose(
            "The report is partial and has a verifying observer; only complete documents can be "
            "verified.",
            tag=0x0040A493,
            module="SR Document General",
        )
    composition.give("VerificationFlag", "VERIFIED" if report.verified_by else "UNVERIFIED")
    if report.verified_by:
        observers = [one.item(composition.now) for one in report.verified_by]
        composition.give("VerifyingObserverSequence", observers)


_REQUEST = (
    "AccessionNumber",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
)


def _requests(composition: Composition, report: Report) -> None:
    """Add Referenced Request Sequence (0040,A370): given, or what the source was made for."""
    own = str(composition.data_set.StudyInstanceUID)
    if report.requests:
        items = [_request_item(request, own) for request in report.requests]
        composition.give("ReferencedRequestSequence", items)
    elif composition.sources.first is not None:
        data_set = composition.sources.first.data_set
        accession = {"AccessionNumber": value_of(data_set, "AccessionNumber")}
        found = [
            accession | {keyword: one[keyword].value for keyword in _REQUEST if keyword in one}
            for one in value_of(data_set, "RequestAttributesSequence") or ()
        ]
        items = [_request_item(one, own) for one in found if any(one.values())]
        if items:
            composition.generate("ReferencedRequestSequence", items, "the source's request")


def _request_item(request: Mapping[str, Any], study: str) -> dict[str, Any]:
    """Return an item of Referenced Request Sequence with its Type 2 attributes present."""
    sequences = dict.fromkeys(("ReferencedStudySequence", "RequestedProcedureCodeSequence"))
    return {"StudyInstanceUID": study, **sequences, **dict.fromkeys(_REQUEST), **request}


def _evidence(composition: Composition, report: Report, content: Container) -> None:
    """List what the content refers to and was made from (PS3.3 C.17.2.3)."""
    known = dict(report.references) | {
        str(one.data_set.SOPInstanceUID): Reference.to(one.data_set)
        for one in composition.sources
        if "SOPInstanceUID" in one.data_set and "SeriesInstanceUID" in one.data_set
    }
    referenced = {
        reference.sop_instance_uid: _complete(reference, known)
        for one in referenced_objects(content)
        for reference in one.referenced()
    }
    study = str(composition.data_set.StudyInstanceUID)
    predecessors = {one.sop_instance_uid for one in report.predecessors}
    made_from = {
        uid: one
        for uid, one in known.items()
        if one.study_instance_uid == study and uid not in predecessors
    }
    current = [one for one in referenced.values() if one.study_instance_uid == study]
    other = [one for one in referenced.values() if one.study_instance_uid != study]
    _list_evidence(
        composition,
        "CurrentRequestedProcedureEvidenceSequence",
        (made_from | {one.sop_instance_uid: one for one in current}).values(),
    )
    _list_evidence(composition, "PertinentOtherEvidenceSequence", other)


def _list_evidence(composition: Composition, keyword: str, references: Iterable[Reference]) -> None:
    many = list(references)
    if many:
        composition.generate(keyword, evidence_items(many), "the references and sources")


def _complete(reference: Reference, known: Mapping[str, Reference]) -> Reference:
    """Return a reference with its study and series, and without frames."""
    if not (reference.study_instance_uid and reference.series_instance_uid):
        found = known.get(reference.sop_instance_uid)
        if found is None:
            raise CannotCompose(
                f"The content refers to {reference.sop_instance_uid} without saying its study and "
                "series; say them, or give the object as a source.",
                tag=0x00081199,
                module="SR Document General",
            )
        reference = found
    return replace(reference, frames=(), segments=())


def titled(report: Report, title: Code) -> Report:
    """Return the report with another document title."""
    return replace(report, content=replace(report.content, name=title))


def known_references(data_set: Dataset) -> dict[str, Reference]:
    """Return what the evidence sequences of a document list, by SOP Instance UID."""
    found: dict[str, Reference] = {}
    for keyword in (
        "CurrentRequestedProcedureEvidenceSequence",
        "PertinentOtherEvidenceSequence",
    ):
        for one in listed(data_set, keyword):
            found.setdefault(one.sop_instance_uid, one)
    return found


def listed(data_set: Dataset, keyword: str) -> Iterable[Reference]:
    """Yield the instances that a sequence of studies, series and instances lists."""
    for study in value_of(data_set, keyword) or ():
        for series in value_of(study, "ReferencedSeriesSequence") or ():
            for one in value_of(series, "ReferencedSOPSequence") or ():
                yield Reference(
                    str(value_of(study, "StudyInstanceUID") or ""),
                    str(value_of(series, "SeriesInstanceUID") or ""),
                    str(value_of(one, "ReferencedSOPClassUID") or ""),
                    str(value_of(one, "ReferencedSOPInstanceUID") or ""),
                )
