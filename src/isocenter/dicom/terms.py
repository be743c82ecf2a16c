"""Lists of values that the table of modules lacks, because PS3.3 has them in sections of their own.

A list under a module's name takes the place of the table's; one under no name stands in wherever
the table has none, in functional groups and items, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from isocenter.dicom import tags

__all__ = ["OF_MODULES", "STANDING_IN", "Terms"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The values that an attribute may have (enumerated) or should have (defined terms).

    Parameters
    ----------
    number
        Which value, counted from 1; 0 for each of them.
    enumerated
        Whether no other value is allowed.
    terms
        The values.
    """

    number: int
    enumerated: bool
    terms: tuple[str, ...]


def _only(*terms: str, number: int = 0) -> Terms:
    return Terms(number, True, terms)


def _defined(*terms: str, number: int = 0) -> Terms:
    return Terms(number, False, terms)


_GREY: Final = _only("MONOCHROME1", "MONOCHROME2")
_UNITS: Final = _only("PIXEL", "DISPLAY", "MATRIX")

OF_MODULES: Final[Mapping[tuple[str, int], tuple[Terms, ...]]] = {
    ("CT Image", tags.PhotometricInterpretation): (_GREY,),
    ("MR Image", tags.PhotometricInterpretation): (_GREY,),
    ("PET Image", tags.PhotometricInterpretation): (_only("MONOCHROME2"),),
    # Its only defined term is NONE: scanners name their own ways of modulation.
    ("CT Image", tags.ExposureModulationType): (),
    ("MR Image", tags.ImageType): (
        _defined(
            "DENSITY MAP", "DIFFUSION MAP", "IMAGE ADDITION", "MODULUS SUBTRACT", "MPR", "OTHER",
            "PHASE MAP", "PHASE SUBTRACT", "PROJECTION IMAGE", "T1 MAP", "T2 MAP", "VELOCITY MAP",
            number=3,
        ),
    ),
    ("PET Series", tags.SeriesType): (
        _only("STATIC", "DYNAMIC", "GATED", "WHOLE BODY", number=1),
        _only("IMAGE", "REPROJECTION", number=2),
    ),
    ("PET Series", tags.Units): (
        _defined(
            "CNTS", "NONE", "CM2", "CM2ML", "PCNT", "CPS", "BQML", "MGMINML", "UMOLMINML",
            "MLMING", "MLG", "1CM", "UMOLML", "PROPCNTS", "PROPCPS", "MLMINML", "MLML", "GML",
            "STDDEV",
        ),
    ),
}  # fmt: skip
"""By the module's name and the attribute (PS3.3 C.8.2.1, C.8.3.1, C.8.9.1, C.8.9.4)."""

STANDING_IN: Final[Mapping[int, tuple[Terms, ...]]] = {
    tags.PhotometricInterpretation: (
        _only(
            "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422",
            "YBR_PARTIAL_420", "YBR_PARTIAL_422", "YBR_ICT", "YBR_RCT", "HSV", "XYB", "ARGB",
            "CMYK",
        ),
    ),
    tags.Modality: (
        _defined(
            "ANN", "AR", "ASMT", "AU", "BDUS", "BI", "BMD", "CFM", "CR", "CT", "CTPROTOCOL",
            "DG", "DMS", "DOC", "DX", "ECG", "EEG", "EMG", "EOG", "EPS", "ES", "FID", "GM", "HC",
            "HD", "IO", "IOL", "IVOCT", "IVUS", "KER", "KO", "LEN", "LS", "M3D", "MG", "MR", "NM",
            "OAM", "OCT", "OP", "OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA",
            "PLAN", "POS", "PR", "PT", "PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE",
            "RTINTENT", "RTPLAN", "RTRAD", "RTRECORD", "RTSEGANN", "RTSTRUCT", "RWV", "SEG", "SM",
            "SMR", "SR", "SRF", "STAIN", "TEXTUREMAP", "TG", "US", "VA", "XA", "XAPROTOCOL", "XC",
        ),
    ),
    tags.PatientPosition: (
        _defined(
            "HFP", "HFS", "HFDR", "HFDL", "FFDR", "FFDL", "FFP", "FFS", "LFP", "LFS", "RFP",
            "RFS", "AFDR", "AFDL", "PFDR", "PFDL", "SITTING",
        ),
    ),
    tags.ResponsiblePersonRole: (
        _defined(
            "OWNER", "PARENT", "CHILD", "SPOUSE", "SIBLING", "RELATIVE", "GUARDIAN", "CUSTODIAN",
            "AGENT", "INVESTIGATOR", "VETERINARIAN",
        ),
    ),
    tags.LossyImageCompressionMethod: (
        _defined(
            "ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_2", "ISO_15444_15",
            "ISO_18181_1", "ISO_13818_2", "ISO_14496_10", "ISO_23008_2",
        ),
    ),
    tags.RTROIInterpretedType: (
        _defined(
            "EXTERNAL", "PTV", "CTV", "GTV", "TREATED_VOLUME", "IRRAD_VOLUME", "OAR", "BOLUS",
            "AVOIDANCE", "ORGAN", "MARKER", "REGISTRATION", "ISOCENTER", "CONTRAST_AGENT",
            "CAVITY", "BRACHY_CHANNEL", "BRACHY_ACCESSORY", "BRACHY_SRC_APP", "BRACHY_CHNL_SHLD",
            "SUPPORT", "FIXATION", "DOSE_REGION", "CONTROL", "DOSE_MEASUREMENT",
        ),
    ),
    tags.SliceProgressionDirection: (
        _only(
            "APEX_TO_BASE", "BASE_TO_APEX", "ANT_TO_INF", "INF_TO_ANT", "SEPTUM_TO_WALL",
            "WALL_TO_SEPTUM",
        ),
    ),
    tags.SegmentationFractionalType: (_only("PROBABILITY", "OCCUPANCY"),),
    tags.StereoPairsPresent: (_only("YES", "NO"),),
    tags.GraphicAnnotationUnits: (_UNITS,),
    tags.AnchorPointAnnotationUnits: (_UNITS,),
    tags.FrameLaterality: (_only("R", "L", "U", "B"),),
    tags.FrameType: (
        _only("ORIGINAL", "DERIVED", number=1),
        _only("PRIMARY", "SECONDARY", number=2),
    ),
    tags.PixelPresentation: (
        _only("COLOR", "COLOR_RANGE", "MONOCHROME", "MIXED", "TRUE_COLOR"),
    ),
    tags.VolumetricProperties: (_only("VOLUME", "SAMPLED", "DISTORTED", "MIXED"),),
    tags.VolumeBasedCalculationTechnique: (
        _defined(
            "MAX_IP", "MIN_IP", "VOLUME_RENDER", "SURFACE_RENDER", "MPR", "CURVED_MPR", "NONE",
            "MIXED",
        ),
    ),
    tags.ComplexImageComponent: (_only("MAGNITUDE", "PHASE", "REAL", "IMAGINARY", "MIXED"),),
    tags.AcquisitionContrast: (
        _only(
            "DIFFUSION", "FLOW_ENCODED", "FLUID_ATTENUATED", "PERFUSION", "PROTON_DENSITY",
            "STIR", "TAGGING", "T1", "T2", "T2_STAR", "TOF", "UNKNOWN", "MIXED",
        ),
    ),
}  # fmt: skip
"""By the attribute (PS3.3 C.7.1.1, C.7.3.1, C.7.6.1, C.7.6.3.1.2, C.8.8.8, C.8.16.2, C.8.20)."""
