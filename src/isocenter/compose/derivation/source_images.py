"""An image to derive from: scanned once, decoded frame by frame."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.derivation.quantisation import StoredForm
from isocenter.compose.planes import Plane
from isocenter.compose.reading import check_readable, mark_torn
from isocenter.compose.whole_sequences import check_sequences
from isocenter.dicom import (
    FrameTable,
    Header,
    frame_table,
    inflate,
    read_file_meta,
    scan,
    scan_file,
    tags,
)
from isocenter.dicom.encoding import EXPLICIT_LITTLE
from isocenter.dicom.number_strings import parse_decimal
from isocenter.dicom.source import mapped
from isocenter.errors import CannotCompose
from isocenter.pixels import (
    DataSetAttributes,
    ModalityTransform,
    PixelDescription,
    Rescale,
    decode_frame,
)
from isocenter.pixels.functional_groups import FrameAttributes, frames_of
from isocenter.pixels.geometry import read_orientation, read_position, read_spacing
from isocenter.pixels.modality import Padding, read_modality, read_padding
from isocenter.pixels.samples import palette_of

__all__ = ["EXTREMES", "SourceImage"]

_read_dataset: Any = vars(importlib.import_module("pydicom.filereader"))["read_dataset"]
_RawDataElement: Any = vars(importlib.import_module("pydicom.dataelem"))["RawDataElement"]
_BaseTag: Any = vars(importlib.import_module("pydicom.tag"))["BaseTag"]

_GEOMETRY = (0x00200032, 0x00200037, 0x00280030)
_LOSSY = (0x00282112, 0x00282114)
EXTREMES = frozenset({0x00280106, 0x00280107})
"""Smallest and Largest Image Pixel Value."""

_PIXEL_VALUES = (0x00280120, 0x00280121, 0x00281052, 0x00281053, 0x00281054, 0x00541001)
_MODALITY_LUT, _SHARED_GROUPS = 0x00283000, 0x52009229
_SLICE_THICKNESS = 0x00180050
_READ = frozenset(
    {
        *_GEOMETRY,
        *_PIXEL_VALUES,
        *_LOSSY,
        *EXTREMES,
        _MODALITY_LUT,
        _SHARED_GROUPS,
        _SLICE_THICKNESS,
        0x00541330,
    }
)
_SCALE = (
    *_PIXEL_VALUES,
    tags.SOPClassUID,
    tags.Modality,
    tags.ImageType,
    tags.PixelRepresentation,
)
_AMBIGUOUS = frozenset({0x00280120, 0x00280121})


@lru_cache(maxsize=64)
def _attributes(known: tuple[tuple[int, bytes], ...], little_endian: bool) -> FrameAttributes:
    """Return attributes of which the bytes are known; those of most slices are the same."""
    raw = {
        _BaseTag(tag): _RawDataElement(
            _BaseTag(tag),
            "US" if tag in _AMBIGUOUS else None,
            len(value),
            value,
            0,
            True,  # noqa: FBT003 - without a VR, as in Implicit VR
            little_endian,
        )
        for tag, value in known
    }
    (frame,) = frames_of(DataSetAttributes(Dataset(raw), not little_endian), 1)
    return frame


@lru_cache(maxsize=64)
def _modality(frame: FrameAttributes, signed: bool) -> tuple[ModalityTransform, str]:
    return read_modality(frame, signed=signed)


class SourceImage:
    """One image object, of which the header was scanned.

    Parameters
    ----------
    content
        Its file, or the bytes of one.
    header
        What a scan of it found.
    """

    def __init__(self, content: Path | bytes, header: Header) -> None:
        self.content = content
        self.header = header

    @classmethod
    def scanned(cls, content: Path | bytes) -> SourceImage:
        """Scan a file, or the bytes of one.

        Raises
        ------
        NotDicom, InvalidDicom
            When it is none, or a damaged one.
        """
        header = scan_file(content, extra=_READ)
        if header.inflated:  # its scan ends with the first pixels that it meets
            with mapped(content) as whole:
                inflated = inflate(whole[read_file_meta(whole).data_set_offset :])
            header = scan(inflated, header.transfer_syntax, final=True, extra=_READ)
            header.inflated = True
        return cls(content, header)

    @property
    def grouped(self) -> bool:
        """Whether geometry and scale stand in functional groups (PS3.3 C.7.6.16)."""
        return _SHARED_GROUPS in self.header.values

    @property
    def name(self) -> str:
        """How messages call it."""
        return str(self.content) if isinstance(self.content, Path) else self.header.sop_instance_uid

    @cached_property
    def description(self) -> PixelDescription:
        """What the object says of its pixels."""
        return PixelDescription.from_header(self.header)

    @cached_property
    def attributes(self) -> Sequence[FrameAttributes]:
        """The attributes that hold for each frame."""
        found, header = self.header.values, self.header
        if _SHARED_GROUPS in found or _MODALITY_LUT in found:
            return frames_of(DataSetAttributes(self.data_set()), header.number_of_frames)
        known = tuple((tag, found[tag]) for tag in _SCALE if tag in found)
        return [_attributes(known, header.layout.little_endian)] * header.number_of_frames

    @cached_property
    def padding(self) -> Padding | None:
        """Which stored values stand for no measurement."""
        described = self.description
        return read_padding(
            self.attributes[0].root, bits=described.bits_allocated, signed=described.signed
        )

    def head(self) -> bytes:
        """Return the data set up to its pixel data, in Explicit VR Little Endian."""
        header = self.header
        with self._whole() as content:
            begin = 0 if header.inflated else header.data_set_offset
            end = header.pixel_data.offset if header.pixel_data is not None else len(content)
            found = bytes(content[begin:end])
        if header.layout == EXPLICIT_LITTLE:
            return found
        data_set: Dataset = _read_dataset(
            BytesIO(found), header.layout.implicit, header.layout.little_endian
        )
        check_sequences(data_set, self.name)
        data_set.decode()
        return b"".join(encoded_data_set(data_set, EXPLICIT_LITTLE))

    def data_set(self) -> Dataset:
        """Return the data set up to its pixel data, of which everything can be asked."""
        data_set: Dataset = _read_dataset(
            BytesIO(self.head()), is_implicit_VR=False, is_little_endian=True
        )
        mark_torn(data_set)
        if "NumberOfFrames" in data_set:  # of others only the top level is asked
            check_readable(data_set)
        return data_set

    def stored(self, frame: int) -> NDArray[Any]:
        """Return the stored values of a frame, counted from 1; palettes as RGB."""
        with self._whole() as content:
            data = self._frames.read_frame(
                lambda offset, length: bytes(content[offset : offset + length]), frame
            )
        samples = decode_frame(data, self.description)
        if self.description.photometric_interpretation == "PALETTE COLOR":
            palette, _ = palette_of(
                DataSetAttributes(self.data_set()), signed=self.description.signed
            )
            return palette.apply(samples)
        return samples

    def rescale(self, frame: int) -> ModalityTransform:
        """Return the modality transformation of a frame, counted from 1."""
        transform, problem = _modality(self.attributes[frame - 1], self.description.signed)
        if problem:
            raise CannotCompose(f"{self.name}: {problem}.", module="Modality LUT")
        return transform

    def plane(self) -> Plane:
        """Return where an image of one frame lies.

        Raises
        ------
        CannotCompose
            When it does not say so.
        """
        position, orientation, spacing = (_numbers(self.header.strings(tag)) for tag in _GEOMETRY)
        size = (self.description.rows, self.description.columns)
        return Plane.from_values(position, orientation, spacing, size, name=self.name)

    def frame_plane(self, number: int) -> Plane | None:
        """Return where a frame, counted from 1, lies; None when the object does not say so."""
        frame, described = self.attributes[number - 1], self.description
        position, orientation = read_position(frame), read_orientation(frame)
        spacing = read_spacing(frame)
        if position is None or orientation is None or spacing is None:
            return None
        return Plane.from_values(
            position,
            orientation,
            (spacing.row, spacing.column),
            (described.rows, described.columns),
            name=f"Frame {number} of {self.name}",
        )

    def spacing(self) -> tuple[float, float]:
        """Return the distances of rows and of columns in mm.

        Raises
        ------
        CannotCompose
            When the object does not say, or says something that is no distance.
        """
        root = DataSetAttributes(self.data_set())
        found = read_spacing(frames_of(root, 1)[0])
        if found is None:
            raise CannotCompose(
                f"{self.name} does not say how far apart its pixels are (Pixel Spacing, Imager "
                "Pixel Spacing), so that no distance in mm can be had; use a function of pixels.",
                tag=0x00280030,
                module="Image Plane",
            )
        return found.row, found.column

    def compression_ratio(self) -> float:
        """Return how many times smaller the pixels are than they would be without compression."""
        numbers = range(1, self.header.number_of_frames + 1)
        # What frames share that are components of one codestream (PS3.5 A.4.4) counts once.
        size = sum(length for _, length in {s for n in numbers for s in self._frames.spans(n)})
        described = self.description
        whole = described.rows * described.columns * described.samples_per_pixel
        return whole * described.bits_allocated / 8 * self.header.number_of_frames / max(size, 1)

    def thickness(self) -> float:
        """Return the Slice Thickness in mm, 1 where the object does not say."""
        text = self.header.text(_SLICE_THICKNESS)
        try:
            return abs(parse_decimal(text)) or 1.0
        except ValueError:
            return 1.0

    def form(self, frame: int) -> StoredForm:
        """Return how the values of a frame are stored."""
        described, transform = self.description, self.rescale(frame)
        slope, intercept = (
            (transform.slope, transform.intercept) if isinstance(transform, Rescale) else (1.0, 0.0)
        )
        padding = self.padding
        return StoredForm(
            8 * described.dtype.itemsize,
            described.bits_stored if isinstance(transform, Rescale) else 16,
            described.signed and isinstance(transform, Rescale),
            slope,
            intercept,
            None if padding is None else int(padding.low),
        )

    @cached_property
    def _frames(self) -> FrameTable:
        with self._whole() as content:
            return frame_table(content, self.header)

    def _whole(self) -> Any:
        if not self.header.inflated:
            return mapped(self.content)
        with mapped(self.content) as content:
            return mapped(inflate(content[read_file_meta(content).data_set_offset :]))


def _numbers(texts: Sequence[str]) -> list[float]:
    try:
        return list(map(parse_decimal, texts))
    except ValueError:
        return []
