"""Pixel data compressed with loss: what the encoders take, and what the object says afterwards.

The result is an object of its own (PS3.3 C.7.6.1.1.2, C.7.6.1.1.5): derived, with a SOP
Instance UID that the one it was made of does not have.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.codes import Code
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose
from isocenter.pixels import PhotometricInterpretation, PixelDescription

__all__ = ["LOSSY", "LossyEncoding", "mark_derived"]

_codecs: Any = importlib.import_module("imagecodecs")  # only partly typed
_LOSSY_COMPRESSION = Code("113040", "DCM", "Lossy Compression")


def _jpeg(samples: NDArray[Any]) -> bytes:
    if samples.ndim == 3:
        return bytes(_codecs.jpeg8_encode(samples, level=90, subsampling="422"))
    return bytes(_codecs.jpeg8_encode(samples, level=90))


def _jpeg_ls(samples: NDArray[Any]) -> bytes:
    return bytes(_codecs.jpegls_encode(samples, level=2))


def _jpeg_2000(samples: NDArray[Any]) -> bytes:
    return bytes(
        _codecs.jpeg2k_encode(
            samples, level=45, reversible=False, codecformat="j2k", mct=samples.ndim == 3
        )
    )


def _htj2k(samples: NDArray[Any]) -> bytes:
    color = True if samples.ndim == 3 else None
    return bytes(_codecs.htj2k_encode(samples, level=0.002, reversible=False, rgb=color))


@dataclass(frozen=True, slots=True)
class LossyEncoding:
    """A transfer syntax that loses information.

    Parameters
    ----------
    method
        Lossy Image Compression Method (0028,2114).
    encode
        Encodes one frame.
    color
        Photometric Interpretation of what was RGB.
    bits
        The most that it holds.
    signed
        Whether it holds signed samples.
    """

    method: str
    encode: Callable[[NDArray[Any]], bytes]
    color: PhotometricInterpretation
    bits: int
    signed: bool

    def described(self, plain: PixelDescription, name: str) -> PixelDescription:
        """Describe what the encoder makes of native pixels.

        Raises
        ------
        CannotCompose
            When it does not hold them.
        """
        fits = plain.bits_stored <= self.bits and (self.signed or not plain.signed)
        if not fits or plain.bits_allocated not in (8, 16) or plain.floating:
            sign = "signed" if plain.signed else "unsigned"
            raise CannotCompose(
                f"The pixel data has {plain.bits_stored} bits, {sign}; {name} holds "
                f"{self.bits}{'' if self.signed else ', unsigned'}. Choose another transfer "
                "syntax, such as JPEG 2000.",
                tag=0x00280101,
                module="Image Pixel",
            )
        color = plain.photometric_interpretation is PhotometricInterpretation.RGB
        return replace(plain, photometric_interpretation=self.color) if color else plain


LOSSY = {
    f"1.2.840.10008.1.2.4.{number}": encoding
    for number, encoding in {
        50: LossyEncoding(
            "ISO_10918_1", _jpeg, PhotometricInterpretation.YBR_FULL_422, 8, signed=False
        ),
        81: LossyEncoding("ISO_14495_1", _jpeg_ls, PhotometricInterpretation.RGB, 16, signed=False),
        91: LossyEncoding(
            "ISO_15444_1", _jpeg_2000, PhotometricInterpretation.YBR_ICT, 16, signed=True
        ),
        203: LossyEncoding(
            "ISO_15444_15", _htj2k, PhotometricInterpretation.YBR_ICT, 16, signed=True
        ),
    }.items()
}
"""By transfer syntax UID, the encodings that lose information."""


def mark_derived(data_set: Dataset, ratio: float, method: str) -> None:
    """Make an object say that its pixels were compressed with loss, and be one of its own.

    Parameters
    ----------
    data_set
        Changed in place.
    ratio
        Uncompressed size over compressed size.
    method
        Lossy Image Compression Method (0028,2114); it goes behind earlier ones.
    """
    data_set.SOPInstanceUID = new_uid()
    types = list(data_set.get("ImageType") or ("DERIVED", "SECONDARY"))
    data_set.ImageType = ["DERIVED", *types[1:]]
    data_set.LossyImageCompression = "01"
    ratios = _listed(data_set.get("LossyImageCompressionRatio"))
    methods = _listed(data_set.get("LossyImageCompressionMethod"))
    data_set.LossyImageCompressionRatio = [*ratios, values.decimal(round(ratio, 2))]
    data_set.LossyImageCompressionMethod = [*methods, method]
    codes = [*(data_set.get("DerivationCodeSequence") or ()), _LOSSY_COMPRESSION.item()]
    data_set.DerivationCodeSequence = codes


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if hasattr(value, "append") else [value]
