"""`isocenter check`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli import options
from isocenter.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from isocenter.archive import CheckReport

__all__ = ["check"]


def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be put right.")
    ] = False,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Compare the header of every file, not only its size."),
    ] = False,
    data: options.DataFolder = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Compare the archive's files with its index, and repair it.

    Also makes a lost index anew from the files. The archive may be in use meanwhile.
    """
    from isocenter.cli.progress import count_progress
    from isocenter.server.opening import open_archive
    from isocenter.server.settings import load

    settings = load({"data": data}, config).settings
    options.require_archive(settings)
    with open_archive(settings) as archive, count_progress("checking studies") as show:
        report = archive.check(repair, thorough=thorough, progress=show)
    if as_json:
        print(json.dumps(_described(report), indent=2))
    else:
        _print(report, repair)
    if report.unrepaired:
        raise typer.Exit(ExitCode.FAILED)


def _described(report: "CheckReport") -> dict[str, object]:
    problems = [
        {
            "kind": problem.kind.value,
            "path": str(problem.path),
            "sentence": problem.sentence,
            "repaired": problem.repaired,
        }
        for problem in report.problems
    ]
    return {"files": report.files, "instances": report.instances, "problems": problems}


def _print(report: "CheckReport", repair: bool) -> None:
    from isocenter.archive import ProblemKind

    for problem in report.problems:
        state = "repaired" if problem.repaired else problem.kind.value
        print(f"{state}: {problem.path}: {problem.sentence}")
    left = report.unrepaired
    print(
        f"{report.files} files, {report.instances} instances in the index, "
        f"{len(report.problems)} problems, {len(left)} left"
    )
    lasting = {ProblemKind.UNREADABLE, ProblemKind.UNWRITABLE}
    if not repair and any(problem.kind not in lasting for problem in left):
        print("`isocenter check --repair` puts right what can be.")
