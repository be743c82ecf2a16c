"""What an object says of its pixel data: the Image Pixel Module (PS3.3 C.7.6.3) as one value."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np

from isocenter.dicom import tags
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.errors import PixelDataError

if TYPE_CHECKING:
    from isocenter.dicom import Header

    from .attributes import Attributes

__all__ = ["MAX_FRAME_BYTES", "PhotometricInterpretation", "PixelDescription"]

# One decoded frame may take this much memory; the largest detectors make frames of some 70 MB.
MAX_FRAME_BYTES = 1 << 29


class PhotometricInterpretation(StrEnum):
    """Photometric Interpretation (0028,0004), PS3.3 C.7.6.3.1.2."""

    MONOCHROME1 = "MONOCHROME1"
    MONOCHROME2 = "MONOCHROME2"
    PALETTE_COLOR = "PALETTE COLOR"
    RGB = "RGB"
    YBR_FULL = "YBR_FULL"
    YBR_FULL_422 = "YBR_FULL_422"
    YBR_PARTIAL_422 = "YBR_PARTIAL_422"
    YBR_PARTIAL_420 = "YBR_PARTIAL_420"
    YBR_ICT = "YBR_ICT"
    YBR_RCT = "YBR_RCT"
    XYB = "XYB"

    @property
    def monochrome(self) -> bool:
        """Whether the grayscale pipeline applies."""
        return self in (self.MONOCHROME1, self.MONOCHROME2)


class _HasIntegers(Protocol):
    def integer(self, tag: int) -> int | None: ...
    def text(self, tag: int) -> str: ...


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """How the frames of one object are encoded.

    Parameters
    ----------
    rows, columns
        Size of a frame in pixels, 1 to 65535.
    samples_per_pixel
        1 or 3.
    bits_allocated
        Bits of a sample's cell in native encoding: 1 to 32, or 64.
    bits_stored
        Bits of the cell that hold the sample, 1 to `bits_allocated`.
    high_bit
        Position of the sample's most significant bit, counted from 0.
    pixel_representation
        0 unsigned, 1 two's complement.
    photometric_interpretation
        Meaning of the samples.
    planar_configuration
        0 samples of a pixel together, 1 planes of samples.
    transfer_syntax
        Encoding of the pixel data.
    number_of_frames
        At least 1.
    floating
        Float or Double Float Pixel Data (PS3.3 C.7.6.24, C.7.6.25) instead of integers.
    word_data
        Whether Pixel Data has VR OW, where big endian swaps even 8-bit cells (PS3.5 D).

    Raises
    ------
    PixelDataError
        For values that the standard does not allow.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric_interpretation: PhotometricInterpretation
    planar_configuration: int
    transfer_syntax: TransferSyntax
    number_of_frames: int = 1
    floating: bool = False
    word_data: bool = True

    def __post_init__(self) -> None:
        _check_size("Rows (0028,0010)", self.rows)
        _check_size("Columns (0028,0011)", self.columns)
        if self.samples_per_pixel not in (1, 3):
            raise PixelDataError(
                f"Samples per Pixel (0028,0002) is {self.samples_per_pixel}; expected 1 or 3"
            )
        self._check_bits()
        colour = not self.photometric_interpretation.monochrome
        palette = self.photometric_interpretation is PhotometricInterpretation.PALETTE_COLOR
        if (colour and not palette) != (self.samples_per_pixel == 3):
            raise PixelDataError(
                f"Photometric Interpretation (0028,0004) is {self.photometric_interpretation} "
                f"with Samples per Pixel (0028,0002) {self.samples_per_pixel}"
            )

    def _check_bits(self) -> None:
        allowed = (32, 64) if self.floating else (*range(1, 33), 64)
        if self.bits_allocated not in allowed:
            raise PixelDataError(
                f"Bits Allocated (0028,0100) is {self.bits_allocated}; expected "
                + ("32 or 64 for floating point" if self.floating else "1 to 32, or 64")
            )
        if not 1 <= self.bits_stored <= self.high_bit + 1 <= self.bits_allocated:
            raise PixelDataError(
                f"Bits Stored (0028,0101) {self.bits_stored} and High Bit (0028,0102) "
                f"{self.high_bit} do not fit Bits Allocated (0028,0100) {self.bits_allocated}"
            )

    @property
    def signed(self) -> bool:
        """Whether samples are two's complement."""
        return self.pixel_representation == 1

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The NumPy type, native endian, that decoded samples have."""
        if self.floating:
            return np.dtype(f"f{self.bits_allocated // 8}")
        for size in (1, 2, 4):
            if self.bits_allocated <= 8 * size:
                return np.dtype(f"{'i' if self.signed else 'u'}{size}")
        return np.dtype("i8" if self.signed else "u8")

    @property
    def frame_bits(self) -> int:
        """Bits that one frame takes in native encoding, without padding."""
        pixels = self.rows * self.columns
        match self.photometric_interpretation:
            case PhotometricInterpretation.YBR_FULL_422 | PhotometricInterpretation.YBR_PARTIAL_422:
                samples = 2 * pixels
            case PhotometricInterpretation.YBR_PARTIAL_420:
                samples = 3 * pixels // 2
            case _:
                samples = self.samples_per_pixel * pixels
        return samples * self.bits_allocated

    @property
    def decoded_bytes(self) -> int:
        """Bytes that one decoded frame takes in memory."""
        return self.rows * self.columns * self.samples_per_pixel * self.dtype.itemsize

    def check_memory(self, limit: int = MAX_FRAME_BYTES) -> None:
        """Refuse a frame that would take more than `limit` bytes once decoded.

        Parameters
        ----------
        limit
            In bytes.

        Raises
        ------
        PixelDataError
            When it would.
        """
        if self.decoded_bytes > limit:
            raise PixelDataError(
                f"a frame of {self.rows} rows (0028,0010) and {self.columns} columns (0028,0011) "
                f"takes {self.decoded_bytes} bytes, more than the limit of {limit}"
            )

    @classmethod
    def from_header(cls, header: "Header") -> "PixelDescription":
        """Read the description from a scanned header.

        Parameters
        ----------
        header
            Of any object, in any transfer syntax.

        Returns
        -------
        PixelDescription
            Of Pixel Data (7FE0,0010), or of its float or double float variant.

        Raises
        ------
        PixelDataError
            When there is no pixel data, or an attribute is missing or not allowed.
        """
        element = header.pixel_data
        if element is None:
            raise PixelDataError(
                "the object has no Pixel Data (7FE0,0010), Float Pixel Data (7FE0,0008) "
                "or Double Float Pixel Data (7FE0,0009)"
            )
        return _read(header, header.transfer_syntax, element.tag, element.vr)

    @classmethod
    def from_attributes(
        cls,
        attributes: "Attributes",
        transfer_syntax: TransferSyntax,
        *,
        pixels_left_out: bool = False,
    ) -> "PixelDescription":
        """Read the description from a data set.

        Parameters
        ----------
        attributes
            The data set.
        transfer_syntax
            That it is encoded in.
        pixels_left_out
            Whether the data set was read without its pixel data, which are taken as Pixel Data.

        Returns
        -------
        PixelDescription
            Of Pixel Data (7FE0,0010), or of its float or double float variant.

        Raises
        ------
        PixelDataError
            When there is no pixel data, or an attribute is missing or not allowed.
        """
        for tag in (tags.PixelData, tags.FloatPixelData, tags.DoubleFloatPixelData):
            vr = attributes.vr(tag)
            if vr is not None:
                return _read(attributes, transfer_syntax, tag, vr)
        if pixels_left_out:
            return _read(attributes, transfer_syntax, tags.PixelData, "OW")
        raise PixelDataError("the object has no Pixel Data (7FE0,0010)")


def _check_size(name: str, value: int) -> None:
    if not 1 <= value <= 65535:
        raise PixelDataError(f"{name} is {value}; expected 1 to 65535")


def _needed(source: _HasIntegers, tag: int, keyword: str) -> int:
    value = source.integer(tag)
    if value is None:
        raise PixelDataError(
            f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X}) is missing or empty; "
            "pixel data cannot be read without it"
        )
    return value


def _read(
    source: _HasIntegers, transfer_syntax: TransferSyntax, tag: int, vr: str | None
) -> PixelDescription:
    floating = tag != tags.PixelData
    allocated = _needed(source, tags.BitsAllocated, "Bits Allocated")
    stored = allocated if floating else source.integer(tags.BitsStored) or allocated
    samples = source.integer(tags.SamplesPerPixel) or 1
    high_bit = source.integer(tags.HighBit)
    if high_bit is None or not stored - 1 <= high_bit < allocated or floating:
        high_bit = stored - 1  # the only sane place, and where broken writers have it
    return PixelDescription(
        rows=_needed(source, tags.Rows, "Rows"),
        columns=_needed(source, tags.Columns, "Columns"),
        samples_per_pixel=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        pixel_representation=0 if floating else source.integer(tags.PixelRepresentation) or 0,
        photometric_interpretation=_photometric(source, samples),
        planar_configuration=source.integer(tags.PlanarConfiguration) or 0,
        transfer_syntax=transfer_syntax,
        number_of_frames=max(1, source.integer(tags.NumberOfFrames) or 1),
        floating=floating,
        word_data=vr != "OB",
    )


def _photometric(source: _HasIntegers, samples: int) -> PhotometricInterpretation:
    text = source.text(tags.PhotometricInterpretation).upper()
    if not text:
        return (
            PhotometricInterpretation.RGB
            if samples == 3
            else (PhotometricInterpretation.MONOCHROME2)
        )
    try:
        return PhotometricInterpretation(text)
    except ValueError:
        raise PixelDataError(
            f"Photometric Interpretation (0028,0004) is {text[:16]!r}; expected one of "
            + ", ".join(PhotometricInterpretation)
        ) from None
