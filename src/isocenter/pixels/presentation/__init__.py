"""Softcopy presentation states: their content, reading it, and showing images by it.

A `PresentationState` says everything that decides how images are shown. `isocenter.compose` writes
it as an object, `read_state` reads it from one, `render_presentation` applies it to pixels.
"""

from .annotations import (
    CompoundGraphic,
    CompoundType,
    GraphicAnnotation,
    GraphicGroup,
    GraphicLayer,
    GraphicObject,
    GraphicType,
    MajorTick,
    TextObject,
    TickAlignment,
    Units,
)
from .areas import DisplayedArea, Orientation, SizeMode
from .cielab import CIELab, to_cielab, to_srgb
from .compounds import plain_objects
from .masks import Mask, MaskOperation
from .overlays import Overlay, OverlayActivation
from .reading import COLOUR_STATE, GRAYSCALE_STATE, read_state, read_state_file
from .references import ReferencedImage
from .rendering import ImageFrame, render_presentation
from .shutters import (
    BitmapShutter,
    CircularShutter,
    PolygonalShutter,
    RectangularShutter,
    Shutter,
)
from .state import PresentationState, VoiSelection
from .styles import (
    DashingStyle,
    FillMode,
    FillStyle,
    HorizontalAlignment,
    LineStyle,
    ShadowStyle,
    TextStyle,
    VerticalAlignment,
)

__all__ = [
    "COLOUR_STATE",
    "GRAYSCALE_STATE",
    "BitmapShutter",
    "CIELab",
    "CircularShutter",
    "CompoundGraphic",
    "CompoundType",
    "DashingStyle",
    "DisplayedArea",
    "FillMode",
    "FillStyle",
    "GraphicAnnotation",
    "GraphicGroup",
    "GraphicLayer",
    "GraphicObject",
    "GraphicType",
    "HorizontalAlignment",
    "ImageFrame",
    "LineStyle",
    "MajorTick",
    "Mask",
    "MaskOperation",
    "Orientation",
    "Overlay",
    "OverlayActivation",
    "PolygonalShutter",
    "PresentationState",
    "RectangularShutter",
    "ReferencedImage",
    "ShadowStyle",
    "Shutter",
    "SizeMode",
    "TextObject",
    "TextStyle",
    "TickAlignment",
    "Units",
    "VerticalAlignment",
    "VoiSelection",
    "plain_objects",
    "read_state",
    "read_state_file",
    "render_presentation",
    "to_cielab",
    "to_srgb",
]
