"""What a display model is: all that turns stored values into what is seen."""

from dataclasses import dataclass

from .geometry import PixelSpacing
from .lookup_tables import LookupTable, Palette
from .modality import ModalityTransform, Padding, RealWorldMapping, Rescale
from .overlays import OverlayPlane
from .patient_orientation import BIPED_AXES, Axes, PatientOrientation
from .ultrasound import UltrasoundRegion
from .voi import VoiTransform, Window, full_window

__all__ = ["DisplayModel", "DisplayedFrame", "Lossy", "Presentation"]


@dataclass(frozen=True, slots=True)
class Presentation:
    """From VOI output to P-Values (PS3.3 C.11.4, C.11.6).

    Parameters
    ----------
    inverse
        Whether black and white change places: MONOCHROME1 or a Presentation LUT Shape of INVERSE.
    table
        A Presentation LUT in place of a shape.
    """

    inverse: bool = False
    table: LookupTable | None = None


@dataclass(frozen=True, slots=True)
class Lossy:
    """That pixel data went through a lossy compression (PS3.3 C.7.6.1.1.5).

    Parameters
    ----------
    ratios
        Lossy Image Compression Ratio (0028,2112), one for each compression.
    methods
        Lossy Image Compression Method (0028,2114).
    """

    ratios: tuple[float, ...] = ()
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DisplayModel:
    """How frames are shown. Frames that differ in nothing but their window share a model.

    Parameters
    ----------
    rows, columns
        Size in pixels.
    format
        Type of the samples that `displayed_samples` gives: a NumPy name, or "rgb8".
    bits_stored, signed
        Of the stored values.
    modality
        From stored values to units.
    default_window
        The window to use where the object has none; None until somebody has looked at the pixels.
    presentation
        From VOI output to what is seen.
    padding
        Stored values that are no measurement.
    spacing, aspect
        Size of a pixel in millimetres, where known, and its shape (vertical, horizontal).
    regions
        Parts of an ultrasound image with a scale of their own, or none; elsewhere it has none.
    orientation, frame_of_reference
        Plane in the patient.
    axes
        What lies towards the ends of the x, y and z axis in which the plane is told.
    patient_orientation
        Directions in the patient at the edges, where there is no plane or it does not tell.
    overlays
        Overlay planes.
    lossy
        Lossy compression, if any.
    frame_time
        Milliseconds between frames of a cine, if any.
    recommended_frame_rate
        Frames a second, if the object says so.
    real_world
        Further meanings of stored values.
    palette
        Colours of indices, applied before samples leave this package.
    supplemental
        Colours of the stored values at and above its first one, grayscale below (PS3.3 C.7.6.19).
    problems
        A sentence for each thing that could not be used.
    """

    rows: int
    columns: int
    format: str
    bits_stored: int
    signed: bool
    modality: ModalityTransform = Rescale()
    default_window: Window | None = None
    presentation: Presentation = Presentation()
    padding: Padding | None = None
    spacing: PixelSpacing | None = None
    aspect: tuple[float, float] = (1.0, 1.0)
    regions: tuple[UltrasoundRegion, ...] = ()
    orientation: tuple[float, ...] | None = None
    frame_of_reference: str | None = None
    axes: Axes = BIPED_AXES
    patient_orientation: PatientOrientation | None = None
    overlays: tuple[OverlayPlane, ...] = ()
    lossy: Lossy | None = None
    frame_time: float | None = None
    recommended_frame_rate: float | None = None
    real_world: tuple[RealWorldMapping, ...] = ()
    palette: Palette | None = None
    supplemental: Palette | None = None
    problems: tuple[str, ...] = ()

    @property
    def colour(self) -> bool:
        """Whether samples are RGB."""
        return self.format == "rgb8"

    def window_over(self, low: float, high: float) -> Window:
        """Make the window that shows values from `low` to `high` in full.

        Parameters
        ----------
        low, high
            In output units of the modality transformation.

        Returns
        -------
        Window
            LINEAR where all values are whole numbers, else LINEAR_EXACT.
        """
        exact = self.format.startswith("float") or not self.modality.whole
        return full_window(low, high, exact=exact)

    @property
    def stored_range(self) -> tuple[float, float]:
        """Lowest and highest stored value that the pixel description allows."""
        if self.format.startswith("float"):
            return 0.0, 1.0
        high = (1 << self.bits_stored - 1) - 1
        return (-high - 1, high) if self.signed else (0, 2 * high + 1)

    def fallback_window(self) -> Window:
        """Return the window for an object without any: the chosen one, else the full range.

        Returns
        -------
        Window
            In output units of the modality transformation.
        """
        if self.default_window is not None:
            return self.default_window
        return self.window_over(*self.modality.bounds(*self.stored_range))


@dataclass(frozen=True, slots=True)
class DisplayedFrame:
    """One frame and how it is shown.

    Parameters
    ----------
    number
        Counted from 1.
    model
        How it is shown.
    voi
        Its own windows and VOI LUTs, in their order.
    position
        Of its first pixel in the patient, in millimetres.
    """

    number: int
    model: DisplayModel
    voi: tuple[VoiTransform, ...]
    position: tuple[float, float, float] | None
