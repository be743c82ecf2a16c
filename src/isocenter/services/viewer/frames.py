"""Frames of kept instances as the viewer wants them: normalised, raw or HTJ2K; overlays."""

from functools import lru_cache
from typing import Any, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from isocenter.archive import Archive, StoredInstance
from isocenter.errors import NotFound, PixelDataError, UnsupportedTransferSyntax
from isocenter.pixels import (
    OverlayPlane,
    Palette,
    PhotometricInterpretation,
    PixelDescription,
    decode_frame,
    displayed_samples,
    embedded_overlay,
    encode_htj2k,
    overlay_bits,
    palette_of,
    read_overlays,
)

from .instance_header import instance_attributes

__all__ = ["Address", "Replaced", "ViewerFrames", "worth_compressing"]

Address: TypeAlias = tuple[str, str, str]
"""Study, Series and SOP Instance UID."""

# Frames up to this size are masked or copied in the event loop: a tenth of a millisecond.
_AT_ONCE = 1 << 20
# Smaller bodies fit a packet or two anyway.
_SMALL = 2048


class Replaced(NotFound):
    """An instance has other bytes now than those that were asked for."""


class ViewerFrames:
    """Makes what the viewer asks for from the instances of an archive.

    Parameters
    ----------
    archive
        Where instances are kept.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._palettes = lru_cache(maxsize=32)(_palette)

    def open(self, address: Address, version: str | None = None) -> StoredInstance:
        """Open an instance whose frames are wanted.

        Parameters
        ----------
        address
            The instance.
        version
            The bytes that it must have, None for those that it has.

        Raises
        ------
        Replaced
            It has others by now.
        NotFound
            There is no such instance.
        """
        return _of_version(self._archive.open_instance(*address), version)

    def open_at_once(self, address: Address, version: str | None = None) -> StoredInstance | None:
        """Open an instance as `open` does, if that needs no wait."""
        stored = self._archive.opened_instance(*address)
        return None if stored is None else _of_version(stored, version)

    def samples(self, stored: StoredInstance, number: int) -> NDArray[Any]:
        """Decode a frame to the format of its display model.

        Parameters
        ----------
        stored
            The instance.
        number
            The frame, from 1.

        Raises
        ------
        NotFound
            When there is no such frame.
        PixelDataError
            When the frame cannot be decoded.
        UnsupportedTransferSyntax
            When the instance is a video.
        """
        description = PixelDescription.from_header(stored.header)
        values = decode_frame(stored.frame(number), description)
        palette = None
        if description.photometric_interpretation is PhotometricInterpretation.PALETTE_COLOR:
            palette = self._palettes(_Stored(stored), description.signed)
        return displayed_samples(values, description, palette)

    def raw(self, stored: StoredInstance, number: int) -> memoryview:
        """Return a frame as little-endian samples, row by row.

        Raises
        ------
        NotFound, PixelDataError, UnsupportedTransferSyntax
            As `samples`.
        """
        return _bytes_of(self.samples(stored, number))

    def raw_at_once(self, stored: StoredInstance, number: int) -> memoryview | None:
        """Return what `raw` does where that needs no wait and hardly any work.

        Returns
        -------
        memoryview
            None for a frame that has to be decompressed, is large, or is not in memory; or when the
            system cannot tell.

        Raises
        ------
        NotFound, PixelDataError
            As `samples`.
        """
        if stored.header.inflated or stored.transfer_syntax.encapsulated:
            return None
        description = PixelDescription.from_header(stored.header)
        spans = stored.frame_table.spans(number)
        if (
            description.photometric_interpretation.monochrome is False
            or description.decoded_bytes > _AT_ONCE
            or len(spans) != 1
            or stored.frame_table.bit_offset(number)
        ):
            return None
        data = stored.try_read(*spans[0])
        if data is None:
            return None
        return _bytes_of(displayed_samples(decode_frame(data, description), description))

    def htj2k(self, stored: StoredInstance, number: int) -> bytes:
        """Encode a frame losslessly as an HTJ2K codestream.

        Raises
        ------
        UnsupportedTransferSyntax
            For samples of more than 16 bits, which HTJ2K does not serve here: ask for raw.
        NotFound, PixelDataError
            As `samples`.
        """
        samples = self.samples(stored, number)
        if samples.dtype.itemsize > 2:
            raise UnsupportedTransferSyntax(
                f"frames of {samples.dtype.name} have no HTJ2K form; ask for encoding=raw"
            )
        return encode_htj2k(samples)

    def overlay(self, stored: StoredInstance, index: int, number: int) -> bytes:
        """Return an overlay plane of a frame, one byte of 0 or 1 a pixel.

        Raises
        ------
        NotFound
            When there is no such frame or overlay.
        PixelDataError
            When its data is truncated.
        """
        attributes = instance_attributes(stored)
        plane = _plane(read_overlays(attributes), index, number)
        if plane.bit is not None:
            description = PixelDescription.from_header(stored.header)
            return embedded_overlay(plane, stored.frame(number), description).tobytes()
        data = attributes.data(plane.data_tag)
        if data is None:
            raise PixelDataError(f"overlay {index} has no Overlay Data (60xx,3000)")
        return overlay_bits(plane, data, number).tobytes()


def _of_version(stored: StoredInstance, version: str | None) -> StoredInstance:
    if version is not None and version != stored.version:
        raise Replaced("the instance was replaced since its series was asked for; ask for it again")
    return stored


def _bytes_of(samples: NDArray[Any]) -> memoryview:
    little = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    return little.reshape(-1).data.cast("B")


def _plane(planes: tuple[OverlayPlane, ...], index: int, number: int) -> OverlayPlane:
    for plane in planes:
        if plane.index == index and plane.holds_for(number):
            return plane
    raise NotFound(f"frame {number} has no overlay {index}")


class _Stored:
    """An instance as a key of a cache: the same while its file is the same."""

    def __init__(self, stored: StoredInstance) -> None:
        self.stored = stored
        self._key = (str(stored.path), stored.version)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Stored) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _palette(keyed: _Stored, signed: bool) -> Palette:
    return palette_of(instance_attributes(keyed.stored), signed=signed)[0]


def worth_compressing(data: bytes | memoryview) -> bytes | None:
    """Compress a body for the network.

    Parameters
    ----------
    data
        The body.

    Returns
    -------
    bytes or None
        A gzip member, or None where that would not save a tenth.
    """
    if len(data) < _SMALL:
        return None
    packed = bytes(imagecodecs.gzip_encode(bytes(data), level=1))
    return packed if len(packed) < 0.9 * len(data) else None
