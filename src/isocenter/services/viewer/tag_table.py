"""Every data element of an instance as text."""

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pydicom
from pydicom import Dataset, FileDataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag

from isocenter.archive import StoredInstance
from isocenter.dicom import tags
from isocenter.errors import InvalidDicom

from .schema import TagRow

__all__ = ["tag_table"]

LONGEST_VALUE = 1024
MOST_ROWS = 20_000
DEEPEST = 64
_BINARY = {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
_UNDEFINED = 0xFFFFFFFF


def tag_table(stored: StoredInstance) -> list[TagRow]:
    """List the data elements of an instance, depth first, File Meta Information in front.

    Parameters
    ----------
    stored
        The open instance.

    Returns
    -------
    list of TagRow
        Values cut at a kilobyte, binary ones described; at most 20,000 rows and 32 sequences deep.

    Raises
    ------
    InvalidDicom
        When the data set cannot be read.
    """
    dataset = _dataset(stored)
    rows: list[TagRow] = []
    for row in (*_rows(dataset.file_meta, 0), *_rows(dataset, 0)):
        rows.append(row)
        if len(rows) == MOST_ROWS:
            break
    pixels = stored.header.pixel_data
    if pixels is not None and len(rows) < MOST_ROWS:
        rows.append(_pixel_row(pixels.tag, pixels.vr or "OW", pixels.length))
    return rows


def _dataset(stored: StoredInstance) -> FileDataset:
    inflated = stored.header.inflated  # pydicom would inflate the pixels, too
    source = BytesIO(stored.beginning()) if inflated else stored.path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the table shows what is there, odd or not
        try:
            return pydicom.dcmread(  # pyright: ignore[reportUnknownMemberType]
                source, stop_before_pixels=True, force=True
            )
        except Exception as error:  # pydicom raises what the broken part happens to cause
            raise InvalidDicom(f"the data set cannot be listed: {error}") from error


def _rows(dataset: Dataset, level: int) -> Iterator[TagRow]:
    for tag in sorted(dataset.keys()):
        raw = dataset.get_item(tag)
        length = raw.length if isinstance(raw, RawDataElement) else None
        try:
            element = dataset[tag]
        except Exception:  # a value that its VR's parser refuses
            yield _unreadable(tag, raw, level, length)
            continue
        yield _row(element, level, None if length == _UNDEFINED else length)
        if element.VR == "SQ" and level < DEEPEST:
            for number, item in enumerate(element.value):
                yield _item_row(number + 1, level + 1)
                yield from _rows(item, level + 2)


def _row(element: DataElement, level: int, length: int | None) -> TagRow:
    return TagRow(
        tag=_tag_text(element.tag),
        keyword=str(element.keyword),
        name=str(element.name).strip("[]"),
        vr=str(element.VR),
        vm=element.VM,
        value=_value(element),
        level=level,
        length=length,
    )


def _item_row(number: int, level: int) -> TagRow:
    return TagRow(
        tag="(FFFE,E000)",
        keyword="Item",
        name=f"Item {number}",
        vr="",
        vm=1,
        value="",
        level=level,
        length=None,
    )


def _unreadable(tag: BaseTag, raw: Any, level: int, length: int | None) -> TagRow:
    value = getattr(raw, "value", b"") or b""
    return TagRow(
        tag=_tag_text(tag),
        keyword="",
        name="",
        vr=str(getattr(raw, "VR", None) or "UN"),
        vm=1,
        value=bytes(value[:LONGEST_VALUE]).decode("latin-1"),
        level=level,
        length=length,
    )


def _pixel_row(tag: int, vr: str, length: int | None) -> TagRow:
    name = {
        tags.PixelData: "Pixel Data",
        tags.FloatPixelData: "Float Pixel Data",
        tags.DoubleFloatPixelData: "Double Float Pixel Data",
    }[tag]
    return TagRow(
        tag=_tag_text(tag),
        keyword=name.replace(" ", ""),
        name=name,
        vr=vr,
        vm=1,
        value="encapsulated frames" if length is None else f"{length} bytes",
        level=0,
        length=length,
    )


def _tag_text(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _value(element: DataElement) -> str:
    value: Any = element.value
    if element.VR == "SQ":
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, bytes):
        return _binary(value, str(element.VR))
    if value is None:
        return ""
    many = not isinstance(value, str) and hasattr(value, "__iter__") and element.VR != "PN"
    text = "\\".join(str(part) for part in value) if many else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _binary(value: bytes, vr: str) -> str:
    if (
        vr == "UN"
        and value.strip(b"\0 ").isascii()
        and value.strip(b"\0 ").decode("ascii").isprintable()
    ):
        return value[:LONGEST_VALUE].decode("ascii").strip("\0 ")
    if len(value) <= 16:
        return value.hex(" ")
    return f"{len(value)} bytes"
