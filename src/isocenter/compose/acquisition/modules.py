"""What CT, MR and PET images say besides pixels and place (PS3.3 C.8.2.1, C.8.3.1, C.8.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from isocenter.compose.composition import Composition
from isocenter.compose.laterality import is_paired
from isocenter.compose.reading import value_of
from isocenter.errors import CannotCompose

__all__ = ["MODALITIES", "Modality", "modality_of"]


@dataclass(frozen=True, slots=True)
class Modality:
    """How volumes of one modality become images.

    Parameters
    ----------
    name
        Modality (0008,0060).
    sop_class_uid, enhanced_uid
        What single images and multi-frame ones are stored as.
    image_type
        Image Type (0008,0008) of an acquired volume.
    rescale_type
        What rescaled values are measured in, where the standard does not leave it open.
    window
        Centre and width that suit any volume; None to take them from its values.
    acquisition
        Attributes that are kept of source images of the same SOP Class.
    add_module
        Adds what the modality requires.
    """

    name: str
    sop_class_uid: str
    enhanced_uid: str
    image_type: tuple[str, ...]
    rescale_type: str
    window: tuple[float, float] | None
    acquisition: tuple[str, ...]
    add_module: Callable[[Composition], None]


def modality_of(name: str) -> Modality:
    """Return the modality called `name`.

    Raises
    ------
    CannotCompose
        When volumes of it are not written here.
    """
    found = MODALITIES.get({"PET": "PT", "MRI": "MR"}.get(name.upper(), name.upper()))
    if found is None:
        raise CannotCompose(
            f"Volumes of modality {name!r} cannot be written; expected one of "
            f"{', '.join(MODALITIES)}. Pictures of others become a Secondary Capture.",
            tag=0x00080060,
            module="General Series",
        )
    return found


def _ct(composition: Composition) -> None:
    """CT Image module; what nobody knows of the acquisition is Type 2 and empty."""
    _side(composition)
    _empty_unless_there(composition, ("KVP", "AcquisitionNumber"))


def _mr(composition: Composition) -> None:
    """MR Image module; Scanning Sequence and Sequence Variant have to say something."""
    _side(composition)
    _default(composition, "ScanningSequence", "RM", "Type 1: research mode, nothing else is known")
    _default(composition, "SequenceVariant", "NONE", "Type 1: none is known")
    _empty_unless_there(
        composition,
        ("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"),
    )
    options = value_of(composition.data_set, "ScanOptions") or ()
    if _GATED & ({options} if isinstance(options, str) else set(options)):
        _empty_unless_there(composition, ("TriggerTime",))
    else:
        composition.remove("TriggerTime")  # Type 2C: of gating to the heart alone


def _pt(composition: Composition) -> None:
    """PET Series, PET Isotope, Multi-gated and PET Image modules (PS3.3 C.8.9.1 to C.8.9.4)."""
    _side(composition)
    _default(composition, "Units", "BQML", "Type 1: the usual unit")
    _default(composition, "CountsSource", "EMISSION", "Type 1")
    _default(composition, "SeriesType", ["STATIC", "IMAGE"], "Type 1")
    _default(composition, "DecayCorrection", "NONE", "Type 1: none is known")
    _empty_unless_there(
        composition,
        (
            "CorrectedImage",
            "CollimatorType",
            "RadiopharmaceuticalInformationSequence",
            "ActualFrameDuration",
            "AcquisitionDate",
            "AcquisitionTime",
            "PatientOrientationCodeSequence",
            "PatientGantryRelationshipCodeSequence",
        ),
    )
    _default(composition, "FrameReferenceTime", 0.0, "Type 1: from the series' begin")


def _side(composition: Composition) -> None:
    """Keep the side that images say instead of one of the series (PS3.3 C.7.3.1)."""
    said = value_of(composition.data_set, "ImageLaterality")
    unpaired = said == "U" and is_paired(composition.data_set)  # which cannot be
    if unpaired or value_of(composition.data_set, "Laterality"):
        composition.remove("ImageLaterality")
    elif said:
        composition.remove("Laterality")


def _default(composition: Composition, keyword: str, value: object, why: str) -> None:
    if not composition.data_set.get(keyword):
        composition.generate(keyword, value, why)


def _empty_unless_there(composition: Composition, keywords: tuple[str, ...]) -> None:
    for keyword in keywords:
        if keyword not in composition.data_set:
            composition.generate(keyword, None, "Type 2, no value known")


_GATED = frozenset({"CG", "PPG"})

_CT_ACQUISITION = (
    "ImageLaterality",
    "KVP",
    "ExposureTime",
    "XRayTubeCurrent",
    "Exposure",
    "FilterType",
    "ConvolutionKernel",
    "GantryDetectorTilt",
    "RotationDirection",
    "ScanOptions",
    "AcquisitionNumber",
    "AcquisitionDate",
    "AcquisitionTime",
    "DataCollectionDiameter",
)
_MR_ACQUISITION = (
    "ImageLaterality",
    "ScanningSequence",
    "SequenceVariant",
    "SequenceName",
    "ScanOptions",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "EchoTrainLength",
    "InversionTime",
    "TriggerTime",
    "FlipAngle",
    "MagneticFieldStrength",
    "ImagingFrequency",
    "ImagedNucleus",
    "ReceiveCoilName",
    "AcquisitionDate",
    "AcquisitionTime",
)
_PT_ACQUISITION = (
    "ImageLaterality",
    "Units",
    "CountsSource",
    "CorrectedImage",
    "RandomsCorrectionMethod",
    "AttenuationCorrectionMethod",
    "ScatterCorrectionMethod",
    "DecayCorrection",
    "ReconstructionMethod",
    "CollimatorType",
    "RadiopharmaceuticalInformationSequence",
    "PatientOrientationCodeSequence",
    "PatientGantryRelationshipCodeSequence",
    "ActualFrameDuration",
    "FrameReferenceTime",
    "DecayFactor",
    "AcquisitionDate",
    "AcquisitionTime",
)

MODALITIES: Mapping[str, Modality] = MappingProxyType(
    {
        "CT": Modality(
            "CT",
            CTImageStorage,
            EnhancedCTImageStorage,
            ("ORIGINAL", "PRIMARY", "AXIAL"),
            "HU",
            (40.0, 400.0),
            _CT_ACQUISITION,
            _ct,
        ),
        "MR": Modality(
            "MR",
            MRImageStorage,
            EnhancedMRImageStorage,
            ("ORIGINAL", "PRIMARY", "OTHER"),
            "US",
            None,
            _MR_ACQUISITION,
            _mr,
        ),
        "PT": Modality(
            "PT",
            PositronEmissionTomographyImageStorage,
            EnhancedPETImageStorage,
            ("ORIGINAL", "PRIMARY"),
            "",
            None,
            _PT_ACQUISITION,
            _pt,
        ),
    }
)
"""Modalities by name."""
