"""Pixel data against its description (PS3.3 C.7.6.3, PS3.5 clause 8), and values of images."""

from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.iod import iod
from isocenter.dicom.transfer_syntaxes import TransferSyntax
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_image"]

_MODULE: Final = "Image Pixel"
_SAMPLES: Final = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3,
    "YBR_FULL_422": 3, "YBR_PARTIAL_420": 3, "YBR_PARTIAL_422": 3, "YBR_ICT": 3, "YBR_RCT": 3,
    "HSV": 3, "XYB": 3, "ARGB": 4, "CMYK": 4,
}  # fmt: skip
_IMAGE_TYPE: Final = (("ORIGINAL", "DERIVED", "MIXED"), ("PRIMARY", "SECONDARY"))
_CT: Final = "1.2.840.10008.5.1.4.1.1.2"
_MR: Final = "1.2.840.10008.5.1.4.1.1.4"


def check_image(item: Item, syntax: TransferSyntax | None, findings: Findings) -> None:
    """Look at the description of the pixels, and at the length of native pixel data.

    Parameters
    ----------
    item
        The data set; one without Rows (0028,0010) is no image.
    syntax
        How it was encoded; None if it never was.
    findings
        Takes what is found.
    """
    if tags.Rows not in item.elements:
        return
    for tag in (tags.Rows, tags.Columns):
        if item.integer(tag) == 0:
            findings.error(item, tag, Rule.VALUE, "0", "at least 1",
                           "Give the size of the image", module=_MODULE)  # fmt: skip
    _check_samples(item, findings)
    _check_bits(item, findings)
    _check_image_type(item, findings)
    _check_lossy(item, syntax, findings)
    _check_window(item, findings)
    _check_rescale(item, findings)
    if syntax is not None and not syntax.encapsulated:
        _check_length(item, findings)


def _check_samples(item: Item, findings: Findings) -> None:
    samples = item.integer(tags.SamplesPerPixel)
    photometric = item.text(tags.PhotometricInterpretation)
    expected = _SAMPLES.get(photometric)
    if photometric and expected is None and iod(item.text(tags.SOPClassUID)) is None:
        # Of an object whose modules are known, these say it.
        findings.error(item, tags.PhotometricInterpretation, Rule.TERM, repr(photometric),
                       f"one of {', '.join(_SAMPLES)}", "Name how pixels are meant",
                       module=_MODULE)  # fmt: skip
    elif None not in (expected, samples) and samples != expected:
        findings.error(item, tags.SamplesPerPixel, Rule.PIXELS, f"{samples} samples per pixel",
                       f"{expected} for {photometric}", "Correct the one or the other",
                       module=_MODULE)  # fmt: skip
    planar = item.integer(tags.PlanarConfiguration)
    if planar not in (None, 0, 1):
        findings.error(item, tags.PlanarConfiguration, Rule.TERM, str(planar), "0 or 1",
                       "Say whether samples or planes follow each other",
                       module=_MODULE)  # fmt: skip


def _check_bits(item: Item, findings: Findings) -> None:
    allocated = item.integer(tags.BitsAllocated)
    stored = item.integer(tags.BitsStored)
    high = item.integer(tags.HighBit)
    if allocated is None:
        return
    if allocated != 1 and (allocated == 0 or allocated % 8):
        findings.error(item, tags.BitsAllocated, Rule.PIXELS, str(allocated),
                       "1 or a multiple of 8", "Write pixels in whole bytes",
                       module=_MODULE)  # fmt: skip
    if stored is not None and not 1 <= stored <= allocated:
        findings.error(item, tags.BitsStored, Rule.PIXELS, f"{stored} bits stored",
                       f"1 to Bits Allocated (0028,0100), which is {allocated}",
                       "Correct Bits Stored", module=_MODULE)  # fmt: skip
    if stored is not None and high is not None and high != stored - 1:
        findings.error(item, tags.HighBit, Rule.PIXELS, f"high bit {high}",
                       f"one less than Bits Stored (0028,0101), which is {stored}",
                       "Set High Bit to Bits Stored - 1", module=_MODULE)  # fmt: skip
    if item.text(tags.SOPClassUID) in (_CT, _MR) and allocated != 16:
        findings.error(item, tags.BitsAllocated, Rule.PIXELS, f"{allocated} bits allocated", "16",
                       "Write CT and MR images with 16 bits",
                       module="CT Image or MR Image")  # fmt: skip


