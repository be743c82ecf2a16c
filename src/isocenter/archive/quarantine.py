"""Refused objects, kept so that somebody can find out why and send them again."""

import contextlib
import json
import logging
import os
import secrets
import shutil
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from isocenter.errors import IsocenterError, OutOfResources

from .temporary import Temporary

__all__ = ["Quarantine"]

_log = logging.getLogger(__name__)


class Quarantine:
    """A folder of refused objects: `NAME.dcm` as received, `NAME.json` with the reason.

    Nothing is ever taken out of it but by its owner.

    Parameters
    ----------
    directory
        The folder; made when the first object comes.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory).absolute()
        self.failures = 0
        """How many objects could not be kept."""
        self._lock = threading.Lock()

    def keep(self, received: Temporary, origin: str, reason: IsocenterError) -> None:
        """Keep the bytes of a refused object; trouble with that is logged, never raised.

        Parameters
        ----------
        received
            The bytes, which may be removed afterwards.
        origin
            Who sent them.
        reason
            Why they were refused. What was refused for want of resources is not kept.
        """
        if isinstance(reason, OutOfResources):
            return
        moment = datetime.now(UTC)
        place = self.directory / f"{moment:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.dcm"
        try:
            self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            _copy(received.path, place)
            _write_reason(place.with_suffix(".json"), moment, origin, reason)
        except OSError as error:
            _log.error("cannot keep a refused object in %s: %s", self.directory, error.strerror)
            with self._lock:
                self.failures += 1

    def trouble(self) -> str:
        """Tell why nothing can be kept now; empty where the folder can be written, or made."""
        try:
            there = next(
                path for path in (self.directory, *self.directory.parents) if path.exists()
            )
            with tempfile.TemporaryFile(dir=there):
                return ""
        except OSError as error:
            return error.strerror or type(error).__name__


def _copy(received: str, place: Path) -> None:
    with contextlib.suppress(OSError):  # another file system, or one without links
        os.link(received, place)
        return
    shutil.copyfile(received, place)


def _write_reason(place: Path, moment: datetime, origin: str, reason: IsocenterError) -> None:
    described = {
        "time": moment.isoformat(timespec="seconds"),
        "origin": origin,
        "error": type(reason).__name__,
        "reason": str(reason),
    }
    place.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
