"""Reading with pydicom, in a form that type checkers follow."""

import importlib
from pathlib import Path
from typing import IO, Any

from pydicom.dataset import Dataset

__all__ = ["read_data_set"]

_dcmread: Any = vars(importlib.import_module("pydicom"))["dcmread"]  # only partly typed


def read_data_set(path: Path | IO[bytes], *, pixels: bool = True, force: bool = False) -> Dataset:
    """Read a DICOM file.

    Parameters
    ----------
    path
        The file, or an open one.
    pixels
        Whether to read Pixel Data and what follows.
    force
        Whether to try a file without preamble.

    Raises
    ------
    pydicom.errors.InvalidDicomError
        When the file has no preamble and `force` is not set.
    """
    data_set: Dataset = _dcmread(path, stop_before_pixels=not pixels, force=force)
    return data_set
