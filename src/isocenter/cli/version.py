"""`isocenter version`."""

import platform

import typer

import isocenter

__all__ = ["print_and_exit", "version"]


def version() -> None:
    """Print the version of Isocenter and of the Python it runs on."""
    print(f"isocenter {isocenter.__version__} (Python {platform.python_version()})")


def print_and_exit(asked: bool) -> None:
    """Do as the command does, for `--version`."""
    if asked:
        version()
        raise typer.Exit()
