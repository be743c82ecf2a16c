"""Text and graphics over images, in layers (PS3.3 C.10.5, C.10.7, C.10.11)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from isocenter.dicom import tags
from isocenter.errors import InvalidAttribute
from isocenter.pixels.presentation.cielab import CIELab
from isocenter.pixels.presentation.items import Item, Many, One, Said
from isocenter.pixels.presentation.references import ReferencedImage
from isocenter.pixels.presentation.spellings import (
    COLOUR,
    FLAG,
    INTEGER,
    LINES,
    NUMBER,
    POINT,
    POINTS,
    SINGLE,
    TEXT,
    Point,
    Term,
)
from isocenter.pixels.presentation.styles import (
    FillStyle,
    HorizontalAlignment,
    LineStyle,
    TextStyle,
    VerticalAlignment,
)

__all__ = [
    "CompoundGraphic",
    "CompoundType",
    "GraphicAnnotation",
    "GraphicGroup",
    "GraphicLayer",
    "GraphicObject",
    "GraphicType",
    "MajorTick",
    "TextObject",
    "TickAlignment",
    "Units",
]

MOST_POINTS = 0xFFFF


class Units(StrEnum):
    """What coordinates count.

    PIXEL: columns and rows of the image, 0,0 at the outer corner of its first pixel. DISPLAY:
    fractions of the displayed area. MATRIX: pixels of the total pixel matrix of a slide.
    """

    PIXEL = "PIXEL"
    DISPLAY = "DISPLAY"
    MATRIX = "MATRIX"


class GraphicType(StrEnum):
    """Graphic Type (0070,0023)."""

    POINT = "POINT"
    POLYLINE = "POLYLINE"
    INTERPOLATED = "INTERPOLATED"
    CIRCLE = "CIRCLE"
    ELLIPSE = "ELLIPSE"


class CompoundType(StrEnum):
    """Compound Graphic Type (0070,0294)."""

    MULTILINE = "MULTILINE"
    INFINITELINE = "INFINITELINE"
    CUTLINE = "CUTLINE"
    RANGELINE = "RANGELINE"
    RULER = "RULER"
    AXIS = "AXIS"
    CROSSHAIR = "CROSSHAIR"
    ARROW = "ARROW"
    RECTANGLE = "RECTANGLE"
    ELLIPSE = "ELLIPSE"


class TickAlignment(StrEnum):
    """Tick Alignment (0070,0274), and of labels (0070,0279), which have no CENTER."""

    BOTTOM = "BOTTOM"
    CENTER = "CENTER"
    TOP = "TOP"


def _required_points(kind: StrEnum, count: int, exactly: int | None, least: int) -> None:
    if count == exactly or (exactly is None and least <= count <= MOST_POINTS):
        return
    expected = f"{least} to {MOST_POINTS}" if exactly is None else str(exactly)
    raise InvalidAttribute(
        f"a {kind} has {count} points: GraphicData (0070,0022); expected {expected}",
        tags.GraphicData,
    )


@dataclass(frozen=True, kw_only=True)
class TextObject(Item):
    """A text in a bounding box, or related to a point, or both.

    Parameters
    ----------
    text
        Lines are separated by line feeds.
    top_left, bottom_right
        The bounding box, column and row; text runs from the one corner to the other.
    box_units, anchor_units
        What the box and the anchor count.
    justification
        Of the text in its box.
    anchor
        The point that the text is about.
    anchor_visible
        Whether a line leads to it.
    tracking_id, tracking_uid
        What the text is about, over several objects.
    compound_id
        The compound graphic that this is a plain rendering of.
    group_id
        The group that it belongs to.
    style
        How it looks.
    """

    text: Annotated[str, Said("UnformattedTextValue", LINES)]
    top_left: Annotated[Point | None, Said("BoundingBoxTopLeftHandCorner", POINT)] = None
    bottom_right: Annotated[Point | None, Said("BoundingBoxBottomRightHandCorner", POINT)] = None
    box_units: Annotated[Units, Said("BoundingBoxAnnotationUnits", Term(Units),
        beside="top_left")] = Units.PIXEL  # fmt: skip
    justification: Annotated[HorizontalAlignment, Said("BoundingBoxTextHorizontalJustification",
        Term(HorizontalAlignment), beside="top_left")] = HorizontalAlignment.LEFT  # fmt: skip
    anchor: Annotated[Point | None, Said("AnchorPoint", POINT)] = None
    anchor_units: Annotated[Units, Said("AnchorPointAnnotationUnits", Term(Units),
        beside="anchor")] = Units.PIXEL  # fmt: skip
    anchor_visible: Annotated[bool, Said("AnchorPointVisibility", FLAG, beside="anchor")] = False
    tracking_id: Annotated[str | None, Said("TrackingID", TEXT)] = None
    tracking_uid: Annotated[str | None, Said("TrackingUID", TEXT)] = None
    compound_id: Annotated[int | None, Said("CompoundGraphicInstanceID", INTEGER)] = None
    group_id: Annotated[int | None, Said("GraphicGroupID", INTEGER)] = None
    style: Annotated[TextStyle | None, Said("TextStyleSequence", One(TextStyle))] = None

    def check(self) -> None:
        """Refuse a text without a place."""
        if (self.top_left is None) != (self.bottom_right is None):
            raise InvalidAttribute(
                "a bounding box has one corner: BoundingBoxTopLeftHandCorner (0070,0010) and "
                "BoundingBoxBottomRightHandCorner (0070,0011); expected both",
                0x00700011 if self.bottom_right is None else 0x00700010,
            )
        if self.top_left is None and self.anchor is None:
            raise InvalidAttribute(
                "a text has no place; give top_left and bottom_right: "
                "BoundingBoxTopLeftHandCorner (0070,0010), or anchor: AnchorPoint (0070,0014)",
                0x00700014,
            )
        if self.style is not None and self.top_left is not None:
            style = replace(
                self.style,
                horizontal=self.style.horizontal or HorizontalAlignment.LEFT,
                vertical=self.style.vertical or VerticalAlignment.TOP,
            )
            object.__setattr__(self, "style", style)


@dataclass(frozen=True, kw_only=True)
class GraphicObject(Item):
    """A point, line, circle or ellipse.

    Parameters
    ----------
    type
        Its shape.
    points
        Column and row each: one of a point; of lines their ends; of a circle its centre and a
        point on it; of an ellipse the ends of its major, then of its minor axis.
    units
        What they count.
    filled
        Whether a closed shape is filled; None for what is not closed.
    tracking_id, tracking_uid, compound_id, group_id
        As of `TextObject`.
    line_style, fill_style
        How it looks.
    """

    type: Annotated[GraphicType, Said("GraphicType", Term(GraphicType))]
    points: Annotated[tuple[Point, ...], Said("GraphicData", POINTS)]
    units: Annotated[Units, Said("GraphicAnnotationUnits", Term(Units))] = Units.PIXEL
    filled: Annotated[bool | None, Said("GraphicFilled", FLAG)] = None
    tracking_id: Annotated[str | None, Said("TrackingID", TEXT)] = None
    tracking_uid: Annotated[str | None, Said("TrackingUID", TEXT)] = None
    compound_id: Annotated[int | None, Said("CompoundGraphicInstanceID", INTEGER)] = None
    group_id: Annotated[int | None, Said("GraphicGroupID", INTEGER)] = None
    line_style: Annotated[LineStyle | None, Said("LineStyleSequence", One(LineStyle))] = None
    fill_style: Annotated[FillStyle | None, Said("FillStyleSequence", One(FillStyle))] = None

    def check(self) -> None:
        """Refuse a wrong number of points, and say of a closed shape whether it is filled."""
        exactly = {"POINT": 1, "CIRCLE": 2, "ELLIPSE": 4}.get(self.type)
        _required_points(self.type, len(self.points), exactly, least=2)
        if self.filled is None and self.closed:
            object.__setattr__(self, "filled", False)

    @property
    def closed(self) -> bool:
        """Whether it has an inside."""
        if self.type in (GraphicType.CIRCLE, GraphicType.ELLIPSE):
            return True
        return len(self.points) > 2 and self.points[0] == self.points[-1]

    def derived(self) -> dict[str, Any]:
        """Return how many points there are, of two dimensions."""
        return {"GraphicDimensions": 2, "NumberOfGraphicPoints": len(self.points)}


@dataclass(frozen=True, kw_only=True)
class MajorTick(Item):
    """A tick of a ruler or axis.

    Parameters
    ----------
    position
        From 0 at its first point to 1 at its second.
    label
        What stands beside it.
    """

    position: Annotated[float, Said("TickPosition", SINGLE)]
    label: Annotated[str, Said("TickLabel", TEXT)]


@dataclass(frozen=True, kw_only=True)
class CompoundGraphic(Item):
    """A shape of several parts (PS3.3 C.10.5.1.3).

    Parameters
    ----------
    type
        Its shape.
    points
        Of a MULTILINE the two ends of each line; of a CROSSHAIR its centre; of an ARROW what it
        points at and its foot; of RECTANGLE and ELLIPSE opposite corners of their box; of the
        others the two ends.
    units
        What they count, PIXEL or DISPLAY.
    instance_id
        Its number in the presentation state; 0 to be given one.
    filled
        Whether a RECTANGLE or ELLIPSE is filled.
    rotation_angle, rotation_point
        Degrees counterclockwise, and the point around which.
    gap_length
        Diameter, as a fraction of the displayed area, of the circle around `rotation_point` (of a
        CROSSHAIR its centre) in which lines are left out.
    diameter_of_visibility
        Diameter, as a fraction of the displayed area, of the circle in which a CROSSHAIR is seen.
    tick_alignment, show_tick_labels, tick_label_alignment, major_ticks
        Ticks of RULER and AXIS.
    group_id, text_style, line_style, fill_style
        As of `GraphicObject`.
    """

    type: Annotated[CompoundType, Said("CompoundGraphicType", Term(CompoundType))]
    points: Annotated[tuple[Point, ...], Said("GraphicData", POINTS)]
    units: Annotated[Units, Said("CompoundGraphicUnits", Term(Units))] = Units.PIXEL
    instance_id: Annotated[int, Said("CompoundGraphicInstanceID", INTEGER)] = 0
    filled: Annotated[bool | None, Said("GraphicFilled", FLAG)] = None
    rotation_angle: Annotated[float | None, Said("RotationAngle", NUMBER)] = None
    rotation_point: Annotated[Point | None, Said("RotationPoint", POINT)] = None
    gap_length: Annotated[float | None, Said("GapLength", SINGLE)] = None
    diameter_of_visibility: Annotated[float | None, Said("DiameterOfVisibility", SINGLE)] = None
    tick_alignment: Annotated[TickAlignment | None, Said("TickAlignment",
        Term(TickAlignment))] = None  # fmt: skip
    show_tick_labels: Annotated[bool | None, Said("ShowTickLabel", FLAG)] = None
    tick_label_alignment: Annotated[TickAlignment | None, Said("TickLabelAlignment",
        Term(TickAlignment))] = None  # fmt: skip
    major_ticks: Annotated[tuple[MajorTick, ...], Said("MajorTicksSequence", Many(MajorTick))] = ()
    group_id: Annotated[int | None, Said("GraphicGroupID", INTEGER)] = None
    text_style: Annotated[TextStyle | None, Said("TextStyleSequence", One(TextStyle))] = None
    line_style: Annotated[LineStyle | None, Said("LineStyleSequence", One(LineStyle))] = None
    fill_style: Annotated[FillStyle | None, Said("FillStyleSequence", One(FillStyle))] = None

    def check(self) -> None:
        """Refuse a wrong number of points, and add what its type cannot do without."""
        exactly = {"MULTILINE": None, "CROSSHAIR": 1}.get(self.type, 2)
        _required_points(self.type, len(self.points), exactly, least=2)
        if self.type is CompoundType.MULTILINE and len(self.points) % 2:
            _required_points(self.type, len(self.points), len(self.points) + 1, least=2)
        if self.type is CompoundType.AXIS and not self.major_ticks:
            raise InvalidAttribute(
                "an AXIS has no ticks: MajorTicksSequence (0070,0287); give major_ticks", 0x00700287
            )
        for name, value in self._needed().items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def _needed(self) -> dict[str, Any]:
        """Return the defaults of what this type must have (PS3.3 Table C.10-5)."""
        middle = tuple(sum(axis) / len(self.points) for axis in zip(*self.points, strict=True))
        needed: dict[str, Any] = {"rotation_point": middle} if self.rotation_angle else {}
        match self.type:
            case CompoundType.RECTANGLE | CompoundType.ELLIPSE:
                needed["filled"] = False
            case CompoundType.CUTLINE | CompoundType.INFINITELINE:
                needed |= {"gap_length": 0.0, "rotation_point": middle}
            case CompoundType.CROSSHAIR:
                needed |= {"gap_length": 0.0, "diameter_of_visibility": 0.1}
                needed |= {"tick_alignment": TickAlignment.CENTER, "show_tick_labels": False}
                needed["tick_label_alignment"] = TickAlignment.BOTTOM
            case CompoundType.RULER | CompoundType.AXIS:
                needed |= {"tick_alignment": TickAlignment.CENTER, "show_tick_labels": True}
                needed["tick_label_alignment"] = TickAlignment.BOTTOM
            case _:
                pass
        return needed

    def derived(self) -> dict[str, Any]:
        """Return how many points there are, of two dimensions."""
        return {"GraphicDimensions": 2, "NumberOfGraphicPoints": len(self.points)}


@dataclass(frozen=True, kw_only=True)
class GraphicAnnotation(Item):
    """Text and graphics of one layer.

    Parameters
    ----------
    layer
        Name of the layer, at most 16 capitals, digits, blanks and underscores.
    images
        What they are for; empty for all that the presentation state is for.
    texts, graphics, compounds
        The objects. A plain rendering of each compound graphic is added where there is none.
    """

    layer: Annotated[str, Said("GraphicLayer", TEXT)]
    images: Annotated[tuple[ReferencedImage, ...], Said("ReferencedImageSequence",
        Many(ReferencedImage, none_means_all=True))] = ()  # fmt: skip
    texts: Annotated[tuple[TextObject, ...], Said("TextObjectSequence", Many(TextObject))] = ()
    graphics: Annotated[tuple[GraphicObject, ...], Said("GraphicObjectSequence",
        Many(GraphicObject))] = ()  # fmt: skip
    compounds: Annotated[tuple[CompoundGraphic, ...], Said("CompoundGraphicSequence",
        Many(CompoundGraphic))] = ()  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class GraphicLayer(Item):
    """A layer of annotations and overlays.

    Parameters
    ----------
    name
        At most 16 capitals, digits, blanks and underscores.
    order
        Lower ones are drawn first.
    grayscale
        Recommended P-Value, 0 to 65535.
    colour
        Recommended colour.
    description
        What it holds.
    """

    name: Annotated[str, Said("GraphicLayer", TEXT)]
    order: Annotated[int, Said("GraphicLayerOrder", INTEGER)]
    grayscale: Annotated[int | None, Said("GraphicLayerRecommendedDisplayGrayscaleValue",
        INTEGER)] = None  # fmt: skip
    colour: Annotated[CIELab | None, Said("GraphicLayerRecommendedDisplayCIELabValue",
        COLOUR)] = None  # fmt: skip
    description: Annotated[str | None, Said("GraphicLayerDescription", TEXT)] = None


@dataclass(frozen=True, kw_only=True)
class GraphicGroup(Item):
    """Objects that belong together.

    Parameters
    ----------
    group_id
        Its number.
    label, description
        What it is called, and what it is.
    """

    group_id: Annotated[int, Said("GraphicGroupID", INTEGER)]
    label: Annotated[str, Said("GraphicGroupLabel", TEXT)]
    description: Annotated[str | None, Said("GraphicGroupDescription", TEXT)] = None
