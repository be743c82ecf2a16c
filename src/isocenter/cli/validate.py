"""`isocenter validate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli import options
from isocenter.cli.exit_codes import ExitCode
from isocenter.cli.names import shown
from isocenter.errors import ConfigurationError, NotDicom

if TYPE_CHECKING:
    from isocenter.dicom.validation import Report

__all__ = ["validate"]


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", parser=options.named_path, help="Files, and folders of them."
        ),
    ],
    no_warnings: Annotated[bool, typer.Option("--no-warnings", help="Show errors only.")] = False,
    as_json: options.Json = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for tools that show results.")
    ] = False,
) -> None:
    """Find the rules of DICOM that files break.

    Modules, values, geometry, pixels and agreement are looked at. Files that are given together are
    compared with each other, too. Exits with 0 if there is no error, with 1 if there is one, with 2
    if a file cannot be read or there is none.

    isocenter validate study/ --json
    """
    from isocenter.dicom.validation import Severity, validate_files

    if as_json and as_sarif:
        raise ConfigurationError("--json and --sarif exclude each other")
    options.require_paths(paths)
    report = validate_files(paths)
    if not report.files and not report.unreadable:
        named = ", ".join(shown(path) for path in paths)
        raise NotDicom(f"nothing to validate: there is no DICOM object in {named}")
    if no_warnings:
        report = report.errors_only()
    if as_json or as_sarif:
        print(json.dumps(_log(report) if as_sarif else _described(report), indent=2))
    else:
        _print(report)
    if report.unreadable:
        raise typer.Exit(ExitCode.USAGE)
    if any(finding.severity is Severity.ERROR for finding in report.findings):
        raise typer.Exit(ExitCode.FAILED)


def _log(report: "Report") -> dict[str, object]:
    from isocenter.dicom.validation import sarif

    return sarif(report.findings, report.unreadable)


def _described(report: "Report") -> dict[str, object]:
    from isocenter.dicom.validation import findings_json

    return {
        "files": report.files,
        "findings": [findings_json(finding) for finding in report.findings],
        "unreadable": [{"file": str(path), "reason": why} for path, why in report.unreadable],
    }


def _print(report: "Report") -> None:
    for path, reason in report.unreadable:
        print(f"{shown(path)}: unreadable: {reason}")
    for finding in report.findings:
        print(f"{shown(finding.file)}: {finding.severity.value}: {finding.message}")
    errors = sum(finding.severity.value == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    counts = [(report.files, "file"), (errors, "error"), (warnings, "warning")]
    parts = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
    parts += [f"{len(report.unreadable)} unreadable"] if report.unreadable else []
    print(", ".join(parts))
