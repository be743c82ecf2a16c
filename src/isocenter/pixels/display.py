"""Resolve display models: read from attributes how every frame is shown."""

from dataclasses import replace
from typing import Any, TypeAlias

from isocenter.dicom import TransferSyntax, tags
from isocenter.errors import PixelDataError

from .attributes import Attributes
from .description import PhotometricInterpretation, PixelDescription
from .display_model import DisplayedFrame, DisplayModel, Lossy, Presentation
from .functional_groups import FrameAttributes, frames_of
from .geometry import read_aspect, read_orientation, read_position, read_spacing
from .lookup_tables import Palette, read_lookup_table, read_palette
from .modality import (
    read_modality,
    read_padding,
    read_real_world,
)
from .overlays import read_overlays
from .patient_orientation import BIPED_AXES, read_axes, read_patient_orientation
from .samples import display_format, palette_of
from .ultrasound import read_regions
from .voi import VoiTransform, read_voi

__all__ = ["DisplayResolver", "display_models"]


# A number in a small file must not make us resolve two billion frames.
MAX_FRAMES = 1 << 16


# Functional groups that a model depends on; a frame that shares them with the one before shares
# its model.
_MODEL_GROUPS = (
    tags.PixelMeasuresSequence,
    tags.PlaneOrientationSequence,
    tags.PatientOrientationInFrameSequence,
    tags.PixelValueTransformationSequence,
    tags.FramePixelDataPropertiesSequence,
    tags.ProjectionPixelCalibrationSequence,
    tags.RealWorldValueMappingSequence,
)


# Attributes of the top level that a model depends on, the size of overlays among them.
_OVERLAY_ROWS = tuple(0x60000010 + (index << 17) for index in range(16))
_FUNCTIONAL_GROUPS = (tags.SharedFunctionalGroupsSequence, tags.PerFrameFunctionalGroupsSequence)
_MODEL_TAGS = (
    tags.SOPClassUID,
    tags.Modality,
    tags.ImageType,
    tags.PixelPresentation,
    tags.EstimatedRadiographicMagnificationFactor,
    tags.ImagerPixelSpacing,
    tags.NominalScannedPixelSpacing,
    tags.ObjectPixelSpacingInCenterOfBeam,
    tags.SequenceOfUltrasoundRegions,
    tags.FrameTime,
    tags.FrameTimeVector,
    tags.CineRate,
    tags.RecommendedDisplayFrameRate,
    tags.ImageOrientationPatient,
    tags.PatientOrientation,
    tags.AnatomicalOrientationType,
    tags.BodyPartExamined,
    tags.PositionerMotion,
    tags.FrameOfReferenceUID,
    tags.PixelSpacing,
    tags.PixelSpacingCalibrationType,
    tags.PixelAspectRatio,
    tags.PixelPaddingValue,
    tags.PixelPaddingRangeLimit,
    tags.PixelIntensityRelationship,
    tags.RescaleSlope,
    tags.RescaleIntercept,
    tags.RescaleType,
    *(tags.RedPaletteColorLookupTableDescriptor + n for n in range(3)),
    *(tags.RedPaletteColorLookupTableData + n for n in range(3)),
    *(tags.SegmentedRedPaletteColorLookupTableData + n for n in range(3)),
    tags.LossyImageCompression,
    tags.LossyImageCompressionRatio,
    tags.LossyImageCompressionMethod,
    tags.ModalityLUTSequence,
    tags.ImagePlanePixelSpacing,
    tags.DoseGridScaling,
    tags.DoseUnits,
    tags.RealWorldValueMappingSequence,
    tags.Units,
    tags.DetectorInformationSequence,
    tags.PresentationLUTSequence,
    tags.PresentationLUTShape,
)
_VOI_TAGS = (
    tags.WindowCenter,
    tags.WindowWidth,
    tags.VOILUTFunction,
    tags.WindowCenterWidthExplanation,
    tags.VOILUTSequence,
)


# JPEG with DCT; the other encodings that may lose something may also lose nothing.
_ALWAYS_LOSSY = {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51)}


