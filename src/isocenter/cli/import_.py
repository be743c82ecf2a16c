"""`isocenter import`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli import options
from isocenter.cli.exit_codes import ExitCode
from isocenter.cli.names import shown
from isocenter.errors import NotDicom

if TYPE_CHECKING:
    from isocenter.media import ImportReport

__all__ = ["import_paths"]


def import_paths(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            parser=options.named_path,
            help="Files, folders, ZIP files, DICOMDIR media.",
        ),
    ],
    data: options.DataFolder = None,
    config: options.ConfigFile = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", "-w", metavar="N", min=1, max=64, help="How many files at a time."
        ),
    ] = 4,
    as_json: options.Json = False,
) -> None:
    """Bring DICOM files into an archive, from disk or media.

    A server on the archive may be running. Of a folder every file below it is tried, of a
    ZIP file every member, of a DICOMDIR every file that it refers to. What is not DICOM is counted
    and does no harm beside what is.
    """
    from isocenter.cli.progress import count_progress
    from isocenter.media import ImportInterrupted, ImportStopped, has_anything
    from isocenter.media import import_paths as import_into
    from isocenter.server.opening import open_archive
    from isocenter.server.settings import load

    options.require_paths(paths)
    if not has_anything(paths):
        named = ", ".join(shown(str(path)) for path in paths)
        raise NotDicom(f"nothing to import: there is no DICOM object in {named}")
    settings = load({"data": data}, config).settings
    stopped, code = "", ExitCode.OK
    with open_archive(settings) as archive, count_progress("importing files") as show:
        try:
            report = import_into(archive, paths, workers=workers, progress=show)
        except ImportStopped as error:
            report, stopped, code = error.report, str(error), ExitCode.FAILED
        except ImportInterrupted as error:
            report, stopped, code = error.report, "interrupted", ExitCode.INTERRUPTED
    if as_json:
        print(json.dumps(_described(report, stopped), indent=2))
    else:
        _print(report)
    if stopped:
        print(f"isocenter: stopped: {stopped}; import again for the rest", file=sys.stderr)
    if code or report.failures:
        raise typer.Exit(code or ExitCode.FAILED)


def _described(report: "ImportReport", stopped: str) -> dict[str, object]:
    outcomes = {outcome.value: count for outcome, count in report.outcomes.items()}
    refused = [{"path": each.name, "error": str(each.error)} for each in report.failures]
    why: dict[str, object] = {"stopped": stopped} if stopped else {}
    return {**outcomes, "refused": refused, "notDicom": report.not_dicom, **why}


def _print(report: "ImportReport") -> None:
    from isocenter.archive import Outcome

    for failure in report.failures:
        print(f"refused: {shown(failure.name)}: {failure.error}")
    always = (Outcome.STORED, Outcome.UNCHANGED)
    counts = [
        f"{count} {outcome.value}"
        for outcome, count in report.outcomes.items()
        if count or outcome in always
    ]
    counts += [f"{len(report.failures)} refused", f"{report.not_dicom} not DICOM"]
    print(", ".join(counts))
