"""Values of NIfTI files that are no number: ITK's reader takes NaN and infinity for zero."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import math
import struct
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_image"]

_HEADER = 348
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_MAGIC = (b"n+1", b"ni1")  # one file, and a header with its values beside it
_PAIR = (".hdr", ".img", ".hdr.gz", ".img.gz")
_FLOATS = {16: "f4", 64: "f8"}


def read_image(path: str | Path) -> Any:
    """Read an image by SimpleITK, with the NaN and infinities of a NIfTI file.

    Raises
    ------
    RuntimeError
        As SimpleITK does.
    """
    sitk: Any = importlib.import_module("SimpleITK")
    image = sitk.ReadImage(str(path))
    try:
        places, found = _not_finite(Path(path))
    except (OSError, EOFError, ValueError, OverflowError, struct.error):  # it was read all the same
        return image
    return _with(image, places, found) if places.size else image


@dataclass(frozen=True, slots=True)
class _Values:
    """Where a NIfTI file has its real numbers."""

    offset: int
    count: int
    dtype: np.dtype[Any]


def _values(head: bytes) -> _Values | None:
    """Read a header of NIfTI-1; None for other files, and for whole numbers."""
    for order in "<>":
        if struct.unpack_from(order + "i", head) != (_HEADER,) or head[344:347] not in _MAGIC:
            continue
        extents = struct.unpack_from(order + "8h", head, 40)
        kind, offset = struct.unpack_from(order + "h36xf", head, 70)
        if kind in _FLOATS:
            count = math.prod(extents[1 : extents[0] + 1])
            return _Values(int(offset), count, np.dtype(order + _FLOATS[kind]))
    return None


def _not_finite(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places, in the order of the file, and the values that are no finite number."""
    places: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    found: list[NDArray[np.float64]] = [np.empty(0)]
    header, data = _files(path)
    with _opened(header) as file:
        known = _values(file.read(_HEADER))
    with _opened(data) as file:
        file.seek(known.offset if known else 0)
        begin = 0
        while known is not None and begin < known.count:
            size = min(_PIECE, known.count - begin)
            piece = np.frombuffer(file.read(size * known.dtype.itemsize), known.dtype)
            if not piece.size:
                break
            odd = np.flatnonzero(~np.isfinite(piece))
            places.append(odd + begin)
            found.append(piece[odd].astype(np.float64))
            begin += piece.size
    return np.concatenate(places), np.concatenate(found)


def _files(path: Path) -> tuple[Path, Path]:
    """Return the file with the header and the one with the values."""
    for ending in _PAIR:
        if path.name.endswith(ending):
            stem, packed = path.name.removesuffix(ending), ".gz" if ending.endswith(".gz") else ""
            return path.with_name(f"{stem}.hdr{packed}"), path.with_name(f"{stem}.img{packed}")
    return path, path


@contextlib.contextmanager
def _opened(path: Path) -> Generator[BinaryIO]:
    with open(path, "rb") as plain:
        packed = plain.read(2) == _GZIP
        plain.seek(0)
        yield cast("BinaryIO", gzip.GzipFile(fileobj=plain)) if packed else plain


def _with(image: Any, places: NDArray[np.int64], found: NDArray[np.float64]) -> Any:
    """Return an image with values put at places of its file, where components are outermost."""
    sitk: Any = importlib.import_module("SimpleITK")
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
