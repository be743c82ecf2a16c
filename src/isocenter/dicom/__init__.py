"""The ground floor: data sets as bytes, without sockets, without an archive, without pixels.

A header scan finds what is searched and where the pixels are; a frame table finds every frame; the
JSON model is written straight from bytes; registries name tags, UIDs, SOP classes and transfer
syntaxes. Tags are numbers `0xGGGGEEEE` everywhere. `validate` and `dump`, which need pydicom, load
when they are first used.
"""

from typing import TYPE_CHECKING, Any

from isocenter.dicom.character_sets import CharacterSet, character_set, decode
from isocenter.dicom.encoding import Buffer
from isocenter.dicom.frame_table import frame_table
from isocenter.dicom.frames import FrameTable
from isocenter.dicom.header import INDEX_TAGS, PIXEL_TAGS, WANTED, Header, PixelDataElement
from isocenter.dicom.inflation import inflate
from isocenter.dicom.json_model import data_set_json, data_set_members, file_json
from isocenter.dicom.part10 import FileMeta, file_meta_bytes, read_file_meta
from isocenter.dicom.places import ElementPlace, locate
from isocenter.dicom.scan import check_complete, scan, scan_file
from isocenter.dicom.sop_classes import SOPClass, sop_class, storage_sop_classes
from isocenter.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
    TransferSyntax,
    transfer_syntax,
)
from isocenter.dicom.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    is_path_safe_uid,
    is_valid_uid,
    new_uid,
)

if TYPE_CHECKING:
    from isocenter.dicom.tag_dump import dump
    from isocenter.dicom.validation import Finding, Severity, validate, validate_files

__all__ = [
    "DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN",
    "EXPLICIT_VR_BIG_ENDIAN",
    "EXPLICIT_VR_LITTLE_ENDIAN",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "INDEX_TAGS",
    "PIXEL_TAGS",
    "TRANSFER_SYNTAXES",
    "WANTED",
    "Buffer",
    "CharacterSet",
    "ElementPlace",
    "FileMeta",
    "Finding",
    "FrameTable",
    "Header",
    "PixelDataElement",
    "SOPClass",
    "Severity",
    "TransferSyntax",
    "character_set",
    "check_complete",
    "data_set_json",
    "data_set_members",
    "decode",
    "dump",
    "file_json",
    "file_meta_bytes",
    "frame_table",
    "inflate",
    "is_path_safe_uid",
    "is_valid_uid",
    "locate",
    "new_uid",
    "read_file_meta",
    "scan",
    "scan_file",
    "sop_class",
    "storage_sop_classes",
    "transfer_syntax",
    "validate",
    "validate_files",
]

_LATE = {
    "Finding": "isocenter.dicom.validation",
    "Severity": "isocenter.dicom.validation",
    "dump": "isocenter.dicom.tag_dump",
    "validate": "isocenter.dicom.validation",
    "validate_files": "isocenter.dicom.validation",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATE[name]), name)
