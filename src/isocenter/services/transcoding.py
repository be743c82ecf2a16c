"""Whole objects in another transfer syntax than the one they are kept in."""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from isocenter.archive import StoredInstance
from isocenter.dicom import TransferSyntax, file_meta_bytes, tags
from isocenter.dicom.blame import blamed
from isocenter.errors import InvalidDicom
from isocenter.pixels import PixelDescription, transcode_frame, transcoded

__all__ = ["transcoded_object"]

_WORD_SIZES: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def transcoded_object(instance: StoredInstance, target: TransferSyntax) -> Iterator[bytes]:
    """Write an instance as a DICOM file in another transfer syntax, frame by frame.

    Parameters
    ----------
    instance
        The object as it is kept.
    target
        A little endian explicit syntax, one of `representations.targets_of`.

    Yields
    ------
    bytes
        The file in order; at no time more than a frame is in memory.

    Raises
    ------
    PixelDataError
        A frame cannot be decoded.
    InvalidDicom
        The data set cannot be rewritten.
    LimitExceeded
        It is deflated and becomes too large.
    """
    header = instance.header
    if header.inflated:
        _ = instance.inflated  # refuses what is too large before anything is sent
    yield file_meta_bytes(header.sop_class_uid, header.sop_instance_uid, target.uid)
    if header.pixel_data is None:
        yield _rewritten(instance, None)
        return
    description = PixelDescription.from_header(header)
    yield _rewritten(instance, transcoded(description, target))
    yield from _pixel_data(instance, description, target)


def _rewritten(instance: StoredInstance, description: PixelDescription | None) -> bytes:
    """Write the data set up to its pixel data in Explicit VR Little Endian."""
    try:
        data_set = _read(instance)
        if description is not None:
            _describe(data_set, description)
        return _data_set_bytes(data_set)
    except Exception as error:  # a value that cannot be read may raise anything in pydicom
        raise InvalidDicom(
            f"instance {instance.header.sop_instance_uid} cannot be written in another transfer "
            f"syntax: {blamed(error)}; ask for it as it is kept, with transfer-syntax=*"
        ) from error


def _read(instance: StoredInstance) -> Any:
    """Read the data set up to its pixel data."""
    from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]

    data_set: Any = dcmread(BytesIO(instance.beginning()), force=True, stop_before_pixels=True)
    for tag in (tags.ExtendedOffsetTable, tags.ExtendedOffsetTableLengths):
        data_set.pop(tag, None)
    if not instance.transfer_syntax.little_endian:
        data_set.walk(_swap_words)
    elif instance.header.layout.implicit:
        # Elements that pydicom has not looked at yet have no VR to be written with.
        for _ in data_set.iterall():
            pass
    return data_set


def _swap_words(data_set: Any, element: Any) -> None:
    """Turn a big endian value over that pydicom passes on as bytes (PS3.5 7.3)."""
    size = _WORD_SIZES.get(element.VR)
    if size is not None and element.value:
        turned = bytearray(len(element.value))
        for index in range(size):
            turned[index::size] = element.value[size - 1 - index :: size]
        element.value = bytes(turned)


def _describe(data_set: Any, description: PixelDescription) -> None:
    """Make the Image Pixel Module say what the new pixel data is (PS3.3 C.7.6.3)."""
    data_set.PhotometricInterpretation = str(description.photometric_interpretation)
    data_set.BitsAllocated = description.bits_allocated
    if not description.floating:
        data_set.HighBit = description.high_bit
    if description.samples_per_pixel > 1:
        data_set.PlanarConfiguration = description.planar_configuration


def _data_set_bytes(data_set: Any) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, data_set)
    return stream.getvalue()


def _pixel_data(
    instance: StoredInstance, description: PixelDescription, target: TransferSyntax
) -> Iterator[bytes]:
    # No name is kept for a frame here: whoever takes it slowly would have it held twice.
    number_of_frames = instance.frame_table.number_of_frames
    frames = (
        transcode_frame(instance.frame(number), description, target)
        for number in range(1, number_of_frames + 1)
    )
    if target.encapsulated:
        # No offset table: frames are sent as they are made, before the later ones are known.
        yield _element(instance, b"OB", 0xFFFFFFFF) + _item(0)
        yield from map(_fragment, frames)
        yield struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return
    first = [next(frames)]
    length = len(first[0]) * number_of_frames
    yield _element(instance, _native_vr(instance, description), length + length % 2)
    yield first.pop()
    yield from frames
    if length % 2:
        yield b"\0"


def _fragment(frame: bytes) -> bytes:
    padding = b"\0" * (len(frame) % 2)
    return _item(len(frame) + len(padding)) + frame + padding


def _native_vr(instance: StoredInstance, description: PixelDescription) -> bytes:
    element = instance.header.pixel_data
    if element is not None and element.tag == tags.FloatPixelData:
        return b"OF"
    if element is not None and element.tag == tags.DoubleFloatPixelData:
        return b"OD"
    return b"OW" if description.bits_allocated > 8 else b"OB"


def _element(instance: StoredInstance, vr: bytes, length: int) -> bytes:
    element = instance.header.pixel_data
    assert element is not None
    return struct.pack("<HH2sHI", element.tag >> 16, element.tag & 0xFFFF, vr, 0, length)


def _item(length: int) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, length)
