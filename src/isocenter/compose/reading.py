"""Reading with pydicom, in a form that type checkers follow."""

import importlib
from functools import cache
from pathlib import Path
from typing import IO, Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

__all__ = ["read_data_set", "value_of"]

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


def value_of(data_set: Dataset, keyword: str) -> Any:
    """Return the value of an attribute, None where it is absent.

    As `Dataset.get(keyword)`, which takes several times as long where there is nothing.
    """
    element: Any = data_set.get(_tag(keyword))
    return None if element is None else element.value


@cache
def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return BaseTag(tag)
