"""Standard streams that are closed or full, or whose reader has enough."""

import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO

__all__ = ["OutputFailed", "discard", "open_closed_streams", "watched_output"]


class OutputFailed(Exception):
    """What was printed could not be written; not an OSError, which is about a command's files."""


class _WatchedFile(io.FileIO):
    """Standard output, whose failures are told from those of other files."""

    def write(self, b: Any, /) -> int:
        try:
            return super().write(b)
        except BrokenPipeError:  # `head`, or such a reader, has enough
            raise
        except OSError as error:
            raise OutputFailed(error.strerror) from error


def open_closed_streams() -> None:
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


def watched_output() -> TextIO:
    """Have standard output raise OutputFailed, and write what its encoding lacks as escapes.

    Returns
    -------
    TextIO
        What is `sys.stdout` from now on: with the buffer that the interpreter gave it, or none.
    """
    output: Any = sys.stdout
    if output is sys.__stdout__ and hasattr(output, "buffer"):
        buffer = output.buffer
        raw = getattr(buffer, "raw", buffer)
        if isinstance(raw, io.FileIO):  # else it is a console of Windows
            file = _WatchedFile(output.fileno(), "wb", closefd=False)
            sys.stdout = io.TextIOWrapper(
                file if raw is buffer else io.BufferedWriter(file),
                output.encoding,
                line_buffering=output.line_buffering,
                write_through=output.write_through,
            )
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")  # a name may be no text of the terminal's
    return sys.stdout


def discard(stream: TextIO) -> None:
    """Let go what a stream still holds and cannot write, before the interpreter tries again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