def _check_image_type(item: Item, findings: Findings) -> None:
    values = item.texts(tags.ImageType)
    if len(values) == 1:
        findings.error(item, tags.ImageType, Rule.MULTIPLICITY, "one value", "at least two",
                       "Add PRIMARY or SECONDARY", module="General Image")  # fmt: skip
    for number, (value, allowed) in enumerate(zip(values, _IMAGE_TYPE, strict=False), start=1):
        if value not in allowed:
            findings.error(item, tags.ImageType, Rule.TERM, f"value {number} is {value!r}",
                           f"one of {', '.join(allowed)}", "Correct the value",
                           module="General Image")  # fmt: skip
    if item.text(tags.SOPClassUID) == _CT and values and values[2:3] not in (
        ("AXIAL",), ("LOCALIZER",)
    ):  # fmt: skip
        found = f"value 3 is {values[2]!r}" if len(values) > 2 else "no value 3"
        findings.error(item, tags.ImageType, Rule.TERM, found, "AXIAL or LOCALIZER",
                       "Add value 3", module="CT Image")  # fmt: skip


def _check_lossy(item: Item, syntax: TransferSyntax | None, findings: Findings) -> None:
    if syntax is not None and syntax.lossy and item.text(tags.LossyImageCompression) == "00":
        findings.warning(item, tags.LossyImageCompression, Rule.CONSISTENCY, "00",
                         f"01 with a transfer syntax that loses ({syntax.name}), if it did",
                         "Set it to 01 if the compression was lossy",
                         module="General Image")  # fmt: skip
    ratios = item.texts(tags.LossyImageCompressionRatio)
    methods = item.texts(tags.LossyImageCompressionMethod)
    if ratios and methods and len(ratios) != len(methods):
        findings.error(item, tags.LossyImageCompressionMethod, Rule.CONSISTENCY,
                       f"{len(methods)} methods", f"one for each of {len(ratios)} ratios",
                       "Give as many methods as ratios", module="General Image")  # fmt: skip


def _check_window(item: Item, findings: Findings) -> None:
    for inner in item.walk():
        if tags.WindowCenter not in inner.elements:
            continue
        centres, widths = inner.texts(tags.WindowCenter), inner.numbers(tags.WindowWidth)
        if tags.WindowWidth in inner.elements and len(centres) != len(widths):
            findings.error(inner, tags.WindowWidth, Rule.CONSISTENCY, f"{len(widths)} widths",
                           f"as many as centers, {len(centres)}", "Give each center its width",
                           module="VOI LUT")  # fmt: skip
        linear = inner.text(tags.VOILUTFunction) in ("", "LINEAR")
        least = 1.0 if linear else 0.0
        if any(width < least or width == 0 for width in widths):
            findings.error(inner, tags.WindowWidth, Rule.VALUE, f"width {min(widths):g}",
                           "at least 1" if linear else "greater than 0", "Give a usable width",
                           module="VOI LUT")  # fmt: skip


def _check_rescale(item: Item, findings: Findings) -> None:
    for inner in item.walk():
        if 0.0 in inner.numbers(tags.RescaleSlope):
            findings.error(inner, tags.RescaleSlope, Rule.VALUE, "slope 0",
                           "a slope other than 0", "Give the slope of the values",
                           module="Modality LUT")  # fmt: skip


def _check_length(item: Item, findings: Findings) -> None:
    element = item.get(tags.PixelData)
    expected = _expected_length(item)
    if element is None or expected is None:
        return
    allocated = item.integer(tags.BitsAllocated) or 0
    if element.vr == "OB" and allocated > 8:
        findings.error(item, tags.PixelData, Rule.PIXELS, f"OB with {allocated} bits allocated",
                       "OW", "Write Pixel Data as OW", module=_MODULE)  # fmt: skip
    if element.length not in (-1, expected, expected + expected % 2):
        findings.error(item, tags.PixelData, Rule.PIXELS, f"{element.length} bytes",
                       f"{expected + expected % 2} bytes by size, samples, bits and frames",
                       "Correct the pixel data or its description", module=_MODULE)  # fmt: skip


def _expected_length(item: Item) -> int | None:
    """Return the bytes of native pixel data without padding (PS3.5 8.1.1, A.4)."""
    factors = [
        item.integer(tag)
        for tag in (tags.Rows, tags.Columns, tags.SamplesPerPixel, tags.BitsAllocated)
    ]
    frames = item.integer(tags.NumberOfFrames) if item.has(tags.NumberOfFrames) else 1
    bits = frames or 0
    for factor in factors:
        if factor is None:
            return None
        bits *= factor
    if item.text(tags.PhotometricInterpretation) in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        bits = bits * 2 // 3
    return (bits + 7) // 8
