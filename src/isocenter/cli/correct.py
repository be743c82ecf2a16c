"""`isocenter correct`."""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli import assignments, options
from isocenter.cli.exit_codes import ExitCode
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.compose.correction.corrections import Corrected

__all__ = ["correct"]


def correct(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="DICOM files, and folders of them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder for the corrected files; not their own."
        ),
    ] = None,
    assigned: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An attribute and its right value."),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="An attribute to remove.")
    ] = None,
    replace: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY:OLD=NEW", help="An attribute that becomes NEW where it is OLD."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--map",
            "--table",
            metavar="CSV",
            help="Columns match:KEY are compared; where they agree, the others are set.",
        ),
    ] = None,
    worklist: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A worklist item whose patient and order are right."),
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="CORRECT|COERCE", help="Why; COERCE brings into local line.")
    ] = "CORRECT",
    previous_source: Annotated[
        str, typer.Option(metavar="TEXT", help="Whose values they were.")
    ] = "",
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last correction of each file back.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, write nothing.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="DESTINATION", help="AET@HOST:PORT, DICOMweb URL, or archive folder."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Correct attributes of files; what was there stays on record.

    isocenter correct study/ --set PatientName=DOE^JANE --remove PatientComments -o corrected/

    isocenter correct corrected/ --undo -o original/

    isocenter correct study/ --map names.csv --to ISOCENTER@127.0.0.1:11112
    """
    from isocenter import compose
    from isocenter.cli.delivery import check_destination, deliver_files

    options.require_paths(paths)
    changes = bool(assigned or remove or replace or table or worklist)
    if changes == undo:
        raise ConfigurationError(
            "say what changes: --set, --remove, --replace, --map, --worklist, or --undo"
        )
    if output is None and not (dry_run or to):
        raise ConfigurationError("say where the corrected files go: -o DIR or --to DESTINATION")
    if to is not None:
        check_destination(to)
    if output is not None and output.exists() and not output.is_dir():
        raise ConfigurationError(f"{output} is a file; the corrected files need a folder")
    if reason not in ("CORRECT", "COERCE"):
        raise ConfigurationError(f"--reason {reason}: CORRECT or COERCE")
    with tempfile.TemporaryDirectory(prefix="isocenter-") as scratch:
        results = compose.correct(
            paths,
            output=output or Path(scratch),
            set_values=assignments.overrides(assigned or ()),
            remove=remove or (),
            replace=assignments.replacements(replace or ()),
            table=table,
            worklist=worklist,
            reason=reason,
            previous_source=previous_source,
            undo=undo,
            dry_run=dry_run,
        )
        _report(results, kept=output is not None, dry_run=dry_run, as_json=as_json)
        if table is not None and not any(one.tags or one.error for one in results):
            print(f"no row of {table} changes any of the files: cells are compared letter by "
                  "letter", file=sys.stderr)  # fmt: skip
        written = [one.written for one in results if one.written is not None]
        if to is not None and written:
            deliver_files(written, to)
    if any(one.error for one in results):
        raise typer.Exit(ExitCode.FAILED)


def _report(results: "list[Corrected]", *, kept: bool, dry_run: bool, as_json: bool) -> None:
    from isocenter.compose.correction.corrections import Outcome

    if as_json:
        for one in results:
            print(json.dumps(_described(one, kept)))
        return
    for one in results:
        if one.error:
            print(f"failed: {one.path}: {one.error}")
    counts = {outcome: 0 for outcome in Outcome}
    for one in results:
        counts[one.outcome] += 1
    line = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items())
    print(f"{line}; nothing written" if dry_run else line)


def _described(one: "Corrected", kept: bool) -> dict[str, object]:
    return {
        "path": str(one.path),
        "outcome": one.outcome.value,
        "written": str(one.written) if kept and one.written else None,
        "tags": [f"{tag:08X}" for tag in one.tags],
        "error": one.error,
    }
