"""The unit of original CT values: Hounsfield Units (PS3.3 C.8.2.1, C.8.15.3.10)."""

from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_hounsfield_units"]

_CT: Final = "1.2.840.10008.5.1.4.1.1.2"
_ENHANCED_CT: Final = "1.2.840.10008.5.1.4.1.1.2.1"


def check_hounsfield_units(item: Item, findings: Findings) -> None:
    """Look for another Rescale Type than HU where an original CT frame has one.

    Localizers may have another unit, and so may frames of a multi-energy acquisition.

    Parameters
    ----------
    item
        The data set.
    findings
        Takes what is found.
    """
    kind = item.text(tags.SOPClassUID)
    if kind not in (_CT, _ENHANCED_CT) or item.text(tags.MultienergyCTAcquisition) == "YES":
        return
    if kind == _CT:
        _check(item, item.texts(tags.ImageType), "CT Image", findings)
        return
    shared = item.items(tags.SharedFunctionalGroupsSequence)[:1]
    told: set[str] = set()
    for frame in item.items(tags.PerFrameFunctionalGroupsSequence):
        groups = (frame, *shared)
        scale = _group(groups, tags.PixelValueTransformationSequence)
        said = _group(groups, tags.CTImageFrameTypeSequence)
        if scale is not None and said is not None and scale.path not in told:
            told.add(scale.path)
            _check(scale, said.texts(tags.FrameType), "CT Pixel Value Transformation", findings)


def _group(groups: tuple[Item, ...], tag: int) -> Item | None:
    """Return a functional group of a frame: its own, or the shared one."""
    return next((one for group in groups for one in group.items(tag)), None)


def _check(item: Item, image_type: tuple[str, ...], module: str, findings: Findings) -> None:
    unit = item.text(tags.RescaleType)
    if image_type[:1] != ("ORIGINAL",) or image_type[2:3] == ("LOCALIZER",) or unit in ("", "HU"):
        return
    findings.error(item, tags.RescaleType, Rule.CONSISTENCY, repr(unit[:64]),
                   "HU, since the image is original, no localizer and not multi-energy",
                   "Rescale to Hounsfield Units, or say what the image is",
                   module=module)  # fmt: skip
