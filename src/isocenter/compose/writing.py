"""Writing a composed object: File Meta Information, any transfer syntax, all or nothing."""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from isocenter.compose.transcoding import in_transfer_syntax
from isocenter.dicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from isocenter.errors import CannotCompose, OutOfResources

__all__ = ["write"]

_dcmwrite: Any = vars(importlib.import_module("pydicom"))["dcmwrite"]  # only partly typed


def write(data_set: Dataset, path: Path, *, transfer_syntax_uid: str | None = None) -> Path:
    """Write `data_set` as a Part 10 file (PS3.10 7.1) by way of a temporary file beside it.

    Parameters
    ----------
    data_set
        The object; its File Meta Information is made anew.
    path
        The file, or an existing folder, in which it is named by its SOP Instance UID.
    transfer_syntax_uid
        The encoding; by default the one the data set says, else Explicit VR Little Endian.

    Raises
    ------
    OutOfResources
        When the disk is full or cannot be written; nothing half-written is left.
    """
    if path.is_dir():
        path = path / f"{data_set.SOPInstanceUID}.dcm"
    syntax = UID(transfer_syntax_uid or _present_syntax(data_set))
    data_set = in_transfer_syntax(data_set, UID(_present_syntax(data_set)), syntax)
    data_set.file_meta = _file_meta(data_set, syntax)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            _dcmwrite(file, data_set, enforce_file_format=True)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise OutOfResources(f"{path} cannot be written: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise CannotCompose(f"The object cannot be encoded: {error}.") from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
    return path


def _present_syntax(data_set: Dataset) -> str:
    meta = getattr(data_set, "file_meta", None)
    return str((meta and meta.get("TransferSyntaxUID")) or ExplicitVRLittleEndian)


def _file_meta(data_set: Dataset, syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta
