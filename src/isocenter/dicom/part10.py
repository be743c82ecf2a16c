"""DICOM files (PS3.10 clause 7): the preamble and File Meta Information in front of a data set."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from isocenter.dicom import tags
from isocenter.dicom.encoding import (
    EXPLICIT_LITTLE,
    UNDEFINED_LENGTH,
    Buffer,
    describe,
    element_value,
    looks_explicit,
)
from isocenter.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
)
from isocenter.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from isocenter.errors import InvalidAttribute, InvalidDicom, LimitExceeded, NeedMoreData, NotDicom

PREAMBLE_LENGTH = 128
PREFIX = b"DICM"
MAXIMUM_META_LENGTH = 1 << 20
"""File Meta Information is a few hundred bytes; more than this is no such thing."""

_LONGEST_TEXT = 64
_ELEMENT = struct.Struct("<HH2sH")
_GROUP_LENGTH = struct.Struct("<I")
_START = bytes(PREAMBLE_LENGTH) + PREFIX + _ELEMENT.pack(0x0002, 0x0000, b"UL", 4)
_VERSION = struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\0\1"
_LONGEST_FIRST_VALUE = 1024
_NOT_DICOM = (
    "this is no DICOM file: it has neither 'DICM' behind a preamble of 128 bytes "
    "nor a data set at its start"
)
_FIRST_GROUPS = frozenset({0x0004, 0x0008, 0x0010})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMeta:
    """What the File Meta Information of a file says (PS3.10 Table 7.1-1).

    Parameters
    ----------
    transfer_syntax_uid
        How the data set is encoded; guessed from its first element where the file does not say.
    media_storage_sop_class_uid, media_storage_sop_instance_uid
        Which object it is; empty if not said.
    implementation_class_uid, implementation_version_name
        What wrote the file; empty if not said.
    source_application_entity_title
        Who sent it; empty if not said.
    has_preamble
        Whether the file begins with 128 bytes and `DICM`, as it must.
    is_guess
        Whether the file does not name its transfer syntax.
    data_set_offset
        Where the data set begins.
    """

    transfer_syntax_uid: str
    media_storage_sop_class_uid: str = ""
    media_storage_sop_instance_uid: str = ""
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    source_application_entity_title: str = ""
    has_preamble: bool = True
    is_guess: bool = False
    data_set_offset: int = 0


def read_file_meta(data: Buffer, *, final: bool = False) -> FileMeta:
    """Read the start of a DICOM file.

    Files without a preamble, without `DICM` or without any File Meta Information are read too; of
    the last kind, the transfer syntax is guessed from the first element.

    Parameters
    ----------
    data
        The file, or its beginning.
    final
        Whether `data` is the whole file.

    Returns
    -------
    FileMeta
        What it says.

    Raises
    ------
    NeedMoreData
        If `data` ends inside the File Meta Information and is not final.
    NotDicom
        If the bytes are no DICOM file of any kind.
    InvalidDicom
        If they are one that is cut off in the File Meta Information.
    LimitExceeded
        If the File Meta Information is longer than `MAXIMUM_META_LENGTH`.
    """
    start, has_preamble = _meta_start(data, final)
    try:
        values, offset = _meta_elements(data, start)
        first = bytes(data[offset : offset + 8])
        if len(first) < 8 and not final:
            raise NeedMoreData("the file goes on behind its File Meta Information")
    except struct.error:
        if not final:
            raise NeedMoreData("the File Meta Information goes on") from None
        if start == 0:
            raise NotDicom(_NOT_DICOM) from None
        raise InvalidDicom(
            f"the file is cut off in its File Meta Information after {len(data)} bytes"
        ) from None
    uid = _text(values, tags.TransferSyntaxUID)
    return FileMeta(
        transfer_syntax_uid=uid or _guess(first, certain=offset > 0).uid,
        media_storage_sop_class_uid=_text(values, tags.MediaStorageSOPClassUID),
        media_storage_sop_instance_uid=_text(values, tags.MediaStorageSOPInstanceUID),
        implementation_class_uid=_text(values, tags.ImplementationClassUID),
        implementation_version_name=_text(values, tags.ImplementationVersionName),
        source_application_entity_title=_text(values, tags.SourceApplicationEntityTitle),
        has_preamble=has_preamble,
        is_guess=not uid,
        data_set_offset=offset,
    )


def _meta_start(data: Buffer, final: bool) -> tuple[int, bool]:
    """Find where group 2 begins, or would begin; and whether a preamble stands before it."""
    if bytes(data[PREAMBLE_LENGTH : PREAMBLE_LENGTH + 4]) == PREFIX:
        return PREAMBLE_LENGTH + 4, True
    if bytes(data[:4]) == PREFIX:
        return 4, False
    if len(data) < PREAMBLE_LENGTH + 4 and not final:
        raise NeedMoreData("a DICOM file is longer than its preamble")
    return 0, False


def _meta_elements(data: Buffer, start: int) -> tuple[dict[int, bytes], int]:
    """Read elements as long as they are of group 2, whatever the group's length claims."""
    values: dict[int, bytes] = {}
    layout, size, offset = EXPLICIT_LITTLE, len(data), start
    unpack, short = layout.unpack_element, layout.short
    while offset != size:
        raw, vr, length = unpack(data, offset)
        if raw & 0xFFFF != 0x0002:
            break
        tag, value_offset = layout.raw_tag(raw), offset + 8
        if vr not in short:
            value_offset, length, _ = element_value(data, offset, layout, implicit=False)
        end = value_offset + length
        if length == UNDEFINED_LENGTH or end - start > MAXIMUM_META_LENGTH:
            raise LimitExceeded(
                f"{describe(tag)} makes the File Meta Information longer than "
                f"{MAXIMUM_META_LENGTH} bytes; a few hundred are expected"
            )
        if end > size:
            raise struct.error("the value ends behind the data")
        values[tag] = bytes(data[value_offset:end])
        offset = end
    return values, offset


def _text(values: dict[int, bytes], tag: int) -> str:
    return values.get(tag, b"").decode("latin-1").strip(" \0")


def _guess(first: bytes, *, certain: bool) -> TransferSyntax:
    """Tell the transfer syntax of a data set from its first element."""
    if len(first) == 8:
        group, _, length = struct.unpack("<HHI", first)
        swapped = group >> 8 | (group & 0xFF) << 8
        if looks_explicit(first):
            if group in _FIRST_GROUPS or (certain and group < swapped):
                return EXPLICIT_VR_LITTLE_ENDIAN
            if swapped in _FIRST_GROUPS or certain:
                return EXPLICIT_VR_BIG_ENDIAN
        elif certain or (group in _FIRST_GROUPS and length <= _LONGEST_FIRST_VALUE):
            return IMPLICIT_VR_LITTLE_ENDIAN
    elif certain:
        return EXPLICIT_VR_LITTLE_ENDIAN
    raise NotDicom(_NOT_DICOM)


def file_meta_bytes(
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    *,
    source_application_entity_title: str = "",
) -> bytes:
    """Make what goes in front of a data set to turn it into a DICOM file.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid
        Which object it is.
    transfer_syntax_uid
        How its data set is encoded.
    source_application_entity_title
        AE title of the sender, at most 16 characters; left out if empty.

    Returns
    -------
    bytes
        Preamble of zeros, `DICM` and group 2 in Explicit VR Little Endian.

    Raises
    ------
    InvalidAttribute
        If a value has characters outside ASCII, or more than a UID or title can have.

    References
    ----------
    PS3.10 7.1
    """
    group = (
        _before_instance(sop_class_uid)
        + _element(tags.MediaStorageSOPInstanceUID, b"UI", sop_instance_uid)
        + _behind_instance(transfer_syntax_uid, source_application_entity_title)
    )
    return _START + _GROUP_LENGTH.pack(len(group)) + group


# Remembered, because they are the same in one object after another.


@lru_cache(256)
def _before_instance(sop_class_uid: str) -> bytes:
    return _VERSION + _element(tags.MediaStorageSOPClassUID, b"UI", sop_class_uid)


@lru_cache(256)
def _behind_instance(transfer_syntax_uid: str, title: str) -> bytes:
    elements = [
        _element(tags.TransferSyntaxUID, b"UI", transfer_syntax_uid),
        _element(tags.ImplementationClassUID, b"UI", IMPLEMENTATION_CLASS_UID),
        _element(tags.ImplementationVersionName, b"SH", IMPLEMENTATION_VERSION_NAME),
    ]
    if title:
        elements.append(_element(tags.SourceApplicationEntityTitle, b"AE", title))
    return b"".join(elements)


def _element(tag: int, vr: bytes, text: str) -> bytes:
    if not text.isascii() or len(text) > _LONGEST_TEXT:
        raise InvalidAttribute(
            f"{describe(tag)} is {text[:80]!r}; expected at most {_LONGEST_TEXT} ASCII characters",
            tag,
        )
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return _ELEMENT.pack(tag >> 16, tag & 0xFFFF, vr, len(value)) + value
