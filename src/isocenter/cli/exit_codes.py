"""What the exit code of `isocenter` means, the same in every command."""

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """Exit codes, as documented in the reference of commands."""

    OK = 0
    FAILED = 1
    """The command ran, and some of the work failed; the output says which."""
    USAGE = 2
    """The command could not start: a flag, file, folder or setting is wrong."""
    UNREACHABLE = 3
    """The peer could not be reached, refused the association, or did not answer."""
    DEFECT = 70
    """A defect of Isocenter; the message says how to see the traceback."""
    INTERRUPTED = 130
    """Stopped from the keyboard."""
