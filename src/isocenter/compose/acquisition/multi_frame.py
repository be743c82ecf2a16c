"""A volume as one Enhanced CT, MR or PET object: modules and functional groups (PS3.3 C.7.6.16).

Nothing is known of how it was acquired, so that its Image Type is DERIVED: an original would have
to say what only the scanner knew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isocenter.compose.acquisition.enhanced_pet import (
    add_enhanced_pet,
    add_view,
    radiopharmaceutical_usage,
)
from isocenter.compose.acquisition.tag_axes import TagAxis
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composition
from isocenter.compose.derivation.quantisation import StoredForm
from isocenter.compose.laterality import side_of
from isocenter.compose.volume_grids import Grid
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose

__all__ = ["add_functional_groups", "add_multi_frame"]

_IMAGE_TYPE = ("DERIVED", "PRIMARY", "VOLUME", "NONE")
_ENTIRE_BODY = Code("38266002", "SCT", "Entire body")
_FRAME_TYPES = {
    "CT": "CTImageFrameTypeSequence",
    "MR": "MRImageFrameTypeSequence",
    "PT": "PETFrameTypeSequence",
}
_IN_STACK, _TEMPORAL, _FRAME_CONTENT = 0x00209057, 0x00209128, 0x00209111


def add_multi_frame(composition: Composition, modality: str) -> None:
    """Add what the whole object says: Enhanced Image and Acquisition Context modules."""
    composition.generate("ImageType", list(_IMAGE_TYPE))
    composition.generate("InstanceNumber", 1)
    composition.content_moment()
    composition.generate("ContentQualification", "RESEARCH", "made outside of the scanner")
    composition.generate("BurnedInAnnotation", "NO")
    composition.generate("LossyImageCompression", "00")
    composition.generate("PresentationLUTShape", "IDENTITY")
    composition.generate("AcquisitionContextSequence", None, "Type 2")
    for keyword, value in _description(modality).items():
        composition.generate(keyword, value)
    for keyword in ("Laterality", "ImageLaterality"):  # each frame says it
        composition.remove(keyword)
    if modality == "MR":
        # Nothing was acquired; a term of one's own must not mean unknown (PS3.5 6.3).
        agency = _of_source(composition, "ApplicableSafetyStandardAgency") or "NONE"
        composition.generate("ApplicableSafetyStandardAgency", agency, "Type 1C")
    if modality == "PT":
        add_enhanced_pet(composition)


def add_functional_groups(
    composition: Composition,
    modality: str,
    grid: Grid,
    axis: TagAxis | None,
    window: tuple[float, float],
    form: StoredForm,
) -> None:
    """Add dimensions, and shared and per-frame functional groups.

    Parameters
    ----------
    composition
        The object.
    modality
        CT, MR or PT.
    grid
        Where the voxels lie.
    axis
        What tells volumes apart; None where there is one.
    window
        Centre and width.
    form
        How the values are stored.
    """
    volumes = len(axis.numbers) if axis is not None else 1
    composition.generate("NumberOfFrames", volumes * grid.shape[0], "the volume")
    _dimensions(composition, several=axis is not None)
    shared = _shared(composition, modality, grid, window, form)
    composition.generate("SharedFunctionalGroupsSequence", [shared], "the volume")
    frames = [_frame(modality, grid, axis, n, k) for n, k in np.ndindex(volumes, grid.shape[0])]
    composition.generate("PerFrameFunctionalGroupsSequence", frames, "the volume")


def _description(modality: str) -> dict[str, Any]:
    """Return the common description of CT, MR and PET images (PS3.3 C.8.16.2)."""
    common = {
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }
    if modality == "MR":
        common |= {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "UNKNOWN"}
    return common


def _dimensions(composition: Composition, *, several: bool) -> None:
    organization = new_uid()
    pointers = ([_TEMPORAL] if several else []) + [_IN_STACK]
    composition.generate(
        "DimensionOrganizationSequence", [{"DimensionOrganizationUID": organization}]
    )
    composition.generate("DimensionOrganizationType", "3D_TEMPORAL" if several else "3D")
    composition.generate(
        "DimensionIndexSequence",
        [
            {
                "DimensionOrganizationUID": organization,
                "DimensionIndexPointer": pointer,
                "FunctionalGroupPointer": _FRAME_CONTENT,
            }
            for pointer in pointers
        ],
    )


def _shared(
    composition: Composition,
    modality: str,
    grid: Grid,
    window: tuple[float, float],
    form: StoredForm,
) -> dict[str, Any]:
    plane = grid.plane(0)
    thickness = float(grid.spacing[2])
    units = {"CT": "HU", "MR": "US", "PT": str(composition.data_set.get("Units") or "BQML")}
    if modality == "PT" and "Units" in composition.data_set:
        del composition.data_set["Units"]
    groups: dict[str, Any] = {
        "PixelMeasuresSequence": {
            "SliceThickness": thickness,
            "SpacingBetweenSlices": thickness,
            "PixelSpacing": list(plane.spacing),
        },
        "PlaneOrientationSequence": {
            "ImageOrientationPatient": [*plane.along_row, *plane.along_column]
        },
        "FrameAnatomySequence": _anatomy(composition),
        "PixelValueTransformationSequence": {
            "RescaleIntercept": form.intercept,
            "RescaleSlope": form.slope,
            "RescaleType": units[modality],
        },
        "FrameVOILUTSequence": {"WindowCenter": window[0], "WindowWidth": window[1]},
        _FRAME_TYPES[modality]: {"FrameType": list(_IMAGE_TYPE), **_description(modality)},
    }
    if modality == "CT":
        event = _of_source(composition, "IrradiationEventUID") or new_uid()
        groups["IrradiationEventIdentificationSequence"] = {"IrradiationEventUID": event}
    if modality == "PT":
        add_view(composition, plane)
        groups["RadiopharmaceuticalUsageSequence"] = radiopharmaceutical_usage(composition)
    return groups


def _anatomy(composition: Composition) -> dict[str, Any]:
    """Return region and side of the source's images.

    Of what there are two and nobody says which it is, only the whole body is right: unpaired.
    """
    first = composition.sources.first
    side = side_of(first.data_set) if first is not None else ""
    region = _of_source(composition, "AnatomicRegionSequence")
    if not (side and region):
        region, side = [_ENTIRE_BODY.item()], side or "U"
    return {"AnatomicRegionSequence": region[0], "FrameLaterality": side}


def _of_source(composition: Composition, keyword: str) -> Any:
    first = composition.sources.first
    return first.data_set.get(keyword) if first is not None else None


def _frame(modality: str, grid: Grid, axis: TagAxis | None, n: int, k: int) -> dict[str, Any]:
    content: dict[str, Any] = {
        "StackID": "1",
        "InStackPositionNumber": k + 1,
        "DimensionIndexValues": [k + 1],
    }
    groups: dict[str, Any] = {
        "FrameContentSequence": content,
        "PlanePositionSequence": {
            "ImagePositionPatient": [float(one) for one in grid.plane(k).position]
        },
    }
    if axis is not None or modality == "PT":
        content["TemporalPositionIndex"] = n + 1
    if axis is not None:
        content["DimensionIndexValues"] = [n + 1, k + 1]
        groups |= _weighting(axis, n)
    return groups


def _weighting(axis: TagAxis, n: int) -> dict[str, Any]:
    """Return the functional group that says what is special about one of several volumes."""
    number = axis.numbers[n]
    match axis.keyword:
        case "EchoTime":
            return {"MREchoSequence": {"EffectiveEchoTime": number}}
        case "DiffusionBValue":
            kind = "ISOTROPIC" if number else "NONE"
            diffusion = {"DiffusionBValue": number, "DiffusionDirectionality": kind}
            return {"MRDiffusionSequence": diffusion}
        case "TemporalPositionIdentifier":
            return {}
        case "AcquisitionTime":
            return {"TemporalPositionSequence": {"TemporalPositionTimeOffset": _since(axis, n)}}
        case "FrameReferenceTime" | "TriggerTime":
            return {
                "TemporalPositionSequence": {"TemporalPositionTimeOffset": _since(axis, n) / 1000}
            }
        case _:
            raise CannotCompose(
                f"An enhanced object has no place for {axis.keyword} here; tell the volumes apart "
                "by EchoTime, DiffusionBValue or a time."
            )


def _since(axis: TagAxis, n: int) -> float:
    return axis.numbers[n] - axis.numbers[0]