class DisplayResolver:
    """Resolves how objects are shown; objects of a series share what they have in common.

    A CT slice differs from its neighbour in position alone. Its attributes are compared with those
    of the object before, which is much faster than to resolve them anew.
    """

    def __init__(self) -> None:
        self._signature: list[Any] | None = None
        self._model: DisplayModel | None = None
        self._voi_signature: list[Any] | None = None
        self._resolved_voi: _ResolvedVoi = ((), ())

    def resolve(
        self, attributes: Attributes, description: PixelDescription
    ) -> tuple[DisplayedFrame, ...]:
        """Resolve how every frame of an object is shown.

        Parameters
        ----------
        attributes
            The data set; pixel data itself is not touched.
        description
            What it says of its pixel data.

        Returns
        -------
        tuple of DisplayedFrame
            In the order of frame numbers; equal models are one object.

        Raises
        ------
        PixelDataError
            When the object promises more frames than anybody could look through.
        """
        if description.number_of_frames > MAX_FRAMES:
            raise PixelDataError(
                f"Number of Frames (0028,0008) is {description.number_of_frames}; no more than "
                f"{MAX_FRAMES} are shown"
            )
        if any(e is not None for e in attributes.elements(_FUNCTIONAL_GROUPS + _OVERLAY_ROWS)):
            return _resolve_frames(attributes, description)
        frames = frames_of(attributes, description.number_of_frames)
        # Whether there is a position, not where, tells what the spacing of a projection is worth.
        placed = tags.ImagePositionPatient in attributes
        signature: list[Any] = [description, placed, *attributes.elements(_MODEL_TAGS)]
        if self._model is None or signature != self._signature:
            self._signature, self._model = signature, _model(frames[0], description)
            self._voi_signature = None
        voi_signature = attributes.elements(_VOI_TAGS)
        if voi_signature != self._voi_signature:
            self._voi_signature = voi_signature
            self._resolved_voi = _voi(attributes, self._model)
        voi, problems = self._resolved_voi
        model = _with_problems(self._model, problems)
        return tuple(DisplayedFrame(f.number, model, voi, read_position(f)) for f in frames)


def display_models(
    attributes: Attributes, description: PixelDescription
) -> tuple[DisplayedFrame, ...]:
    """Resolve how every frame of one object is shown; see `DisplayResolver.resolve`.

    Parameters
    ----------
    attributes
        The data set; pixel data itself is not touched.
    description
        What it says of its pixel data.

    Returns
    -------
    tuple of DisplayedFrame
        In the order of frame numbers; equal models are one object.

    Raises
    ------
    PixelDataError
        When the object promises more frames than anybody could look through.
    """
    return DisplayResolver().resolve(attributes, description)


def _resolve_frames(
    attributes: Attributes, description: PixelDescription
) -> tuple[DisplayedFrame, ...]:
    """Resolve frames whose functional groups may differ."""
    shown: list[DisplayedFrame] = []
    groups: list[Attributes] | None = None
    voi_group: Attributes | None = None
    model: DisplayModel | None = None
    resolved: _ResolvedVoi = ((), ())
    for frame in frames_of(attributes, description.number_of_frames):
        own_groups = [frame.macro(tag) for tag in _MODEL_GROUPS]
        if model is None or own_groups != groups:
            groups, model, voi_group = own_groups, _model(frame, description), None
        own_voi = frame.macro(tags.FrameVOILUTSequence)
        if voi_group is None or own_voi != voi_group:
            voi_group, resolved = own_voi, _voi(own_voi, model)
        voi, problems = resolved
        model = _with_problems(model, problems)
        shown.append(DisplayedFrame(frame.number, model, voi, read_position(frame)))
    return tuple(shown)


_ResolvedVoi: TypeAlias = tuple[tuple[VoiTransform, ...], tuple[str, ...]]


def _with_problems(model: DisplayModel, problems: tuple[str, ...]) -> DisplayModel:
    if set(problems) <= set(model.problems):
        return model
    return replace(model, problems=model.problems + problems)


