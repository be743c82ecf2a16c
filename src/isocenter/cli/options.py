"""Flags that several commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand

from isocenter.dicom.source import is_named_pipe
from isocenter.errors import ConfigurationError

if TYPE_CHECKING:
    from isocenter.server.settings import Settings

__all__ = [
    "CallingAE",
    "Command",
    "ConfigFile",
    "DataFolder",
    "Destination",
    "Json",
    "Timeout",
    "named_path",
    "path_of",
    "require_paths",
]


def path_of(flag: str) -> Callable[[str], Path]:
    """Return what reads the path of a flag, and refuses the one that an empty variable leaves."""

    def read(text: str) -> Path:
        if not text.strip():
            raise ConfigurationError(f"{flag}: the path is empty; name one (. is this folder)")
        return Path(text)

    return read


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        parser=path_of("--config"),
        help="Configuration file; else ./isocenter.toml.",
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", parser=path_of("--data"), help="Folder of the archive."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Destination = Annotated[
    str, typer.Argument(metavar="AET@HOST:PORT", help="AE title and address of the DICOM node.")
]
CallingAE = Annotated[
    str, typer.Option("--calling", metavar="AET", help="Our AE title in the association.")
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait for an answer."),
]


def _no_type(ctx: object) -> str:
    return ""


class Command(TyperCommand):
    """A command that waits for no named pipe, in whichever argument or option one is given."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, whose help shows none of Python's types, such as `list[Path]`."""
        parameters: list[Any] = super().get_params(ctx)
        for one in parameters:
            one.display_type = _no_type
        return parameters

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the line of usage, without the braces around what must be given."""
        pieces = super().collect_usage_pieces(ctx)
        return [re.sub(r"^\{(.+)\}", r"\1", piece) for piece in pieces]

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises
        ------
        ConfigurationError
            A path that was given is a named pipe.
        """
        for value in ctx.params.values():
            for path in cast("list[object]", value) if isinstance(value, list) else [value]:
                if isinstance(path, Path) and is_named_pipe(path):
                    raise ConfigurationError(f"{path} is a named pipe; give a file or a folder")
        return super().invoke(ctx)


def named_path(text: str) -> Path:
    """Refuse the path that an empty variable leaves: it would be the whole current folder.

    Raises
    ------
    ConfigurationError
        If it is empty.
    """
    if not text:
        raise ConfigurationError("a path is empty; name a file or a folder (. is this folder)")
    return Path(text)


def require_paths(paths: list[Path]) -> None:
    """Refuse paths that are not there, before any work begins.

    Raises
    ------
    ConfigurationError
        If one is missing; all missing ones are named.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        hint = "; the destination comes last" if any("@" in path for path in missing) else ""
        raise ConfigurationError(f"no such file or folder: {', '.join(missing)}{hint}")


def require_archive(settings: "Settings") -> None:
    """Refuse a folder that holds no archive, before one is made there by mistake.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    from isocenter.archive import Archive

    folder = settings.data
    # The files of an archive whose index is elsewhere may all be away, as with their disk.
    there = folder.is_dir() if settings.index_url else Archive.is_in(folder)
    if not there:
        why = " (is its disk mounted?)" if folder.is_dir() else ""
        raise ConfigurationError(
            f"no archive at {folder}{why}: name its folder with --data, or start one by "
            "`isocenter serve` or `isocenter import`"
        )
