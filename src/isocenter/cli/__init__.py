"""The command `isocenter`: one module a command; each parses, calls and prints."""

from isocenter.cli.program import main

__all__ = ["main"]