def _voi(attributes: Attributes, model: DisplayModel) -> _ResolvedVoi:
    if model.colour:
        return (), ()
    lowest = model.modality.bounds(*model.stored_range)[0]
    return read_voi(attributes, signed=lowest < 0 or model.format.startswith("float"))


def _model(frame: FrameAttributes, description: PixelDescription) -> DisplayModel:
    root = frame.root
    regions = read_regions(root, description.rows, description.columns)
    spacing = read_spacing(frame, regions)
    orientation = read_orientation(frame)
    axes = read_axes(root)
    # Of an animal a plane alone may not say what lies where.
    in_words = orientation is None or axes != BIPED_AXES
    model = DisplayModel(
        rows=description.rows,
        columns=description.columns,
        format=display_format(description),
        bits_stored=description.bits_stored,
        signed=description.signed,
        spacing=spacing,
        aspect=read_aspect(frame, spacing),
        regions=regions,
        orientation=orientation,
        axes=axes,
        patient_orientation=read_patient_orientation(frame) if in_words else None,
        frame_of_reference=root.text(tags.FrameOfReferenceUID) or None,
        overlays=read_overlays(root),
        lossy=_lossy(root, description.transfer_syntax),
        frame_time=_frame_time(root),
        recommended_frame_rate=_positive(root.number(tags.RecommendedDisplayFrameRate)),
    )
    if description.photometric_interpretation is PhotometricInterpretation.PALETTE_COLOR:
        palette, problem = palette_of(root, signed=model.signed)
        return replace(model, palette=palette, problems=(problem,) if problem else ())
    return model if model.colour else _with_gray(model, frame, description)


def _with_gray(
    model: DisplayModel, frame: FrameAttributes, description: PixelDescription
) -> DisplayModel:
    root, signed = frame.root, description.signed
    modality, problem = read_modality(frame, signed=signed)
    presentation, further = _presentation(root, description)
    supplemental, missing = _supplemental(root, signed=signed)
    return replace(
        model,
        modality=modality,
        presentation=presentation,
        padding=read_padding(root, bits=description.bits_allocated, signed=signed),
        real_world=read_real_world(frame),
        supplemental=supplemental,
        problems=tuple(text for text in (problem, further, missing) if text),
    )


def _presentation(root: Attributes, description: PixelDescription) -> tuple[Presentation, str]:
    item = root.item(tags.PresentationLUTSequence)
    if item is not None:
        try:
            return Presentation(table=read_lookup_table(item, signed=False)), ""
        except PixelDataError as problem:
            return Presentation(), f"Presentation LUT Sequence (2050,0010): {problem}"
    negative = description.photometric_interpretation is PhotometricInterpretation.MONOCHROME1
    return Presentation(negative or root.text(tags.PresentationLUTShape) == "INVERSE"), ""


def _supplemental(root: Attributes, *, signed: bool) -> tuple[Palette | None, str]:
    if root.text(tags.PixelPresentation) not in ("COLOR", "MIXED"):
        return None, ""
    if tags.RedPaletteColorLookupTableDescriptor not in root:
        return None, ""
    try:
        return read_palette(root, signed=signed), ""
    except PixelDataError as problem:
        return None, f"Supplemental palette: {problem}"


def _lossy(root: Attributes, syntax: TransferSyntax) -> Lossy | None:
    """Say whether anything was lost; an encoding may tell what the object keeps to itself."""
    told = root.text(tags.LossyImageCompression)
    always = syntax.uid in _ALWAYS_LOSSY
    if told != "01" and not always and (told == "00" or not syntax.lossy):
        return None
    return Lossy(
        root.numbers(tags.LossyImageCompressionRatio), root.texts(tags.LossyImageCompressionMethod)
    )


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0 else None


def _frame_time(root: Attributes) -> float | None:
    time = _positive(root.number(tags.FrameTime))
    if time is not None:
        return time
    steps = [step for step in root.numbers(tags.FrameTimeVector) if step > 0]
    if steps:
        return sum(steps) / len(steps)
    rate = _positive(root.number(tags.CineRate))
    return None if rate is None else 1000 / rate
