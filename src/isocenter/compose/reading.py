"""Reading with pydicom, in a form that type checkers follow."""

import importlib
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Final, cast

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from isocenter.dicom import dictionary
from isocenter.dicom.source import require_file
from isocenter.errors import InvalidAttribute, InvalidDicom, NotDicom, NotFound

__all__ = [
    "SIZES",
    "check_readable",
    "data_set_of_file",
    "element_of",
    "is_sequence",
    "items_in",
    "mark_torn",
    "no_file",
    "readable",
    "read_data_set",
    "torn",
    "value_of",
]

_dcmread: Any = vars(importlib.import_module("pydicom"))["dcmread"]  # only partly typed

_REPRESENTATION = attrgetter("VR")
_REPRESENTATIONS: frozenset[str | None] = frozenset({None, *VR})
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    BytesLengthException,
    struct.error,
)
"""What pydicom raises of bytes that it cannot read; a system's own OSError has a number."""

SIZES: Final = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
"""Bytes of one number, by value representation (PS3.5 Table 6.2-1)."""


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
    NotDicom
        When it is no file, but a pipe, whose reader would wait, or the like.
    InvalidDicom
        When what is written in it cannot be.
    """
    if isinstance(path, Path):
        try:
            require_file(path)
        except NotDicom as error:
            raise NotDicom(f"{path}: {error}.") from None
    try:
        data_set: Dataset = _dcmread(path, stop_before_pixels=not pixels, force=force)
    except (*_UNREADABLE, zlib.error, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        name = str(path) if isinstance(path, Path) else "The file"
        why = str(error) or "an element says that it is longer than memory"
        raise InvalidDicom(f"{name} cannot be read to its end: {why}.") from error
    mark_torn(data_set)
    return data_set


def no_file(path: Path | str, what: str = "object") -> NotFound:
    """Return the error for a path that names no file of what is wanted, such as `volume`."""
    if Path(path).is_dir():
        return NotFound(f"{path} is a folder; name the file of the {what}.")
    return NotFound(f"There is no file {path}; check the path of the {what}.")


def data_set_of_file(given: Dataset | str | Path) -> Dataset:
    """Return a data set as it was given, or the one that a file holds.

    Raises
    ------
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.
    InvalidAttribute
        As `check_readable`.
    """
    data_set = given if isinstance(given, Dataset) else _of_file(Path(given))
    check_readable(data_set)
    return data_set


def _of_file(path: Path) -> Dataset:
    if not path.is_file():
        raise no_file(path)
    try:
        return read_data_set(path)
    except InvalidDicomError as error:
        raise NotDicom(f"{path} is not a DICOM file.") from error
    except (OSError, InvalidDicom):
        raise
    except Exception as error:  # pydicom has no one error for what it cannot read
        raise InvalidDicom(f"{path} cannot be read to its end: {error}") from error


def check_readable(data_set: Dataset) -> None:
    """Refuse sequences that are none, and torn numbers in items: nobody can ask for their values.

    A value representation that there is not becomes what the data dictionary says, in items, too.

    Raises
    ------
    InvalidAttribute
        At the first of them.
    InvalidDicom
        When items or their ends stand where attributes do.
    """
    for stored in list(data_set.values()):
        if not is_sequence(int(stored.tag)):
            continue
        for item in items_in(data_set, stored.tag):
            for tag, vr, _ in torn(item):
                raise _unreadable(tag, f"numbers of {SIZES[vr]} bytes each")
            mark_torn(item)
            check_readable(item)


@cache
def is_sequence(tag: int) -> bool:
    """Tell whether a tag is the one of a standard attribute that is a sequence."""
    return dictionary.vr(tag) == "SQ"


def items_in(data_set: Dataset, tag: BaseTag, name: str = "") -> Iterable[Dataset]:
    """Return the items of a sequence; their own sequences are left as they are.

    Parameters
    ----------
    data_set
        What holds the sequence.
    tag
        The sequence.
    name
        How messages call the object.

    Raises
    ------
    InvalidAttribute
        When it holds no items, or its bytes break off inside.
    """
    expected = "a sequence of items (SQ)"
    try:
        found = element_of(data_set, data_set.get_item(tag))
    except _UNREADABLE as error:
        raise _unreadable(tag, expected, name, "bytes that break off inside") from error
    if found.VR != "SQ":
        raise _unreadable(tag, expected, name, f"a value of VR {found.VR}")
    return cast("Iterable[Dataset]", found.value or ())


def _unreadable(tag: BaseTag, expected: str, name: str = "", found: str = "") -> InvalidAttribute:
    of, holds = name and f"{name}: ", found and f"found {found}; "
    return InvalidAttribute(
        f"{of}{dictionary.keyword(tag)} ({tag.group:04X},{tag.element:04X}) cannot be read; "
        f"{holds}expected {expected}. Give an undamaged object.",
        tag,
    )


def mark_torn(data_set: Dataset) -> None:
    """Make readable what pydicom refuses to read otherwise; items are left as they are.

    Elements whose bytes make no whole number of binary numbers get these bytes as their value. A
    value representation that there is not becomes what the data dictionary says.

    Raises
    ------
    InvalidDicom
        When an item or its end stands where an attribute does.
    """
    if _has_stray_items(data_set):
        raise InvalidDicom(
            "An item (FFFE,E000) or its end stands where an attribute should: the bytes before it "
            "are damaged. Give an undamaged object."
        )
    for found in _of_no_representation(data_set):
        data_set[found.tag] = found._replace(VR=None)
    for tag, vr, value in torn(data_set):
        data_set[tag] = DataElement(tag, vr, value, already_converted=True)


def torn(data_set: Dataset) -> list[tuple[BaseTag, str, bytes]]:
    """Return tag, VR and value of elements whose bytes make no whole number of binary numbers."""
    return [
        (stored.tag, vr, stored.value)
        for stored in data_set.values()
        if isinstance(stored, RawDataElement)
        and (vr := stored.VR or dictionary.vr(int(stored.tag))) in SIZES
        and stored.value
        and len(stored.value) % SIZES[vr]
    ]


def _of_no_representation(data_set: Dataset) -> list[RawDataElement]:
    """Return elements with a VR that there is not."""
    if _REPRESENTATIONS.issuperset(map(_REPRESENTATION, data_set.values())):
        return []
    return [
        one
        for one in data_set.values()
        if isinstance(one, RawDataElement) and one.VR not in _REPRESENTATIONS
    ]


def element_of(data_set: Dataset, present: DataElement | RawDataElement) -> DataElement:
    """Return an element of a data set, read if it was not, whatever VR it says."""
    if isinstance(present, RawDataElement) and present.VR not in _REPRESENTATIONS:
        data_set[present.tag] = present._replace(VR=None)
    return present if isinstance(present, DataElement) else data_set[present.tag]


def readable(data_set: Dataset) -> bool:
    """Tell whether there is nothing that `mark_torn` would change."""
    odd = torn(data_set) or _of_no_representation(data_set)
    return not odd and not _has_stray_items(data_set)


def _has_stray_items(data_set: Dataset) -> bool:
    return max(map(int, data_set.keys()), default=0) >> 16 == 0xFFFE


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
