"""Reports that people write: a file of Markdown or JSON becomes a document (PS3.3 A.35)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from isocenter.compose import sources
from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed
from isocenter.compose.reading import no_file
from isocenter.compose.references import Reference
from isocenter.compose.reports.concepts import title as title_code
from isocenter.compose.reports.constraints import ReportClass
from isocenter.compose.reports.document import Report, structured_report, titled
from isocenter.compose.reports.json_form import parsed, read_json
from isocenter.compose.reports.markdown import read_markdown
from isocenter.compose.reports.measurement_groups import read_measurements
from isocenter.compose.reports.measurement_report import measurement_report
from isocenter.compose.reports.observation_context import (
    Observer,
    PersonObserver,
    VerifyingObserver,
)
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template
from isocenter.errors import CannotCompose

__all__ = ["report_from_file"]


@checked
def report_from_file(
    file: str | Path,
    *,
    source: SourceLike | Sources | None = None,
    title: str | Code | None = None,
    sop_class: str | ReportClass | None = None,
    language: str | None = None,
    observers: Sequence[str | Observer] = (),
    verified_by: Sequence[str | VerifyingObserver] = (),
    organization: str | None = None,
    complete: bool = True,
    completion_description: str | None = None,
    predecessors: SourceLike | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a structured report from a file of Markdown or JSON.

    Parameters
    ----------
    file
        Markdown; or JSON, where `groups` at its top make it a measurement report (TID 1500).
    source
        What patient and study are inherited from, and what references may mean; by default the
        predecessors.
    title
        The document title: of CID 7000, a code, or your own; by default the file's.
    sop_class
        `basic`, `enhanced`, `comprehensive` or `comprehensive3d`; by default the smallest that
        holds the content.
    language
        Of the text, such as `en` or `de-CH`.
    observers, verified_by
        Who observed and who verified, as `Family^Given` or in full.
    organization
        Of those given by name; by default Institution Name (0008,0080) of the source.
    complete, completion_description
        Whether all is said that should be, and why or why not.
    predecessors
        Documents that this one amends or goes on from.
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
    NotFound
        When the file does not exist.
    CannotCompose
        When it cannot be read as a report, or what it says does not make one.

    References
    ----------
    PS3.3 A.35, C.17; PS3.16 TID 1500, TID 2000.
    """
    path = Path(file)
    if not path.is_file():
        raise no_file(path, "report")
    loaded, amended = sources.load(source), sources.load(predecessors)
    at = organization or _institution(loaded)
    verifiers = tuple(_verifier(one, at) for one in verified_by)
    shared: dict[str, Any] = {
        "sop_class": sop_class,
        "observers": [
            PersonObserver(one, at) if isinstance(one, str) else one for one in observers
        ],
        "series_description": series_description,
        "series_number": series_number,
        "instance_number": instance_number,
        "template_file": template_file,
        "overrides": overrides,
    }
    if path.suffix.lower() == ".json" and "groups" in parsed(path)[1]:
        _refuse_of_measurements(complete, completion_description, amended)
        shared |= {"language": language or "en", "verified_by": verifiers}
        return _measurements(path, loaded, title, shared)
    report = _amended(_read(path, loaded, title), amended)
    report = replace(
        report,
        complete=report.complete and complete,
        completion_description=completion_description or report.completion_description,
        verified_by=report.verified_by + verifiers,
    )
    inherited = loaded or Sources(amended.members, loaded.order)
    return structured_report(report, source=inherited, language=language, **shared)


def _refuse_of_measurements(
    complete: bool, completion_description: str | None, amended: Sources
) -> None:
    """Refuse what is said of a document where the file holds measurements alone."""
    if not complete or completion_description or amended:
        raise CannotCompose(
            "Completion and predecessors are not said of measurement reports; leave them out.",
            tag=0x0040A491,
            module="SR Document General",
        )


def _verifier(one: str | VerifyingObserver, organization: str) -> VerifyingObserver:
    if not isinstance(one, str):
        return one
    if not organization:
        raise CannotCompose(
            "Who verified the report has no organization, which is required; say it "
            "(--organization TEXT).",
            tag=0x0040A027,
            module="SR Document General",
        )
    return VerifyingObserver(one, organization)


def _measurements(
    path: Path, loaded: Sources, title: str | Code | None, shared: dict[str, Any]
) -> Composed:
    found = read_measurements(path, objects=loaded)
    code = found.title if title is None else _title(title)
    return measurement_report(
        found.groups, source=loaded, title=code, procedure=found.procedure, **shared
    )


def _read(path: Path, loaded: Sources, title: str | Code | None) -> Report:
    read = read_json if path.suffix.lower() == ".json" else read_markdown
    report = read(path, objects=loaded)
    return report if title is None else titled(report, _title(title))


def _title(title: str | Code) -> Code:
    return title if isinstance(title, Code) else title_code(title)


def _amended(report: Report, amended: Sources) -> Report:
    documents = tuple(Reference.to(one.data_set) for one in amended)
    return replace(report, predecessors=report.predecessors + documents)


def _institution(loaded: Sources) -> str:
    return str(loaded.first.data_set.get("InstitutionName") or "") if loaded.first else ""
