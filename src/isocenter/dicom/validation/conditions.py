"""Conditions of Type 1C and 2C attributes: evaluating them, and saying them."""

from collections.abc import Collection

from isocenter.dicom import dictionary, tags
from isocenter.dicom.iod import Clause
from isocenter.dicom.number_strings import parse_decimal
from isocenter.dicom.validation.items import Item

__all__ = ["HAND_WRITTEN", "PAIRED_BODY_PARTS", "described", "is_met"]


# Plain and enhanced CT and MR, enhanced MR colour, MR spectroscopy.
_POSITIONED = tuple(
    f"1.2.840.10008.5.1.4.1.1.{suffix}" for suffix in ("2", "2.1", "4", "4.1", "4.3", "4.2")
)
PAIRED_BODY_PARTS = (
    "ANKLE", "ARM", "BREAST", "CALCANEUS", "CLAVICLE", "EAR", "ELBOW", "EYE", "FEMUR", "FINGER",
    "FOOT", "HAND", "HIP", "HUMERUS", "KNEE", "LEG", "SCAPULA", "SHOULDER", "THUMB", "TOE", "WRIST",
)  # fmt: skip
"""Values of Body Part Examined (0018,0015) of which there is a left and a right one."""


def _absent(tag: int) -> Clause:
    return Clause("absent", tag)


def _present(tag: int) -> Clause:
    return Clause("present", tag)


def _equal(tag: int, *terms: str, number: int = 0) -> Clause:
    return Clause("equal", tag, number, terms)


def _all(*parts: Clause) -> Clause:
    return Clause("all", parts=parts)


_NOT_TILED_FULL = Clause(
    "any",
    parts=(
        _absent(tags.DimensionOrganizationType),
        Clause("unequal", tags.DimensionOrganizationType, 0, ("TILED_FULL",)),
    ),
)

HAND_WRITTEN: dict[tuple[str, int], Clause] = {
    # What PS3.3 says here in more words than about other attributes, as far as an object can tell.
    ("General Image", tags.PatientOrientation): _all(
        Clause("unspoken", tags.ImageOrientationPatient),
        _absent(tags.ImageOrientationPatient),
        _absent(tags.SharedFunctionalGroupsSequence),
    ),
    ("General Image", tags.LossyImageCompressionRatio): _equal(tags.LossyImageCompression, "01"),
    ("General Image", tags.LossyImageCompressionMethod): _equal(tags.LossyImageCompression, "01"),
    ("Image Pixel", tags.PlanarConfiguration): Clause("greater", tags.SamplesPerPixel, 0, ("1",)),
    ("CT Image", tags.RescaleType): _all(
        _equal(tags.ImageType, "ORIGINAL", number=1), _equal(tags.MultienergyCTAcquisition, "YES")
    ),
    ("Patient", tags.ResponsiblePersonRole): _present(tags.ResponsiblePerson),
    ("Patient", tags.PatientAlternativeCalendar): Clause(
        "any",
        parts=(
            _present(tags.PatientBirthDateInAlternativeCalendar),
            _present(tags.PatientDeathDateInAlternativeCalendar),
        ),
    ),
    ("Patient", tags.PatientSpeciesDescription): _all(
        _present(tags.PatientBreedDescription), _absent(tags.PatientSpeciesCodeSequence)
    ),
    ("Patient", tags.PatientSpeciesCodeSequence): _all(
        _present(tags.PatientBreedDescription), _absent(tags.PatientSpeciesDescription)
    ),
    ("Patient", tags.DeidentificationMethod): _all(
        _equal(tags.PatientIdentityRemoved, "YES"), _absent(tags.DeidentificationMethodCodeSequence)
    ),
    ("Patient", tags.DeidentificationMethodCodeSequence): _all(
        _equal(tags.PatientIdentityRemoved, "YES"), _absent(tags.DeidentificationMethod)
    ),
    ("General Series", tags.PatientPosition): _all(
        _equal(tags.SOPClassUID, *_POSITIONED), _absent(tags.PatientOrientationCodeSequence)
    ),
    ("General Series", tags.Laterality): _all(
        _equal(tags.BodyPartExamined, *PAIRED_BODY_PARTS),
        _absent(tags.ImageLaterality),
        _absent(tags.SharedFunctionalGroupsSequence),
    ),
    ("Multi-frame", tags.FrameIncrementPointer): Clause("greater", tags.NumberOfFrames, 0, ("1",)),
    ("Multi-frame Dimension", tags.DimensionIndexSequence): _NOT_TILED_FULL,
    ("", tags.PerFrameFunctionalGroupsSequence): _NOT_TILED_FULL,
    ("", tags.SourceImageEvidenceSequence): Clause("within", tags.SourceImageSequence),
    ("MR Image", tags.RepetitionTime): _all(
        _equal(tags.ScanningSequence, "SE", "GR", "IR", "RM"),
        Clause("unequal", tags.ScanningSequence, 0, ("EP",)),
    ),
    ("MR Image", tags.InversionTime): _equal(tags.ScanningSequence, "IR"),
    ("VOI LUT", tags.WindowWidth): _present(tags.WindowCenter),
    ("Modality LUT", tags.RescaleSlope): _present(tags.RescaleIntercept),
    ("Modality LUT", tags.RescaleType): _present(tags.RescaleIntercept),
    # The Code Sequence Macro, in whatever sequence it stands (PS3.3 8.8).
    ("", tags.CodeValue): _all(_absent(tags.LongCodeValue), _absent(tags.URNCodeValue)),
    ("", tags.CodingSchemeDesignator): Clause(
        "any", parts=(_present(tags.CodeValue), _present(tags.LongCodeValue))
    ),
}


