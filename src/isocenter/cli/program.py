"""The top of the command line: which commands there are, and how errors reach a person."""

import os
import sys
import warnings
from contextlib import suppress
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
from isocenter.cli.standard_streams import (
    OutputFailed,
    discard,
    open_closed_streams,
    watched_output,
)
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
    open_closed_streams()
    output, code = watched_output(), ExitCode.OK
    try:
        code = _run()
        if sys.stdout is not output:  # Typer puts another there when the reader of ours has gone
            code = ExitCode.OK
        output.flush()  # while a failure can still be told
    except (OutputFailed, OSError) as error:
        discard(output)
        if not isinstance(error, BrokenPipeError):  # else `head`, or such a reader, has enough
            code = _failed(f"standard output: {error}", ExitCode.FAILED)
    try:
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)
    sys.exit(code)


def _run() -> int:
    """Run the command, tell what went wrong, and give its exit code."""
    try:
        with warnings.catch_warnings():
            if not (sys.warnoptions or os.environ.get("ISOCENTER_DEBUG")):
                # Those of libraries show malformed values, which are patient data.
                warnings.simplefilter("ignore")
            app()
    except OutputFailed:
        raise
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
    """Tell the person what went wrong, where there is room for it."""
    with suppress(OSError):
        print(f"isocenter: {message}", file=sys.stderr)
    return code


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether it is what Ctrl+C became: while libraries load, some make another error of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
