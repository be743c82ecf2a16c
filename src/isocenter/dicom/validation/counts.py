"""Contours, segments, waveforms and documents: counts that must agree with data."""

from collections.abc import Iterable
from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_counts"]

_CONTOUR: Final = "ROI Contour"
_POINTS: Final = {"POINT": (1, 1), "CLOSED_PLANAR": (3, None)}


def check_counts(item: Item, findings: Findings) -> None:
    """Look at structure sets, segmentations, waveforms, doses and encapsulated documents."""
    rois = {roi.text(tags.ROINumber) for roi in item.items(tags.StructureSetROISequence)}
    for contours in item.items(tags.ROIContourSequence):
        _check_reference(contours, rois, findings)
        for contour in contours.items(tags.ContourSequence):
            _check_contour(contour, findings)
    for observation in item.items(tags.RTROIObservationsSequence):
        _check_reference(observation, rois, findings)
    _check_segments(item, findings)
    for waveform in item.items(tags.WaveformSequence):
        _check_waveform(waveform, findings)
    if any(scale <= 0 for scale in item.numbers(tags.DoseGridScaling)):
        findings.error(item, tags.DoseGridScaling, Rule.VALUE, item.text(tags.DoseGridScaling),
                       "greater than 0", "Give the dose of one step", module="RT Dose")  # fmt: skip
    _check_document(item, findings)


def _check_reference(item: Item, rois: Iterable[str], findings: Findings) -> None:
    number = item.text(tags.ReferencedROINumber)
    if number and number not in rois:
        findings.error(item, tags.ReferencedROINumber, Rule.CONSISTENCY, f"ROI {number}",
                       "an ROI of Structure Set ROI Sequence (3006,0020)",
                       "Add the ROI or correct the number", module=_CONTOUR)  # fmt: skip


def _check_contour(item: Item, findings: Findings) -> None:
    data = item.get(tags.ContourData)
    if data is None:
        return
    values, points = len(data.values), item.integer(tags.NumberOfContourPoints)
    if values % 3 or (points is not None and values != 3 * points):
        findings.error(item, tags.ContourData, Rule.CONSISTENCY, f"{values} values",
                       f"x, y and z of {points} points", "Make points and number agree",
                       module=_CONTOUR)  # fmt: skip
    kind = item.text(tags.ContourGeometricType)
    least, most = _POINTS.get(kind, (1, None))
    if values // 3 < least or (most is not None and values // 3 > most):
        findings.error(item, tags.ContourData, Rule.CONSISTENCY, f"{values // 3} points",
                       f"{'exactly' if most else 'at least'} {least} for {kind}",
                       "Correct the contour or its type", module=_CONTOUR)  # fmt: skip


def _check_segments(item: Item, findings: Findings) -> None:
    numbers = [s.integer(tags.SegmentNumber) for s in item.items(tags.SegmentSequence)]
    labels = item.text(tags.SegmentationType) == "LABELMAP"
    if None in numbers or not numbers or labels:
        return
    if numbers != list(range(1, len(numbers) + 1)):
        findings.error(item, tags.SegmentSequence, Rule.CONSISTENCY, f"segments {numbers}",
                       "segment numbers that count from 1", "Number the segments in order",
                       module="Segmentation Image")  # fmt: skip
    binary = item.text(tags.SegmentationType) == "BINARY"
    if binary and item.integer(tags.BitsAllocated) != 1:
        findings.error(item, tags.BitsAllocated, Rule.PIXELS, item.text(tags.BitsAllocated),
                       "1 for BINARY", "Write one bit a pixel",
                       module="Segmentation Image")  # fmt: skip


def _check_waveform(item: Item, findings: Findings) -> None:
    channels = item.integer(tags.NumberOfWaveformChannels)
    samples = item.integer(tags.NumberOfWaveformSamples)
    bits = item.integer(tags.WaveformBitsAllocated)
    described = len(item.items(tags.ChannelDefinitionSequence))
    if channels is not None and described and described != channels:
        findings.error(item, tags.ChannelDefinitionSequence, Rule.ITEMS, f"{described} items",
                       f"one for each of {channels} channels", "Define each channel once",
                       module="Waveform")  # fmt: skip
    data = item.get(tags.WaveformData)
    if data is None or data.length < 0 or None in (channels, samples, bits):
        return
    length = (channels or 0) * (samples or 0) * ((bits or 0) // 8)
    if data.length not in (length, length + length % 2):
        findings.error(item, tags.WaveformData, Rule.PIXELS, f"{data.length} bytes",
                       f"{length} bytes by channels, samples and bits",
                       "Correct the data or its description", module="Waveform")  # fmt: skip


def _check_document(item: Item, findings: Findings) -> None:
    document = item.get(tags.EncapsulatedDocument)
    length = item.integer(tags.EncapsulatedDocumentLength)
    if document is None or document.length < 0 or length is None:
        return
    if document.length not in (length, length + length % 2):
        findings.error(item, tags.EncapsulatedDocumentLength, Rule.CONSISTENCY, str(length),
                       f"{document.length}, or one less for padding",
                       "Give the length without padding",
                       module="Encapsulated Document")  # fmt: skip