def is_met(clause: Clause, item: Item, siblings: Collection[int]) -> bool | None:
    """Tell whether a condition is met.

    Parameters
    ----------
    clause
        The condition.
    item
        Where the attribute that it is about stands.
    siblings
        The attributes that the standard puts beside it; others are looked for in the items around.

    Returns
    -------
    bool or None
        None if that cannot be told.
    """
    if clause.kind in ("all", "any"):
        return _joined(clause, item, siblings)
    if clause.kind == "within":
        return _is_within(clause.tag, item) or None
    own = clause.tag in siblings
    if clause.kind == "unspoken":
        return None if item.part else not own
    element = item.get(clause.tag) if own else item.lookup(clause.tag)
    if element is None and item.part and not own:
        return None
    if clause.kind == "present":
        return element is not None and not element.is_empty
    if clause.kind == "absent":
        return element is None or element.is_empty
    if element is None or element.is_empty:
        return False
    values = [str(value) for value in element.values]
    if clause.number:
        values = values[clause.number - 1 : clause.number]
    if clause.kind == "greater":
        return _greater(values, clause.terms[0])
    equal = any(value in clause.terms for value in values)
    return equal if clause.kind == "equal" else not equal


def _is_within(tag: int, item: Item) -> bool:
    """Tell whether an item, or one inside it, has an attribute with a value."""
    found = (one.get(tag) for one in item.walk())
    return any(element is not None and not element.is_empty for element in found)


def _joined(clause: Clause, item: Item, siblings: Collection[int]) -> bool | None:
    results = [is_met(part, item, siblings) for part in clause.parts]
    decisive = clause.kind == "any"
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def _greater(values: list[str], least: str) -> bool | None:
    try:
        return parse_decimal(values[0]) > float(least)
    except (IndexError, ValueError):
        return None


def described(clause: Clause) -> str:
    """Say a condition in words, such as `Image Type (0008,0008) value 1 is ORIGINAL`."""
    if clause.kind in ("all", "any"):
        return (" and " if clause.kind == "all" else " or ").join(map(described, clause.parts))
    name = dictionary.name(clause.tag) or "attribute"
    subject = f"{name} ({clause.tag >> 16:04X},{clause.tag & 0xFFFF:04X})"
    if clause.number:
        subject += f" value {clause.number}"
    terms = " or ".join(clause.terms)
    return {
        "present": f"{subject} is present",
        "within": f"{subject} is present, in functional groups, too",
        "absent": f"{subject} is not present",
        "unspoken": f"{subject} is not demanded by the IOD",
        "equal": f"{subject} is {terms}",
        "unequal": f"{subject} is not {terms}",
        "greater": f"{subject} is greater than {terms}",
    }[clause.kind]
