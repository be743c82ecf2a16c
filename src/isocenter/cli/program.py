"""The top of the command line: which commands there are, and how errors reach a person."""

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from isocenter.cli import (
    check,
    compose,
    config,
    correct,
    derive,
    dump,
    echo,
    import_,
    options,
    report,
    send,
    serve,
    validate,
    version,
    volume,
)
from isocenter.cli.exit_codes import ExitCode
from isocenter.errors import AssociationError, IsocenterError

__all__ = ["app", "main"]

app = typer.Typer(
    name="isocenter",
    help="A DICOM imaging platform: receive, keep, find, show and exchange medical images.",
    epilog="Start with: isocenter serve --demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in {
    "serve": serve.serve,
    "echo": echo.echo,
    "send": send.send,
    "import": import_.import_paths,
    "check": check.check,
    "correct": correct.correct,
    "derive": derive.derive,
    "volume": volume.volume,
    "validate": validate.validate,
    "dump": dump.dump,
    "report": report.report,
    "config": config.config,
    "version": version.version,
}.items():
    app.command(_name, cls=options.Command)(_command)
app.add_typer(compose.app, name="compose")


@app.callback()
def _options(
    asked: Annotated[
        bool,
        typer.Option(
            "--version", callback=version.print_and_exit, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass  # Typer takes the options of the program itself from a function


def main() -> None:
    """Run the command that `sys.argv` asks for and exit with its code."""
    _open_closed_streams()
    output = sys.stdout
    if reconfigure := getattr(output, "reconfigure", None):
        reconfigure(errors="backslashreplace")  # a name may be no text of the terminal's
    code = _run()
    if sys.stdout is not output:  # Typer puts another there when the reader of ours has gone
        code = ExitCode.OK
    try:
        output.flush()  # while a failure can still be told
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        if not isinstance(error, BrokenPipeError):  # else `head`, or such a reader, has enough
            code = _failed(f"standard output: {error.strerror}", ExitCode.FAILED)
    sys.exit(code)


def _run() -> int:
    """Run the command, tell what went wrong, and give its exit code."""
    try:
        with warnings.catch_warnings():
            if not (sys.warnoptions or os.environ.get("ISOCENTER_DEBUG")):
                # Those of libraries show malformed values, which are patient data.
                warnings.simplefilter("ignore")
            app()
    except SystemExit as ended:
        return int(ended.code or ExitCode.OK)
    except AssociationError as error:
        return _failed(str(error), ExitCode.UNREACHABLE)
    except IsocenterError as error:
        return _failed(str(error), ExitCode.USAGE)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _failed(f"{place}{error.strerror or error}", ExitCode.USAGE)
    except Exception as error:
        if _is_interrupt(error):
            return ExitCode.INTERRUPTED
        if os.environ.get("ISOCENTER_DEBUG"):
            raise
        return _failed(
            f"unexpected {type(error).__name__}: {error}\nThis is a defect of Isocenter. "
            "ISOCENTER_DEBUG=1 shows where it happened; please report it.",
            ExitCode.DEFECT,
        )
    return ExitCode.OK


def _failed(message: str, code: ExitCode) -> ExitCode:
    """Tell the person what went wrong."""
    print(f"isocenter: {message}", file=sys.stderr)
    return code


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether it is what Ctrl+C became: while libraries load, some make another error of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _open_closed_streams() -> None:
    """Put what takes everything in the place of standard streams that are closed.

    The next file to be opened would else be one of them, and get what libraries print there.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, stream)
