"""One plain line an event, to standard error. Lines never carry patient data or secrets."""

import logging
import sys
import warnings
from typing import Final

from isocenter.log_lines import RepeatedLines

__all__ = ["configure"]

# Anybody who reaches the port can have uvicorn write these, as often as they like.
_UVICORN: Final = RepeatedLines("Exceeded concurrency limit.", "Invalid HTTP request received.")


def configure(level: str) -> None:
    """Send the log of everything in this process to standard error.

    Parameters
    ----------
    level
        `debug`, `info`, `warning` or `error`.
    """
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    # These tell of every request and of their own starting; we say the latter ourselves.
    for name in ("uvicorn.error", "uvicorn.access", "alembic", "sqlalchemy", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_UVICORN)
    # pydicom warns of malformed values by showing them, and values are patient data.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
