"""Where a frame lies and how large its pixels are (PS3.3 C.7.6.2, 10.7.1.3, C.7.6.16.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from isocenter.dicom import tags

from .attributes import Attributes
from .functional_groups import FrameAttributes
from .ultrasound import UltrasoundRegion, agreed_spacing

__all__ = [
    "PixelSpacing",
    "cross",
    "read_aspect",
    "read_orientation",
    "read_position",
    "read_spacing",
]


@dataclass(frozen=True, slots=True)
class PixelSpacing:
    """Distance of pixel centres in millimetres.

    Parameters
    ----------
    row
        Between rows (vertical).
    column
        Between columns (horizontal).
    source
        Name of the attribute that says so.
    is_real
        Whether it holds in the patient; otherwise at a detector, a film or a plane, so that
        distances are only proportional.
    """

    row: float
    column: float
    source: str
    is_real: bool


_AT_A_PLANE = (
    (tags.NominalScannedPixelSpacing, "Nominal Scanned Pixel Spacing"),
    (tags.ImagePlanePixelSpacing, "Image Plane Pixel Spacing"),
)
_PROJECTIONS = {"CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG", "XC", "RTIMAGE"}


def _pair(attributes: Attributes, tag: int) -> tuple[float, float] | None:
    numbers = attributes.numbers(tag)
    if len(numbers) != 2 or min(numbers) <= 0:
        return None
    return numbers[0], numbers[1]


def read_spacing(
    frame: FrameAttributes, regions: Sequence[UltrasoundRegion] = ()
) -> PixelSpacing | None:
    """Find the spacing of a frame's pixels and say where it comes from.

    Parameters
    ----------
    frame
        The frame.
    regions
        Of an ultrasound image.

    Returns
    -------
    PixelSpacing or None
        None where the object only knows pixels.

    References
    ----------
    PS3.3 10.7.1.3, C.8.19.6.4, C.8.19.6.9
    """
    root = frame.root
    measured = _pair(frame.macro(tags.PixelMeasuresSequence), tags.PixelSpacing)
    imager = _pair(frame.macro(tags.FramePixelDataPropertiesSequence), tags.ImagerPixelSpacing)
    if measured is not None and (imager is None or measured != imager):
        calibrated = imager is not None or tags.PixelSpacingCalibrationType in root
        return PixelSpacing(*measured, "Pixel Spacing", calibrated or not _is_projection(frame))
    in_beam = _pair(
        frame.macro(tags.ProjectionPixelCalibrationSequence), tags.ObjectPixelSpacingInCenterOfBeam
    )
    if in_beam is not None:
        return PixelSpacing(*in_beam, "Object Pixel Spacing in Center of Beam", False)
    if imager is not None:
        return _at_detector(root, imager, calibrated=measured is not None)
    for tag, source in _AT_A_PLANE:
        plane = _pair(root, tag)
        if plane is not None:
            return PixelSpacing(*plane, source, False)
    size = agreed_spacing(regions)
    return None if size is None else PixelSpacing(*size, "Sequence of Ultrasound Regions", True)


def _is_projection(frame: FrameAttributes) -> bool:
    """Tell whether pixels are shadows, and not of a plane in the patient."""
    root = frame.root
    placed = (
        tags.ImagePositionPatient in root or frame.macro(tags.PlaneOrientationSequence) is not root
    )
    return root.text(tags.Modality) in _PROJECTIONS and not placed


def _at_detector(root: Attributes, imager: tuple[float, float], calibrated: bool) -> PixelSpacing:
    if calibrated and tags.PixelSpacingCalibrationType in root:
        return PixelSpacing(*imager, "Pixel Spacing", True)
    factor = root.number(tags.EstimatedRadiographicMagnificationFactor)
    if factor and factor > 0:
        source = "Imager Pixel Spacing / Estimated Radiographic Magnification Factor"
        return PixelSpacing(imager[0] / factor, imager[1] / factor, source, False)
    return PixelSpacing(*imager, "Imager Pixel Spacing", False)


def read_aspect(frame: FrameAttributes, spacing: PixelSpacing | None) -> tuple[float, float]:
    """Find the shape of a pixel: its height and width in any unit.

    Parameters
    ----------
    frame
        The frame.
    spacing
        Its spacing, which says it all.

    Returns
    -------
    tuple of float
        Vertical and horizontal size; (1, 1) where nothing is said.
    """
    if spacing is not None:
        return spacing.row, spacing.column
    return _pair(frame.root, tags.PixelAspectRatio) or (1.0, 1.0)


def _detector(frame: FrameAttributes) -> Attributes:
    """Return where a nuclear medicine object keeps the plane of its first frame."""
    return frame.root.item(tags.DetectorInformationSequence) or frame.root


def read_orientation(frame: FrameAttributes) -> tuple[float, ...] | None:
    """Read direction cosines of rows and columns.

    Parameters
    ----------
    frame
        The frame.

    Returns
    -------
    tuple of float or None
        Six numbers, or None where there are none.
    """
    for source in (frame.macro(tags.PlaneOrientationSequence), frame.root, _detector(frame)):
        numbers = source.numbers(tags.ImageOrientationPatient)
        if len(numbers) == 6 and any(cross(numbers)):
            return numbers
    return None


def cross(orientation: Sequence[float]) -> tuple[float, float, float]:
    """Compute the normal of a plane from its row and column directions.

    Parameters
    ----------
    orientation
        Image Orientation (Patient).

    Returns
    -------
    tuple of float
        The cross product of the two directions.
    """
    a, b, c, d, e, f = orientation
    return b * f - c * e, c * d - a * f, a * e - b * d


def read_position(frame: FrameAttributes) -> tuple[float, float, float] | None:
    """Read or compute the position of a frame's first pixel in the patient.

    Parameters
    ----------
    frame
        The frame; those of RT Dose and nuclear medicine lie at offsets from the first.

    Returns
    -------
    tuple of float or None
        x, y, z in millimetres, or None.
    """
    own = frame.macro(tags.PlanePositionSequence)
    numbers = own.numbers(tags.ImagePositionPatient)
    if len(numbers) != 3:
        numbers = _detector(frame).numbers(tags.ImagePositionPatient)
    if len(numbers) != 3:
        return None
    x, y, z = numbers
    if own is not frame.root or frame.number == 1:
        return x, y, z
    orientation, offset = read_orientation(frame), _offset(frame)
    if orientation is None or offset is None:
        return None
    nx, ny, nz = cross(orientation)
    return x + offset * nx, y + offset * ny, z + offset * nz


def _offset(frame: FrameAttributes) -> float | None:
    """Compute the distance of a frame from the first along the normal."""
    offsets = frame.root.numbers(tags.GridFrameOffsetVector)
    if offsets:
        return offsets[frame.number - 1] - offsets[0] if frame.number <= len(offsets) else None
    if tags.DetectorInformationSequence in frame.root:
        step = frame.root.number(tags.SpacingBetweenSlices)
        return None if step is None else step * (frame.number - 1)
    return None
