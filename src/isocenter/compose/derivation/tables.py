"""What a derived image cannot take over from its source, by the reason why (PS3.3 C.7.6.1.1.2)."""

from __future__ import annotations

from functools import cache

from isocenter.compose import values
from isocenter.compose.derivation.quantisation import Limits
from isocenter.dicom.iod import Usage, iod

__all__ = [
    "ENHANCED",
    "EQUIPMENT",
    "INSTANCE",
    "KIN",
    "PIXELS",
    "PLACED",
    "PLANE",
    "PRESENT",
    "PRIMARY",
    "SECONDARY_CAPTURE",
    "STEP",
    "color_classes",
    "known_tags",
    "limits_of",
    "refused_classes",
    "required_types",
    "says_position",
    "tags_of",
    "third_type",
]

_ROOT = "1.2.840.10008.5.1.4.1.1"
SECONDARY_CAPTURE = f"{_ROOT}.7"
PET = f"{_ROOT}.128"

INSTANCE = (
    "RelatedGeneralSOPClassUID",
    "OriginalSpecializedSOPClassUID",
    "CodingSchemeIdentificationSequence",
    "InstanceCreatorUID",
    "InstanceCoercionDateTime",
    "AlternateRepresentationSequence",
    "ConversionSourceAttributesSequence",
    "SourceImageSequence",
    "ReferencedSeriesSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
    "SOPInstanceStatus",
    "SOPAuthorizationDateTime",
    "SOPAuthorizationComment",
    "AuthorizationEquipmentCertificationNumber",
    "MACParametersSequence",
    "EncryptedAttributesSequence",
    "OriginalAttributesSequence",
    "DigitalSignaturesSequence",
    "StorageMediaFileSetID",
    "StorageMediaFileSetUID",
    "RetrieveAETitle",
    "RetrieveURL",
    "InstanceAvailability",
    "ConcatenationUID",
    "SOPInstanceUIDOfConcatenationSource",
    "InConcatenationNumber",
    "InConcatenationTotalNumber",
    "ConcatenationFrameOffsetNumber",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
"""What is said of the one instance that the source is (PS3.3 C.12.1)."""

STEP = (
    "PerformingPhysicianName",
    "PerformingPhysicianIdentificationSequence",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "PerformedProcedureStepID",
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "PerformedProtocolCodeSequence",
    "CommentsOnThePerformedProcedureStep",
    "ReferencedPerformedProcedureStepSequence",
    "ReferencedPatientSequence",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)
"""What is said of the procedure step that made the source's series (PS3.3 C.7.3.1)."""

EQUIPMENT = (
    "Manufacturer",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "InstitutionalDepartmentName",
    "ManufacturerModelName",
    "DeviceUID",
    "GantryID",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "SpatialResolution",
    "DateOfManufacture",
    "DateOfInstallation",
    "DateOfLastCalibration",
    "TimeOfLastCalibration",
)
"""What Contributing Equipment takes of the equipment of the source (PS3.3 C.7.5.1, C.12.1.1.5)."""

PIXELS = (
    "IconImageSequence",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "PixelPaddingRangeLimit",
    "RealWorldValueMappingSequence",
    "PixelPresentation",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "AlphaPaletteColorLookupTableDescriptor",
    "PaletteColorLookupTableUID",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "AlphaPaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "SegmentedAlphaPaletteColorLookupTableData",
    "StoredValueColorRangeSequence",
    "PixelDataProviderURL",
    "HistogramSequence",
    "SmallestValidPixelValue",
    "LargestValidPixelValue",
    "DataSetTrailingPadding",
    "MaskSubtractionSequence",
)
"""What is true of the old pixels alone (PS3.3 C.7.6.3, C.11)."""

PLANE = (
    "PixelAspectRatio",
    "NominalScannedPixelSpacing",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
    "ImagesInAcquisition",
    "GantryDetectorTilt",
    "ReconstructionDiameter",
    "ReconstructionTargetCenterPatient",
    "ReconstructionFieldOfView",
    "ReconstructionPixelSpacing",
    "SequenceOfUltrasoundRegions",
    "FieldOfViewOrigin",
    "FieldOfViewShape",
    "FieldOfViewDimensions",
    "FieldOfViewRotation",
    "FieldOfViewHorizontalFlip",
    "DetectorActiveOrigin",
    "DetectorElementPhysicalSize",
    "DetectorElementSpacing",
    "PresentationPixelSpacing",
    "PresentationPixelAspectRatio",
    "CollimatorShape",
    "CollimatorLeftVerticalEdge",
    "CollimatorRightVerticalEdge",
    "CollimatorUpperHorizontalEdge",
    "CollimatorLowerHorizontalEdge",
    "CenterOfCircularCollimator",
    "RadiusOfCircularCollimator",
    "VerticesOfThePolygonalCollimator",
    "ShutterShape",
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
    "CenterOfCircularShutter",
    "RadiusOfCircularShutter",
    "VerticesOfThePolygonalShutter",
    "ShutterPresentationValue",
    "ReferencedImageSequence",
)
"""What is said in pixels or planes of the old grid."""

KIN = (
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SeriesDescription",
    "SeriesNumber",
    "TimezoneOffsetFromUTC",
    "BodyPartExamined",
    "AnatomicRegionSequence",
    *EQUIPMENT,
    "DerivationDescription",
    "DerivationCodeSequence",
    "ContributingEquipmentSequence",
    "RescaleType",
    "ModalityLUTSequence",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PhotometricInterpretation",
    "PixelPresentation",
    "SamplesPerPixel",
    "PlanarConfiguration",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
"""What decides how a source is changed: sources that agree in these are changed alike."""

PRESENT = (
    "Laterality",
    "ImageLaterality",
    "PatientPosition",
    "PatientOrientationCodeSequence",
    "FrameOfReferenceUID",
    "PatientOrientation",
    "WindowCenter",
    "RescaleSlope",
    "ImagePositionPatient",
    "PixelSpacing",
    "ImagerPixelSpacing",
)
"""What decides it by being there, whatever its value."""

PLACED = (
    "SpecificCharacterSet",
    "SOPInstanceUID",
    "InstanceNumber",
    "ImagePositionPatient",
    "SliceLocation",
    "ImageIndex",
    "FrameReferenceTime",
    "DecayFactor",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    *KIN,
)
"""What differs from slice to slice and is set or kept for each."""

ENHANCED = frozenset(
    f"{_ROOT}.{end}"
    for end in ("2.1", "2.2", "4.1", "4.3", "4.4", "128.1", "130", "6.2", "13.1.1", "13.1.2",
                "13.1.3", "12.1.1", "12.2.1", "14.1", "14.2", "77.1.5.4")
)  # fmt: skip
"""Classes that say what differs from frame to frame in functional groups (PS3.3 C.7.6.16)."""

PRIMARY = ENHANCED | {PET}
"""Classes whose images are primary even if derived (PS3.3 C.8.9.4.1.1, C.8.16.1.2)."""

_POSITIONED = frozenset(f"{_ROOT}.{end}" for end in ("2", "2.1", "4", "4.1", "4.2", "4.3"))
_THIRD = {f"{_ROOT}.2": "AXIAL", f"{_ROOT}.4": "OTHER"}
_IDENTITY = ("1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "12.1", "12.2", "20", "3.1", "6.1")
_EIGHT_BITS = ("3.1", "6.1", "77.1.1", "77.1.2", "77.1.4")
_COLOR = ("3.1", "6.1", "7", "7.4", "77.1.1", "77.1.2", "77.1.4", "77.1.5.1")
_REFUSED = {
    f"{_ROOT}.66.4": "a Segmentation holds labels, not measurements",
    f"{_ROOT}.66.7": "a Label Map Segmentation holds labels, not measurements",
    f"{_ROOT}.66.5": "a Surface Segmentation has no pixels",
    f"{_ROOT}.30": "a Parametric Map holds floating-point pixels; make a new one instead",
    f"{_ROOT}.481.2": "an RT Dose keeps its geometry and scale in attributes of its own",
    f"{_ROOT}.77.1.6": "a whole-slide image is tiled",
}


def limits_of(sop_class_uid: str) -> Limits:
    """Return what a SOP Class leaves free of how values are stored."""
    end = sop_class_uid.removeprefix(f"{_ROOT}.")
    return Limits(
        intercept_zero=sop_class_uid == PET,
        identity=end in _IDENTITY,
        eight_bits=end in _EIGHT_BITS,
    )


def says_position(sop_class_uid: str) -> bool:
    """Tell whether images of a class say how the patient lay (PS3.3 C.7.3.1)."""
    return sop_class_uid in _POSITIONED


def third_type(sop_class_uid: str) -> str:
    """Return what Image Type has third where nobody said it (PS3.3 C.8.2.1.1.1, C.8.3.1.1.1)."""
    return _THIRD.get(sop_class_uid, "")


def color_classes() -> frozenset[str]:
    """Return the SOP Classes of single images that hold colour."""
    return frozenset(f"{_ROOT}.{end}" for end in _COLOR)


def refused_classes() -> dict[str, str]:
    """Return the SOP Classes that no series is derived from here, each with the reason."""
    return _REFUSED


@cache
def tags_of(keywords: tuple[str, ...]) -> frozenset[int]:
    """Return the tags of keywords."""
    return frozenset(map(values.tag_of, keywords))


@cache
def required_types(sop_class_uid: str) -> dict[int, str]:
    """Return the attributes that the mandatory modules of an IOD ask for: `1` or `2` by tag."""
    definition = iod(sop_class_uid)
    found: dict[int, str] = {}
    for use in definition.modules if definition is not None else ():
        if use.usage is not Usage.MANDATORY:
            continue
        for rule in use.module.attributes:
            if rule.type in ("1", "2"):
                found[rule.tag] = min(found.get(rule.tag, "2"), rule.type)
    return found


@cache
def known_tags(sop_class_uid: str) -> frozenset[int]:
    """Return all tags that the modules of an IOD have at the top level."""
    definition = iod(sop_class_uid)
    uses = definition.modules if definition is not None else ()
    return frozenset(rule.tag for use in uses for rule in use.module.attributes)
