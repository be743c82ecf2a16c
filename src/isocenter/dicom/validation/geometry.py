"""Where an image lies in the patient (PS3.3 C.7.6.2), in every item that says so."""

from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_geometry"]

_MODULE: Final = "Image Plane"
_TOLERANCE: Final = 1e-3
"""How far direction cosines may be from orthonormal; DS has room for six digits and more."""
_POSITIVE: Final = (
    tags.PixelSpacing,
    tags.ImagerPixelSpacing,
    tags.NominalScannedPixelSpacing,
    tags.ImagePlanePixelSpacing,
)


def check_geometry(item: Item, findings: Findings) -> None:
    """Look at orientations, spacings and thicknesses of a data set and of its items."""
    for inner in item.walk():
        orientation = inner.numbers(tags.ImageOrientationPatient)
        if len(orientation) == 6:
            _check_orientation(inner, orientation, findings)
        for tag in _POSITIVE:
            if any(value <= 0 for value in inner.numbers(tag)):
                findings.error(inner, tag, Rule.GEOMETRY, f"{min(inner.numbers(tag)):g} mm",
                               "spacings greater than 0", "Give the distance between centers",
                               module=_MODULE)  # fmt: skip
        if any(value < 0 for value in inner.numbers(tags.SliceThickness)):
            findings.error(inner, tags.SliceThickness, Rule.GEOMETRY,
                           f"{inner.numbers(tags.SliceThickness)[0]:g} mm", "0 or more",
                           "Give the thickness of the slice", module=_MODULE)  # fmt: skip
    _check_frame_of_reference(item, findings)


def _check_orientation(item: Item, cosines: tuple[float, ...], findings: Findings) -> None:
    row, column = cosines[:3], cosines[3:]
    for name, vector in (("row", row), ("column", column)):
        length = sum(c * c for c in vector) ** 0.5
        if abs(length - 1) > _TOLERANCE:
            findings.error(item, tags.ImageOrientationPatient, Rule.GEOMETRY,
                           f"{name} direction of length {length:.6g}", "unit vectors",
                           "Normalise the direction cosines", module=_MODULE)  # fmt: skip
            return
    product = sum(a * b for a, b in zip(row, column, strict=True))
    if abs(product) > _TOLERANCE:
        findings.error(item, tags.ImageOrientationPatient, Rule.GEOMETRY,
                       f"directions whose product is {product:.6g}", "orthogonal directions",
                       "Make rows and columns orthogonal", module=_MODULE)  # fmt: skip


def _check_frame_of_reference(item: Item, findings: Findings) -> None:
    frame = item.text(tags.FrameOfReferenceUID)
    others = (tags.StudyInstanceUID, tags.SeriesInstanceUID, tags.SOPInstanceUID)
    for one, tag in enumerate(others):
        if frame and item.text(tag) == frame:
            findings.error(item, tags.FrameOfReferenceUID, Rule.CONSISTENCY, frame,
                           "a UID of its own", "Give the frame of reference a new UID",
                           module="Frame of Reference")  # fmt: skip
        for other in others[one + 1 :]:
            if item.text(tag) and item.text(tag) == item.text(other):
                findings.error(item, other, Rule.CONSISTENCY, item.text(other),
                               "different UIDs for study, series and instance",
                               "Give each a UID of its own", module="SOP Common")  # fmt: skip
