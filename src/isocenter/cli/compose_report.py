"""`isocenter compose sr` and `ko`: reports, and selected objects."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli.authoring import Inherited, kind

if TYPE_CHECKING:
    from isocenter.compose import Composed

__all__ = ["ko", "sr"]


@kind(
    "sr",
    "isocenter compose sr report.md --from image.dcm -o out.dcm",
    'isocenter compose sr report.md --from series/ --title "CT Chest Report" --language en '
    "--observer Doe^Jane --verified-by Doe^Jane --organization Clinic -o out.dcm",
    "isocenter compose sr measurements.json --from series/ -o out.dcm",
)
def sr(
    inherited: Inherited,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Markdown or JSON.")],
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
    observers: Annotated[
        list[str] | None,
        typer.Option(
            "--observer", "--observers", metavar="NAME", help="Who observed, as Family^Given."
        ),
    ] = None,
    verified_by: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who verified it, as Family^Given.")
    ] = None,
    organization: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Of observers and verifiers; else the source's."),
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete/--partial", help="Whether all is said that should be.")
    ] = True,
    completion_description: Annotated[
        str | None,
        typer.Option(
            "--completion",
            "--completion-description",
            metavar="TEXT",
            help="Why it is complete or partial.",
        ),
    ] = None,
    predecessors: Annotated[
        list[Path] | None,
        typer.Option(
            "--predecessor",
            "--predecessors",
            metavar="PATH",
            help="A document that this one amends or goes on from.",
        ),
    ] = None,
) -> "Composed":
    """Structured report from Markdown or JSON.

    It has the smallest SOP Class that holds it. Headings become containers, paragraphs TEXT,
    `key: value` numbers with units, codes, dates; links and images that name DICOM files or UIDs
    become references. JSON with `groups` becomes a measurement report (TID 1500).
    """
    from isocenter.compose import report_from_file

    return report_from_file(
        file,
        title=title,
        sop_class=sop_class,
        language=language,
        observers=observers or (),
        verified_by=verified_by or (),
        organization=organization,
        complete=complete,
        completion_description=completion_description,
        predecessors=predecessors,
        **inherited.arguments(),
    )


@kind(
    "ko",
    'isocenter compose ko a.dcm b.dcm --title "Of Interest" --note "Nodule" -o out.dcm',
    'isocenter compose ko cine.dcm --frames 3,7-9 --title "For Conference" -o out.dcm',
    'isocenter compose ko bad/ --title "Rejected for Quality Reasons" --title-modifier Positioning '
    "-o out.dcm",
)
def ko(
    inherited: Inherited,
    references: Annotated[list[Path], typer.Argument(metavar="PATH", help="The selected objects.")],
    title: Annotated[
        str, typer.Option(metavar="TITLE", help="A document title of CID 7010.")
    ] = "Of Interest",
    title_modifiers: Annotated[
        list[str] | None,
        typer.Option(
            "--title-modifier",
            "--title-modifiers",
            metavar="NAME",
            help="Why they were rejected, of CID 7011, or what they are best in, of CID 7012.",
        ),
    ] = None,
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why they were selected.")
    ] = None,
    referenced_frame_numbers: Annotated[
        str,
        typer.Option(
            "--frames",
            "--referenced-frame-numbers",
            metavar="LISTS",
            help="Frames of each object, such as 1-2,4:1.",
        ),
    ] = "",
) -> "Composed":
    """Key Object Selection: objects with a title and a note."""
    from isocenter.compose import key_object_selection

    return key_object_selection(
        references,
        title=title,
        title_modifiers=title_modifiers or (),
        note=note,
        referenced_frame_numbers=referenced_frame_numbers,
        **inherited.arguments(),
    )
