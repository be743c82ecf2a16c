"""A presentation state: everything that decides how images are shown (PS3.3 A.33.1, A.33.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from isocenter.errors import InvalidAttribute
from isocenter.pixels.display_model import Presentation
from isocenter.pixels.modality import ModalityTransform, Rescale
from isocenter.pixels.presentation.annotations import (
    GraphicAnnotation,
    GraphicGroup,
    GraphicLayer,
)
from isocenter.pixels.presentation.areas import DisplayedArea, Orientation
from isocenter.pixels.presentation.items import Item, Many, One, Said
from isocenter.pixels.presentation.masks import Mask
from isocenter.pixels.presentation.overlays import Overlay, OverlayActivation
from isocenter.pixels.presentation.references import ReferencedImage, applies
from isocenter.pixels.presentation.shutters import Shutter
from isocenter.pixels.presentation.spellings import FLAG, INTEGER, TEXT, decimal
from isocenter.pixels.voi import VoiTransform, Window

__all__ = ["PresentationState", "VoiSelection"]


@dataclass(frozen=True, kw_only=True)
class VoiSelection(Item):
    """Windows or VOI LUTs of some images (PS3.3 C.11.8).

    Parameters
    ----------
    transforms
        The first is shown; windows, or lookup tables, not both.
    images
        What they are for; empty for all.
    """

    transforms: tuple[VoiTransform, ...]
    images: Annotated[tuple[ReferencedImage, ...], Said("ReferencedImageSequence",
        Many(ReferencedImage, none_means_all=True))] = ()  # fmt: skip

    def check(self) -> None:
        """Refuse a selection of nothing, or of both kinds; keep what decimal strings keep."""
        kept = tuple(
            Window(decimal(one.center), decimal(one.width), one.function, one.explanation)
            if isinstance(one, Window)
            else one
            for one in self.transforms
        )
        kinds = {type(one) for one in kept}
        if len(kinds) != 1:
            raise InvalidAttribute(
                "SoftcopyVOILUTSequence (0028,3110) has windows and lookup tables in one item, or "
                "neither; give windows or tables",
                0x00283110,
            )
        if len({one.function for one in kept if isinstance(one, Window)}) > 1:
            raise InvalidAttribute(
                "windows of one item have several functions: VOILUTFunction (0028,1056); give an "
                "item for each",
                0x00281056,
            )
        object.__setattr__(self, "transforms", kept)


@dataclass(frozen=True, kw_only=True)
class PresentationState(Item):
    """How images are shown: the content of a Softcopy Presentation State.

    Parameters
    ----------
    annotations, layers, groups
        Text and graphics, the layers that they are drawn in, and what belongs together. Layers
        may be left out: they are then made in the order of the annotations.
    displayed_areas
        What part of each image is shown; empty for all of it.
    rotation, flipped
        Clockwise, 0, 90, 180 or 270 degrees; and whether left and right then change places.
    modality
        From stored values to units; None for that of the images.
    voi
        Windows and VOI LUTs; None for those of the images, empty for none.
    presentation
        From VOI output to P-Values; None for that of the images.
    shutter
        What is hidden.
    mask
        What is subtracted from frames.
    overlays, activations
        Overlay planes, and which of the images' own are drawn.
    label, description, creator
        Content Label (16 capitals, digits, blanks and underscores), Content Description and
        Content Creator's Name.
    images
        The images that it is for; empty for all sources. One that was read names them.
    problems
        A sentence for each thing that could not be read.
    """

    annotations: Annotated[tuple[GraphicAnnotation, ...], Said("GraphicAnnotationSequence",
        Many(GraphicAnnotation))] = ()  # fmt: skip
    layers: Annotated[tuple[GraphicLayer, ...], Said("GraphicLayerSequence",
        Many(GraphicLayer))] = ()  # fmt: skip
    groups: Annotated[tuple[GraphicGroup, ...], Said("GraphicGroupSequence",
        Many(GraphicGroup))] = ()  # fmt: skip
    displayed_areas: Annotated[tuple[DisplayedArea, ...], Said("DisplayedAreaSelectionSequence",
        Many(DisplayedArea))] = ()  # fmt: skip
    rotation: Annotated[int, Said("ImageRotation", INTEGER)] = 0
    flipped: Annotated[bool, Said("ImageHorizontalFlip", FLAG)] = False
    modality: ModalityTransform | None = None
    voi: tuple[VoiSelection, ...] | None = None
    presentation: Presentation | None = None
    shutter: Shutter | None = None
    mask: Annotated[Mask | None, Said("MaskSubtractionSequence", One(Mask))] = None
    overlays: tuple[Overlay, ...] = ()
    activations: tuple[OverlayActivation, ...] = ()
    label: Annotated[str, Said("ContentLabel", TEXT)] = "PRESENTATION"
    description: Annotated[str, Said("ContentDescription", TEXT)] = ""
    creator: Annotated[str, Said("ContentCreatorName", TEXT)] = ""
    images: tuple[ReferencedImage, ...] = ()
    problems: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse a rotation that the standard does not have."""
        if self.rotation not in (0, 90, 180, 270):
            raise InvalidAttribute(
                f"ImageRotation (0070,0042) is {self.rotation}; expected 0, 90, 180 or 270",
                0x00700042,
            )
        if isinstance(self.modality, Rescale):
            slope, intercept = decimal(self.modality.slope), decimal(self.modality.intercept)
            modality = Rescale(slope, intercept, self.modality.units)
            object.__setattr__(self, "modality", modality)

    @property
    def orientation(self) -> Orientation:
        """Rotation and flip."""
        return Orientation(self.rotation, self.flipped)

    def area_of(self, sop_instance_uid: str, frame: int) -> DisplayedArea | None:
        """Return what part of a frame is shown; None for all of it."""
        return _first(self.displayed_areas, sop_instance_uid, frame)

    def voi_of(self, sop_instance_uid: str, frame: int) -> VoiTransform | None:
        """Return the window or VOI LUT of a frame, if there is one."""
        found = _first(self.voi or (), sop_instance_uid, frame)
        return None if found is None else found.transforms[0]


_Selecting = TypeVar("_Selecting", DisplayedArea, VoiSelection)


def _first(items: Iterable[_Selecting], sop_instance_uid: str, frame: int) -> _Selecting | None:
    return next((one for one in items if applies(one.images, sop_instance_uid, frame)), None)
