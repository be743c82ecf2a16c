"""The command `isocenter`: one module a command; each parses, calls and prints."""

import sys

from isocenter.cli.exit_codes import ExitCode

__all__ = ["main"]


def main() -> None:
    """Run the command that `sys.argv` asks for and exit with its code."""
    try:
        from isocenter.cli.program import main as run  # takes long enough to be interrupted

        run()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
