"""`isocenter report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from isocenter.cli import options
from isocenter.errors import ConfigurationError

__all__ = ["report"]


def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A structured report.")],
    html: Annotated[bool, typer.Option("--html", help="Print a page of HTML.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, which `compose sr` takes.")
    ] = False,
    links: Annotated[
        str | None,
        typer.Option(metavar="URL", help="DICOMweb server that references lead to; else by UID."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a file instead.")
    ] = None,
) -> None:
    """Show what a structured report says.

    Key Object Selections, too; as text unless told otherwise.

    isocenter report report.dcm --html -o report.html
    """
    from isocenter.compose.reports import (
        on_server,
        read_structured_report,
        report_html,
        report_markdown,
        report_text,
        to_json,
    )
    from isocenter.compose.reports.shown_values import by_uid

    if html + markdown + as_json > 1:
        raise ConfigurationError("--html, --markdown and --json exclude each other")
    if links is not None and not links.startswith(("http://", "https://")):
        raise ConfigurationError(f"--links {links}: write the URL of a DICOMweb server")
    if output is not None and not output.parent.is_dir():
        raise ConfigurationError(f"no such folder: {output.parent}")
    options.require_paths([file])
    read = read_structured_report(file)
    link = on_server(links) if links else by_uid
    if html:
        shown = report_html(read, link=link)
    elif markdown:
        shown = report_markdown(read, link=link)
    else:
        shown = to_json(read) + "\n" if as_json else report_text(read)
    data = shown.encode("utf-8", "replace")
    if output is not None:
        output.write_bytes(data)
        print(f"wrote {output}")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
