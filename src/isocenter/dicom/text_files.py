"""Text that a person or another program wrote: settings, templates, tables, reports, codes."""

import errno
from pathlib import Path

from isocenter.dicom.source import is_named_pipe, require_file
from isocenter.errors import NotDicom

__all__ = ["LARGEST_TEXT", "read_text"]

LARGEST_TEXT = 256 << 20
"""Bytes: a table of two million rows; what is larger is no text that somebody wrote."""


def read_text(path: str | Path, *, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a file in UTF-8, without its byte order mark.

    Parameters
    ----------
    path
        The file, or a shell's pipe, which has no name.
    largest
        How many bytes there may be.

    Raises
    ------
    OSError
        When there is nothing, no file, or too much; `strerror` says which.
    UnicodeDecodeError
        When it is not in UTF-8.
    """
    path = Path(path)
    if not path.is_fifo() or is_named_pipe(path):
        _require_file(path)
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"it has more than {largest >> 20} MiB of text", str(path))
    return content.decode("utf-8-sig")


def _require_file(path: Path) -> None:
    try:
        require_file(path)
    except NotDicom as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from None
