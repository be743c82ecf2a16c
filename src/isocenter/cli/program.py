"""The top of the command line: which commands there are, and how errors reach a person."""

import os
import sys
import warnings
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
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")  # a name may be no text of the terminal's
    try:
        with warnings.catch_warnings():
            if not (sys.warnoptions or os.environ.get("ISOCENTER_DEBUG")):
                # Those of libraries show malformed values, which are patient data.
                warnings.simplefilter("ignore")
            app()
    except AssociationError as error:
        _fail(str(error), ExitCode.UNREACHABLE)
    except IsocenterError as error:
        _fail(str(error), ExitCode.USAGE)
    except BrokenPipeError:  # the reader of our output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}", ExitCode.USAGE)
    except Exception as error:
        if os.environ.get("ISOCENTER_DEBUG"):
            raise
        _fail(
            f"unexpected {type(error).__name__}: {error}\nThis is a defect of Isocenter. "
            "ISOCENTER_DEBUG=1 shows where it happened; please report it.",
            ExitCode.DEFECT,
        )


def _fail(message: str, code: ExitCode) -> None:
    """Tell the person what went wrong, and exit."""
    print(f"isocenter: {message}", file=sys.stderr)
    sys.exit(code)
