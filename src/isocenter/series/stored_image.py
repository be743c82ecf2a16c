"""A file of images: what a scan of its header says, and the way back to its header and pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from pydicom.dataset import Dataset

from isocenter.compose.reading import check_readable, read_data_set
from isocenter.compose.values import tag_of
from isocenter.dicom import FrameTable, Header, frame_table, inflate, scan_file, tags
from isocenter.dicom.number_strings import parse_decimal
from isocenter.dicom.source import opened
from isocenter.errors import PixelDataError
from isocenter.pixels import PixelDescription
from isocenter.series.numbers import number_of

__all__ = ["DAYS", "ORDERING", "StoredImage"]

ORDERING = (
    "EchoTime",
    "EffectiveEchoTime",
    "DiffusionBValue",
    "FlipAngle",
    "InversionTime",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "TemporalPositionIdentifier",
    "TemporalPositionTimeOffset",
    "FrameReferenceTime",
    "TemporalPositionIndex",
    "AcquisitionTime",
    "ContentTime",
    "AcquisitionNumber",
)
"""What may tell several images of one place apart, the surest first."""

DAYS = {"AcquisitionTime": "AcquisitionDate", "ContentTime": "ContentDate"}
"""The day that a time of the day is of: acquisitions go on past midnight."""

_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
_VALUES = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "DoseGridScaling")
_IDENTITY = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "Modality",
    "InstanceNumber",
    "NumberOfFrames",
)
_KEPT = frozenset(
    tag_of(keyword) for keyword in (*_IDENTITY, *_PLACE, *_VALUES, *ORDERING, *DAYS.values())
)

Content = Path | Callable[[], AbstractContextManager[IO[bytes]]]
"""A file, or what opens one that is no file of its own: a member of a ZIP archive."""


class StoredImage:
    """An object with images, of which only what sorts and places them is kept in memory.

    Parameters
    ----------
    name
        How messages call it.
    content
        Where its bytes are.
    by
        Tags besides `ORDERING` that images are sorted by.
    """

    def __init__(self, name: str, content: Content, by: frozenset[int] = frozenset()) -> None:
        self.name = name
        self._content = content
        source: Any = content if isinstance(content, Path) else BytesIO(self._bytes())
        header = scan_file(source, extra=_KEPT | by)
        self.little_endian = header.layout.little_endian
        self.values: Mapping[int, bytes] = {
            tag: value for tag, value in header.values.items() if tag in _KEPT or tag in by
        }
        self.description = _description(header) if header.pixel_data is not None else None
        self._inflated = header.inflated
        self._table: FrameTable | None = None
        if self.description is not None and not header.transfer_syntax.encapsulated:
            self._table = None if header.inflated else frame_table(source, header)

    @property
    def path(self) -> Path | None:
        """The file; None for a member of a ZIP archive or an object in memory."""
        return self._content if isinstance(self._content, Path) else None

    def text(self, tag: int) -> str:
        """Return the value of an identifier, empty when absent."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")

    def number(self, tag: int) -> float | None:
        """Return the first value of an attribute as a number; see `number_of`."""
        return number_of(tag, self.values.get(tag), little_endian=self.little_endian)

    def numbers(self, tag: int) -> list[float]:
        """Return the values of a decimal attribute; empty when one is no number."""
        try:
            return list(map(parse_decimal, self.text(tag).split("\\")))
        except ValueError:
            return []

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID (0008,0016)."""
        return self.text(tags.SOPClassUID)

    @cached_property
    def number_of_frames(self) -> int:
        """Number of Frames (0028,0008), 1 where it is absent."""
        return self.description.number_of_frames if self.description else 1

    @property
    def is_multi_frame(self) -> bool:
        """Whether the object says how many frames it has."""
        return tags.NumberOfFrames in self.values

    @property
    def data_set(self) -> Dataset:
        """The header by pydicom, without pixel data; kept for the images read last."""
        return _data_set(self)

    def read_data_set(self) -> Dataset:
        """Read the header by pydicom, without pixel data.

        Of an object with functional groups all can be asked for, of others the top level.
        """
        content = self._content if isinstance(self._content, Path) else BytesIO(self._bytes())
        data_set = read_data_set(content, pixels=False, force=True)
        if "NumberOfFrames" in data_set:
            check_readable(data_set)
        return data_set

    def frame(self, number: int) -> bytes:
        """Read the bytes of one frame, from 1, as it is encoded."""
        content = self._bytes() if not isinstance(self._content, Path) else self._content
        if self._table is None:
            return self._walked_frame(content, number)
        with opened(content) as (read, _):
            return self._table.read_frame(read, number)

    def _walked_frame(self, content: Path | bytes, number: int) -> bytes:
        """Read a frame whose place is not arithmetic; the table of a multi-frame object is kept."""
        header = scan_file(content)
        if self._inflated:
            content = content if isinstance(content, bytes) else content.read_bytes()
            content = inflate(content[header.data_set_offset :])
        table = frame_table(content, header)
        if self.is_multi_frame and not self._inflated:
            self._table = table
        with opened(content) as (read, _):
            return table.read_frame(read, number)

    def _bytes(self) -> bytes:
        if isinstance(self._content, Path):
            return self._content.read_bytes()
        with self._content() as file:
            return file.read()


@lru_cache(maxsize=64)
def _data_set(image: StoredImage) -> Dataset:
    return image.read_data_set()


@lru_cache(maxsize=64)
def _shared(description: PixelDescription) -> PixelDescription:
    """Return one object for all that are equal: the images of a series are described alike."""
    return description


def _description(header: Header) -> PixelDescription | None:
    try:
        return _shared(PixelDescription.from_header(header))
    except PixelDataError:
        return None
