"""File Meta Information against the data set (PS3.10 7.1)."""

from typing import Final

from isocenter.dicom import tags
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Item

__all__ = ["check_meta"]

_REQUIRED: Final = (
    tags.FileMetaInformationVersion,
    tags.MediaStorageSOPClassUID,
    tags.MediaStorageSOPInstanceUID,
    tags.TransferSyntaxUID,
    tags.ImplementationClassUID,
)
_PAIRS: Final = (
    (tags.MediaStorageSOPClassUID, tags.SOPClassUID),
    (tags.MediaStorageSOPInstanceUID, tags.SOPInstanceUID),
)
_MODULE: Final = "File Meta Information"


def check_meta(meta: Item, item: Item, findings: Findings) -> None:
    """Look for missing meta information, and for UIDs that differ from the data set's."""
    if not meta.elements:
        findings.error(meta, tags.TransferSyntaxUID, Rule.META, "no File Meta Information",
                       "a preamble, DICM and group 0002", "Write a Part 10 file",
                       module=_MODULE, condition="Type 1")  # fmt: skip
        return
    for tag in _REQUIRED:
        if not meta.has(tag):
            findings.error(meta, tag, Rule.META, "missing or empty",
                           "required and must have a value", "Add it",
                           module=_MODULE, condition="Type 1")  # fmt: skip
    for claimed, own in _PAIRS:
        if meta.has(claimed) and item.has(own) and meta.text(claimed) != item.text(own):
            findings.error(meta, claimed, Rule.META, meta.text(claimed),
                           f"{item.text(own)}, as in the data set", "Make both the same",
                           module=_MODULE)  # fmt: skip
