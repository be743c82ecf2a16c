"""Images and transforms written by SimpleITK, whole or not at all."""

from __future__ import annotations

import importlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isocenter.errors import CannotCompose

__all__ = ["reason_of", "write_image", "write_transform"]

_SAID_BY = re.compile(r"^\w+\(0x[0-9a-f]+\): ")
"""The class and address that ITK's sentences begin with."""

_IN_TWO_FILES = (".mhd", ".nhdr")
"""Headers that name the file of the values, so that they are written under their own name."""


def write_image(image: Any, path: str | Path) -> Path:
    """Write a SimpleITK image as NIfTI, MetaImage or NRRD, told by the suffix.

    Raises
    ------
    CannotCompose
        When it cannot be written, or the suffix is unknown.
    """
    return _write(_simple_itk().WriteImage, image, Path(path))


def write_transform(transform: Any, path: str | Path) -> Path:
    """Write a SimpleITK transform in a file of ITK, whose form is told by the suffix.

    Raises
    ------
    CannotCompose
        When it cannot be written, or the suffix is unknown.
    """
    return _write(_simple_itk().WriteTransform, transform, Path(path))


def reason_of(error: Exception) -> str:
    """Return the sentence of an error of SimpleITK, without where in its sources it comes from."""
    said = " ".join(str(error).split("ITK ERROR:")[-1].split())
    return _SAID_BY.sub("", said).rstrip(".")


def _simple_itk() -> Any:
    return importlib.import_module("SimpleITK")


def _write(write: Callable[[Any, str], None], what: Any, path: Path) -> Path:
    ending = "".join(path.suffixes[-2:])
    temporary = path.parent / f".{secrets.token_hex(8)}{ending}"
    target = path if path.suffix.lower() in _IN_TWO_FILES else temporary
    try:
        write(what, str(target))
        target.replace(path)
    except (RuntimeError, OSError) as error:
        raise CannotCompose(f"{path} cannot be written: {reason_of(error)}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
