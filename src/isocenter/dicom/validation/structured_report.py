"""Content items: what each value type needs (PS3.3 C.17.3), and the evidence of references."""

from typing import Final

from isocenter.dicom import dictionary, tags
from isocenter.dicom.iod import IOD
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_content"]

_MODULE: Final = "SR Document Content"
# Of each value type: what must have a value, and what may be empty.
_NEEDS: Final[dict[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "TEXT": ((tags.TextValue,), ()),
    "NUM": ((), (tags.MeasuredValueSequence,)),
    "CODE": ((tags.ConceptCodeSequence,), ()),
    "DATETIME": ((tags.DateTime,), ()),
    "DATE": ((tags.Date,), ()),
    "TIME": ((tags.Time,), ()),
    "UIDREF": ((tags.UID,), ()),
    "PNAME": ((tags.PersonName,), ()),
    "COMPOSITE": ((tags.ReferencedSOPSequence,), ()),
    "IMAGE": ((tags.ReferencedSOPSequence,), ()),
    "WAVEFORM": ((tags.ReferencedSOPSequence,), ()),
    "SCOORD": ((tags.GraphicData, tags.GraphicType), ()),
    "SCOORD3D": ((tags.GraphicData, tags.GraphicType, tags.ReferencedFrameOfReferenceUID), ()),
    "TCOORD": ((tags.TemporalRangeType,), ()),
    "CONTAINER": ((tags.ContinuityOfContent,), ()),
    "TABLE": ((), ()),
}
_NOT_EMPTY: Final = (
    tags.ConceptNameCodeSequence,
    tags.ContentSequence,
    tags.ObservationDateTime,
)
_NAMED: Final = ("TEXT", "NUM", "CODE", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME")
_EVIDENCE: Final = (
    tags.CurrentRequestedProcedureEvidenceSequence,
    tags.PertinentOtherEvidenceSequence,
)


def check_content(item: Item, iod: IOD | None, findings: Findings) -> None:
    """Look at the content tree of a structured report or key object selection."""
    if iod is None or all(use.module.name != _MODULE for use in iod.modules):
        return
    if tags.ConceptNameCodeSequence not in item.elements:
        _missing(item, tags.ConceptNameCodeSequence, "required of the root", findings)
    _check_item(item, findings)
    _check_evidence(item, findings)
    verified = item.text(tags.VerificationFlag) == "VERIFIED"
    if verified and item.text(tags.CompletionFlag) != "COMPLETE":
        findings.error(item, tags.VerificationFlag, Rule.CONSISTENCY, "VERIFIED",
                       "UNVERIFIED unless Completion Flag (0040,A491) is COMPLETE",
                       "Verify complete documents only", module="SR Document General")  # fmt: skip


def _check_item(item: Item, findings: Findings) -> None:
    if tags.ReferencedContentItemIdentifier in item.elements:
        return
    kind = item.text(tags.ValueType)
    if not kind:
        _missing(item, tags.ValueType, "Type 1", findings)
    elif kind not in _NEEDS:
        findings.error(item, tags.ValueType, Rule.TERM, repr(kind), f"one of {', '.join(_NEEDS)}",
                       "Use one of these value types", module=_MODULE)  # fmt: skip
    valued, present = _NEEDS.get(kind, ((), ()))
    named = (tags.ConceptNameCodeSequence,) if kind in _NAMED else ()
    for tag in _NOT_EMPTY:
        if tag in item.elements and not item.has(tag) and tag not in named:
            _missing(item, tag, "Type 1C", findings)
    for tag in (*valued, *named):
        if not item.has(tag):
            _missing(item, tag, f"required if Value Type (0040,A040) is {kind}", findings)
    for tag in present:
        if tag not in item.elements:
            _missing(item, tag, f"required if Value Type (0040,A040) is {kind}", findings)
    for child in item.items(tags.ContentSequence):
        if not child.has(tags.RelationshipType):
            _missing(child, tags.RelationshipType, "Type 1", findings)
        _check_item(child, findings)


def _missing(item: Item, tag: int, condition: str, findings: Findings) -> None:
    rule = Rule.EMPTY if tag in item.elements else Rule.MISSING
    found = "no value" if rule is Rule.EMPTY else "missing"
    findings.error(item, tag, rule, found, "required and must have a value",
                   f"Add {dictionary.name(tag)}", module=_MODULE, condition=condition)  # fmt: skip


def _check_evidence(item: Item, findings: Findings) -> None:
    """Look for references that the evidence does not list (PS3.3 C.17.2.3, C.17.6.2.1)."""
    listed = {
        inner.text(tags.ReferencedSOPInstanceUID)
        for tag in _EVIDENCE
        for part in item.items(tag)
        for inner in part.walk()
    }
    for content in item.items(tags.ContentSequence):
        for inner in content.walk():
            for reference in inner.items(tags.ReferencedSOPSequence):
                uid = reference.text(tags.ReferencedSOPInstanceUID)
                if uid and uid not in listed:
                    findings.error(reference, tags.ReferencedSOPInstanceUID, Rule.CONSISTENCY, uid,
                                   "a reference that the evidence sequences list",
                                   "Add it to Current Requested Procedure Evidence Sequence",
                                   module="SR Document General")  # fmt: skip
