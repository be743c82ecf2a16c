"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from isocenter.errors import ConfigurationError

__all__ = [
    "CallingAE",
    "ConfigFile",
    "DataFolder",
    "Destination",
    "Json",
    "Timeout",
    "require_paths",
]

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file; else ./isocenter.toml."),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the archive."),
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


def require_archive(folder: Path) -> None:
    """Refuse a folder that holds no archive, before one is made there by mistake.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"no archive at {folder}: name its folder with --data, or start one by "
            "`isocenter serve` or `isocenter import`"
        )
