"""Whether stored objects are all there, as far as their own bytes tell."""

import os
from pathlib import Path

from isocenter.dicom.fragments import check_fragments
from isocenter.dicom.header import Header
from isocenter.dicom.inflation import inflated_length
from isocenter.dicom.scan import check_complete, scan_file
from isocenter.dicom.source import Source, opened, require_file

from .index_values import EXTRA_TAGS

__all__ = ["require_whole", "scan_stored", "uids_in"]


def scan_stored(path: Path, size: int | None) -> tuple[Header, int]:
    """Read the header of a stored file for the index.

    Parameters
    ----------
    path
        The file.
    size
        How many bytes were stored, if that is known. Only a file of another size is looked at to
        its end.

    Returns
    -------
    header : Header
        What a scan found.
    size : int
        How many bytes it has.

    Raises
    ------
    IsocenterError
        If it is no DICOM file, or cut off.
    OSError
        If it cannot be read.
    """
    require_file(path)
    with path.open("rb", buffering=0) as file:
        found = os.fstat(file.fileno()).st_size
        header = scan_file(file.fileno(), extra=EXTRA_TAGS)
        if found != size:
            require_whole(file.fileno(), header)
    return header, found


def require_whole(source: Source, header: Header) -> None:
    """Refuse an object that breaks off where a scan of its header does not look.

    Parameters
    ----------
    source
        The file.
    header
        What `scan_file` found in it.

    Raises
    ------
    InvalidDicom
        If fragments of its Pixel Data are cut off, or its deflated data set is.
    LimitExceeded
        If its data set becomes too large when it is inflated.
    """
    pixel_data = header.pixel_data
    if header.inflated:
        with opened(source) as (read, _):
            length = inflated_length(read, header.data_set_offset)
        check_complete(header, length, lambda offset, length: b"")
    elif pixel_data is not None and pixel_data.length is None:
        frames = 1 if header.transfer_syntax.video else header.number_of_frames
        with opened(source) as (read, size):
            offset = pixel_data.value_offset
            check_fragments(read, size, header.layout, offset, at_least=frames)


def uids_in(header: Header) -> tuple[str, str, str]:
    """Give the UIDs that an object has: of its study, its series and its own."""
    return header.study_instance_uid, header.series_instance_uid, header.sop_instance_uid
