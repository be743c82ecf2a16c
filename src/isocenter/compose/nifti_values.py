"""Values of NIfTI files: whether all are there, and those that ITK's reader takes for zero."""

from __future__ import annotations

import gzip
import math
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.simple_itk import simple_itk
from isocenter.compose.volume_headers import not_whole
from isocenter.errors import CannotCompose, OutOfResources

__all__ = ["is_nifti", "read_nifti"]

_HEADER = 348
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_MAGIC = (b"n+1", b"ni1")  # one file, and a header with its values beside it
_SECOND = (b"\x1c\x02\0\0n+2\0", b"\0\0\x02\x1cn+2\0", b"\x1c\x02\0\0ni2\0")
_PAIR = (".hdr", ".img", ".hdr.gz", ".img.gz")
_ONE = (".nii", ".nii.gz")
_FLOATS = {16: "f4", 64: "f8"}
_SIZES = {2: 1, 4: 2, 8: 4, 16: 4, 32: 8, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
"""Bytes of a value by its type, which ITK's reader goes by, and not by the bits that are said."""


def is_nifti(path: Path) -> bool:
    """Tell by its name whether a file may be NIfTI."""
    return path.name.lower().endswith((*_ONE, *_PAIR))


def read_nifti(path: Path) -> Any:
    """Read a NIfTI file by SimpleITK, with its NaN and infinities.

    ITK's reader takes these for zero, and what a file lacks, too.

    Raises
    ------
    CannotCompose
        When it is not whole, damaged, or no NIfTI file.
    OutOfResources
        When there is no room to unpack it.
    RuntimeError
        As SimpleITK does.
    """
    with tempfile.TemporaryDirectory(prefix="isocenter-") as folder:
        # Unpacked once: SimpleITK reads files only, and checks no sum of what it unpacks.
        header, data = _plain_files(path, Path(folder))
        known = _checked(path, header, data)
        sitk = simple_itk()
        image = sitk.ReadImage(str(header))
        if known is None or known.dtype is None:
            return image
        places, found = _not_finite(data, known, known.dtype)
    return _with(image, places, found) if places.size else image


def _checked(path: Path, header: Path, data: Path) -> _Values | None:
    """Return where values are; refuse a file that has not all of them."""
    with header.open("rb") as file:
        head = file.read(_HEADER)
    if head[:8] in _SECOND:
        raise _refused(path, "it is NIfTI-2, of which ITK reads none; save it as NIfTI-1")
    if len(head) < _HEADER:
        raise _refused(
            path,
            f"it has {len(head)} bytes, and a NIfTI header takes {_HEADER}; the file is not "
            "whole: copy it again",
        )
    known = _values(head)
    if known is not None:
        there = data.stat().st_size - known.offset
        if there < known.size:
            raise not_whole(path, there, known.size)
    return known


def _refused(path: Path, why: str) -> CannotCompose:
    return CannotCompose(f"{path} cannot be read as an image: {why}.")


def _plain_files(path: Path, folder: Path) -> tuple[Path, Path]:
    """Return the file with the header and the one with the values, unpacked side by side."""
    found = _files(path)
    if not any(map(_is_packed, found)):
        return found
    header, data = (folder / one.name.removesuffix(".gz") for one in found)
    for one, target in {found[0]: header, found[1]: data}.items():
        if not _is_packed(one):
            target.symlink_to(one.resolve())
        elif why := _unpacked(one, target):
            raise _refused(
                path,
                f"the gzip stream of {one.stat().st_size} bytes in {one.name} {why}; copy the "
                "whole file again",
            )
    return header, data


def _files(path: Path) -> tuple[Path, Path]:
    ending = next((one for one in _PAIR if path.name.lower().endswith(one)), None)
    if ending is None:
        return path, path
    stem = path.name[: -len(ending)]
    return _there(path, stem, ".hdr"), _there(path, stem, ".img")


def _there(path: Path, stem: str, ending: str) -> Path:
    for one in (ending, f"{ending}.gz", ending.upper(), f"{ending}.gz".upper()):
        if (found := path.with_name(f"{stem}{one}")).is_file():
            return found
    raise _refused(path, f"there is no file {stem}{ending} beside it; put it there")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _unpacked(path: Path, target: Path) -> str:
    """Unpack a file; return what is wrong with it, if anything."""
    try:
        with target.open("wb") as file:
            return _unpack(path, file)
    except OSError as error:
        message = f"{path} cannot be unpacked to {target}: {error.strerror}."
        raise OutOfResources(message) from error


def _unpack(path: Path, target: Any) -> str:
    """Copy what is in a packed file; return what is wrong with it, if anything."""
    try:
        with gzip.open(path) as packed:
            while piece := packed.read(_PIECE):
                target.write(piece)
    except EOFError:
        return "breaks off"
    except (gzip.BadGzipFile, zlib.error) as error:
        # Behind the last stream there may be anything.
        if not (target.tell() and str(error).startswith("Not a gzipped file")):
            return "is damaged"
    return ""


@dataclass(frozen=True, slots=True)
class _Values:
    """Where a NIfTI file has its values, of how many bytes; their type where it is a real one."""

    offset: int
    size: int
    dtype: np.dtype[Any] | None


def _values(head: bytes) -> _Values | None:
    """Read a header of NIfTI-1; None for other files."""
    for order in "<>":
        if struct.unpack_from(order + "i", head) != (_HEADER,) or head[344:347] not in _MAGIC:
            continue
        extents = struct.unpack_from(order + "8h", head, 40)
        kind, bits, offset = struct.unpack_from(order + "hh34xf", head, 70)
        count = math.prod(max(one, 1) for one in extents[1 : extents[0] + 1])
        dtype = np.dtype(order + _FLOATS[kind]) if kind in _FLOATS else None
        size = count * _SIZES[kind] if kind in _SIZES else count * bits // 8
        if 0 <= offset < 1 << 31:  # no NaN
            return _Values(int(offset), size, dtype)
    return None


def _not_finite(
    path: Path, known: _Values, dtype: np.dtype[Any]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places, in the order of the file, and the values that are no finite number."""
    places: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    found: list[NDArray[np.float64]] = [np.empty(0)]
    with path.open("rb") as file:
        file.seek(known.offset)
        for begin in range(0, known.size, _PIECE):
            piece = np.frombuffer(file.read(min(_PIECE, known.size - begin)), dtype)
            odd = np.flatnonzero(~np.isfinite(piece))
            places.append(odd + begin // dtype.itemsize)
            found.append(piece[odd].astype(np.float64))
    return np.concatenate(places), np.concatenate(found)


def _with(image: Any, places: NDArray[np.int64], found: NDArray[np.float64]) -> Any:
    """Return an image with values put at places of its file, where components are outermost."""
    sitk = simple_itk()
    array = sitk.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    if array.dtype.kind != "f" or places[-1] >= array.size:
        return image
    component, place = np.divmod(places, array.size // components)
    array.reshape(-1, components)[place, component] = found
    made = sitk.GetImageFromArray(array, isVector=components > 1)
    made.CopyInformation(image)
    for key in image.GetMetaDataKeys():
        made.SetMetaData(key, image.GetMetaData(key))
    return made
