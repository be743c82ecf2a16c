"""Images and transforms read and written by SimpleITK, whole or not at all."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isocenter.compose.nifti_values import is_nifti, read_nifti
from isocenter.compose.reading import no_file
from isocenter.compose.simple_itk import simple_itk
from isocenter.compose.volume_headers import DAMAGED, check_whole
from isocenter.compose.writing import require_replaceable
from isocenter.errors import CannotCompose

__all__ = ["read_image", "reason_of", "unreadable", "write_image", "write_transform"]

_EXPECTED = "expected a NIfTI, MetaImage or NRRD file, or the like"
_UNKNOWN = "Unable to determine ImageIO reader"

_ERROR = re.compile(r"(?:ITK |itk::)ERROR:")
_SAID_OF_NRRD = re.compile(r"\[nrrd\] (\w+): (.*\S)")
_SAID_BY = re.compile(r"^\w+\(0x[0-9a-f]+\): ")
"""The class and address that ITK's sentences begin with."""

_IN_TWO_FILES = (".mhd", ".nhdr")
"""Headers that name the file of the values, so that they are written under their own name."""


def read_image(path: str | Path) -> Any:
    """Return the SimpleITK image that a file holds: NIfTI, MetaImage, NRRD or what else ITK reads.

    Raises
    ------
    NotFound
        When there is no such file.
    CannotCompose
        When it is empty, not whole, damaged, or of no such format.
    OutOfResources
        When there is no room to unpack it.
    """
    path = Path(path)
    if not path.is_file():
        raise no_file(path, "volume")
    try:
        if is_nifti(path) and path.stat().st_size:
            return read_nifti(path)
        check_whole(path)
        return simple_itk().ReadImage(str(path))
    except RuntimeError as error:
        raise unreadable(path, error) from error


def unreadable(path: str | Path, error: Exception) -> CannotCompose:
    """Return what to say of an image file that SimpleITK does not read, by its error."""
    return CannotCompose(f"{path} cannot be read as an image: {_why(Path(path), error)}.")


def _why(path: Path, error: Exception) -> str:
    if not path.stat().st_size:
        return f"it is empty; {_EXPECTED}"
    said = reason_of(error)
    if _UNKNOWN in said:
        return f"it does not begin as a file of its name does; {_EXPECTED}"
    if "orthonormal" in said:
        return "its axes are not perpendicular (sheared); resample it onto a rectangular grid"
    if found := _SAID_OF_NRRD.findall(str(error)):
        unpacking = any("Encoding" in place for place, _ in found)
        said = found[-1][1]
        if unpacking and "not available" not in said:
            return DAMAGED
        return f"it is no NRRD file that ITK reads ({said})"
    if "MetaImageIO" in str(error):
        return "ITK finds no values as its MetaImage header describes them; mend the header"
    return said


def write_image(image: Any, path: str | Path) -> Path:
    """Write a SimpleITK image as NIfTI, MetaImage or NRRD, told by the suffix.

    Raises
    ------
    CannotCompose
        When it cannot be written, or the suffix is unknown.
    """
    return _write(simple_itk().WriteImage, image, Path(path))


def write_transform(transform: Any, path: str | Path) -> Path:
    """Write a SimpleITK transform in a file of ITK, whose form is told by the suffix.

    Raises
    ------
    CannotCompose
        When it cannot be written, or the suffix is unknown.
    """
    return _write(simple_itk().WriteTransform, transform, Path(path))


def reason_of(error: Exception) -> str:
    """Return the sentence of an error of SimpleITK, without where in its sources it comes from."""
    said = " ".join(_ERROR.split(str(error))[-1].split())
    return _SAID_BY.sub("", said).rstrip(".")


def _write(write: Callable[[Any, str], None], what: Any, path: Path) -> Path:
    require_replaceable(path)
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
