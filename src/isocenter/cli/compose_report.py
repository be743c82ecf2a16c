"""`isocenter compose sr`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isocenter.cli import assignments
from isocenter.cli.compose import (
    DryRun,
    Explain,
    Output,
    Set,
    Source,
    TemplateFile,
    To,
    Worklist,
)
from isocenter.cli.delivery import Delivery
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose import Composed, Sources
    from isocenter.compose.reports import Report

__all__ = ["EXAMPLE", "sr"]

EXAMPLE = "isocenter compose sr report.md --from image.dcm --verified-by Doe^Jane -o out.dcm"


def sr(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Markdown or JSON.")],
    source: Source = None,
    worklist: Worklist = None,
    output: Output = None,
    title: Annotated[
        str | None,
        typer.Option(metavar="TITLE", help="A title of CID 7000, or your own; else the file's."),
    ] = None,
    sop_class: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="basic, enhanced, comprehensive, comprehensive3d; the smallest."
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="Language of the text, such as en or de-CH.")
    ] = None,
    observer: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who observed, as Family^Given.")
    ] = None,
    verified_by: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who verified it, as Family^Given.")
    ] = None,
    organization: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Of observers and verifiers; else the source's."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="The report is not complete yet.")
    ] = False,
    completion: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why it is complete or partial.")
    ] = None,
    predecessor: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A document that this one amends or goes on from."),
    ] = None,
    template: TemplateFile = None,
    assigned: Set = None,
    explain: Explain = False,
    dry_run: DryRun = False,
    to: To = None,
) -> None:
    """Structured report from Markdown or JSON, in the smallest SOP Class that holds it.

    Headings become containers, paragraphs TEXT, `key: value` numbers with units, codes, dates;
    links and images that name DICOM files or UIDs become references. JSON with `groups` becomes a
    measurement report (TID 1500).
    """
    from isocenter.compose import load, structured_report
    from isocenter.compose.reports import PersonObserver, VerifyingObserver

    delivery = Delivery(output, to, explain, dry_run)
    delivery.check()
    if not file.is_file():
        raise ConfigurationError(f"no such file: {file}")
    sources = load(list(source) if source else None, worklist=worklist)
    at = organization or _institution(sources)
    if verified_by and not at:
        raise ConfigurationError("--verified-by needs --organization TEXT: for whom they verify")
    shared: dict[str, Any] = {
        "sop_class": sop_class,
        "observers": [PersonObserver(name, at) for name in observer or ()],
        "template_file": template,
        "overrides": assignments.overrides(assigned or ()),
    }
    verifiers = tuple(VerifyingObserver(name, at) for name in verified_by or ())
    if _holds_measurements(file):
        if partial or completion or predecessor:
            raise ConfigurationError("--partial, --completion, --predecessor: not of measurements")
        shared |= {"language": language or "en", "verified_by": verifiers}
        delivery.deliver(_measurements(file, sources, title, shared))
        return
    amended = load(list(predecessor) if predecessor else None, worklist=worklist)
    report = _amended(_read(file, sources, title), amended, completion)
    report = replace(
        report,
        complete=report.complete and not partial,
        verified_by=report.verified_by + verifiers,
    )
    delivery.deliver(
        structured_report(report, source=sources or amended, language=language, **shared)
    )


def _holds_measurements(file: Path) -> bool:
    from isocenter.compose.reports.json_form import parsed

    return file.suffix.lower() == ".json" and "groups" in parsed(file)[1]


def _measurements(
    file: Path, sources: "Sources", title: str | None, shared: dict[str, Any]
) -> "Composed":
    from isocenter.compose.reports.concepts import title as title_code
    from isocenter.compose.reports.measurement_report import measurement_report, read_measurements

    found = read_measurements(file, objects=sources)
    return measurement_report(
        found.groups,
        source=sources,
        title=title_code(title) if title else found.title,
        procedure=found.procedure,
        **shared,
    )


def _read(file: Path, sources: "Sources", title: str | None) -> "Report":
    from isocenter.compose.reports import read_json, read_markdown
    from isocenter.compose.reports.concepts import title as title_code
    from isocenter.compose.reports.document import titled

    read = read_json if file.suffix.lower() == ".json" else read_markdown
    report = read(file, objects=sources)
    return titled(report, title_code(title)) if title else report


def _amended(report: "Report", amended: "Sources", completion: str | None) -> "Report":
    from isocenter.compose.reports import Reference

    documents = tuple(Reference.to(one.data_set) for one in amended)
    return replace(
        report,
        completion_description=completion or report.completion_description,
        predecessors=report.predecessors + documents,
    )


def _institution(sources: "Sources") -> str:
    first = sources.first
    return str(first.data_set.get("InstitutionName") or "") if first else ""
