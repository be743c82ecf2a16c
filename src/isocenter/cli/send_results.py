"""The file in which `isocenter send` records its results, and from which it resumes."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from isocenter.dimse import PeerAddress, SendResult
from isocenter.errors import ConfigurationError

__all__ = ["SendRecord", "described"]

_SENT = "sent"
_LONGEST = 1 << 16
"""Bytes of a line: paths and errors are shorter."""


def described(result: SendResult) -> dict[str, Any]:
    """Describe what became of a file, for a JSON line.

    Returns
    -------
    dict
        `path`, `outcome` (`sent`, `failed` or `skipped`), `sopInstanceUID`, `status` (four
        hexadecimal digits, or None where the peer answered nothing), `error`, `note`.
    """
    return {
        "path": str(result.path),
        "outcome": result.outcome.value,
        "sopInstanceUID": result.sop_instance_uid,
        "status": f"{result.status.code:04X}" if result.status else None,
        "error": result.error,
        "note": result.note,
    }


class SendRecord:
    """Reads what was sent before and appends what is sent now; use it as a context manager.

    Parameters
    ----------
    path
        The file of JSON lines; nothing is read or written without one.
    destination
        Only what was sent there counts as sent.
    """

    def __init__(self, path: Path | None, destination: PeerAddress) -> None:
        self._path = path
        self._destination = str(destination)
        self._file: TextIO | None = None
        self._sent = frozenset(self._read())

    def _read(self) -> Iterator[Path]:
        if self._path is None or not self._path.exists():
            return
        if not self._path.is_file():
            raise ConfigurationError(f"--results {self._path} is no file; name one")
        for number, line in enumerate(_whole_lines(self._path), 1):
            try:
                row = json.loads(line)
                if row["outcome"] == _SENT and row["destination"] == self._destination:
                    yield Path(row["path"])
            except (ValueError, KeyError, TypeError):
                raise ConfigurationError(
                    f"{self._path}, line {number}: not a line of `isocenter send --results`; name "
                    "another file"
                ) from None

    def __enter__(self) -> Self:
        if self._path is not None:
            if not self._path.absolute().parent.is_dir():
                raise ConfigurationError(
                    f"no such folder: {self._path.parent}; --results names a file in one that is "
                    "there"
                )
            try:
                self._file = self._path.open("a", encoding="utf-8")
                self._file.truncate(sum(map(len, _whole_lines(self._path))))
            except OSError as error:
                raise ConfigurationError(f"{self._path}: {error.strerror}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def was_sent(self, path: Path) -> bool:
        """Tell whether the file was sent to this destination before."""
        return path.resolve() in self._sent

    def add(self, result: SendResult) -> None:
        """Write a line at once, so that the file is true even if the next moment ends it all."""
        if self._file is not None:
            row = {"destination": self._destination, **described(result)}
            row["path"] = str(result.path.resolve())
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file but for one that an interruption left unfinished at its end."""
    with path.open("rb") as file:
        while (line := file.readline(_LONGEST)).endswith(b"\n") or len(line) == _LONGEST:
            yield line
